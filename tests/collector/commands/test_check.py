"""`--config.check`: what is odd is said, and fine all the same."""

from pathlib import Path

import pytest

from collector.cli import main
from tests.fakes import soil_tables

TOML = """
[store]
directory = "store"
[atlas]
directory = "{tables}"
[[agents]]
name = "lyon"
id = "000102030405060708090a0b0c0d0e0f"
token_sha256 = "{digest}"
city = "Lyon"
territory = "AA"
latitude = 2
longitude = {longitude}
radius_km = 10
"""


@pytest.mark.parametrize(("longitude", "lines"), [(2, 0), (6, 1)])
def test_coordinates_of_another_country_are_no_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], longitude: int, lines: int
) -> None:
    """They are said on stderr; the exit is 0."""
    soil_tables.opened(tmp_path)
    file = tmp_path / "c.toml"
    file.write_text(TOML.format(tables=tmp_path, digest="0" * 64, longitude=longitude))
    assert 0 == main(["serve", "--config.file", str(file), "--config.check"])
    out, err = capsys.readouterr()
    assert (f"{file}: fine\n", lines) == (out, err.count('agent "lyon" is declared in AA'))


def test_damaged_borders_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The settings are fine; positions cannot be checked."""
    (tmp_path / "soil.atlas").write_bytes(b"nothing of the kind")
    file = tmp_path / "c.toml"
    file.write_text(TOML.format(tables=tmp_path, digest="0" * 64, longitude=2))
    assert 0 == main(["serve", "--config.file", str(file), "--config.check"])
    assert "soil.atlas" in capsys.readouterr().err
