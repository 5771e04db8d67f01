"""Imported files: recognised, dated, reported, asked in their order; none is used by halves."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from collector.errors import ConfigError
from collector.facts.imported import Import, ImportKind
from collector.facts.importing import BY_HAND, Opened, by_hand, open_all
from tests.fakes import cloud_tables, mmdb_files

RECORD = {"country": {"iso_code": "DE"}, "autonomous_system_number": 64500}


def feed(path: Path, text: str = "192.0.2.0/24,FR,FR-IDF,Paris,\n") -> Import:
    """Write a geofeed; return its row."""
    path.write_text(text, encoding="utf-8")
    return Import(kind="geofeed", name="feed", path=path, author="me", date="2026-11-24")


def base(path: Path) -> Import:
    """Write a database; return its row."""
    mmdb_files.write(path, {"192.0.2.0/25": RECORD})
    return Import(kind="mmdb", name="base", path=path, author="me")


def cloud(path: Path) -> Import:
    """Write a cloud's list; return its row."""
    path.write_bytes(cloud_tables.AWS)
    return Import(kind="cloud", name="aws", path=path, author="me")


def test_what_files_say_comes_in_the_order_of_the_settings(tmp_path: Path) -> None:
    """Each with the import's name, its author, its day and both ends of its range."""
    opened = open_all([base(tmp_path / "b.mmdb"), feed(tmp_path / "f.csv")])
    database, geofeed = opened.said(ip_address("192.0.2.1"))
    assert ("mmdb", "base", "192.0.2.0", "192.0.2.127", "DE", 64500, "2026-11-26") == (
        *(database.kind, database.name, database.first, database.last),
        *(database.country, database.asn, database.date),
    )
    assert ("geofeed", "feed", "192.0.2.255", "FR", "FR-IDF, Paris", "me", "2026-11-24") == (
        *(geofeed.kind, geofeed.name, geofeed.last, geofeed.country),
        *(geofeed.where, geofeed.author, geofeed.date),
    )
    assert ["feed"] == [row.name for row in opened.said(ip_address("192.0.2.200"))]
    assert () == opened.said(ip_address("198.51.100.1"))


def test_the_longest_prefix_of_a_feed_holds(tmp_path: Path) -> None:
    """Ranges may overlap; one that nobody wants placed hides a wider one."""
    text = "192.0.2.0/24,FR\n192.0.2.0/26,DE\n192.0.2.0/28,,,,\n"
    opened = open_all([feed(tmp_path / "f.csv", text)])
    found = [opened.said(ip_address(f"192.0.2.{last}"))[0].country for last in (1, 20, 100)]
    assert [None, "DE", "FR"] == found


def test_the_first_list_of_a_cloud_that_holds_an_address_speaks(tmp_path: Path) -> None:
    """A range of the imported list, its day from the list itself."""
    opened = open_all([cloud(tmp_path / "a.json")])
    row = opened.cloud(ip_address("192.0.2.1"))
    assert row is not None
    assert ("aws", "eu-west-3", True, "aws", "2026-11-20", "aws, imported by me") == (
        *(row.provider, row.region, row.regional),
        *(row.imported, row.date, row.source),
    )
    assert (None, ()) == (
        opened.cloud(ip_address("203.0.113.1")),
        opened.said(ip_address("192.0.2.1")),
    )


def test_lists_of_state_owned_operators_are_asked_by_number(tmp_path: Path) -> None:
    """Two lists may name one operator: both are told, in the order of the settings."""
    one, two = tmp_path / "majority.csv", tmp_path / "minority.csv"
    one.write_text("asn,org_name,ownership_cc\n5432,Proximus,BE\n7473,Singtel,SG\n", "utf-8")
    two.write_text("asn,org_name,ownership_cc,ownership_percentage\n5432,P,NL,3\n", "utf-8")
    rows = [by_hand(path) for path in (one, two)]
    assert ["states", "states"] == [row.kind for row in rows]
    opened = open_all(rows)
    told = [(row.name, row.country, row.share) for row in opened.owners(5432)]
    assert [("majority.csv", "BE", ""), ("minority.csv", "NL", "3")] == told
    assert () == opened.owners(1299)
    assert () == opened.said(ip_address("192.0.2.1"))


def test_each_file_has_a_digest_and_a_day(tmp_path: Path) -> None:
    """By the names that Statements and metrics give them; an equal file has an equal digest."""
    rows = [base(tmp_path / "b.mmdb"), feed(tmp_path / "f.csv"), cloud(tmp_path / "a.json")]
    opened = open_all(rows)
    assert {
        "import base": 1_795_651_200,
        "import feed": 1_795_478_400,
        "import aws": 1_795_132_800,
    } == opened.dated_s
    assert set(opened.dated_s) == set(opened.sha256)
    again = feed(tmp_path / "again.csv")
    assert opened.sha256["import feed"] == open_all([again]).sha256["import feed"]
    assert {} == {**Opened().sha256, **Opened().dated_s}


def test_bad_rows_are_reported_and_the_rest_stands(tmp_path: Path) -> None:
    """With the import, the file and the place in it."""
    text = "192.0.2.0/24,FR\n192.0.2.1/24,FR\n"
    opened = open_all([feed(tmp_path / "f.csv", text), cloud(tmp_path / "a.json")])
    bits = "'192.0.2.1/24' is no prefix: it has host bits set; the line is left out"
    other = "'198.51.100.1/24' is no prefix; the row is left out"
    assert [
        f"import feed: {tmp_path}/f.csv, line 2: {bits}",
        f"import aws: {tmp_path}/a.json, prefixes[4]: {other}",
    ] == list(opened.reports)


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("geofeed", b"\xff\xfe", "is no text in UTF-8: invalid start byte"),
        ("cloud", b"<html>", "is no JSON: "),
        ("mmdb", b"<html>", "is no MaxMind DB file: "),
        ("cloud", cloud_tables.AZURE, "does not say of which day it is; give `date`"),
        ("geofeed", None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    tmp_path: Path, kind: ImportKind, content: bytes | None, why: str
) -> None:
    """One sentence: the import, the file, what is wrong."""
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    row = Import(kind=kind, name="x", path=path, author="me")
    with pytest.raises(ConfigError, match=rf"^import x: {path} {why}"):
        open_all([row])


def test_a_file_of_a_command_is_recognised_by_content(tmp_path: Path) -> None:
    """Whatever it is called; a geofeed has the day of its file, the others tell their own."""
    rows = [base(tmp_path / "a"), feed(tmp_path / "b"), cloud(tmp_path / "c")]
    found = [by_hand(row.path) for row in rows]
    assert [("mmdb", "a", None), ("cloud", "c", None)] == [
        (row.kind, row.name, row.date) for row in (found[0], found[2])
    ]
    assert ("geofeed", "b", BY_HAND) == (found[1].kind, found[1].name, found[1].author)
    assert found[1].date is not None
    assert 3 == len(open_all(found).files)
    with pytest.raises(ConfigError, match=r"^--import .*none: cannot be read: No such file"):
        by_hand(tmp_path / "none")
