"""The table of zones: exits first, bounded, and nothing left out in silence."""

from typing import Any

import msgspec
import pytest

from collector.facts.regions import BY_NAME
from collector.records import Judgement
from collector.settings.policy import Demands
from collector.web import zonesview
from collector.web.zonesview import Chosen
from tests.fakes.collector_ports import FakeReader

OUT = FakeReader().path_rows[0].judgement
"""Leaves FX."""
IN = FakeReader().path_rows[1].judgement


def paths(agent: str, zone: str, exits: int, others: int) -> list[Judgement]:
    """Return newest paths of one (agent, zone)."""
    named = [(OUT, f"z-out-{number:04d}") for number in range(exits)]
    named += [(IN, f"a-in-{number:04d}") for number in range(others)]
    return [
        msgspec.structs.replace(row, agent=agent, zone=zone, target=target) for row, target in named
    ]


def table(judged: list[Judgement], chosen: Chosen = Chosen(), measured: bool = False) -> Any:  # noqa: ANN401, B008 - a view
    """Return the table where FX is demanded of every path."""
    policy = {(row.agent, row.target): Demands(("FX",)) for row in judged}
    rows = FakeReader().zone_rows if measured else []
    return zonesview.table(rows, judged, policy, BY_NAME, chosen)


def keys(found: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - a view
    """Return whose the rows are."""
    return [(row["agent"], row["zone"]) for row in found["rows"]]


def test_all_is_shown_where_there_is_room() -> None:
    """The exits are first, then by target; nothing is counted as more."""
    found = table([*paths("a", "p/1", 0, 2), *paths("b", "p/1", 1, 2)])
    assert [("b", "p/1"), ("a", "p/1")] == keys(found)
    targets = [route["target"] for route in found["rows"][0]["routes"]]
    assert ["z-out-0000", "a-in-0000", "a-in-0001"] == targets
    assert [0, 0] == [row["more"] for row in found["rows"]]
    assert (0, 0) == (found["more"], found["exits"])


def test_each_zone_has_a_share() -> None:
    """Many paths of a zone leave room for the others; what is not shown is counted."""
    judged = [row for zone in range(30) for row in paths("a", f"p/{zone:02d}", 0, 40)]
    found = table(judged)
    assert 30 == len(found["rows"])
    assert {10} == {len(row["routes"]) for row in found["rows"]}
    assert {30} == {row["more"] for row in found["rows"]}


def test_exits_are_shown_beyond_the_share() -> None:
    """A zone's exits are all there, before anybody's path without one."""
    judged = [row for zone in range(30) for row in paths("a", f"p/{zone:02d}", 0, 40)]
    found = table([*judged, *paths("b", "p/99", 50, 10)])
    first = found["rows"][0]
    assert ("b", 50, 10, 0) == (first["agent"], len(first["routes"]), first["more"], first["exits"])
    assert sum(len(row["routes"]) for row in found["rows"]) <= zonesview.MAX_ROWS


def test_exits_without_room_are_counted() -> None:
    """Where there are more exits than rows, each row and the table say how many are missing."""
    found = table([*paths("a", "p/1", 280, 0), *paths("b", "p/1", 50, 5), *paths("c", "p/1", 7, 0)])
    assert [("a", "p/1"), ("b", "p/1")] == keys(found)
    last = found["rows"][1]
    assert (20, 35, 30) == (len(last["routes"]), last["more"], last["exits"])
    assert (1, 7) == (found["more"], found["exits"])


def test_a_zone_without_a_path_takes_a_row() -> None:
    """So many measured zones do not make the table endless either."""
    rows = [
        msgspec.structs.replace(FakeReader().zone_rows[0], region=f"r-{number:04d}")
        for number in range(zonesview.MAX_ROWS + 11)
    ]
    found: Any = zonesview.table(rows, [], {}, BY_NAME, Chosen())
    assert (zonesview.MAX_ROWS, 11, 0) == (len(found["rows"]), found["more"], found["exits"])


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (Chosen("a"), [("a", "p/1"), ("a", "p/2")]),
        (Chosen(zone="p/2"), [("a", "p/2"), ("b", "p/2")]),
        (Chosen("b", "p/2"), [("b", "p/2")]),
        (Chosen("c"), []),
    ],
)
def test_what_was_chosen_is_shown_alone(chosen: Chosen, expected: list[tuple[str, str]]) -> None:
    """By agent, by zone or by both; an unknown one has no rows."""
    judged = [row for a in "ab" for zone in ("p/1", "p/2") for row in paths(a, zone, 0, 1)]
    found = table(judged, chosen)
    assert expected == keys(found)
    assert (0, 0) == (found["more"], found["exits"])


def test_one_chosen_zone_has_the_room_of_all() -> None:
    """The share of one is the whole table."""
    judged = [row for zone in range(30) for row in paths("a", f"p/{zone:02d}", 0, 40)]
    (row,) = table(judged, Chosen("a", "p/07"))["rows"]
    assert (40, 0) == (len(row["routes"]), row["more"])


def test_numbers_stand_beside_paths() -> None:
    """A zone that was measured and one that was traced are one row, by agent and zone."""
    found = table(paths("paris", "oracle/eu-marseille-1", 1, 0), measured=True)
    first = found["rows"][0]
    assert ("21.63", "0 %", 1) == (first["p50"], first["loss"], len(first["routes"]))
    traced_alone = table(paths("paris", "p/1", 1, 0))["rows"][0]
    assert ("–", "–", False) == (traced_alone["p50"], traced_alone["loss"], traced_alone["lossy"])
