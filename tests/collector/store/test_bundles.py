"""Evidence files: named by their octets, whole or absent, never returned when changed."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from collector.errors import CorruptError, StoreError
from collector.store.bundles import Bundles

STATEMENT = b'{"_type":"https://in-toto.io/Statement/v1"}'
DIGEST = hashlib.sha256(STATEMENT).hexdigest()


def test_what_is_stored_is_read_under_its_digest(tmp_path: Path) -> None:
    """The digest is the name, and storing again changes nothing."""
    store = Bundles(tmp_path)
    assert DIGEST == store.store(STATEMENT)
    written = (tmp_path / f"{DIGEST}.json").stat()
    assert DIGEST == store.store(STATEMENT)
    assert written.st_ino == (tmp_path / f"{DIGEST}.json").stat().st_ino
    assert STATEMENT == store.read(DIGEST)
    assert [f"{DIGEST}.json"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    "digest", ["0" * 64, "", "..", "../" + DIGEST, DIGEST.upper(), DIGEST + "\n", "/etc/passwd"]
)
def test_what_is_no_stored_digest_is_unknown(tmp_path: Path, digest: str) -> None:
    """Nothing but 64 small hex digits is ever looked for."""
    store = Bundles(tmp_path / "evidence")
    (tmp_path / "evidence").mkdir()
    store.store(STATEMENT)
    assert None is store.read(digest)


def test_changed_octets_are_reported(tmp_path: Path) -> None:
    """A file that does not match its name is not evidence."""
    store = Bundles(tmp_path)
    store.store(STATEMENT)
    (tmp_path / f"{DIGEST}.json").write_bytes(STATEMENT + b" ")
    with pytest.raises(CorruptError, match="do not match its name"):
        store.read(DIGEST)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk fails nothing is stored, and the next attempt works."""

    def fails(_: int) -> None:
        raise OSError(28, "No space left on device")

    store = Bundles(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(StoreError, match="No space left"):
            store.store(STATEMENT)
    assert [] == list(tmp_path.iterdir())
    assert DIGEST == store.store(STATEMENT)


def test_an_unreadable_file_is_an_error_of_the_store(tmp_path: Path) -> None:
    """What cannot be read is neither unknown nor empty."""
    (tmp_path / f"{DIGEST}.json").mkdir()
    with pytest.raises(StoreError, match="check the disk"):
        Bundles(tmp_path).read(DIGEST)


def test_many_threads_may_store_the_same(tmp_path: Path) -> None:
    """Two that store one Statement at the same time do not disturb each other."""
    store = Bundles(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(store.store, [STATEMENT] * 50))
    assert {DIGEST} == digests
    assert 1 == len(os.listdir(tmp_path))  # noqa: PTH208 - only the count matters
