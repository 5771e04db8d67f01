"""The chain and its compiled tables: those of the settings, those beside the package, or none."""

from pathlib import Path

import msgspec
import pytest

from collector.chain import Chain
from collector.errors import ConfigError, StoreError
from collector.facts import atlas, provenance
from collector.facts.imported import Import
from tests.fakes import atlas_tables
from tests.fakes.collector_durable import StoppedClock, config


async def test_the_atlas_of_the_settings_is_opened(tmp_path: Path) -> None:
    """The tables of the named directory tell their day; a directory without them is an error."""
    settings = msgspec.structs.replace(config(tmp_path), atlas=atlas_tables.built(tmp_path / "a"))
    async with Chain(settings, clock=StoppedClock()) as chain:
        found = chain.geodata
        compiled = [found[name] for name in ("origin", "registrant", "cloud", "soil")]
        assert [1_781_654_400, 1_781_654_400, 0, 0] == compiled
        assert all(found[name] >= 1_795_478_400 for name in provenance.tables())
    with pytest.raises(StoreError, match=r"open the table .*origin\.atlas: .*No such file"):
        async with Chain(msgspec.structs.replace(settings, atlas=tmp_path)):
            raise AssertionError


async def test_a_start_without_tables_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing is built the collector runs, and one warning says what is missing."""
    monkeypatch.setattr(atlas, "BESIDE", tmp_path)
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        found = chain.geodata
        assert {0} == {found[name] for name in ("origin", "registrant", "cloud", "soil")}
    texts = [record.getMessage() for record in caplog.records]
    (said,) = [text for text in texts if "tables were not built" in text]
    assert said.startswith("goes on without origin and registrant of addresses: ")
    assert said.endswith("or name their directory in [atlas] of the settings")


async def test_imports_tell_their_day_and_what_was_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A geofeed is dated by the settings; its bad line is logged with file and number."""
    feed = tmp_path / "feed.csv"
    feed.write_text("198.51.100.0/24,FR,FR-IDF,Paris,\n198.51.100.1/24,FR,,,\n", encoding="utf-8")
    row = Import(kind="geofeed", name="ours", path=feed, author="me", date="2026-11-26")
    settings = msgspec.structs.replace(config(tmp_path), imports=(row,))
    async with Chain(settings, clock=StoppedClock()) as chain:
        assert 1_795_651_200 == chain.geodata["import ours"]
    texts = [record.getMessage() for record in caplog.records]
    (said,) = [text for text in texts if "import ours" in text]
    why = "'198.51.100.1/24' is no prefix: it has host bits set; the line is left out"
    assert said == f"import ours: {feed}, line 2: {why}"


async def test_an_import_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """One sentence says which and why; nothing is served on less."""
    none = tmp_path / "none"
    row = Import(kind="geofeed", name="ours", path=none, author="me", date="2026-11-26")
    settings = msgspec.structs.replace(config(tmp_path), imports=(row,))
    with pytest.raises(ConfigError, match=r"^import ours: .*none cannot be read: No such file"):
        async with Chain(settings, clock=StoppedClock()):
            raise AssertionError
