"""Shell: segments written anew as fewer, larger ones, with the rollups of windows.

Rules
- Nothing of the store changes in here: new files are written beside the old ones, all of them or
  none. Who calls lists them in the place of the old ones, in one transaction.
- Memory is bounded, however long the day and however many its files: parts of them are in memory
  as they were read, and few windows decoded (`collector.store.streams`, `collector.store.merging`).
- A rollup is a sum of sketches: exact in everything but the last bits of `sum_s`.
- Between two steps `watch` is called: what it raises ends the work, and nothing is left of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector import memory
from collector.listed import DAY_NS, HOUR_NS, LEVELS_S, SEALED_S, Segment, Stage
from collector.samples.quantiles import merge
from collector.store import dues, judged, moments, segmentfile, segments, streams
from collector.store.merging import Part, merged
from collector.store.segmentfile import Draft
from collector.store.segments import WindowsWriter
from collector.store.windowtable import Named

_S_NS: Final = 1_000_000_000
_HOURLY_S: Final = LEVELS_S[:3]
"""Levels that an hour is compacted to."""
_COARSEST_S: Final = LEVELS_S[-1]
_RAW: Final = frozenset({"sealed", "loose"})
_READ_ROWS: Final = 131_072
"""Windows of all files together that are in memory as they were read, some 15 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a compaction works with."""

    directory: Path
    named: Mapping[int, Named]
    places: NDArray[np.uint32]
    """Place of each series by its row (`collector.samples.registry.ranks`)."""
    suffix: str
    """Tells the new files from all others."""
    watch: Callable[[], None]

    def streams(self, inputs: Sequence[Segment]) -> list[Iterator[Part]]:
        """Return the windows of each segment, numbered by place."""
        most = _READ_ROWS // max(1, len(inputs))
        return [
            streams.parts(self.directory, segment.name, self.places, most) for segment in inputs
        ]


def spread(bench: Bench, segment: Segment) -> list[Segment]:
    """Write the rows of a raw file of several days as a loose file for each of these."""
    with _all_or_none(bench) as written:
        for day in range(segment.first_ns // DAY_NS, segment.last_ns // DAY_NS + 1):
            bench.watch()
            columns = segments.read_windows(
                *(bench.directory, [segment.name]), from_ns=day * DAY_NS, to_ns=(day + 1) * DAY_NS
            )
            written.extend(
                segments.write_windows(
                    *(bench.directory, columns, bench.named, bench.suffix),
                    places=bench.places,
                    stage="loose",
                    apart=0,
                )
            )
    return written


def gathered(bench: Bench, inputs: Sequence[Segment]) -> list[Segment]:
    """Write files of one hour as one, loose."""
    return _levels(bench, inputs, (SEALED_S,), "loose")


def hour(bench: Bench, inputs: Sequence[Segment]) -> list[Segment]:
    """Write an hour at its levels, and its companion for questions about a moment."""
    with _all_or_none(bench) as written:
        written.extend(_levels(bench, inputs, _HOURLY_S, "hour"))
        minutes = [segment for segment in written if segment.level_s == moments.LEVEL_S]
        written.extend(moments.write(bench.directory, minutes, bench.suffix))
    return written


def day(
    bench: Bench, inputs: Sequence[Segment], levels_s: Sequence[int] = LEVELS_S
) -> list[Segment]:
    """Write a day at its levels (`dues.levels_left`); what came late is added to each of them.

    Companions of hours with late rows are written anew: they take the place of `outdated`.
    """
    raw = [segment for segment in inputs if segment.stage in _RAW]
    _prove(bench, inputs)
    with _all_or_none(bench) as written:
        for level_s in levels_s:
            below_s = (level_s, _HOURLY_S[-1]) if level_s == _COARSEST_S else (level_s,)
            rolled = [
                segment
                for segment in inputs
                if (segment.stage == "day" and segment.level_s == level_s)
                or (segment.stage == "hour" and segment.level_s in below_s)
            ]
            written.extend(_levels(bench, [*rolled, *raw], (level_s,), "day"))
        minutes = [segment for segment in written if segment.level_s == moments.LEVEL_S]
        for number in sorted(_hours(raw)):
            bench.watch()
            span_ns = (number * HOUR_NS, (number + 1) * HOUR_NS)
            written.extend(moments.write(bench.directory, minutes, bench.suffix, span_ns))
    return written


def outdated(inputs: Sequence[Segment], companions: Sequence[Segment]) -> list[Segment]:
    """Return the companions whose hours get late rows when `inputs` become a day."""
    hours = _hours([segment for segment in inputs if segment.stage in _RAW])
    return [segment for segment in companions if segment.first_ns // HOUR_NS in hours]


def _hours(raw: Sequence[Segment]) -> set[int]:
    """Return the hours in which rows may start."""
    return {
        hour
        for segment in raw
        for hour in range(segment.first_ns // HOUR_NS, segment.last_ns // HOUR_NS + 1)
    }


def _prove(bench: Bench, inputs: Sequence[Segment]) -> None:
    """Find out that a file cannot be read before minutes of work are done on the others."""
    for segment in inputs:
        bench.watch()
        path = bench.directory / segment.name
        with segmentfile.opened(path, "windows", segments.SCHEMAS, remember=False):
            pass


def joined(bench: Bench, inputs: Sequence[Segment]) -> list[Segment]:
    """Write files of paths, verdicts or crossings as one, sorted by their moments."""
    kind = inputs[0].kind
    draft = Draft(
        bench.directory, judged.FORMS[kind], stage=dues.stage_of(inputs), suffix=bench.suffix
    )
    try:
        for table in _by_moment(bench, inputs):
            for group, span_ns in judged.groups_of(table, kind):
                draft.write(group, span_ns)
    except BaseException:
        draft.discard()
        raise
    return [draft.finish()]


def _levels(
    bench: Bench, inputs: Sequence[Segment], levels_s: Sequence[int], stage: Stage
) -> list[Segment]:
    """Write the windows of `inputs`, none coarser than the first level, at each of the levels."""
    writers = [
        WindowsWriter(
            bench.directory, bench.named, level_s=level_s, stage=stage, suffix=bench.suffix
        )
        for level_s in levels_s
    ]
    rows = np.argsort(bench.places).astype(np.uint32)
    written: list[Segment] = []
    try:
        for columns in merged(bench.streams(inputs), levels_s[0] * _S_NS):
            bench.watch()
            memory.give_back()
            rolled = columns
            for writer in writers:
                if writer is not writers[0]:
                    rolled = merge(rolled, writer.level_s * _S_NS)
                writer.add(rolled.grouped(rows[rolled.row]))
        for writer in writers:
            written += filter(None, [writer.finish()])
    except BaseException:
        for writer in writers[len(written) :]:
            writer.discard()
        _remove(bench, written)
        raise
    return written


def _by_moment(bench: Bench, inputs: Sequence[Segment]) -> Iterator[pa.Table]:
    """Yield the rows of all files in the order of their moments, whole row groups but for the last.

    In memory is a row group of each file that others overlap there.
    """
    kind = inputs[0].kind
    waiting = sorted(inputs, key=lambda segment: segment.first_ns, reverse=True)
    sources: list[Iterator[pa.Table]] = []
    reached_ns: dict[int, int] = {}
    held = judged.FORMS[kind].schema.empty_table()
    while waiting or reached_ns:
        bench.watch()
        place = min(reached_ns, key=reached_ns.__getitem__, default=len(sources))
        if waiting and waiting[-1].first_ns <= reached_ns.get(place, waiting[-1].first_ns):
            place = len(sources)
            sources.append(_groups(bench, waiting.pop()))
        table = next(sources[place], None)
        if table is None:
            reached_ns.pop(place, None)
        else:
            reached_ns[place] = int(_moments(table, kind)[-1])
            held = pa.concat_tables([held, table]).sort_by(judged.MOMENTS[kind])
        bound_ns = min([*reached_ns.values(), *(s.first_ns for s in waiting[-1:])], default=1 << 62)
        end = int(np.searchsorted(_moments(held, kind), bound_ns))
        end -= end % judged.ROWS_PER_GROUP[kind]
        if end:
            yield held.slice(0, end)
            held = held.slice(end).combine_chunks()
    yield held


def _groups(bench: Bench, segment: Segment) -> Iterator[pa.Table]:
    """Yield the row groups of a file, each sorted, one after the other."""
    kind = segment.kind
    path = bench.directory / segment.name
    with segmentfile.opened(path, kind, judged.SCHEMAS[kind], remember=False) as found:
        for group in range(found.file.num_row_groups):
            yield judged.current(found.file.read_row_group(group, use_threads=False), kind)


def _moments(table: pa.Table, kind: str) -> NDArray[np.int64]:
    moments_ns: NDArray[np.int64] = table[judged.MOMENTS[kind]].cast(pa.int64()).to_numpy()
    return moments_ns


@contextmanager
def _all_or_none(bench: Bench) -> Iterator[list[Segment]]:
    """Give a list of what is written; where the work ends early, its files are removed."""
    written: list[Segment] = []
    try:
        yield written
    except BaseException:
        _remove(bench, written)
        raise


def _remove(bench: Bench, written: Sequence[Segment]) -> None:
    for segment in written:
        (bench.directory / segment.name).unlink(missing_ok=True)
