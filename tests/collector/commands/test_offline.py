"""The tables of commands without settings: what is missing is said, what is damaged is refused."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from collector.cli import main
from collector.commands import offline
from collector.errors import ConfigError
from collector.facts import atlas
from collector.settings import config


@pytest.fixture(name="beside", autouse=True)
def _beside(tmp_path: Path) -> Iterator[Path]:
    """Look for compiled tables in an empty folder."""
    with mock.patch.object(atlas, "BESIDE", tmp_path):
        yield tmp_path


def test_missing_tables_are_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Names and places are there all the same."""
    assert offline.tables().names.operator("prs-b1-link.ip.twelve99.net") is not None
    assert (
        "borne-collector: goes on without origin and registrant of addresses: the tables were not "
        "built; run `make atlas` in a checkout\n"
        "borne-collector: goes on without borders: the table was not built, and nothing can be "
        "proven; run `make atlas` in a checkout\n"
    ) == capsys.readouterr().err


def test_a_damaged_table_is_refused(beside: Path) -> None:
    """It is the operator's to build again: exit 2, not the 1 of a verdict."""
    (beside / "origin.atlas").write_bytes(b"nothing of the kind")
    with pytest.raises(ConfigError, match=r"^open the compiled tables: .*origin\.atlas"):
        offline.tables()


def test_settings_bring_rows_lists_and_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Holders, own lists and imports of a collector; a file of the command comes last."""
    feed, other = tmp_path / "feed.csv", tmp_path / "other.csv"
    feed.write_text("198.51.100.0/24,FR\n198.51.100.1/24,FR\n", encoding="utf-8")
    other.write_text("198.51.100.0/25,DE\n", encoding="utf-8")
    good = (Path(__file__).parents[1] / "config" / "good.toml").read_text(encoding="utf-8")
    row = f'kind = "geofeed"\nname = "ours"\npath = "{feed}"\nauthor = "me"\ndate = "2026-11-26"\n'
    settings = tmp_path / "collector.toml"
    settings.write_text(f"{good}\n[[imports]]\n{row}", encoding="utf-8")
    added = offline.given(settings, [other])
    assert Path("/var/lib/borne-atlas") == added.directory
    assert ("BENELUX", "BE") == (added.own[0].name, min(added.lists["BENELUX"].territories))
    known = offline.tables(replace(added, directory=None))
    assert ["ours", "other.csv"] == [row.name for row in known.imported("198.51.100.7")]
    holder = known.networks.holder("198.51.100.7")
    assert holder is not None
    assert "Example Transit" == holder.holder
    assert f"borne-collector: import ours: {feed}, line 2: " in capsys.readouterr().err


def test_without_options_nothing_is_added() -> None:
    """The tables of the release alone."""
    added = offline.given(None, [])
    assert ((), (), None) == (added.imports, added.own, added.directory)
    assert "ADEQUACY" in added.lists


def test_commands_show_what_an_imported_file_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`place` and `explain` name the file and its day, and that it decides nothing."""
    feed = tmp_path / "feed.csv"
    feed.write_text("62.115.125.0/24,DE,DE-HE,Frankfurt,\n", encoding="utf-8")
    assert 0 == main(["place", "62.115.125.171", "--import", str(feed), "--json"])
    (row,) = json.loads(capsys.readouterr().out)["evidence"]
    assert ("geofeed", "feed.csv (geofeed, imported by command line)") == (
        row["kind"],
        row["source"],
    )
    path = tmp_path / "path.json"
    hop = {"ttl": 1, "replies": [{"address": "62.115.125.171"}]}
    path.write_text(json.dumps({"format": "borne-path/1", "id": "x", "hops": [hop]}), "utf-8")
    assert 0 == main(["explain", str(path), "--import", str(feed)])
    told = " ".join(capsys.readouterr().out.split())
    assert "feed.csv puts it in DE-HE, Frankfurt, DE; such a file decides nothing" in told
    assert "○ not known" in told


def test_a_file_that_cannot_be_used_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 and one sentence."""
    assert 2 == main(["place", "62.115.125.171", "--import", str(tmp_path)])
    assert "--import" in capsys.readouterr().err


def test_settings_that_only_bring_rows_need_neither_agents_nor_a_store(tmp_path: Path) -> None:
    """Who explains a path serves nobody."""
    file = tmp_path / "rows.toml"
    file.write_text(f'[atlas]\ndirectory = "{tmp_path}"\n')
    assert tmp_path == offline.given(file, ()).directory
    with pytest.raises(ConfigError, match="directory"):
        config.load(file)
