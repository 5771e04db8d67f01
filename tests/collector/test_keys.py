"""The checks that tables share; their messages are tested file by file in `test_config`."""

from pathlib import Path

import pytest

from agent import settings
from agent.errors import ConfigError
from agent.settings import Table
from collector import keys


def table(tmp_path: Path, text: str) -> Table:
    """Return the table `[t]` of a file."""
    path = tmp_path / "settings.toml"
    path.write_text(f"[t]\n{text}\n", encoding="utf-8")
    return settings.read(path).table("t")


def test_values_arrive_in_their_usual_writing(tmp_path: Path) -> None:
    """A territory and a day come back as they stand."""
    found = table(tmp_path, 'where = "FR"\nday = "2026-01-31"')
    assert ("FR", "2026-01-31") == (keys.territory(found, "where"), keys.day(found, "day"))


@pytest.mark.parametrize("code", ["fr", "FRA", "F", "", "UK", "FX"])
def test_what_is_no_territory_is_refused(tmp_path: Path, code: str) -> None:
    """Only two capital letters of ISO 3166-1 pass."""
    with pytest.raises(ConfigError):
        keys.checked_territory(table(tmp_path, ""), "where", code)


def test_a_value_is_taken_once(tmp_path: Path) -> None:
    """The second row with the same value is told who has it."""
    once = keys.Once("agent")
    assert "7" == once.take(table(tmp_path, ""), "id", "7", "paris")
    with pytest.raises(ConfigError, match='"7" is already taken by agent "paris"'):
        once.take(table(tmp_path, ""), "id", "7", "lyon")
