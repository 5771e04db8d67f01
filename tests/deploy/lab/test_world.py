"""What the words of a scenario work out: delays, costs, names, overrides."""

import math
from pathlib import Path

import pytest

from deploy.lab.scenario import load
from tests.fakes.lab_worlds import dual_world, write_world


def test_great_circle_delay(tmp_path: Path) -> None:
    """A link is as long as the great circle times its factor, at 204.2 km/ms."""
    world = load(write_world(tmp_path))
    here, there = (48.0, 2.0), (50.0, 8.0)
    south, north, east = (math.radians(x) for x in (here[0], there[0], there[1] - here[1]))
    cosine = math.sin(south) * math.sin(north) + math.cos(south) * math.cos(north) * math.cos(east)
    expected_ms = math.acos(cosine) * 6371.0088 * 1.5 / 204.2
    assert world.link_delay_ns(world.links[1]) == pytest.approx(expected_ms * 1e6, rel=1e-6)
    assert world.link_delay_ns(world.links[0]) == 1_000_000


@pytest.mark.parametrize(
    ("words", "costs"),
    [
        ("delay_ms = 1.0", (1_000_000, 1_000_000)),
        ("delay_ms = 0", (1, 1)),
        ("delay_ms = 1.0\ncost = 7", (7_000, 7_000)),
        ("delay_ms = 1.0\ncost = [7, 9]", (7_000, 9_000)),
    ],
)
def test_costs(tmp_path: Path, words: str, costs: tuple[int, int]) -> None:
    """A link costs its delay, or what the file says in microseconds, there and back; never 0."""
    world = load(write_world(tmp_path, "delay_ms = 1.0", words))
    assert world.link_costs(world.links[0]) == costs


def test_names_by_address(tmp_path: Path) -> None:
    """Each address has its own name; a target's name is one for both families."""
    world = load(dual_world(tmp_path))
    assert world.host_names() == {
        "198.51.100.1": "a.example.net",
        "2001:db8::a": "a6.example.net",
        "192.0.2.7": "elsewhere.example.org",
        "198.51.100.3": "c.example.net",
        "192.0.2.80": "web.example.net",
        "2001:db8::80": "web.example.net",
    }


def test_a_name_may_lead_nowhere(tmp_path: Path) -> None:
    """The names of a router whose names do not resolve are PTR records alone."""
    world = load(dual_world(tmp_path))
    assert set(world.host_names()) - set(world.resolvable_names()) == {"192.0.2.7"}


def test_only_invented_networks_are_overridden() -> None:
    """The collector gets rows of what does not exist, and no row of a real operator."""
    rows = load("timed").overrides()
    assert {(row.asn, row.holder) for row in rows} == {(64500, "Borne test bench")}
    assert len(rows) == 3
