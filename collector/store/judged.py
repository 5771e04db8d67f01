"""Shell: judged paths, their verdicts and episodes as segments; the newest paths read back.

The files are those of `collector.store.segmentfile`, their columns those of
`collector.store.judgementtable`. All are sorted by one moment: paths and verdicts by their start,
episodes by their change.
"""

from collections.abc import Iterator, Sequence
from heapq import nlargest
from pathlib import Path
from typing import Final

import pyarrow as pa

from collector.listed import Segment
from collector.records import Crossing, PathRecord
from collector.store import judgementtable as tables
from collector.store import segmentfile
from collector.store.segmentfile import Draft, Form, Opened

ROWS_PER_GROUP: Final = {"paths": 256, "verdicts": 16_384, "crossings": 1024}
_END_NS: Final = 1 << 63
"""Later than every path."""
MOMENTS: Final = {"paths": "started", "verdicts": "started", "crossings": "changed"}
"""The column by which a kind is sorted."""
_DELTA: Final = "DELTA_BINARY_PACKED"
FORMS: Final = {
    "paths": Form("paths", "2", tables.PATHS["2"], b"", {"started": _DELTA}, ("path", "judgement")),
    "verdicts": Form("verdicts", "1", tables.VERDICTS["1"], b"", {"started": _DELTA}),
    "crossings": Form("crossings", "1", tables.CROSSINGS["1"], b"", {}, ("crossing", "id")),
}
SCHEMAS: Final = {
    "paths": tables.PATHS,
    "verdicts": tables.VERDICTS,
    "crossings": tables.CROSSINGS,
}


def write_paths(directory: Path, records: Sequence[PathRecord], suffix: str) -> list[Segment]:
    """Keep judged paths and their verdicts, on disk when this returns; no paths, no files.

    Raises:
        StoreError: A file cannot be written; none is left under its final name.
    """
    ordered = sorted(records, key=lambda record: record.judgement.started_ns)
    written = _write(directory, "paths", tables.paths_table(ordered), suffix)
    try:
        return written + _write(directory, "verdicts", tables.verdicts_table(ordered), suffix)
    except BaseException:
        for segment in written:
            (directory / segment.name).unlink(missing_ok=True)
        raise


def write_crossings(directory: Path, episodes: Sequence[Crossing], suffix: str) -> list[Segment]:
    """Keep how episodes that changed are now, on disk when this returns.

    Raises:
        StoreError: The file cannot be written; it is not left under its final name.
    """
    ordered = sorted(episodes, key=tables.changed_ns)
    return _write(directory, "crossings", tables.crossings_table(ordered), suffix)


def read_paths(
    directory: Path,
    names: Sequence[str],
    *,
    agent: str | None = None,
    target: str | None = None,
    limit: int,
    before_ns: int | None = None,
) -> list[PathRecord]:
    """Return the newest paths that match, newest first, `limit` at most.

    With `before_ns`, those alone that started earlier. Files are read from the newest on, until
    no older file can hold a newer path.

    Raises:
        CorruptError: A file is torn or changed; the message names it.
        GoneError: A file is not there.
        StoreError: A file cannot be read, or is of a later schema.
    """
    found: list[tuple[int, PathRecord]] = []
    if limit < 1:
        return []
    end_ns = _END_NS if before_ns is None else before_ns
    names = [name for name in names if segmentfile.span_ns(name)[0] < end_ns]
    for name in sorted(names, key=lambda name: segmentfile.span_ns(name)[1], reverse=True):
        if len(found) >= limit and segmentfile.span_ns(name)[1] <= found[-1][0]:
            break
        with segmentfile.opened(directory / name, "paths", tables.PATHS) as file:
            found += _newest(file, agent, target, limit, end_ns)
        found = nlargest(limit, found, key=lambda pair: pair[0])
    return [record for _, record in found]


def current(table: pa.Table, kind: str) -> pa.Table:
    """Return a table of any schema of its kind as one of the newest."""
    schema = FORMS[kind].schema
    if table.schema.equals(schema):
        return table.replace_schema_metadata(None)
    return tables.paths_table(tables.path_records(table))


def groups_of(table: pa.Table, kind: str) -> Iterator[tuple[pa.Table, tuple[int, int]]]:
    """Yield the row groups of a sorted table, each with the moments of its first and last row."""
    size = ROWS_PER_GROUP[kind]
    moments = table[MOMENTS[kind]].cast(pa.int64())
    for begin in range(0, table.num_rows, size):
        group = table.slice(begin, size)
        last = begin + group.num_rows - 1
        yield group, (moments[begin].as_py(), moments[last].as_py())


def _write(directory: Path, kind: str, table: pa.Table, suffix: str) -> list[Segment]:
    if not table.num_rows:
        return []
    draft = Draft(directory, FORMS[kind], stage="sealed", suffix=suffix)
    try:
        for group, span_ns in groups_of(table, kind):
            draft.write(group, span_ns)
    except BaseException:
        draft.discard()
        raise
    return [draft.finish()]


def _newest(
    found: Opened, agent: str | None, target: str | None, limit: int, end_ns: int
) -> list[tuple[int, PathRecord]]:
    """Return (start, record) of the newest matching paths before `end_ns`, newest first."""
    file = found.file
    newest: list[tuple[int, PathRecord]] = []
    for group in reversed(range(file.num_row_groups)):
        keys = file.read_row_group(group, columns=["agent", "target", "started"], use_threads=False)
        names = (keys["agent"].to_pylist(), keys["target"].to_pylist())
        starts_ns = keys["started"].cast(pa.int64()).to_pylist()
        places = [
            place
            for place, (by, to, start_ns) in enumerate(zip(*names, starts_ns, strict=True))
            if agent in {None, by} and target in {None, to} and start_ns < end_ns
        ][-(limit - len(newest)) :]
        if places:
            newest += reversed(_records(found, group, places))
        if len(newest) >= limit:
            break
    return newest


def _records(found: Opened, group: int, places: Sequence[int]) -> list[tuple[int, PathRecord]]:
    """Return (start, record) of the rows at `places` of a row group."""
    table = found.file.read_row_group(group, columns=["path", "judgement"], use_threads=False)
    records = tables.path_records(table.take(pa.array(places)))
    return [(record.judgement.started_ns, record) for record in records]
