"""`[store.retention]`: what is kept for how long, by kind and level."""

from pathlib import Path
from typing import get_args

from collector.listed import DAY_NS, LEVELS_S, Kind, Segment
from collector.settings.config import load
from collector.settings.retention import Retention

GOOD = Path(__file__).parents[1] / "config" / "good.toml"


def segment(kind: Kind, level_s: int = 0) -> Segment:
    """Return some file of a kind and level."""
    return Segment(name="x", kind=kind, level_s=level_s, rows=1, octets=1, first_ns=0, last_ns=0)


def test_every_kind_and_level_has_its_time() -> None:
    """Coarser windows are kept longer; a companion as long as its windows."""
    keep = Retention()
    levels = [keep.kept_ns(segment("windows", level_s)) for level_s in LEVELS_S]
    assert sorted(levels) == levels
    assert levels[1] == keep.kept_ns(segment("moments", 60))
    others = set(get_args(Kind)) - {"windows", "moments"}
    assert {90, 800, 3660} == {keep.kept_ns(segment(kind)) // DAY_NS for kind in others}


def test_settings_are_read(tmp_path: Path) -> None:
    """What the file names changes, the rest is the default."""
    assert Retention() == load(GOOD).retention
    text = GOOD.read_text(encoding="utf-8").replace(
        "[limits]", "[store.retention]\nwindows_10s_days = 3\npaths_days = 7\n\n[limits]", 1
    )
    path = tmp_path / "collector.toml"
    path.write_text(text, encoding="utf-8")
    assert Retention(windows_10s_days=3, paths_days=7) == load(path).retention
