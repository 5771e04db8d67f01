"""The manifest of a backup: it comes back as it was written, or is refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import CorruptError
from collector.store import manifest
from collector.store.manifest import File, Manifest

ROW = File(path="segments/windows-a.parquet", octets=3, sha256="ab" * 32)
MADE = Manifest(program="0.1.0", began_at="2026-11-24T15:02:30Z", floor=2, files=(ROW,))
NAMES = st.text("abc-_.0189", min_size=1, max_size=9).map(lambda text: f"journal/x{text}")
FILES = st.builds(File, path=NAMES, octets=st.integers(0, 1 << 50), sha256=st.just("0" * 64))


@given(st.lists(FILES, max_size=4))
def test_round_trip(files: list[File]) -> None:
    """What is written is read, with its digest."""
    made = msgspec.structs.replace(MADE, files=tuple(files))
    found = manifest.decode(manifest.encode(made))
    assert 64 == len(found.sha256)
    assert made == msgspec.structs.replace(found, sha256="")


@given(st.data())
def test_every_flipped_bit_is_found(data: st.DataObject) -> None:
    """Wherever it is: in a digest, a name, a number or the layout."""
    octets = bytearray(manifest.encode(MADE))
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptError):
        manifest.decode(bytes(octets))


@given(st.binary(max_size=50))
def test_garbage_raises_only_its_documented_error(octets: bytes) -> None:
    """Whatever the file holds."""
    with pytest.raises(CorruptError):
        manifest.decode(octets)


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "segments/../x", "lock", "segments/", "segments/a/b", "journal/.x"],
)
def test_a_file_outside_the_rooms_is_refused(path: str) -> None:
    """A backup that somebody else made writes nowhere but into the store."""
    made = msgspec.structs.replace(MADE, files=(msgspec.structs.replace(ROW, path=path),))
    with pytest.raises(CorruptError, match="names a file that is none of a store"):
        manifest.decode(manifest.encode(made))


def test_another_schema_names_the_release() -> None:
    """Whoever made it can restore it."""
    made = msgspec.structs.replace(MADE, schema="borne-backup/9", program="9.9")
    with pytest.raises(CorruptError, match=r"reads 'borne-backup/1': use the release .* \(9\.9\)"):
        manifest.decode(manifest.encode(made))
