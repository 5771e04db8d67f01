"""A reader, an intake and a clock over the small world of `collector_face`."""

from collections.abc import Mapping, Sequence

from agent.records import Plan, Protocol, Series, SeriesId, Stamp
from collector.errors import RefusedError
from collector.gate.callers import Caller
from collector.gate.intake import Counts, Recovered, SinkCounts
from collector.judgement.asked import Asked
from collector.judgement.control import HolderFinding
from collector.positions import Position
from collector.records import (
    Crossing,
    PathRecord,
    Quantiles,
    SeriesQuery,
    SeriesRow,
    SeriesWindow,
    Vantage,
    ZoneRow,
)
from collector.samples.queues import Queue
from collector.samples.worst import WorstRow
from tests.fakes.collector_face import (
    ABROAD,
    CONFIG,
    DETOUR,
    DIGEST,
    ENDED,
    HOME,
    NOW_NS,
    OPEN,
    STATEMENT,
    S,
    quantiles,
    record,
)


class FakeReader:
    """Answers from lists that a test may change."""

    def __init__(self) -> None:
        """Begin with one open and one ended crossing."""
        self.asked: list[object] = []
        self.zone_rows: list[ZoneRow] = [
            _zone("oracle", "eu-marseille-1", "paris", quantiles(21.63)),
            _zone("scaleway", "fr-par", "paris", quantiles(1.212, lost=2)),
            _zone("aws", "eu-west-2", "frankfurt", quantiles(12.94)),
            _zone("aws", "eu-west-2", "paris", quantiles(None, lost=60)),
        ]
        self.path_rows = [
            record("paris", "198.51.100.10", OPEN.zone, NOW_NS - 2 * S, DETOUR),
            record("paris", "198.51.100.20", ENDED.zone, NOW_NS - 3 * S, HOME),
            record("paris", "198.51.100.21", ENDED.zone, NOW_NS - 3 * S, HOME),
            record("frankfurt", "198.51.100.30", "aws/eu-west-2", NOW_NS - 4 * S, ABROAD),
            record("paris", "198.51.100.10", OPEN.zone, OPEN.confirmed_ns or 0, DETOUR),
        ]
        self.crossing_rows: list[Crossing] = [OPEN, ENDED]
        self.finding_rows: list[HolderFinding] = []
        self.position_of = {"paris": Position(), "frankfurt": Position()}
        self.statements = {DIGEST: STATEMENT}
        self.what_was_asked = Asked(open=2, answered=7, silent=1, expired=3)
        self.batches = {"paris": NOW_NS - S, "frankfurt": 0}

    def zones(self, from_ns: int, to_ns: int) -> Sequence[ZoneRow]:
        """Return the rows, whatever the range."""
        self.asked.append((from_ns, to_ns))
        return self.zone_rows

    def series(self, query: SeriesQuery) -> Sequence[SeriesRow]:
        """Return one series with two windows, the second empty."""
        self.asked.append(query)
        series = Series(
            id=SeriesId(7),
            zone=OPEN.zone,
            target=OPEN.target,
            family=4,
            protocol=Protocol.ICMP,
            stamp=Stamp.KERNEL,
        )
        windows = (
            SeriesWindow(
                start_ns=query.from_ns,
                quantiles=quantiles(21.63),
                ranks_s=(0.02163,) * len(query.ranks_ppm),
            ),
            SeriesWindow(
                start_ns=query.from_ns + query.step_ns,
                quantiles=quantiles(None, 3),
                ranks_s=(None,) * len(query.ranks_ppm),
            ),
        )
        return [SeriesRow(agent="paris", zone=OPEN.zone, series=series, windows=windows)]

    def worst(self, from_ns: int, to_ns: int, limit: int) -> Sequence[WorstRow]:
        """Return the one series."""
        self.asked.append((from_ns, to_ns, limit))
        query = SeriesQuery(from_ns=from_ns, to_ns=to_ns, step_ns=S)
        (row,) = self.series(query)
        return [WorstRow(agent=row.agent, series=row.series, p99_s=0.0283353)][:limit]

    def latest_paths(self) -> Sequence[PathRecord]:
        """Return the first row of each (agent, target, family)."""
        newest: dict[tuple[str, str, int], PathRecord] = {}
        for row in self.path_rows:
            judged = row.judgement
            newest.setdefault((judged.agent, judged.target, judged.family), row)
        return list(newest.values())

    def paths(
        self, agent: str | None, target: str | None, limit: int, before_ns: int | None = None
    ) -> Sequence[PathRecord]:
        """Return the rows that match."""
        self.asked.append((agent, target, limit))
        return [
            row
            for row in self.path_rows
            if agent in {None, row.judgement.agent}
            and target in {None, row.judgement.target}
            and (before_ns is None or row.judgement.started_ns < before_ns)
        ][:limit]

    def crossings(self) -> Sequence[Crossing]:
        """Return the episodes."""
        return self.crossing_rows

    def findings(self) -> Sequence[HolderFinding]:
        """Return the findings of administration."""
        return self.finding_rows

    def positions(self) -> Mapping[str, Position]:
        """Return what is known of where agents stand."""
        return self.position_of

    def requests(self, now_ns: int) -> Asked:
        """Return what became of the requests to witnesses."""
        assert now_ns > 0
        return self.what_was_asked

    def evidence(self, digest: str) -> bytes | None:
        """Return a Statement that is known."""
        return self.statements.get(digest)

    def last_batch_ns(self) -> Mapping[str, int]:
        """Return the times of delivery."""
        return self.batches


class FakeIntake:
    """A chain that keeps bodies in a list, or refuses with `refusal`."""

    def __init__(self) -> None:
        """Be ready."""
        self.ready = True
        self.reader = FakeReader()
        self.counts = Counts(
            sinks={"influx": SinkCounts()}, queues={"journal": Queue("journal", 1000)}
        )
        self.recovered = Recovered()
        self.geodata = {"origin": 1_781_654_400, "registrant": 0}
        self.refusal: Exception | None = None
        self.bodies: list[tuple[bytes, str, str | None]] = []
        self.callers: list[Caller] = []
        self.plans: list[Plan | None] = []
        """What `plan` returns, in turn."""
        self.known: list[tuple[str | None, str | None]] = []
        """Token and version of each call of `plan`."""
        self.released = False

    def identify(self, caller: Caller) -> Vantage:
        """Know everybody, as Paris."""
        self.callers.append(caller)
        return CONFIG.agents[0]

    async def accept(self, body: bytes, encoding: str, caller: Caller) -> None:
        """Keep the body, or refuse."""
        if self.refusal is not None:
            if isinstance(self.refusal, RefusedError):
                self.counts.rejected[self.refusal.reason] += 1
            raise self.refusal
        self.bodies.append((body, encoding, caller.token))

    async def plan(self, caller: Caller, known: str | None) -> Plan | None:
        """Return the next plan, or refuse."""
        if self.refusal is not None:
            raise self.refusal
        self.known.append((caller.token, known))
        return self.plans.pop(0)

    def release(self) -> None:
        """Note that the end begins."""
        self.released = True


class FakeClock:
    """A clock that stands."""

    def now_ns(self) -> int:
        """Return the time of this small world."""
        return NOW_NS


def _zone(provider: str, region: str, agent: str, found: Quantiles) -> ZoneRow:
    return ZoneRow(provider=provider, region=region, agent=agent, quantiles=found)
