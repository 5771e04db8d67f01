"""Statements in a segment come back to the octet, proved against their digests."""

import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from collector.errors import CorruptError, GoneError
from collector.store import archive, segmentfile
from collector.store.archive import Loose

STATEMENTS = {
    hashlib.sha256(octets).hexdigest(): octets
    for octets in (b'{"n":%d,"pad":"%s"}' % (n, b"x" * n) for n in range(40))
}


def kept(directory: Path) -> str:
    """Write all Statements and return the file's name."""
    loose = [Loose(digest, n) for n, digest in enumerate(STATEMENTS)]
    return archive.write(directory, loose, STATEMENTS.__getitem__, "c1").name


def test_each_statement_is_found_by_its_digest(tmp_path: Path) -> None:
    """To the octet; what nobody kept is not found."""
    name = kept(tmp_path)
    for digest, octets in STATEMENTS.items():
        assert octets == archive.read(tmp_path, [name], digest)
    assert None is archive.read(tmp_path, [name], "0" * 64)
    assert None is archive.read(tmp_path, [], next(iter(STATEMENTS)))


def test_the_file_says_what_it_holds(tmp_path: Path) -> None:
    """Digests in order, when each was kept, and the octets, for any Parquet reader."""
    name = kept(tmp_path)
    table = pq.read_table(tmp_path / name)
    assert sorted(STATEMENTS) == table["digest"].to_pylist()
    assert [STATEMENTS[d] for d in sorted(STATEMENTS)] == table["statement"].to_pylist()
    found = segmentfile.describe(tmp_path, name)
    assert ("evidence", "day", 40, 0, 39) == (
        *(found.kind, found.stage, found.rows),
        *(found.first_ns, found.last_ns),
    )


def test_octets_that_do_not_match_their_digest_are_not_returned(tmp_path: Path) -> None:
    """Though the file's checksum holds: who wrote it wrote something else."""
    digest = next(iter(STATEMENTS))
    segment = archive.write(tmp_path, [Loose(digest, 1)], lambda _: b"another", "c1")
    with pytest.raises(CorruptError, match=f"{digest} in .*do not match its name"):
        archive.read(tmp_path, [segment.name], digest)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """Where a Statement cannot be read none is moved."""

    def fails(digest: str) -> bytes:
        raise CorruptError(digest)

    with pytest.raises(CorruptError):
        archive.write(tmp_path, [Loose("0" * 64, 1)], fails, "c1")
    assert [] == list(tmp_path.iterdir())


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    """A reader may ask for the list again."""
    name = kept(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(GoneError):
        archive.read(tmp_path, [name], next(iter(STATEMENTS)))
