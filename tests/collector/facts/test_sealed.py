"""A file that is not whole, or not of this version, is never data."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import CorruptError, StoreError
from collector.facts import sealed
from collector.facts.sealed import seal, unseal

VERSION = 7
REPAIR = "build it again with `make atlas` or `borne-collector atlas build`"


def test_what_was_sealed_is_there(small: bytes, tmp_path: Path) -> None:
    """Every section with its octets, and what the maker told beside the seal."""
    path = tmp_path / "x.atlas"
    path.write_bytes(small)
    header, sections = unseal(path, VERSION)
    found = {name: bytes(octets) for name, octets in sections.items()}
    assert {"empty": b"", "one": b"1", "many": bytes(range(200))} == found
    assert "x" == msgspec.json.decode(header)["name"]


def test_sections_are_mapped_where_a_line_of_cache_begins(small: bytes, tmp_path: Path) -> None:
    """Each begins at a multiple of 64: it can be read as wider numbers; none can be written."""
    path = tmp_path / "x.atlas"
    path.write_bytes(small)
    header, sections = unseal(path, VERSION)
    offsets = [row["offset"] for row in msgspec.json.decode(header)["sections"].values()]
    assert [0, 0, 64] == offsets
    assert 0 == (len(small) - sum((64, 256))) % 64
    assert all(section.readonly for section in sections.values())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """No file is another error than a damaged one."""
    with pytest.raises(
        StoreError, match=r"open the table .*absent\.atlas: .*No such file"
    ) as caught:
        unseal(tmp_path / "absent.atlas", VERSION)
    assert not isinstance(caught.value, CorruptError)


@pytest.mark.parametrize(
    ("name", "octets", "why"),
    [
        ("empty", b"", "it is no table of Borne"),
        ("foreign", b"PK\x03\x04" + bytes(100), "it is no table of Borne"),
        ("magic-alone", b"BORNEATL", "it is no table of Borne"),
        (
            "version",
            b"BORNEATL" + (9).to_bytes(4, "little") + bytes(60),
            "it was made by version 9 of the compiler, not 7",
        ),
        (
            "header-cut",
            b"BORNEATL\x07\x00\x00\x00\xff\x00\x00\x00\x00\x00\x00\x00{}",
            "its header was cut or changed",
        ),
    ],
)
def test_a_foreign_file_is_named(tmp_path: Path, name: str, octets: bytes, why: str) -> None:
    """One sentence: which file, what is wrong, what to do."""
    path = tmp_path / f"{name}.atlas"
    path.write_bytes(octets)
    with pytest.raises(CorruptError) as caught:
        unseal(path, VERSION)
    assert f"open the table {path}: {why}; {REPAIR}" == str(caught.value)


@pytest.fixture(scope="module")
def small() -> bytes:
    """Return a small file."""
    return seal(VERSION, {"name": "x"}, {"empty": b"", "one": b"1", "many": bytes(range(200))})


@given(data=st.data())
def test_any_changed_octet_is_found(
    data: st.DataObject, small: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bit of the file differs, it is refused."""
    at = data.draw(st.integers(0, len(small) - 1))
    octets = bytearray(small)
    octets[at] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.getbasetemp() / "changed.atlas"
    path.write_bytes(octets)
    with pytest.raises(CorruptError):
        unseal(path, VERSION)


@given(cut=st.integers(min_value=1))
def test_any_cut_is_found(cut: int, small: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file that lacks its end, or has octets behind it, is refused."""
    path = tmp_path_factory.getbasetemp() / "cut.atlas"
    path.write_bytes(small[: -(cut % len(small)) or None] if cut % len(small) else small + b"\0")
    with pytest.raises(CorruptError):
        unseal(path, VERSION)


def test_a_big_endian_machine_is_told(
    small: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The octets would be read in the wrong order: an error, not wrong answers."""
    path = tmp_path / "origin.atlas"
    path.write_bytes(small)
    monkeypatch.setattr(sealed.sys, "byteorder", "big")
    with pytest.raises(CorruptError, match="little-endian machines alone"):
        unseal(path, VERSION)
