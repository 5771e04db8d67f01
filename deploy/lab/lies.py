"""Decider: paths of a world as a traceroute would write them down, true or with lies mixed in.

    lie          what is written down                            what it may resolve back to
    -----------+------------------------------------------------+---------------------------
    stale        the name of the carrier's router elsewhere       the address, where the zone is
                                                                  stale as well; or not checked
    borrowed     the name of another carrier's router             not the address, or not checked
    neighbour    address and name of another carrier's router     the address
    silent       nothing
    late         a longer time

Rules
- A lie is drawn for each router on the way, by the shares given; a target and the agent's own
  gateway tell the truth. No time is ever shorter than the true one: nobody is faster than light.
- What is true stays beside the path, and which city is named by a lie that may be believed: a
  borrowed name may not, for it stands on somebody else's address and does not resolve back to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from agent.records import Hop, Origin, Path, PathReply, Protocol
from deploy.lab import truth
from deploy.lab.lot import Lot
from deploy.lab.topology import Topology
from deploy.lab.world import NS_PER_MS, Agent, City, Router, Scenario, Target

REPLIES = 3
NOISE_MS = 0.3
LATE_MS = 60.0
_STARTED_AT = "2026-11-26T12:00:00.000000000Z"
_UNCHECKED = 0.2
_LOST = 0.1
"""Share of the probes that a router which answers leaves unanswered."""


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """How often a router on the way is the subject of each lie."""

    stale: float = 0.0
    borrowed: float = 0.0
    neighbour: float = 0.0
    silent: float = 0.0
    late: float = 0.0


HONEST = Shares()
LYING = Shares(stale=0.06, borrowed=0.06, neighbour=0.04, silent=0.05, late=0.15)


@dataclass(slots=True)
class Told:
    """A path as it was told, and what is true of it."""

    path: Path
    countries: frozenset[str]
    """Where the packets were, the silent hops too."""
    lies: dict[str, City] = field(default_factory=dict)
    """By the address that was told: the city that a lie names for it, where it may be believed."""


@dataclass(frozen=True, slots=True)
class _Tale:
    """Who tells, of what, and by which lot."""

    scenario: Scenario
    routers: Mapping[str, Router]
    """By address."""
    shares: Shares
    lot: Lot


def tell(
    scenario: Scenario,
    agent: Agent,
    target: Target,
    *,
    topology: Topology,
    shares: Shares,
    lot: Lot,
) -> Told | None:
    """Return what `agent` writes down of its way to `target`; None where no way leads there.

    `topology` is that of the scenario.
    """
    hops = truth.hops_in(topology, scenario, agent.name, target.address)
    if not hops:
        return None
    routers = {row.address: row for row in scenario.routers if row.address is not None}
    tale = _Tale(scenario, routers, shares, lot)
    lies: dict[str, City] = {}
    rows = tuple(Hop(ttl=ttl, replies=_replies(hop, tale, lies)) for ttl, hop in enumerate(hops, 1))
    path = Path(
        id=f"{target.address}@{_STARTED_AT}",
        tool="lab",
        origin=_origin(scenario, agent),
        rtt_resolution_ns=1,
        target=target.address,
        address=target.address,
        zone=f"{target.provider}/{target.region}",
        family=4,
        protocol=Protocol.ICMP,
        reached=any(not reply.lost for reply in rows[-1].replies),
        started_at=_STARTED_AT,
        hops=rows,
    )
    return Told(path, frozenset(hop.country for hop in hops), lies)


def _origin(scenario: Scenario, agent: Agent) -> Origin:
    city = scenario.city(agent.city)
    return Origin(
        latitude=city.latitude, longitude=city.longitude, radius_km=float(agent.radius_km)
    )


def _replies(hop: truth.Hop, tale: _Tale, lies: dict[str, City]) -> tuple[PathReply, ...]:
    router, lot, shares = tale.routers.get(hop.address), tale.lot, tale.shares
    if hop.silent or (router is not None and lot.happens(shares.silent)):
        return (PathReply(lost=True),) * REPLIES
    told = PathReply(address=hop.address, name=hop.name, name_confirmed=_checked(hop.name, lot))
    late_ms = 0.0
    if router is not None:
        told = _lied(told, router, tale, lies)
        late_ms = lot.between(1.0, LATE_MS) if lot.happens(shares.late) else 0.0
    return tuple(_reply(told, hop.rtt_ms + late_ms, lot, first=not n) for n in range(REPLIES))


def _checked(name: str | None, lot: Lot) -> bool | None:
    return None if name is None or lot.happens(_UNCHECKED) else True


def _reply(told: PathReply, rtt_ms: float, lot: Lot, *, first: bool) -> PathReply:
    """Return one answer; the first is never lost, so that a hop which answers is seen."""
    if lot.happens(_LOST) and not first:
        return PathReply(lost=True)
    rtt_ns = round((rtt_ms + lot.between(0.0, NOISE_MS)) * NS_PER_MS)
    return msgspec.structs.replace(told, rtt_ns=rtt_ns)


def _lied(told: PathReply, router: Router, tale: _Tale, lies: dict[str, City]) -> PathReply:
    """Return what a router's replies say, with one lie at most."""
    lot, shares = tale.lot, tale.shares
    if lot.happens(shares.stale):
        other, checked = _elsewhere(router, tale, own=True), lot.one_of((True, None))
    elif lot.happens(shares.borrowed):
        other, checked = _elsewhere(router, tale, own=False), lot.one_of((False, None))
    elif lot.happens(shares.neighbour):
        other, checked = _elsewhere(router, tale, own=False), True
        told = told if other is None else msgspec.structs.replace(told, address=other.address)
    else:
        return told
    if other is None:
        return told
    if checked or other.network == router.network:
        lies[str(told.address)] = tale.scenario.city(other.city)
    return msgspec.structs.replace(told, name=other.name, name_confirmed=checked)


def _elsewhere(router: Router, tale: _Tale, *, own: bool) -> Router | None:
    """Return a named router in another city, of the same carrier or of another one."""
    others = [
        row
        for row in tale.scenario.routers
        if row.name and row.city != router.city and (row.network == router.network) == own
    ]
    return tale.lot.one_of(others) if others else None


def delayed(path: Path, lot: Lot) -> Path:
    """Return the path with some of its times longer, none shorter."""
    return _changed(path, lambda replies: tuple(_later(reply, lot) for reply in replies))


def reordered(path: Path, lot: Lot) -> Path:
    """Return the path with its hops and the replies of each in another order."""
    mixed = _changed(path, lambda replies: tuple(lot.shuffled(replies)))
    return msgspec.structs.replace(mixed, hops=tuple(lot.shuffled(mixed.hops)))


def _later(reply: PathReply, lot: Lot) -> PathReply:
    if reply.rtt_ns is None or lot.happens(0.5):
        return reply
    more_ns = round(lot.between(0.01, LATE_MS) * NS_PER_MS)
    return msgspec.structs.replace(reply, rtt_ns=reply.rtt_ns + more_ns)


def _changed(path: Path, change: Callable[[tuple[PathReply, ...]], tuple[PathReply, ...]]) -> Path:
    hops = tuple(msgspec.structs.replace(hop, replies=change(hop.replies)) for hop in path.hops)
    return msgspec.structs.replace(path, hops=hops)
