"""Files taken over: whole, with their digest, and linked where that can be."""

import hashlib
import os
from pathlib import Path

import pytest

from collector.store import copying

CONTENT = b"octets" * 500_000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of more than one piece."""
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


def test_a_copy_has_its_own_octets_and_their_digest(source: Path, tmp_path: Path) -> None:
    """Readable by this user alone."""
    found = copying.copy(source, tmp_path / "copy", "journal/x")
    assert CONTENT == (tmp_path / "copy").read_bytes()
    assert ("journal/x", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()) == (
        found.path,
        found.octets,
        found.sha256,
    )
    assert 0o600 == (tmp_path / "copy").stat().st_mode & 0o777
    assert found == copying.describe(source, "journal/x")


def test_a_link_is_the_same_file(source: Path, tmp_path: Path) -> None:
    """It takes no room."""
    found = copying.link(source, tmp_path / "link", "segments/x")
    assert source.samefile(tmp_path / "link")
    assert found == copying.describe(source, "segments/x")


def test_where_no_link_can_be_there_is_a_copy(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another file system, and on one that knows no links."""

    def refused(*_: object) -> None:
        raise OSError(18, os.strerror(18))

    monkeypatch.setattr(Path, "hardlink_to", refused)
    copying.link(source, tmp_path / "copy", "segments/x")
    assert not source.samefile(tmp_path / "copy")
    assert CONTENT == (tmp_path / "copy").read_bytes()


def test_nothing_is_written_over(source: Path, tmp_path: Path) -> None:
    """A file that is there stays; one that is not is no link."""
    (tmp_path / "there").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        copying.copy(source, tmp_path / "there", "x")
    assert b"mine" == (tmp_path / "there").read_bytes()
    with pytest.raises(FileNotFoundError):
        copying.link(tmp_path / "none", tmp_path / "new", "x")


def test_clearing_leaves_the_directory_alone(tmp_path: Path) -> None:
    """Its contents go, what its links point to stays."""
    target, outside = tmp_path / "target", tmp_path / "outside"
    (target / "room").mkdir(parents=True)
    (target / "room" / "file").write_bytes(b"x")
    outside.mkdir()
    (outside / "kept").write_bytes(b"x")
    (target / "link").symlink_to(outside)
    copying.clear(target)
    assert ([], [outside / "kept"]) == (list(target.iterdir()), list(outside.iterdir()))
    copying.clear(tmp_path / "nowhere")
