"""Shell: evidence Statements of a day as one segment, found again by the digest of their octets.

    digest       string             SHA-256 (hex) of the Statement's octets; sorted
    written      timestamp ns UTC   when it was kept
    statement    binary             the octets: canonical JSON of an in-toto Statement

Rules
- What is read is proved against its digest; octets that do not match are reported, not returned.
- A few Statements share a row group: one is found without reading all.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from collector.errors import CorruptError, StoreError
from collector.listed import Segment
from collector.store import segmentfile
from collector.store.segmentfile import Draft, Form

SCHEMA: Final = pa.schema(
    [
        pa.field("digest", pa.string(), nullable=False),
        pa.field("written", pa.timestamp("ns", "UTC"), nullable=False),
        pa.field("statement", pa.binary(), nullable=False),
    ]
)
FORM: Final = Form(
    kind="evidence", version="1", schema=SCHEMA, plain=("digest", "written", "statement")
)
_SCHEMAS: Final = {FORM.version: SCHEMA}
_PER_GROUP: Final = 16
_REMEMBERED: Final = 64
"""Files whose digests stay in memory."""


class Loose(NamedTuple):
    """A Statement in a file of its own."""

    digest: str
    written_ns: int


def write(
    directory: Path, statements: Iterable[Loose], read: Callable[[str], bytes], suffix: str
) -> Segment:
    """Keep Statements in one file, on disk when this returns; `read` gives one by its digest.

    Raises:
        StoreError: It cannot be written, or one cannot be read; nothing is left.
    """
    ordered = sorted(statements)
    draft = Draft(directory, FORM, stage="day", suffix=suffix)
    try:
        for begin in range(0, len(ordered), _PER_GROUP):
            group = ordered[begin : begin + _PER_GROUP]
            moments_ns = [one.written_ns for one in group]
            arrays = [
                pa.array([one.digest for one in group]),
                pa.array(moments_ns).cast(SCHEMA.field("written").type),
                pa.array([read(one.digest) for one in group], pa.binary()),
            ]
            table = pa.table(arrays, schema=SCHEMA)
            draft.write(table, (min(moments_ns), max(moments_ns)))
    except BaseException:
        draft.discard()
        raise
    return draft.finish()


def read(directory: Path, names: Sequence[str], digest: str) -> bytes | None:
    """Return the Statement with this SHA-256 (hex); None where no file has it.

    A file that cannot be read is passed over: the error is raised where no other has it.

    Raises:
        CorruptError: A file is torn or changed, or the octets do not match their digest.
        GoneError: A file is not there.
        StoreError: A file cannot be read, or is of a later schema.
    """
    failed: StoreError | None = None
    for name in reversed(names):
        try:
            for group, digests in enumerate(_digests(directory / name)):
                if digest in digests:
                    return _proved(directory / name, group, digest)
        except StoreError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return None


@lru_cache(maxsize=_REMEMBERED)
def _digests(path: Path) -> tuple[frozenset[str], ...]:
    """Return the digests in each row group of a file, which never changes."""
    with segmentfile.opened(path, "evidence", _SCHEMAS) as found:
        return tuple(
            frozenset(
                found.file.read_row_group(group, columns=["digest"], use_threads=False)[
                    "digest"
                ].to_pylist()
            )
            for group in range(found.file.num_row_groups)
        )


def _proved(path: Path, group: int, digest: str) -> bytes:
    with segmentfile.opened(path, "evidence", _SCHEMAS) as found:
        table = found.file.read_row_group(group, use_threads=False)
    rows = table.filter(pc.equal(table["digest"], digest))
    statement: bytes = rows["statement"][0].as_py()
    if hashlib.sha256(statement).hexdigest() != digest:
        raise CorruptError(
            f"read the evidence {digest} in {path}: its octets do not match its name; it was"
            " changed or the disk fails: take it from a copy"
        )
    return statement
