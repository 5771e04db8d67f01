"""The chain and its compiled tables: those of the settings, those beside the package, or none."""

from pathlib import Path

import msgspec
import pytest

from collector import atlas
from collector.chain import Chain
from collector.errors import StoreError
from tests.fakes import atlas_tables
from tests.fakes.collector_durable import StoppedClock, config


async def test_the_atlas_of_the_settings_is_opened(tmp_path: Path) -> None:
    """The tables of the named directory tell their day; a directory without them is an error."""
    settings = msgspec.structs.replace(config(tmp_path), atlas=atlas_tables.built(tmp_path / "a"))
    async with Chain(settings, clock=StoppedClock()) as chain:
        assert {"origin": 1_781_654_400, "registrant": 1_781_654_400, "soil": 0} == chain.geodata
    with pytest.raises(StoreError, match=r"open the table .*origin\.atlas: .*No such file"):
        async with Chain(msgspec.structs.replace(settings, atlas=tmp_path)):
            raise AssertionError


async def test_a_start_without_tables_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where nothing is built the collector runs, and one warning says what is missing."""
    monkeypatch.setattr(atlas, "BESIDE", tmp_path)
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        assert {"origin": 0, "registrant": 0, "soil": 0} == chain.geodata
    texts = [record.getMessage() for record in caplog.records]
    (said,) = [text for text in texts if "tables were not built" in text]
    assert said.startswith("goes on without origin and registrant of addresses: ")
    assert said.endswith("or name their directory in [atlas] of the settings")
