"""The tables of commands without settings: what is missing is said, what is damaged is refused."""

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from collector import atlas, offline
from collector.errors import ConfigError


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
