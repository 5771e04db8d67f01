"""Words: what the collector knows about the world, and what it says about paths.

Rules
- A territory is an ISO 3166-1 alpha-2 code; `FR` means metropolitan France alone, the overseas
  parts go by their own codes (`RE`, `GP`, ...).
- Every row about the world carries its status, its source and its date. A `recalled` row is
  shown and decides nothing.
- Times of day are integers of nanoseconds since the epoch (UTC).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal, NewType

import msgspec

from agent.records import Family, Origin, Path, Series
from collector.nearness import Landmark, Proved, Several
from collector.positions import Standing

RowId = NewType("RowId", int)
"""The collector's own number of a series, unique over all agents and spools."""

RULES: Final = "borne-verdict-rules/4"
"""The version of the verdict model (decision records 0008 and 0011); a Statement names it."""

Status = Literal["observed", "read", "recalled"]
"""How a row about the world is known."""


class Verdict(StrEnum):
    """What can be said of a path, worst first: the order of this class is the order of severity."""

    PROVEN_OUTSIDE = "PROVEN_OUTSIDE"
    SUPPORTED_OUTSIDE = "SUPPORTED_OUTSIDE"
    CONTRADICTORY = "CONTRADICTORY"
    UNDETERMINED = "UNDETERMINED"
    SUPPORTED_INSIDE = "SUPPORTED_INSIDE"
    PROVEN_INSIDE = "PROVEN_INSIDE"


SEVERITY: Mapping[Verdict, int] = {verdict: rank for rank, verdict in enumerate(Verdict)}
"""Rank of a verdict; 0 is worst."""

OUTSIDE = frozenset({Verdict.PROVEN_OUTSIDE, Verdict.SUPPORTED_OUTSIDE})
INSIDE = frozenset({Verdict.PROVEN_INSIDE, Verdict.SUPPORTED_INSIDE})


class Axis(StrEnum):
    """The two questions of sovereignty; answers on one never stand for the other."""

    TERRITORY = "territory"
    ADMINISTRATION = "administration"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A point with its uncertainty and the territory it lies in."""

    name: str
    territory: str
    latitude: float
    longitude: float
    radius_km: float

    @property
    def origin(self) -> Origin:
        """Return the position as paths carry it."""
        return Origin(latitude=self.latitude, longitude=self.longitude, radius_km=self.radius_km)


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A cloud zone as the operator of the collector declares it."""

    provider: str
    region: str
    place: Place
    group_country: str
    targets: tuple[str, ...]
    """Target names or addresses, as agents name them in their series."""

    @property
    def ident(self) -> str:
        """Return `provider/region`."""
        return f"{self.provider}/{self.region}"


class Vantage(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as the collector's configuration declares it."""

    name: str
    agent_id: bytes
    """16 octets."""
    token_sha256: str
    """Hex digest of the bearer token; empty where the agent has none."""
    place: Place
    addresses: tuple[str, ...] = ()
    """Its own, as other agents reach it: times to these test its place."""
    certificate: str | None = None
    """The name in its client certificate, None where it has none."""


class NetworkOverride(msgspec.Struct, frozen=True, kw_only=True):
    """The user's own row for a prefix: who holds it. Never a place, never a verdict."""

    prefix: str
    asn: int
    holder: str
    author: str
    date: str
    reason: str
    registrant: str | None = None
    """ISO 3166-1 alpha-2 code of the country of whom it is registered to; None: not said."""
    group: str | None = None
    """Who controls the holder; of use with `group_country` alone."""
    group_country: str | None = None
    """ISO 3166-1 alpha-2 code of the group's seat; None: not said."""


class OriginRow(msgspec.Struct, frozen=True, kw_only=True):
    """The AS that a table names for a range of addresses; a claim, and no place."""

    first: str
    last: str
    """Both ends are inside."""
    asn: int
    holder: str
    """Name of the AS, as the table writes it."""
    status: Status
    source: str
    date: str


class RegistrantRow(msgspec.Struct, frozen=True, kw_only=True):
    """The country in which a registry holds a range of addresses; administrative, and no place."""

    first: str
    last: str
    """Both ends are inside."""
    country: str
    """ISO 3166-1 alpha-2 code."""
    status: Status
    source: str
    date: str


class Jurisdiction(msgspec.Struct, frozen=True, kw_only=True):
    """A dated list of territories."""

    name: str
    territories: frozenset[str]
    as_of: str
    source: str
    unsettled: frozenset[str] = frozenset()
    """Territories that it holds under conditions that no place shows, or that are known from memory
    alone: who is there is neither inside nor outside."""

    def holds(self, territory: str) -> bool | None:
        """Say whether a territory is inside; None where the list does not settle it."""
        return None if territory in self.unsettled else territory in self.territories

    @property
    def widest(self) -> frozenset[str]:
        """Return all territories that are not outside."""
        return self.territories | self.unsettled


Kind = Literal[
    "zone",
    "name",
    "cloud",
    "exchange",
    "proof",
    "refuted",
    "anycast",
    "excluded",
    "unconfirmed",
    "geofeed",
    "database",
    "network",
    "origin",
    "registrant",
    "carrier",
]
"""What a piece of evidence is; the last four speak of administration alone, `zone` of both."""

HopWord = Literal["inside", "outside", "mixed", "unsettled", "unknown", "contradictory"]
"""What one hop is to a jurisdiction on one axis."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Who controls the holder of an address."""

    name: str
    country: str
    """ISO 3166-1 alpha-2 code of its seat."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """One piece of evidence about one hop."""

    kind: Kind
    source: str
    """Identifier of the rule or row, and where that came from."""
    date: str
    says: str
    """One sentence for people."""
    proof: Proved | None = None
    """What is proven, where the kind is `proof`."""


class HopJudgement(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one address at one TTL."""

    ttl: int
    address: str | None
    """None for a silent hop."""
    name: str | None
    rtt_min_ns: int | None
    candidates: tuple[Place, ...]
    """Places that the evidence names and physics does not refute."""
    verdicts: Mapping[str, HopWord]
    """On territory, by jurisdiction; empty for silent and excluded hops."""
    asn: int | None
    """The AS that announces the address."""
    operator: str | None
    """Its holder, else the operator whose name counts for the address."""
    evidence: tuple[Evidence, ...]
    """About the place."""
    excluded: bool = False
    """True for private, shared, documentation... addresses: neither responding nor silent."""
    flows: tuple[int, ...] = (0,)
    """The flows in which the address answered at this TTL, or in which nothing did; rising."""
    registrant: str | None = None
    """Country of the registry's entry; administrative, decides nothing."""
    groups: tuple[Group, ...] = ()
    """The groups that are known to control who holds the address, the strongest first."""
    administration: Mapping[str, HopWord] = {}
    """On administration, by jurisdiction; empty for silent and excluded hops."""
    holders: tuple[Evidence, ...] = ()
    """About who holds the equipment."""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a path a verdict rests on."""

    hops_responding: int
    hops_with_evidence: int
    hops_silent: int
    longest_silent_gap: int
    rtt_min_s: float | None
    """Smallest RTT to the target; None where it did not answer."""
    samples: int
    speed: Literal["c"] = "c"


class PathVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict of one path for one jurisdiction on one axis."""

    jurisdiction: str
    axis: Axis
    verdict: Verdict
    coverage: Coverage
    countries: tuple[str, ...]
    """Countries in the order of the path, equal neighbours merged; only decided hops."""
    reasons: tuple[str, ...]
    flow: int = 0
    """The worst flow: it alone is what verdict, coverage, countries and reasons speak of."""


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """All verdicts of one path, which holds every flow of a round."""

    id: str
    """The path's id."""
    agent: str
    target: str
    zone: str
    started_ns: int
    reached: bool
    """True where the target answered in one flow at least."""
    blind: bool
    """True where the path could hide a hop: the target silent, or a silent hop on the way."""
    countries: tuple[str, ...]
    """Territories of the worst flow, as its hops' places name them."""
    verdicts: tuple[PathVerdict, ...]
    hops: tuple[HopJudgement, ...]
    """In the order of (TTL, address), those of all flows together."""
    family: Family = 4
    flows: tuple[int, ...] = (0,)
    """The numbers of the flows, rising."""
    unreached: tuple[int, ...] = ()
    """The flows in which the target did not answer, where it did in another."""

    def of_flow(self, flow: int) -> tuple[HopJudgement, ...]:
        """Return the hops of one flow in the order of the way."""
        return tuple(hop for hop in self.hops if flow in hop.flows)


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """An episode: a path of (agent, target) outside the jurisdiction that its policy demands."""

    id: str
    """Hex digest over agent, target, family, jurisdiction and first_seen_ns: the same after a
    restart."""
    agent: str
    target: str
    zone: str
    jurisdiction: str
    verdict: Verdict
    """The worst verdict of the episode for the demanded jurisdiction."""
    wider: Mapping[str, Verdict]
    """Verdicts of the wider jurisdictions in the confirming round."""
    countries: tuple[str, ...]
    first_seen_ns: int
    """Start of the round that first showed it."""
    confirmed_ns: int | None
    """Start of the round that confirmed it; None while it is only suspected."""
    ended_ns: int | None
    """Start of the first of the rounds that ended it; None while it goes on."""
    rounds: int
    """Rounds that showed it."""
    evidence: str | None
    """SHA-256 (hex) of the evidence Statement; None until confirmed."""
    family: Family = 4


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution of RTTs as people read it; every value None where nothing was received."""

    p50_s: float | None
    p90_s: float | None
    p99_s: float | None
    min_s: float | None
    max_s: float | None
    mean_s: float | None
    received: int
    lost: int
    """Probes without a reply, whatever the reason."""
    loss_ratio: float | None
    """lost / (received + lost); None where nothing was sent."""


class ZoneRow(msgspec.Struct, frozen=True, kw_only=True):
    """One agent's view of one zone over a range of time."""

    provider: str
    region: str
    agent: str
    quantiles: Quantiles


class SeriesWindow(msgspec.Struct, frozen=True, kw_only=True):
    """One series in one window, or in several windows merged to one step."""

    start_ns: int
    quantiles: Quantiles
    ranks_s: tuple[float | None, ...] = ()
    """The quantiles that were asked for besides; None where nothing was received."""


class SeriesRow(msgspec.Struct, frozen=True, kw_only=True):
    """One series with its windows in order of time."""

    agent: str
    zone: str
    series: Series
    windows: tuple[SeriesWindow, ...]


class SeriesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which series to read; None means all."""

    from_ns: int
    to_ns: int
    step_ns: int
    agent: str | None = None
    zone: str | None = None
    target: str | None = None
    protocol: str | None = None
    family: int | None = None
    ranks_ppm: tuple[int, ...] = ()
    """Quantiles besides the usual ones, rising, in parts per million: 999,000 is p99.9."""
    most_windows: int = 500_000
    """An answer with more is refused before it is made."""


class PathRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A path as it came, with its judgement."""

    path: Path
    judgement: Judgement
    several: tuple[Several, ...] = ()
    """What was known of its addresses when it was judged; not kept in segments."""
    landmarks: tuple[Landmark, ...] = ()
    """What witnesses had measured of its addresses then; not kept in segments."""
    standings: tuple[Standing, ...] = ()
    """What was said then of the positions of agents that were tested; not kept in segments."""
