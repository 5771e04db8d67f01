"""MaxMind DB files: what the usual publishers write is understood, and nothing else stops."""

import builtins
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.errors import ConfigError, UnreadableError
from collector.facts.mmdb import MAGIC, Database, Said
from tests.fakes import mmdb_files

NESTED = {
    "country": {"iso_code": "FR", "names": {"en": "France", "de": "Frankreich"}},
    "city": {"names": {"en": "Paris", "ja": "パリ"}},
    "subdivisions": [{"iso_code": "IDF", "names": {"en": "Île-de-France"}}],
    "location": {"latitude": 48.85, "longitude": 2.35},
}
FLAT = {"country_code": "DE", "state1": "Hesse", "city": "Frankfurt", "asn": "AS64500"}
AS = {"autonomous_system_number": 64501, "autonomous_system_organization": "Example\x1b Transit"}
ROWS = {
    "192.0.2.0/24": NESTED,
    "198.51.100.0/25": FLAT,
    "2001:db8::/32": AS,
    "203.0.113.0/24": {"is_anycast": True},
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Return an opened file of both families."""
    return Database(mmdb_files.write(tmp_path_factory.mktemp("mmdb") / "city.mmdb", ROWS))


def test_a_file_tells_its_kind_and_day(base: Database) -> None:
    """As its publisher calls it, and when it was built."""
    assert ("Test-City", "2026-11-26") == (base.kind, base.date)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "192.0.2.7",
            Said("192.0.2.0", "192.0.2.255", "FR", "Île-de-France, Paris", None, ""),
        ),
        (
            "198.51.100.7",
            Said("198.51.100.0", "198.51.100.127", "DE", "Hesse, Frankfurt", 64500, ""),
        ),
        (
            "2001:db8::7",
            Said(
                "2001:db8::",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                None,
                "",
                64501,
                "Example Transit",
            ),
        ),
        ("203.0.113.7", None),
        ("9.9.9.9", None),
        ("2001:db9::1", None),
    ],
)
def test_records_are_read(base: Database, address: str, expected: Said | None) -> None:
    """Nested and flat ones; one that says nothing of place or AS, and none, say nothing."""
    assert expected == base.find(ip_address(address))


@pytest.mark.parametrize(
    "record",
    [
        "text",
        7,
        ["FR"],
        {"country": "France"},
        {"country": {"iso_code": 7}, "city": 3, "subdivisions": "x", "asn": True},
        {"subdivisions": [7], "autonomous_system_number": 2**40},
        {"asn": "9" * 5000},
    ],
)
def test_records_of_another_form_say_nothing(tmp_path: Path, record: object) -> None:
    """What is of another type is not seen."""
    base = Database(mmdb_files.write(tmp_path / "odd.mmdb", {"192.0.2.0/24": record}))
    assert base.find(ip_address("192.0.2.1")) is None


def test_a_file_of_one_family_says_nothing_of_the_other(tmp_path: Path) -> None:
    """An IPv4 file is no error for IPv6."""
    rows = {"192.0.2.0/24": NESTED}
    base = Database(mmdb_files.write(tmp_path / "four.mmdb", rows, version=4))
    assert base.find(ip_address("2001:db8::1")) is None
    found = base.find(ip_address("192.0.2.1"))
    assert found is not None
    assert "FR" == found.country


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.write_bytes(b"nothing of the kind"), "^is no MaxMind DB file: "),
        (lambda path: path.write_bytes(MAGIC + b"\x00"), "^is no MaxMind DB file: "),
        (lambda _: None, "^cannot be read: No such file"),
    ],
    ids=["other", "cut", "absent"],
)
def test_another_file_is_refused(tmp_path: Path, make: Callable[[Path], object], why: str) -> None:
    """One sentence."""
    path = tmp_path / "base.mmdb"
    make(path)
    with pytest.raises(UnreadableError, match=why):
        Database(path)


def test_a_damaged_record_says_nothing(tmp_path: Path) -> None:
    """The tree is whole, the data behind it is not: no verdict stops in its middle."""
    path = mmdb_files.write(tmp_path / "base.mmdb", {"192.0.2.0/24": NESTED})
    octets = path.read_bytes()
    at = octets.index(b"iso_code") - 1
    path.write_bytes(octets[:at] + b"\xff" * 8 + octets[at + 8 :])
    assert Database(path).find(ip_address("192.0.2.1")) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"database_type", b"database_typo"), (b"build_epoch", b"build_epoc\xff")],
    ids=["strange name", "no text"],
)
def test_strange_metadata_is_one_sentence(tmp_path: Path, old: bytes, new: bytes) -> None:
    """The reader in C ended the process there."""
    path = mmdb_files.write(tmp_path / "base.mmdb", {"192.0.2.0/24": NESTED})
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(UnreadableError, match=r"^is no MaxMind DB file: "):
        Database(path)


def test_a_file_of_no_day_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, where no calendar has the day."""
    monkeypatch.setattr(mmdb_files, "BUILT_S", 2**63)
    path = mmdb_files.write(tmp_path / "base.mmdb", {"192.0.2.0/24": NESTED})
    with pytest.raises(UnreadableError, match=r"^is no MaxMind DB file: "):
        Database(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_changed_octets_are_refused_or_read(tmp_path: Path, data: st.DataObject) -> None:
    """A file that is damaged anywhere stops nothing but itself, and with a sentence."""
    path, whole = tmp_path / "base.mmdb", tmp_path / "whole.mmdb"
    if not whole.exists():
        mmdb_files.write(whole, {"0.0.0.0/1": NESTED, "128.0.0.0/1": FLAT}, version=4)
    octets = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(octets) - 1))
        octets[at] = data.draw(st.integers(0, 255))
    path.write_bytes(octets)
    with suppress(UnreadableError):
        Database(path).find(ip_address("192.0.2.1"))
    path.unlink()


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra, in the words of an installer."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:  # noqa: ANN401 - any module
        if name == "maxminddb":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"need the package maxminddb.*borne\[collector,mmdb\]"):
        Database(tmp_path / "base.mmdb")
