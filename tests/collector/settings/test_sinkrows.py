"""Each kind of database is told what it needs, and nothing that it has no use for."""

from pathlib import Path

import pytest

from collector.settings import config
from collector.settings.sinkrows import SinkSettings

GOOD = Path(__file__).parents[1] / "config" / "good.toml"


def _read(tmp_path: Path, *tables: str) -> tuple[SinkSettings, ...]:
    path = tmp_path / "collector.toml"
    sinks = "".join(f"\n[[sinks]]\n{table}" for table in tables)
    path.write_text(GOOD.read_text(encoding="utf-8") + sinks, encoding="utf-8")
    return config.load(path).sinks


URL = 'url = "https://db.example/path"\n'


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            'kind = "influx2"\norg = "o"\nbucket = "b"\n',
            SinkSettings(
                kind="influx2", name="influx2", url="https://db.example/path", org="o", bucket="b"
            ),
        ),
        (
            'kind = "influx3"\ndatabase = "b"\ntoken_file = "t"\n',
            SinkSettings(
                kind="influx3",
                name="influx3",
                url="https://db.example/path",
                bucket="b",
                token_file=Path("t"),
            ),
        ),
        (
            'kind = "victoriametrics"\nvmrange = true\nbacklog_s = 3600\nlag_s = 0\nname = "v"\n',
            SinkSettings(
                kind="victoriametrics",
                name="v",
                url="https://db.example/path",
                backlog_s=3600,
                lag_s=0,
                vmrange=True,
            ),
        ),
    ],
    ids=["influx2", "influx3", "victoriametrics"],
)
def test_each_kind_has_its_keys(tmp_path: Path, table: str, expected: SinkSettings) -> None:
    """What is not said is a day of backlog and a lag of 15 s."""
    assert (expected,) == _read(tmp_path, URL + table)


def test_the_first_releases_word_is_influxdb_2(tmp_path: Path) -> None:
    """A sink is called by its kind as it was written, unless it has a name."""
    common = URL + 'kind = "influx"\norg = "o"\nbucket = "b"\n'
    first, second = _read(tmp_path, common, common + 'name = "second"\ntoken_file = "t"\n')
    assert ("influx2", "influx", None) == (first.kind, first.name, first.token_file)
    assert ("influx2", "second", Path("t")) == (second.kind, second.name, second.token_file)
