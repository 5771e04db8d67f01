"""A file of the store is whole, durable, or not there."""

import os
from pathlib import Path

import pytest

from collector.files import publish


def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Octets are synced under the temporary name, then renamed, then the directory is synced."""
    steps: list[str] = []
    sync, rename = os.fsync, Path.replace

    def synced(handle: int) -> None:
        found = Path(f"/proc/self/fd/{handle}").readlink()
        steps.append(f"sync {found.name} {found.stat().st_size if found.is_file() else '-'}")
        sync(handle)

    def replaced(path: Path, target: Path) -> Path:
        steps.append(f"rename {path.name} {target.name}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    directory = tmp_path / "store"
    directory.mkdir()
    publish(directory / "a.json", b"octets")
    assert ["sync a.partial 6", "rename a.partial a.json", "sync store -"] == steps
    assert {"a.json": b"octets"} == {path.name: path.read_bytes() for path in directory.iterdir()}


def test_what_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at the sync: the file before stands, and no part of the new one stays."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "a.json").write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        publish(tmp_path / "a.json", b"after")
    assert {"a.json": b"before"} == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
