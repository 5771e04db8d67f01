"""The limits of answers, as the settings give them."""

from pathlib import Path

import pytest

from agent import settings
from collector.errors import ConfigError
from collector.settings import answerlimits
from collector.settings.answerlimits import AnswerLimits


def test_limits_are_read(tmp_path: Path) -> None:
    """Every key is taken, those that are absent have their defaults."""
    path = tmp_path / "collector.toml"
    path.write_text("[limits]\nanswer_points = 2000\nanswer_range_s = 7200\n", "utf-8")
    expected = AnswerLimits(answer_points=2000, answer_range_s=7200)
    assert expected == answerlimits.read(settings.read(path).table("limits"))


@pytest.mark.parametrize("key", ["answer_points", "answer_steps", "answer_range_s"])
def test_a_limit_has_bounds(tmp_path: Path, key: str) -> None:
    """A limit of nothing would refuse every question; it is refused itself, by name."""
    path = tmp_path / "collector.toml"
    path.write_text(f"[limits]\n{key} = 0\n", "utf-8")
    with pytest.raises(ConfigError, match=rf"collector.toml:2: .*{key}"):
        answerlimits.read(settings.read(path).table("limits"))
