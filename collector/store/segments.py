"""Shell: sealed windows and judged paths as Parquet files that are written once and never changed.

Rules
- A segment exists whole or not at all: temporary name, fsync, rename, fsync of the directory.
- Its name says its kind, the seconds it spans, the caller's suffix and the CRC-32 of all its
  octets: `windows-20260722T101500Z-20260722T101610Z-000042-89abcdef.parquet`. The checksum is
  proved at the first reading in a process, Parquet's page checksums at every reading. What does
  not hold raises `CorruptError` with the file's name and is never returned as data.
- Any Parquet reader reads it. Kind, schema version and transforms are in the file's metadata.
- A second process reads without a lock; retention is unlink.

The columns and their transforms are those of `collector.store.tables`.
"""

import re
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from heapq import nlargest
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from collector.columns import Columns, concat, empty
from collector.errors import CorruptError, StoreError
from collector.quantiles import quantiles
from collector.records import PathRecord
from collector.store.files import publish
from collector.store.listed import SEALED_S, Kind, Segment
from collector.store.tables import (
    COLUMNS,
    ENCODINGS,
    SCHEMAS,
    TRANSFORMS,
    Named,
    columns_of,
    path_records,
    paths_table,
    windows_table,
)

_KIND_KEY: Final = b"borne.kind"
_VERSION_KEY: Final = b"borne.schema"
_SPAN_KEY: Final = b"borne.span_ns"
_TRANSFORMS_KEY: Final = b"borne.transforms"
_S_NS: Final = 1_000_000_000
_END_NS: Final = 1 << 63
"""Later than every path."""
_NAME: Final = re.compile(
    r"(windows|paths)-(\d{8}T\d{6}Z)-(\d{8}T\d{6}Z)-([0-9A-Za-z]+)-([0-9a-f]{8})\.parquet"
)
_TIME: Final = "%Y%m%dT%H%M%SZ"
_ROWS_PER_GROUP: Final = {"windows": 16_384, "paths": 256}
_ZSTD_LEVEL: Final = 3


def write_windows(
    directory: Path, columns: Columns, named: Mapping[int, Named], suffix: str
) -> Segment | None:
    """Keep sealed windows, on disk when this returns; None (and no file) where there are none.

    `named` says whose each of their rows is; `suffix` (letters and digits) tells apart files of
    the same span, the catalogue chooses it.

    Raises:
        StoreError: The file cannot be written; nothing was left under its final name.
    """
    if not len(columns):
        return None
    ordered = columns.take(np.lexsort((columns.start_ns, columns.row)).astype(np.int64))
    span_ns = (int(columns.start_ns.min()), int(columns.start_ns.max()))
    table = windows_table(ordered, named, quantiles(ordered))
    return _write(directory, "windows", table, span_ns, suffix)


def write_paths(directory: Path, records: Sequence[PathRecord], suffix: str) -> Segment | None:
    """Keep judged paths, on disk when this returns; None (and no file) where there are none.

    Raises:
        StoreError: The file cannot be written; nothing was left under its final name.
    """
    if not records:
        return None
    ordered = sorted(records, key=lambda record: record.judgement.started_ns)
    span_ns = (ordered[0].judgement.started_ns, ordered[-1].judgement.started_ns)
    return _write(directory, "paths", paths_table(ordered), span_ns, suffix)


def read_windows(
    directory: Path,
    names: Sequence[str],
    *,
    rows: Collection[int] | None = None,
    from_ns: int,
    to_ns: int,
) -> Columns:
    """Return the windows that start in [from_ns, to_ns), of `rows` only unless that is None.

    Files and row groups outside are not read. Rows come file by file, sorted by (row, start)
    within each; one series-window may come several times (`quantiles.merge` adds it up).

    Raises:
        CorruptError: A file is torn or changed; the message names it.
        StoreError: A file is missing or of a later schema.
    """
    wanted = None if rows is None else np.unique(np.fromiter(rows, np.uint32))
    if wanted is not None and not wanted.size:
        return empty()
    parts: list[Columns] = []
    for name in names:
        if _overlaps(name, from_ns, to_ns):
            with _opened(directory / name, "windows") as file:
                parts += _windows_parts(file, wanted, from_ns, to_ns)
    return concat(parts)


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
        StoreError: A file is missing or of a later schema.
    """
    found: list[tuple[int, PathRecord]] = []
    if limit < 1:
        return []
    end_ns = _END_NS if before_ns is None else before_ns
    names = [name for name in names if _span_s(name)[0] * _S_NS < end_ns]
    for name in sorted(names, key=lambda name: _span_s(name)[1], reverse=True):
        if len(found) >= limit and _span_s(name)[1] * _S_NS < found[-1][0]:
            break
        with _opened(directory / name, "paths") as file:
            found += _newest(file, agent, target, limit, end_ns)
        found = nlargest(limit, found, key=lambda pair: pair[0])
    return [record for _, record in found]


def describe(directory: Path, name: str) -> Segment:
    """Return what the catalogue lists about a file, from the file itself.

    Raises:
        CorruptError: The file is torn or changed; the message names it.
        StoreError: The file is missing or of a later schema.
    """
    kind: Kind = "paths" if name.startswith("paths-") else "windows"
    with _opened(directory / name, kind) as file:
        first_ns, last_ns = file.schema_arrow.metadata[_SPAN_KEY].split()
        return Segment(
            name=name,
            kind=kind,
            level_s=SEALED_S if kind == "windows" else 0,
            rows=file.metadata.num_rows,
            octets=(directory / name).stat().st_size,
            first_ns=int(first_ns),
            last_ns=int(last_ns),
        )


# Writing


def _write(
    directory: Path, kind: Kind, table: pa.Table, span_ns: tuple[int, int], suffix: str
) -> Segment:
    """Write the table under the name that its contents give it."""
    octets = _encoded(kind, table, span_ns)
    begin, end = (_second(moment_ns) for moment_ns in span_ns)
    name = f"{kind}-{begin}-{end}-{suffix}-{zlib.crc32(octets):08x}.parquet"
    if not _NAME.fullmatch(name):
        raise AssertionError(f"write {name}: a suffix has letters and digits, not {suffix!r}")
    try:
        publish(directory / name, octets)
    except OSError as error:
        raise StoreError(f"write segment {directory / name}: {error.strerror}") from error
    return Segment(
        name=name,
        kind=kind,
        level_s=SEALED_S if kind == "windows" else 0,
        rows=table.num_rows,
        octets=len(octets),
        first_ns=span_ns[0],
        last_ns=span_ns[1],
    )


def _encoded(kind: Kind, table: pa.Table, span_ns: tuple[int, int]) -> memoryview:
    """Return the octets of the Parquet file."""
    notes = {
        _KIND_KEY: kind.encode(),
        _VERSION_KEY: [*SCHEMAS[kind]][-1].encode(),
        _SPAN_KEY: b"%d %d" % span_ns,
        _TRANSFORMS_KEY: TRANSFORMS,
    }
    encodings = {name: ENCODINGS[name] for name in table.column_names if name in ENCODINGS}
    paths = ("bucket_gaps.list.element", "bucket_counts.list.element")
    rest = [name for name in table.column_names if name not in encodings and "bucket" not in name]
    sink = pa.BufferOutputStream()
    pq.write_table(
        table.replace_schema_metadata(notes),
        sink,
        row_group_size=_ROWS_PER_GROUP[kind],
        compression="zstd",
        compression_level=_ZSTD_LEVEL,
        use_dictionary=[*rest, *(paths if kind == "windows" else ())],
        column_encoding=encodings,
        write_page_checksum=True,
    )
    return memoryview(sink.getvalue())


def _second(moment_ns: int) -> str:
    return datetime.fromtimestamp(moment_ns // _S_NS, UTC).strftime(_TIME)


# Reading


def _parts(name: str) -> re.Match[str]:
    """Return the parts of a segment's name."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise StoreError(f"read segment {name}: that is not a segment's name")
    return parts


def _span_s(name: str) -> tuple[int, int]:
    """Return the seconds [begin, end) in which all starts of a file lie."""
    moments = _parts(name).group(2, 3)
    begin, end = (datetime.strptime(text, _TIME).replace(tzinfo=UTC) for text in moments)
    return int(begin.timestamp()), int(end.timestamp()) + 1


def _overlaps(name: str, from_ns: int, to_ns: int) -> bool:
    begin_s, end_s = _span_s(name)
    return begin_s * _S_NS < to_ns and from_ns < end_s * _S_NS


@contextmanager
def _opened(path: Path, kind: Kind) -> Iterator[pq.ParquetFile]:
    """Open a segment whose checksum and schema hold; errors of the file name the file."""
    try:
        facts = path.stat()
        _prove(path, facts.st_size, facts.st_mtime_ns)
        with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
            _check_schema(path, kind, file)
            yield file
    except (OSError, pa.ArrowException, msgspec.DecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise StoreError(f"read segment {path}: {error.strerror}") from error
        raise CorruptError(f"read segment {path}: {error}") from error


@lru_cache(maxsize=65_536)
def _prove(path: Path, size: int, modified_ns: int) -> None:
    """Check the CRC-32 in the name once for a file of this size and time."""
    del size, modified_ns
    checksum = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            checksum = zlib.crc32(chunk, checksum)
    if checksum != int(_parts(path.name).group(5), 16):
        raise CorruptError(f"read segment {path}: its checksum {checksum:08x} is not its name's")


def _check_schema(path: Path, kind: Kind, file: pq.ParquetFile) -> None:
    notes = file.schema_arrow.metadata or {}
    if notes.get(_KIND_KEY) != kind.encode():
        raise CorruptError(f"read segment {path}: its metadata do not say that it holds {kind}")
    version = notes[_VERSION_KEY].decode()
    known = SCHEMAS[kind]
    if version not in known:
        raise StoreError(
            f"read segment {path}: schema {version} is none of {', '.join(known)}; use a later"
            " collector"
        )
    if not file.schema_arrow.equals(known[version]):
        raise CorruptError(f"read segment {path}: its columns are not those of {kind}")


def _windows_parts(
    file: pq.ParquetFile, wanted: NDArray[np.uint32] | None, from_ns: int, to_ns: int
) -> Iterator[Columns]:
    """Yield the matching windows of each row group that can hold some."""
    place = file.schema_arrow.get_field_index("row")  # no nested column comes before it
    for group in range(file.num_row_groups):
        statistics = file.metadata.row_group(group).column(place).statistics
        if wanted is not None and not _holds(wanted, statistics.min, statistics.max):
            continue
        columns = columns_of(file.read_row_group(group, columns=COLUMNS, use_threads=False))
        matching = (columns.start_ns >= from_ns) & (columns.start_ns < to_ns)
        if wanted is not None:
            matching &= np.isin(columns.row, wanted)
        yield columns.take(np.flatnonzero(matching))


def _holds(wanted: NDArray[np.uint32], low: int, high: int) -> bool:
    """Return whether one of the sorted rows lies in [low, high]."""
    place = int(np.searchsorted(wanted, low))
    return place < wanted.size and int(wanted[place]) <= high


def _newest(
    file: pq.ParquetFile, agent: str | None, target: str | None, limit: int, end_ns: int
) -> list[tuple[int, PathRecord]]:
    """Return (start, record) of the newest matching paths before `end_ns`, newest first."""
    found: list[tuple[int, PathRecord]] = []
    for group in reversed(range(file.num_row_groups)):
        keys = file.read_row_group(group, columns=["agent", "target", "started"], use_threads=False)
        names = (keys["agent"].to_pylist(), keys["target"].to_pylist())
        starts_ns = keys["started"].cast(pa.int64()).to_pylist()
        places = [
            place
            for place, (by, to, start_ns) in enumerate(zip(*names, starts_ns, strict=True))
            if agent in {None, by} and target in {None, to} and start_ns < end_ns
        ][-(limit - len(found)) :]
        if places:
            found += reversed(_records(file, group, places))
        if len(found) >= limit:
            break
    return found


def _records(
    file: pq.ParquetFile, group: int, places: Sequence[int]
) -> list[tuple[int, PathRecord]]:
    """Return (start, record) of the rows at `places` of a row group."""
    table = file.read_row_group(group, columns=["path", "judgement"], use_threads=False)
    records = path_records(table.take(pa.array(places)))
    return [(record.judgement.started_ns, record) for record in records]
