"""The compiled tables of addresses: what they say, and which of them are there."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from collector.errors import StoreError
from collector.facts import atlas
from collector.records import OriginRow, RegistrantRow
from tests.fakes import atlas_tables


def test_a_row_is_enough_to_judge_again(tmp_path: Path) -> None:
    """Range, AS, name and provenance of an address in both tables, in both families."""
    found = atlas_tables.opened(tmp_path)
    told = {"status": "read", "source": atlas_tables.IDENT, "date": atlas_tables.DATE}
    assert OriginRow(
        first="192.0.2.100", last="192.0.3.255", asn=64501, holder="Example Access, Inc.", **told
    ) == found.origin(ip_address("192.0.2.100"))
    assert RegistrantRow(
        first="2001:db8::", last="2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", country="LU", **told
    ) == found.registrant(ip_address("2001:db8::1"))


def test_ranges_end_where_they_end(tmp_path: Path) -> None:
    """The neighbours of a range, and a family's other table, know nothing of it."""
    found = atlas_tables.opened(tmp_path)
    asked = ("192.0.2.99", "192.0.2.100", "192.0.4.0", "2001:db8::ffff", "2001:db8::1:0")
    rows = [found.origin(ip_address(text)) for text in asked]
    assert [64500, 64501, None, 64501, None] == [row and row.asn for row in rows]
    countries = [found.registrant(ip_address(text)) for text in ("192.0.2.9", "192.0.3.0")]
    assert ["FR", None] == [row and row.country for row in countries]


def test_the_same_row_is_read_once(tmp_path: Path) -> None:
    """Two addresses of one range share the row that was read."""
    found = atlas_tables.opened(tmp_path)
    one, other = (found.origin(ip_address(text)) for text in ("192.0.2.1", "192.0.2.2"))
    assert one is other


def test_a_file_tells_its_provenance(tmp_path: Path) -> None:
    """Source, day, licence, attribution and counts stand in the header."""
    header = atlas_tables.opened(tmp_path).tables["origin"].header
    assert (atlas_tables.IDENT, "2026-06-17", "CC BY 4.0") == (
        header.source,
        header.date,
        header.licence,
    )
    assert any("https://db-ip.com" in line for line in header.attribution)
    assert (3, 1, 2, 0) == (header.rows_4, header.rows_6, header.labels, header.overlaps)


def test_equal_data_make_equal_files(tmp_path: Path) -> None:
    """Neither time nor place of the compilation is in the file."""
    one, other = (atlas_tables.built(tmp_path / name) for name in ("a", "b"))
    for name in atlas.TABLES:
        assert (one / f"{name}.atlas").read_bytes() == (other / f"{name}.atlas").read_bytes()


def test_the_day_is_a_time(tmp_path: Path) -> None:
    """2026-06-17 begins at 1,781,654,400 s; a table that was not built has 0."""
    directory = atlas_tables.built(tmp_path)
    dated = {"origin": 1_781_654_400, "registrant": 1_781_654_400, "cloud": 0}
    assert dated == atlas.load(directory).dated_s
    assert dict.fromkeys(dated, 0) == atlas.Atlas({}).dated_s


def test_without_tables_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none stands beside the package, every answer is None, and the missing are named."""
    monkeypatch.setattr(atlas, "BESIDE", tmp_path)
    found = atlas.load()
    address = ip_address("192.0.2.1")
    assert (None, None) == (found.origin(address), found.registrant(address))
    assert ("origin", "registrant") == found.missing


def test_a_named_directory_must_hold_every_table(tmp_path: Path) -> None:
    """Who names a directory in the settings means it: a missing table is an error."""
    directory = atlas_tables.built(tmp_path)
    (directory / "registrant.atlas").unlink()
    with pytest.raises(StoreError, match=r"registrant\.atlas: .*No such file.*; build it again"):
        atlas.load(directory)
