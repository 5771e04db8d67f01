"""What may be concluded follows from names, silence and places on every way of equal cost."""

from pathlib import Path

import pytest

from collector.facts.regions import BY_NAME
from deploy.lab.conclusions import conclusions, escapes
from deploy.lab.scenario import load
from tests.fakes.lab_worlds import write_world

FX = BY_NAME["FX"]


def verdicts(name: str | Path, target: str) -> set[str]:
    """Return what may be said of Paris' paths to a target, for FX."""
    return {
        verdict
        for truth in conclusions(load(name), (FX,))
        if truth.target == target and truth.agent == "paris"
        for verdict in truth.verdict
    }


@pytest.mark.parametrize(
    ("name", "target", "expected"),
    [
        ("inside", "129.151.225.20", {"SUPPORTED_INSIDE", "PROVEN_INSIDE"}),
        ("trombone", "13.36.40.20", {"SUPPORTED_OUTSIDE", "PROVEN_OUTSIDE"}),
        ("silent", "129.151.240.20", {"UNDETERMINED"}),
        (
            "ecmp",
            "37.187.40.20",
            {"SUPPORTED_INSIDE", "PROVEN_INSIDE", "SUPPORTED_OUTSIDE", "PROVEN_OUTSIDE"},
        ),
    ],
)
def test_each_way_has_its_verdict(name: str, target: str, expected: set[str]) -> None:
    """The verdicts of all ways together; a test with one flow may meet any of them."""
    assert expected == verdicts(name, target)


def test_a_nameless_router_leaves_a_way_undetermined_or_inside(tmp_path: Path) -> None:
    """The small world's second router has no name: what passes it is inside if time proves it."""
    world = load(write_world(tmp_path))
    nameless = {
        truth.verdict
        for truth in conclusions(world, (BY_NAME["EU"],))
        if truth.target == world.targets[0].address
    }
    assert nameless == {("PROVEN_INSIDE", "SUPPORTED_INSIDE", "UNDETERMINED")}


@pytest.mark.parametrize(
    ("name", "target", "leaves"),
    [("silent", "129.151.240.20", True), ("silent", "13.36.40.20", False)],
)
def test_what_leaves_unseen_escapes_all_the_same(name: str, target: str, leaves: bool) -> None:
    """A way through silent routers abroad is a way out."""
    assert leaves == (("paris", target) in escapes(load(name), FX))
