"""Shell: a start, which makes of what is on the disk what was in memory.

Rules
- In this order: the catalogue; segments that it does not list are removed; the journal from its
  floor on is applied again; evidence; kernels. A start that dies on its way can be repeated.
- What is damaged or missing is said, and everything beside it is used.
- Segments that a later catalogue listed are not removed: that start refuses.
"""

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent import wire
from agent.errors import WireError
from collector import stating
from collector.errors import CorruptError, StoreError
from collector.facts import atlas, importing, knowledge, provenance
from collector.facts.atlas import Atlas
from collector.facts.importing import Opened
from collector.facts.regions import JURISDICTIONS
from collector.facts.soil import Soil
from collector.files import sync_directory
from collector.gate import journal
from collector.gate.intake import Recovered
from collector.gate.replay import Replay, drop
from collector.gate.twins import Twins, print_of
from collector.judgement import declared
from collector.listed import Segment
from collector.samples import quantiles
from collector.settings.config import Config
from collector.state import Checkpoint, State
from collector.store.bundles import Bundles
from collector.store.catalog import Catalog

_S_NS: Final = 1_000_000_000
_LOG: Final = logging.getLogger(__name__)


class Rooms:
    """Where a collector keeps what, below the directory of its settings."""

    def __init__(self, directory: Path) -> None:
        """Name the rooms; `make` makes them."""
        self.home = directory
        self.journal = directory / "journal"
        self.segments = directory / "segments"
        self.evidence = directory / "evidence"
        self.twins = directory / "twins.bin"

    def make(self) -> None:
        """Make what is not there, durably, readable by this user alone.

        Raises:
            StoreError: A directory cannot be made; the message says which.
        """
        if not self.home.exists():  # what is above one that is there may be nobody's to read
            _make(self.home)
        for directory in (self.journal, self.segments, self.evidence):
            _make(directory)


@dataclass(slots=True, kw_only=True)
class Start:
    """What a start found."""

    state: State
    atlas: Atlas
    soil: Soil | None
    imports: Opened
    floor: int
    """Number of the first journal file that no checkpoint has."""
    segments: list[Segment]
    recovered: Recovered
    twins: Twins
    faults: Counter[str] = field(default_factory=Counter)

    @property
    def geodata(self) -> Mapping[str, int]:
        """Return the day of each table and import, Unix time of its midnight, 0 where not built."""
        soil = self.soil.dated_s if self.soil else 0
        return {
            **provenance.dated_s(),
            **self.atlas.dated_s,
            "soil": soil,
            **self.imports.dated_s,
        }


def recover(config: Config, rooms: Rooms, catalog: Catalog, bundles: Bundles) -> Start:
    """Return the state as the last acknowledged batch left it, and compile the kernels.

    Raises:
        StoreError: The disk failed, or something on it is not what a collector wrote.
    """
    checkpoint = catalog.load()
    tables, soil = _tables(config)
    files = _imports(config)
    removed, damage = _tidy(rooms, checkpoint)
    state = State(
        knowledge.load(config.networks, tables, soil, config.judged, files),
        config.zones,
        checkpoint,
        width_ns=config.window_s * _S_NS,
        grace_ns=config.grace_s * _S_NS,
        agents=config.agents,
        policy=config.demanded,
        limits=config.limits,
    )
    faults: Counter[str] = Counter()
    replay = Replay(rooms.journal, checkpoint.floor)
    twins = _twins(rooms)
    damage += _replay(replay, state, twins, faults)
    stating.store(state, threading.Lock(), bundles, faults)
    drop(rooms.journal, checkpoint.floor)
    damage += map(str, replay.damage)
    recovered = Recovered(
        frames=replay.frames,
        cut_octets=replay.cut_octets,
        damage=tuple(damage),
        removed_segments=removed,
    )
    _tell(config, state, recovered, soil)
    _warm()
    return Start(
        state=state,
        atlas=tables,
        soil=soil,
        imports=files,
        floor=checkpoint.floor,
        segments=list(checkpoint.segments),
        recovered=recovered,
        twins=twins,
        faults=faults,
    )


def _tables(config: Config) -> tuple[Atlas, Soil | None]:
    """Return the compiled tables; what is missing is logged."""
    found = atlas.load(config.atlas)
    if found.missing:
        _LOG.warning(
            "goes on without %s of addresses: the tables were not built; run `make atlas` in a"
            " checkout, or name their directory in [atlas] of the settings",
            " and ".join(found.missing),
            extra={"event": "tables_missing"},
        )
    soil = Soil.open(config.atlas or atlas.BESIDE)
    if soil is None:
        _LOG.warning(
            "goes on without borders (`make atlas`): nothing can be proven",
            extra={"event": "borders_missing"},
        )
    return found, soil


def _imports(config: Config) -> Opened:
    """Return the files that the operator adds; what is left out of them is logged."""
    opened = importing.open_all(config.imports)
    for said in opened.reports:
        _LOG.warning("%s", said, extra={"event": "import_left_out"})
    return opened


def _twins(rooms: Rooms) -> Twins:
    """Return what was remembered at the last end; where that cannot be read, nothing is.

    It is taken away: after a crash it would be followed by a gap.
    """
    try:
        kept = rooms.twins.read_bytes()
        rooms.twins.unlink()
        sync_directory(rooms.home)
        return Twins.load(kept)
    except FileNotFoundError:
        return Twins()
    except (OSError, ValueError) as error:
        _LOG.warning(
            "read %s: %s; goes on without: two agents that use one spool are found by what comes"
            " from now on",
            *(rooms.twins, error),
            extra={"event": "twins_unread"},
        )
        return Twins()


def _replay(replay: Replay, state: State, twins: Twins, faults: Counter[str]) -> list[str]:
    """Apply the journal again; return a sentence for each batch that is not read any more.

    Raises:
        StoreError: The journal cannot be read, or is another release's.
    """
    damage = []
    for entry in replay:
        try:
            batch = wire.decode(entry.body)
            twins.remember(batch, print_of(entry.body, batch))  # it is stored, bug or not
            state.apply(entry.vantage, batch, entry.received_ns)
        except WireError as error:
            if error.reason == "version":
                raise StoreError(
                    f"replay {replay.directory}: {error}; what it holds was acknowledged: use the"
                    " release that wrote it"
                ) from error
            damage.append(f"replay {replay.directory}: a batch is not read any more: {error}")
        except Exception:  # noqa: BLE001 - as at the door: the same batch, the same bug
            faults["apply"] += 1
            _LOG.exception(
                "replay a batch of %s: a bug", entry.vantage.name, extra={"event": "apply_bug"}
            )
    return damage


def _tell(config: Config, state: State, recovered: Recovered, soil: Soil | None) -> None:
    """Log what was found."""
    _name_forgotten(config, state)
    for said in () if soil is None else declared.doubts(config.agents, config.zones, soil):
        _LOG.warning("%s", said, extra={"event": "misplaced"})
    for sentence in recovered.damage:
        _LOG.error("%s", sentence, extra={"event": "damage"})
    _LOG.info(
        "replayed %d batches, cut %d octets",
        *(recovered.frames, recovered.cut_octets),
        extra={"event": "replayed"},
    )


def _name_forgotten(config: Config, state: State) -> None:
    """Log the crossings that go on and of which the settings name an end no more."""
    agents = {agent.name for agent in config.agents}
    targets = {target for zone in config.zones for target in zone.targets}
    judged = {row.name for row in (*JURISDICTIONS, *config.judged)}
    for crossing in state.routes.crossings():
        known = crossing.agent in agents and crossing.target in targets
        if crossing.ended_ns is None and not known:
            _LOG.warning(
                "crossing %s from %s to %s goes on, and the settings no longer name both: it"
                " is kept and shown, no alert counts it",
                *(crossing.id, crossing.agent, crossing.target),
                extra={"event": "crossing_forgotten"},
            )
        elif crossing.ended_ns is None and crossing.jurisdiction not in judged:
            _LOG.warning(
                "crossing %s goes on, and the settings no longer have its jurisdiction %s: no"
                " round can end it; declare the jurisdiction again until it has ended",
                *(crossing.id, crossing.jurisdiction),
                extra={"event": "crossing_forgotten"},
            )


def _tidy(rooms: Rooms, checkpoint: Checkpoint) -> tuple[int, list[str]]:
    """Remove segments that no checkpoint lists; return how many, and which are missing.

    Raises:
        CorruptError: There was a later checkpoint than this one: the journal goes on behind it.
    """
    there = {path.name for path in rooms.segments.iterdir()}
    listed = {segment.name for segment in checkpoint.segments}
    unlisted = there - listed
    first = rooms.journal / journal.file_name(checkpoint.floor)
    if unlisted and not first.exists():
        raise CorruptError(
            f"start in {rooms.home}: there are segments ({len(unlisted)}) that no checkpoint"
            f" lists, and no {first.name}: the catalogue is not theirs, or older; restore the"
            " whole directory from a backup, or move these segments away, of which"
            f" {min(unlisted)} is the first"
        )
    for name in unlisted:
        (rooms.segments / name).unlink()
    return len(unlisted), [
        f"start in {rooms.segments}: segment {name} is missing; restore it from a copy"
        for name in sorted(listed - there)
    ]


def _warm() -> None:
    """Compile the kernels, and say so where every start will have to."""
    if uncached := quantiles.warm():
        _LOG.warning(
            "numba keeps no compiled %s: each start takes some seconds more; let NUMBA_CACHE_DIR"
            " name a directory that this user can write",
            ", ".join(uncached),
            extra={"event": "kernels_uncached"},
        )


def _make(directory: Path) -> None:
    """Make a directory and its parents, durably, readable by this user alone."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_directory(directory.parent)
    except OSError as error:
        raise StoreError(
            f"make the directory {directory}: {error}; check [store] directory and its owner"
        ) from error
