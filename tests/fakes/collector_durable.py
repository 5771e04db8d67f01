"""Agents that send numbered batches to a chain, and what the chain must then hold.

Every batch holds other values, all by its sequence alone: a batch that is lost, counted twice or
changed shows in the totals of its windows.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path as File

import msgspec

from agent import wire
from agent.records import (
    AgentId,
    Batch,
    Descriptors,
    Hop,
    Outcome,
    Path,
    PathReply,
    Protocol,
    Series,
    SpoolId,
    Stamp,
)
from collector.chain import Chain
from collector.gate.callers import Caller
from collector.records import Place, SeriesQuery, Vantage, Zone
from collector.settings.config import Config
from collector.settings.limits import Limits
from collector.wall import wall_text

S_NS = 1_000_000_000
MS_NS = 1_000_000
NOW_NS = 1_795_532_550_000_000_000
"""2026-11-24T15:02:30Z: begin of the first batch, and of a window."""
SPOOL = SpoolId(b"s" * 16)
PARIS = Place(name="Paris", territory="FR", latitude=48.85341, longitude=2.3488, radius_km=10.0)
MARSEILLE = Place(
    name="Marseille", territory="FR", latitude=43.29695, longitude=5.38107, radius_km=30.0
)
ZONE = Zone(
    provider="ovh", region="mrs", place=MARSEILLE, group_country="FR", targets=("marseille",)
)
N_AGENTS = 3

Totals = Counter[tuple[str, str, int, str]]
"""(agent, target, window start in ns, "received" or "lost") -> how many."""


class StoppedClock:
    """A clock that the test moves."""

    def __init__(self, now_ns: int = NOW_NS) -> None:
        self.at_ns = now_ns

    def now_ns(self) -> int:
        """Return the time it was set to."""
        return self.at_ns


def agent_id(number: int) -> AgentId:
    """Return the id of an agent."""
    return AgentId(bytes([number]) * 16)


def token(number: int) -> str:
    """Return the bearer token of an agent."""
    return f"token-{number}"


def caller(number: int) -> Caller:
    """Return an agent as a request shows it."""
    return Caller(token=token(number))


def vantage(number: int) -> Vantage:
    """Return the declaration of an agent."""
    return Vantage(
        name=f"agent-{number}",
        agent_id=agent_id(number),
        token_sha256=hashlib.sha256(token(number).encode()).hexdigest(),
        place=PARIS,
    )


def config(directory: File, *, checkpoint_interval_s: int = 3600, grace_s: int = 30) -> Config:
    """Return settings for `N_AGENTS` agents and one zone; no checkpoint by itself for an hour."""
    return Config(
        directory=directory,
        agents=tuple(vantage(number) for number in range(N_AGENTS)),
        zones=(ZONE,),
        limits=Limits(body_octets=100_000, inflated_octets=200_000, skew_s=300),
        checkpoint_interval_s=checkpoint_interval_s,
        grace_s=grace_s,
    )


def series(ident: int, target: str = "marseille") -> Series:
    """Return a descriptor."""
    return Series(
        id=ident,
        zone="ovh/mrs",
        target=target,
        family=4,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL,
    )


def path(base_ns: int, *, abroad: bool) -> Path:
    """Return a path from Paris to Marseille, abroad through Frankfurt."""
    middle = PathReply(
        address="62.115.137.1",
        name="ffm-bb1-link.ip.twelve99.net" if abroad else "prs-bb1-link.ip.twelve99.net",
        name_confirmed=True,
        rtt_ns=12 * MS_NS,
        stamp=Stamp.KERNEL,
    )
    end = PathReply(address="51.15.0.1", rtt_ns=25 * MS_NS, stamp=Stamp.KERNEL)
    return Path(
        id=f"marseille@{wall_text(base_ns)}",
        tool="borne-agent",
        origin=None,
        rtt_resolution_ns=1,
        target="marseille",
        address="51.15.0.1",
        zone="ovh/mrs",
        family=4,
        protocol=Protocol.ICMP,
        reached=True,
        started_at=wall_text(base_ns),
        hops=(Hop(ttl=1, replies=(middle,)), Hop(ttl=2, replies=(end,))),
    )


def batch(
    sequence: int,
    *,
    agent: int = 0,
    spool: SpoolId = SPOOL,
    base_ns: int | None = None,
    described: bool = True,
    paths: Iterable[Path] = (),
) -> Batch:
    """Return batch `sequence`: replies of two series and losses of one, more of each by sequence.

    The batch's base time is `sequence` seconds after `NOW_NS`, unless given.
    """
    first, second, lost = 1 + sequence % 5, 1 + sequence % 3, sequence % 4
    replies = first + second
    return Batch(
        agent_id=agent_id(agent),
        boot_id=b"b" * 16,
        spool_id=spool,
        sequence=sequence,
        base_ns=NOW_NS + sequence * S_NS if base_ns is None else base_ns,
        clock_error_ns=1000,
        series_ids=(1, 2),
        offsets=(0, first, replies),
        rtt_s=[0.01 + 0.001 * place for place in range(replies)],
        reply_dt_ms=[10 * place for place in range(replies)],
        event_series=[2] * lost,
        event_dt_ms=[5] * lost,
        event_outcome=[Outcome.LOST] * lost,
        descriptors=Descriptors(
            series=(series(1), series(2, "second")) if described else (), paths=tuple(paths)
        ),
    )


def content(sent: Batch) -> Totals:
    """Return what a chain must hold of a batch of `batch`: its samples by window."""
    width_ns = 10 * S_NS
    held: Totals = Counter()
    targets = {1: "marseille", 2: "second"}
    name = vantage(sent.agent_id[0]).name
    for place, ident in enumerate(sent.series_ids):
        for at in range(sent.offsets[place], sent.offsets[place + 1]):
            moment_ns = sent.base_ns + sent.reply_dt_ms[at] * MS_NS
            held[name, targets[ident], moment_ns // width_ns * width_ns, "received"] += 1
    for ident, dt_ms in zip(sent.event_series, sent.event_dt_ms, strict=True):
        moment_ns = sent.base_ns + dt_ms * MS_NS
        held[name, targets[ident], moment_ns // width_ns * width_ns, "lost"] += 1
    return held


def totals(chain: Chain) -> Totals:
    """Return what the chain holds, memory and segments together."""
    held: Totals = Counter()
    query = SeriesQuery(from_ns=0, to_ns=1 << 62, step_ns=10 * S_NS)
    for row in chain.reader.series(query):
        for window in row.windows:
            key = (row.agent, row.series.target, window.start_ns)
            held[(*key, "received")] += window.quantiles.received
            held[(*key, "lost")] += window.quantiles.lost
    return +held


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other tasks bring about, ten seconds at most."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    assert condition()


async def send(chain: Chain, sent: Batch) -> None:
    """Deliver a batch as its agent would."""
    await chain.accept(wire.encode(sent), "identity", caller(sent.agent_id[0]))


def redated(original: Batch, base_ns: int) -> Batch:
    """Return the same batch with another base time."""
    return msgspec.structs.replace(original, base_ns=base_ns)


def contents(sequences: range, agents: range = range(N_AGENTS)) -> Totals:
    """Return what the batches of some agents hold together."""
    total: Totals = Counter()
    for agent in agents:
        for sequence in sequences:
            total.update(content(batch(sequence, agent=agent)))
    return total


async def send_all(chain: Chain, sequences: range) -> None:
    """Send the batches of all agents, side by side, those of one agent in order."""

    async def one(agent: int) -> None:
        for sequence in sequences:
            await send(chain, batch(sequence, agent=agent))

    await asyncio.gather(*(one(agent) for agent in range(N_AGENTS)))
