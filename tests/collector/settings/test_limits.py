"""The limits of the door: defaults, and one batch within them always passes."""

from pathlib import Path

import pytest

from agent import settings
from agent.errors import ConfigError
from collector.settings.limits import Limits, limits


def read(directory: Path, text: str) -> Limits:
    """Return the limits that a file with this table gives."""
    path = directory / "c.toml"
    path.write_text(f"[limits]\n{text}\n", encoding="utf-8")
    return limits(settings.read(path).table("limits"))


def test_an_empty_table_gives_the_defaults(tmp_path: Path) -> None:
    """Nothing has to be said."""
    assert Limits() == read(tmp_path, "")


def test_every_key_is_read(tmp_path: Path) -> None:
    """Each key arrives as the word it stands for."""
    expected = Limits(
        body_octets=2000,
        inflated_octets=3000,
        inflated_ratio=9,
        skew_s=1,
        backlog_octets=4000,
        questions=5,
        descriptors_octets=6000,
        journal_octets=7000,
        series=6,
        targets=7,
    )
    names = Limits.__struct_fields__
    text = "\n".join(f"{name} = {getattr(expected, name)}" for name in names)
    assert expected == read(tmp_path, text)


def test_a_backlog_holds_one_batch(tmp_path: Path) -> None:
    """A backlog below the largest batch would refuse it for ever: a mistake of the settings."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "backlog_octets = 33554431")
    assert str(caught.value).endswith(
        "c.toml:2: [limits] backlog_octets: must be 33554432 at least: one batch within the limits"
        " must pass"
    )
