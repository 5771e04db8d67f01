"""Shell: one segment, a Parquet file that is written once and never changed.

Rules
- A segment exists whole or not at all: temporary name, fsync, rename, fsync of the directory.
- Its name says its kind and level, the seconds it spans, its maker's suffix and the CRC-32 of all
  its octets: `windows60-20260722T100000Z-20260722T105900Z-c000042-89abcdef.parquet`. The checksum
  is proved at the first reading in a process, Parquet's page checksums at every reading. What does
  not hold raises `CorruptError` with the file's name and is never returned as data.
- Any Parquet reader reads it. Kind, level, stage, schema version, span, transforms and where each
  series lies are in the file's metadata (`borne.*`), so that the catalogue can be made again.
- A second process reads without a lock; retention is unlink.
"""

import re
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from collector.errors import CorruptError, GoneError, StoreError
from collector.files import sync_directory
from collector.listed import Kind, Segment, Stage
from collector.store.seriesindex import SeriesIndex
from collector.store.summed import Summed

_NOTES: Final = b"borne."
_S_NS: Final = 1_000_000_000
_NAME: Final = re.compile(
    r"(windows|moments|paths|verdicts|crossings|evidence)(\d*)"
    r"-(\d{8}T\d{6}Z)-(\d{8}T\d{6}Z)-([0-9A-Za-z]+)-([0-9a-f]{8})\.parquet"
)
_TIME: Final = "%Y%m%dT%H%M%SZ"
_ZSTD_LEVEL: Final = 1
"""Of these columns a higher level makes larger files: it finds repetitions that are chance."""
_BUFFER_OCTETS: Final = 1 << 18
"""Handed to Python at once: a page is some hundred octets, and each call takes a microsecond."""
_KEPT_CHUNKS: Final = 60_000
"""Column chunks of files whose metadata stay in memory, at some 600 octets each."""


class Form(NamedTuple):
    """How the files of one kind are written."""

    kind: Kind
    version: str
    schema: pa.Schema
    transforms: bytes = b""
    encodings: dict[str, str] = {}  # noqa: RUF012 - never changed
    plain: tuple[str, ...] = ()
    """Columns without a dictionary, beside those with an encoding of their own."""
    measured: tuple[str, ...] | None = None
    """Columns with extremes for each row group, which take memory; None: all."""
    compressed: tuple[str, ...] | None = None
    """Columns that zstd makes smaller, none of them nested: at others it takes time alone.

    None: all.
    """


class Opened(NamedTuple):
    """A segment whose checksum and schema hold."""

    file: pq.ParquetFile
    version: str
    series: SeriesIndex | None
    """Where each series lies; None in files of other kinds, and in windows of schema 1."""


class _Facts(NamedTuple):
    """What is remembered of a file that was read."""

    metadata: pq.FileMetaData
    version: str
    series: SeriesIndex | None


class Draft:
    """A segment in the making: `write` row groups, then `finish`, or `discard`."""

    def __init__(
        self, directory: Path, form: Form, *, level_s: int = 0, stage: Stage, suffix: str
    ) -> None:
        """Begin a file under a temporary name; `suffix` tells apart files of the same span.

        Raises:
            StoreError: It cannot be made.
        """
        if not suffix.isalnum():
            raise AssertionError(f"write a segment: a suffix has letters and digits: {suffix!r}")
        self._directory = directory
        self._about = Segment(
            name="",
            kind=form.kind,
            level_s=level_s,
            stage=stage,
            rows=0,
            octets=0,
            first_ns=1 << 62,
            last_ns=-(1 << 62),
        )
        self._label = f"{form.kind}{level_s if stage != 'sealed' and level_s else ''}"
        self._suffix = suffix
        self._partial = directory / f"{self._label}-{suffix}.partial"
        with self._translated():
            self._sink = Summed(self._partial)
            self._buffer = pa.output_stream(
                pa.PythonFile(self._sink, mode="w"), buffer_size=_BUFFER_OCTETS
            )
            self._writer = self._begun(form)

    def write(self, table: pa.Table, span_ns: tuple[int, int]) -> None:
        """Add a row group whose rows start between the moments of `span_ns`, both included.

        Raises:
            StoreError: It could not be written; then `discard`.
        """
        with self._translated():
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._about = msgspec.structs.replace(
            self._about,
            rows=self._about.rows + table.num_rows,
            first_ns=min(self._about.first_ns, span_ns[0]),
            last_ns=max(self._about.last_ns, span_ns[1]),
        )

    def finish(self, index: bytes | None = None, worst: bytes | None = None) -> Segment:
        """Put the file under its name, on the disk when this returns.

        `index` says where its series lie, `worst` what is the worst of each.

        Raises:
            StoreError: It could not be written; nothing of it is left.
        """
        about = self._about
        notes = {b"borne.span_ns": b"%d %d" % (about.first_ns, about.last_ns)}
        if index is not None:
            notes[b"borne.series"] = index
        if worst is not None:
            notes[b"borne.worst"] = worst
        try:
            with self._translated():
                self._writer.add_key_value_metadata(notes)
                self._writer.close()
                self._buffer.flush()
                self._sink.sync()
                name = self._named(about)
                self._partial.replace(self._directory / name)
                sync_directory(self._directory)
        except BaseException:
            self.discard()
            raise
        return msgspec.structs.replace(about, name=name, octets=self._sink.octets)

    def discard(self) -> None:
        """Leave nothing of it."""
        with suppress(OSError, pa.ArrowException):
            self._writer.close()
        with suppress(OSError, pa.ArrowException):
            self._buffer.close()
        self._sink.close()
        self._partial.unlink(missing_ok=True)

    def _begun(self, form: Form) -> pq.ParquetWriter:
        about = self._about
        notes = {
            b"borne.kind": about.kind.encode(),
            b"borne.schema": form.version.encode(),
            b"borne.level_s": b"%d" % about.level_s,
            b"borne.stage": about.stage.encode(),
            b"borne.transforms": form.transforms,
        }
        encoded = {*form.encodings, *form.plain}
        small = form.compressed
        return pq.ParquetWriter(
            self._buffer,
            form.schema.with_metadata(notes),
            compression="zstd" if small is None else dict.fromkeys(small, "zstd"),
            compression_level=_ZSTD_LEVEL if small is None else dict.fromkeys(small, _ZSTD_LEVEL),
            use_dictionary=[name for name in form.schema.names if name not in encoded],
            column_encoding=form.encodings or None,
            write_page_checksum=True,
            write_statistics=True if form.measured is None else list(form.measured),
        )

    def _named(self, about: Segment) -> str:
        begin, end = (
            datetime.fromtimestamp(moment_ns // _S_NS, UTC).strftime(_TIME)
            for moment_ns in (about.first_ns, about.last_ns)
        )
        return f"{self._label}-{begin}-{end}-{self._suffix}-{self._sink.checksum:08x}.parquet"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = error.strerror or error
            raise StoreError(
                f"write a segment into {self._directory}: {why}; make room on the disk, or check it"
            ) from error


@contextmanager
def opened(
    path: Path, kind: Kind, schemas: dict[str, pa.Schema], *, remember: bool = True
) -> Iterator[Opened]:
    """Open a segment whose checksum and schema hold; errors of the file name the file.

    `schemas` are those that the caller reads, by version. Its metadata stay in memory where others
    will read it soon (`remember`).

    Raises:
        CorruptError: The file is torn or changed, or holds something else.
        GoneError: There is no such file.
        StoreError: It cannot be read, or is of a later schema.
    """
    try:
        facts = path.stat()
        metadata, version, series = _REMEMBERED.get(
            *(path, facts.st_size, facts.st_mtime_ns), remember=remember
        )
        with pq.ParquetFile(
            path, metadata=metadata, page_checksum_verification=True, pre_buffer=False
        ) as file:
            _check_schema(path, kind, file, schemas)
            yield Opened(file, version, series)
    except FileNotFoundError as error:
        raise GoneError(f"read segment {path}: {error.strerror}") from error
    except (OSError, ValueError, pa.ArrowException, msgspec.DecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise StoreError(f"read segment {path}: {error.strerror}") from error
        raise CorruptError(f"read segment {path}: {error}") from error


def describe(directory: Path, name: str) -> Segment:
    """Return what the catalogue lists about a file, from the file itself.

    Raises: as `opened`.
    """
    path = directory / name
    kind: Kind = msgspec.convert(parts(name).group(1), Kind)
    with opened(path, kind, {}) as found:
        notes = found.file.metadata.metadata
        first_ns, last_ns = notes[b"borne.span_ns"].split()
        old = b"borne.level_s" not in notes
        return Segment(
            name=name,
            kind=kind,
            level_s=(10 if kind == "windows" else 0) if old else int(notes[b"borne.level_s"]),
            stage="loose"
            if old and kind == "windows"
            else notes.get(b"borne.stage", b"sealed").decode(),
            rows=found.file.metadata.num_rows,
            octets=path.stat().st_size,
            first_ns=int(first_ns),
            last_ns=int(last_ns),
        )


def parts(name: str) -> re.Match[str]:
    """Return the parts of a segment's name: kind, level, begin, end, suffix, checksum.

    Raises: StoreError where it is none.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise StoreError(f"read segment {name}: that is not a segment's name")
    return found


@lru_cache(maxsize=65_536)
def span_ns(name: str) -> tuple[int, int]:
    """Return the moments [begin, end) between which all rows of a file start."""
    begin, end = (
        int(datetime.strptime(text, _TIME).replace(tzinfo=UTC).timestamp())
        for text in parts(name).group(3, 4)
    )
    return begin * _S_NS, (end + 1) * _S_NS


class _Remembered:
    """The metadata of the files that were read last, as many as may stay in memory."""

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[Path, int, int], _Facts] = OrderedDict()
        self._chunks = 0
        self._lock = threading.Lock()

    def get(self, path: Path, size: int, modified_ns: int, *, remember: bool) -> _Facts:
        """Return the facts of a proved file, from memory or from the file."""
        key = (path, size, modified_ns)
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        prove(path, size, modified_ns)
        facts = _facts(path)
        if not remember:
            return facts
        with self._lock:
            if key not in self._found:
                self._found[key] = facts
                self._chunks += _chunks(facts)
            while self._chunks > _KEPT_CHUNKS and len(self._found) > 1:
                _, old = self._found.popitem(last=False)
                self._chunks -= _chunks(old)
        return facts


def _chunks(facts: _Facts) -> int:
    return int(facts.metadata.num_row_groups * facts.metadata.num_columns)


def _facts(path: Path) -> _Facts:
    """Return a file's metadata, schema version and index of series."""
    metadata = pq.read_metadata(path)
    notes = metadata.metadata or {}
    index = notes.get(b"borne.series")
    groups = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    series = None if index is None else SeriesIndex.decode(index, groups)
    return _Facts(metadata, notes.get(b"borne.schema", b"").decode(), series)


@lru_cache(maxsize=65_536)
def prove(path: Path, size: int, modified_ns: int) -> None:
    """Check the CRC-32 in the name once for a file of this size and time.

    Raises: CorruptError.
    """
    del size, modified_ns
    checksum = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            checksum = zlib.crc32(chunk, checksum)
    if checksum != int(parts(path.name).group(6), 16):
        raise CorruptError(
            f"read segment {path}: its checksum {checksum:08x} is not its name's: it was changed,"
            " or the disk fails; put it back from a backup"
        )


_REMEMBERED: Final = _Remembered()


def _check_schema(
    path: Path, kind: Kind, file: pq.ParquetFile, schemas: dict[str, pa.Schema]
) -> None:
    notes = file.metadata.metadata or {}
    if notes.get(b"borne.kind") != kind.encode():
        raise CorruptError(f"read segment {path}: its metadata do not say that it holds {kind}")
    version = notes.get(b"borne.schema", b"").decode()
    if not schemas:
        return
    if version not in schemas:
        raise StoreError(
            f"read segment {path}: schema {version} is none of {', '.join(schemas)}; use a later"
            " collector"
        )
    if not file.schema_arrow.equals(schemas[version]):
        raise CorruptError(f"read segment {path}: its columns are not those of {kind}")
