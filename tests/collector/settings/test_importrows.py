"""`[[imports]]`: each file has a kind, a name, an author and a day; a mistake is named."""

from pathlib import Path

import pytest

from agent import settings
from agent.errors import ConfigError
from collector.facts.imported import Import
from collector.settings.importrows import imports

GOOD = """
[[imports]]
kind = "geofeed"
name = "customers"
path = "feed.csv"
author = "network team"
date = "2026-11-26"

[[imports]]
kind = "mmdb"
name = "city"
path = "/var/lib/city.mmdb"
author = "network team"

[[imports]]
kind = "cloud"
name = "aws"
path = "ip-ranges.json"
author = "network team"
date = 2026-11-01
"""


def read(tmp_path: Path, text: str) -> tuple[Import, ...]:
    """Return the rows of a file."""
    path = tmp_path / "collector.toml"
    path.write_text(text, encoding="utf-8")
    return imports(settings.read(path).tables("imports"))


def test_rows_are_read_in_their_order(tmp_path: Path) -> None:
    """Databases and clouds may leave the day to the file itself."""
    text = GOOD.replace("date = 2026-11-01", 'date = "2026-11-01"')
    assert [
        ("geofeed", "customers", "feed.csv", "2026-11-26"),
        ("mmdb", "city", "/var/lib/city.mmdb", None),
        ("cloud", "aws", "ip-ranges.json", "2026-11-01"),
    ] == [(row.kind, row.name, str(row.path), row.date) for row in read(tmp_path, text)]
    assert {"network team"} == {row.author for row in read(tmp_path, text)}


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ('"mmdb"', '"csv"', r' kind: must be "mmdb", "geofeed", "cloud" or "states", not "csv"'),
        ('date = "2026-11-26"', "", r" date: is needed: such a file does not say of which day"),
        ('"2026-11-26"', '"26.11.2026"', r" date: must be a day such as 2026-01-31"),
        ('name = "city"', 'name = "customers"', r" name: .*customers"),
        ('path = "feed.csv"', "", r': the key "path" is missing'),
        ('author = "network team"', "", r': the key "author" is missing'),
        ('path = "feed.csv"', 'path = "feed.csv"\nurl = "x"', r' unknown key "url"'),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, before: str, after: str, why: str) -> None:
    """With file, line and key, as every mistake of the settings."""
    text = GOOD.replace("date = 2026-11-01", "").replace(before, after, 1)
    with pytest.raises(ConfigError, match=rf"collector\.toml:\d+: \[\[imports\]\]{why}"):
        read(tmp_path, text)
