"""Words: what the server sees of the chain: what it hands over, and what it asks.

Rules
- `Intake` is the whole of it: a handler needs nothing else of journal, state and store. Its
  `Reader` is what the API, the page and the metrics ask.
- All counts begin at zero with the program; they are for metrics, not for billing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from agent.records import Plan
from collector.errors import RefusedError
from collector.gate.callers import Caller
from collector.judgement.asked import Asked
from collector.judgement.control import HolderFinding
from collector.positions import Position
from collector.records import Crossing, PathRecord, SeriesQuery, SeriesRow, Vantage, ZoneRow
from collector.samples.worst import WorstRow


class UnknownSeriesError(RefusedError):
    """A batch uses series that this collector has no descriptor of: 409, send them along.

    `ids` are the agent's own numbers of these series, rising.
    """

    def __init__(self, ids: Sequence[int]) -> None:
        """Keep the `ids` beside the sentence for people."""
        super().__init__(
            409,
            "unknown_series",
            f"{len(ids)} series of this batch have no descriptor here; send it with them",
        )
        self.ids = tuple(ids)


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """What a start found in the journal."""

    frames: int = 0
    """Batches that were acknowledged and not yet in a checkpoint: applied again."""
    cut_octets: int = 0
    """Octets of a torn tail: a batch that was never acknowledged."""
    damage: tuple[str, ...] = ()
    """One sentence per place whose checksum does not hold: where, how much, what to do."""
    removed_segments: int = 0
    """Segment files that no checkpoint lists: a crash came between both."""


@dataclass(slots=True, kw_only=True)
class SinkCounts:
    """What has happened to the sealed windows of one sink since the start."""

    rows: int = 0
    """Windows that the database accepted, each counted once."""
    resent: int = 0
    """Windows that it accepted again, after it had started again."""
    rewinds: int = 0
    """How often it had started again while windows were kept for that."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Windows that never reach it: `invalid`, `overflow`, `refused`, `unreadable`, `bug`."""
    waiting: int = 0
    """Windows that it did not accept yet."""
    oldest_ns: int = 0
    """When the first of them was sealed (collector's wall clock); 0 where none waits."""
    up: bool = False
    """Whether the last write was accepted; False before the first."""


@dataclass(slots=True, kw_only=True)
class Counts:
    """What has happened at the door and behind it since the start."""

    accepted: Counter[str] = field(default_factory=Counter)
    """Batches stored, by agent."""
    duplicates: Counter[str] = field(default_factory=Counter)
    """Batches that were stored already and answered as stored, by agent."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Batches refused, by the reason of their `RefusedError`; nothing of them is stored."""
    rejected_samples: Counter[str] = field(default_factory=Counter)
    """Samples, events and paths left out of a batch that was stored, by reason."""
    dropped_batches: Counter[str] = field(default_factory=Counter)
    """Batches that an agent's bounded spool gave up before delivery, by agent."""
    forgotten_spools: Counter[str] = field(default_factory=Counter)
    """Spools of an agent whose marks gave way to those of newer ones, by agent."""
    faults: Counter[str] = field(default_factory=Counter)
    """Failures of this program or its disk that were caught and logged, by place: `apply`,
    `journal`, `checkpoint`, `evidence`, `upkeep`, `twins`, `read`, `request`, `reload`."""
    checkpoints: int = 0
    checkpoint_ns: int = 0
    """When the last checkpoint was taken (collector's wall clock); 0 before the first."""
    config_ok: bool = True
    """Whether the last reading of the settings succeeded."""
    config_ns: int = 0
    """When the settings in force were read (collector's wall clock); 0 if nobody said."""
    sinks: dict[str, SinkCounts] = field(default_factory=dict)
    """By the name of the sink; every configured one from the start."""
    queues: dict[str, "Waiting"] = field(default_factory=dict)
    """By name; each from the moment that its owner is open."""


class Waiting(Protocol):
    """What waits in one queue; `collector.samples.queues.Queue` is the one that runs."""

    @property
    def unit(self) -> str:
        """Return what `size` and `limit` count."""
        ...

    @property
    def limit(self) -> int:
        """Return how much may wait."""
        ...

    @property
    def size(self) -> int:
        """Return how much waits."""
        ...

    @property
    def refused(self) -> int:
        """Return how often there was no room since the start."""
        ...

    def __len__(self) -> int:
        """Return how many items wait."""
        ...

    def age_s(self, now_ns: int) -> float:
        """Return how long the oldest has waited."""
        ...


class Reader(Protocol):
    """What the API, the page and the metrics ask; answered by the collector's state and store."""

    def zones(self, from_ns: int, to_ns: int) -> Sequence[ZoneRow]:
        """Return a row per (agent, zone) with samples in [from_ns, to_ns)."""
        ...

    def series(self, query: SeriesQuery) -> Sequence[SeriesRow]:
        """Return the series that match, with windows merged to the step.

        Raises: RefusedError 400 where there are more than the question allows.
        """
        ...

    def worst(self, from_ns: int, to_ns: int, limit: int) -> Sequence[WorstRow]:
        """Return the series with the highest p99 of any minute in [from_ns, to_ns), worst first."""
        ...

    def latest_paths(self) -> Sequence[PathRecord]:
        """Return the newest path of each (agent, target, family)."""
        ...

    def paths(
        self, agent: str | None, target: str | None, limit: int, before_ns: int | None = None
    ) -> Sequence[PathRecord]:
        """Return the newest paths that match, newest first, `limit` at most.

        With `before_ns`, those alone that started earlier.
        """
        ...

    def crossings(self) -> Sequence[Crossing]:
        """Return confirmed episodes, newest first."""
        ...

    def findings(self) -> Sequence[HolderFinding]:
        """Return confirmed findings of administration, newest first; none of them is a crossing."""
        ...

    def positions(self) -> Mapping[str, Position]:
        """Return what the times among agents say of where each configured one is declared."""
        ...

    def requests(self, now_ns: int) -> Asked:
        """Return what became of the requests to witnesses since the start."""
        ...

    def evidence(self, digest: str) -> bytes | None:
        """Return the canonical JSON of the Statement with this SHA-256 (hex), None if unknown."""
        ...

    def last_batch_ns(self) -> Mapping[str, int]:
        """Return when each configured agent last delivered (collector's wall clock), 0 if never."""
        ...


class Intake(Protocol):
    """The chain as the server uses it; `collector.chain.Chain` is the one that runs."""

    @property
    def ready(self) -> bool:
        """Return whether the journal is replayed and the kernels are compiled."""
        ...

    @property
    def reader(self) -> Reader:
        """Return what answers questions; its methods may be called from any thread."""
        ...

    @property
    def counts(self) -> Counts:
        """Return the counts since the start."""
        ...

    @property
    def recovered(self) -> Recovered:
        """Return what the start found in the journal."""
        ...

    @property
    def geodata(self) -> Mapping[str, int]:
        """Return the day of each table of facts, compiled table and import (Unix time).

        0: a compiled table was not built, or an import is undated.
        """
        ...

    def identify(self, caller: Caller) -> Vantage:
        """Return which agent calls.

        Raises: RefusedError 401 where it is none, 403 where token and certificate disagree.
        """
        ...

    async def accept(self, body: bytes, encoding: str, caller: Caller) -> None:
        """Store one batch durably; a return is an acknowledgement (204).

        `body` is what came on the wire, `encoding` its Content-Encoding (`identity` or "" where
        there is none).

        Raises:
            UnknownSeriesError: 409; nothing is stored.
            RefusedError: Its `status` and `reason` are the answer; nothing is stored. 503 means
                that the same batch may come again: the disk failed (`store`), or more waits for
                it than may (`backlog`).
        """
        ...

    async def plan(self, caller: Caller, known: str | None) -> Plan | None:
        """Return the plan of the agent that calls once its version is not `known`.

        None: nothing changed within 25 s. Raises: RefusedError 401.
        """
        ...

    def release(self) -> None:
        """Let nobody wait for a plan any more: the end begins."""
        ...
