"""The tools of the field are the judge: inside the lab they see what the scenario says.

What is kept in `benchmarks/field_tools.json` was written by `python -m benchmarks.field_table`;
here every tool is asked again and must come to the same.
"""

import os
import sys

import pytest

from benchmarks import field_table, field_tools
from benchmarks.field_tools import Row
from tests.fakes.lab_process import require

KEPT = field_table.load()
LEAST_LOSS = 100 - 10 * (6 + 2)
"""In percent: of ten probes in half a second six find the bucket full, and one or two a token."""


def expected(row: Row) -> str:
    """What a kept row says here; without root scamper cannot run, which is no disagreement."""
    from_scamper = row.tool.startswith(("scamper", "tracelb"))
    return "refused" if from_scamper and os.geteuid() != 0 else row.level


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("world", field_tools.worlds())
def test_the_tools_agree(world: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each tool of each family comes to the level that is kept, and none disagrees."""
    for tool in field_tools.TOOLS:
        require(tool.command[0], tool.package)
    rows = field_tools.measure(world)
    with capsys.disabled():
        sys.stdout.write("\n" + field_table.table(rows))
    found = {(row.tool, row.family): row.level for row in rows}
    kept = [row for row in KEPT if row.world == world]
    assert {(row.tool, row.family): expected(row) for row in kept} == found


@pytest.mark.slow
def test_a_limit_shows_as_loss_at_its_router_alone() -> None:
    """Ten quick probes of each hop: the router with a limit loses, whoever stands behind does not.

    The fifth hop is the fourth router: before it stand the gateway and three routers.
    """
    require("mtr", "mtr-tiny")
    losses = field_tools.limited_loss()
    assert [0.0] * 4 == losses[:4]
    assert LEAST_LOSS <= losses[4] < 100
    assert [0.0] * 3 == losses[5:]


@pytest.mark.slow
@pytest.mark.parametrize("family", [4, 6])
def test_a_narrow_link_is_found_where_it_is(family: int) -> None:
    """The kernel believes the error of the router before it and cuts what it sends.

    The device itself says 1,500 at first; the link is crossed on the way to the sixth hop.
    """
    require("traceroute", "traceroute")
    assert {1: 1500, 6: 1400} == field_tools.path_mtus(family)


def test_every_kept_disagreement_is_the_tools_own() -> None:
    """Nothing is kept that says no; what shows less, or cannot run, says why."""
    assert [] == [row for row in KEPT if row.level == "no"]
    assert [] == [row for row in KEPT if row.level != "yes" and not row.why]


def test_every_tool_was_asked_about_every_world_of_its_own() -> None:
    """The kept table has no holes."""
    wanted = {
        (tool.name, world, family)
        for tool in field_tools.TOOLS
        for world in tool.worlds or field_tools.worlds()
        for family in (4, 6)
    }
    assert wanted == {(row.tool, row.world, row.family) for row in KEPT}


def test_the_table_is_made_from_the_rows() -> None:
    """Nobody edited the Markdown by hand."""
    assert field_table.MARKDOWN.read_text(encoding="utf-8") == field_table.markdown(KEPT)
