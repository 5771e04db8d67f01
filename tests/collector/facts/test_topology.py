"""From TopoJSON to lines: sides, steps, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collector.errors import ConfigError
from collector.facts import territories, topology
from collector.facts.topology import PER_DEGREE, STEP_KM, Borders, Line
from tests.fakes import soil_tables
from tests.fakes.soil_tables import RIGHTS


@pytest.fixture
def borders(tmp_path: Path) -> Borders:
    """Return the lines of the small world."""
    return topology.read(soil_tables.write(tmp_path), RIGHTS)


def sides(borders: Borders, line: Line) -> set[frozenset[str]]:
    """Return the claims on both sides of a line."""
    return {borders.labels[label] for label in line.labels}


def test_a_line_tells_whose_soil_ends_there(borders: Borders) -> None:
    """A border has two sides, a coast one; an enclave's outline is a border."""
    said = [sides(borders, line) for line in borders.lines]
    one = {code: frozenset({code}) for code in ("AA", "BB", "CC", "DD", "FB")}
    both = frozenset({"AA", "BB"})
    assert [
        {one["AA"], one["BB"]},
        {one["AA"]},
        {one["BB"]},
        {one["AA"], one["CC"]},
        {one["FB"]},
        {one["BB"], both},
        {one["AA"]},
        {one["DD"]},
        {frozenset({"EE", "FF"})},
    ] == said


def test_pieces_of_one_label_have_no_border_between_them(tmp_path: Path) -> None:
    """Where Beta and Gamma have one code, the line between them is nobody's end."""
    shapes = [
        soil_tables.shape("001", "Alpha", [[0, 1]]),
        soil_tables.shape("001", "Also Alpha", [[2, ~0]]),
        soil_tables.SHAPES[1],
    ]
    found = topology.read(soil_tables.write(tmp_path, soil_tables.document(shapes)), RIGHTS)
    middle = [line for line in found.lines if (line.points[:, 0] == 4).all()]
    assert [{frozenset({"BB"})}] == [sides(found, line) for line in middle]


def test_steps_are_short_and_stay_on_the_line(borders: Borders) -> None:
    """No step is longer than 5 km; the corners are kept, the cuts lie between them."""
    for line in borders.lines:
        steps = np.diff(line.points, axis=0)
        assert (np.hypot(*steps.T) * 111.7 <= STEP_KM + 0.01).all()
    coast = borders.lines[1].points
    assert [(4, 4), (4, 0)] == [tuple(coast[0]), tuple(coast[-1])]
    assert all(x in {0, 4} or y in {0, 4} for x, y in coast.tolist())
    assert (0, 4) in {tuple(point) for point in coast.tolist()}


def test_the_way_over_the_antimeridian_is_the_short_one(borders: Borders) -> None:
    """An island from 179 to -179 is two degrees wide."""
    island = borders.lines[4].points
    assert (179, 181) == (island[:, 0].min(), island[:, 0].max())


def test_every_coordinate_is_on_the_grid(borders: Borders) -> None:
    """So float32 holds each exactly."""
    for line in borders.lines:
        assert (line.points * PER_DEGREE == np.rint(line.points * PER_DEGREE)).all()
        assert (line.points == line.points.astype(np.float32)).all()
        assert len(line.points) > 1


def test_a_patch_covers_its_disc(borders: Borders) -> None:
    """The drawn line runs outside the disc, by one part in a hundred and a bit at most."""
    line = borders.lines[7].points
    reach = np.hypot((line[:, 0] + 5) * np.cos(np.radians(5)), line[:, 1] - 5)
    assert (reach * 110.5 * np.cos(np.pi / 32) >= 19.99).all()
    assert (reach * 111.7 <= 20.6).all()


def broken(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Return the small world with one change."""
    found: dict[str, Any] = json.loads(json.dumps(soil_tables.document()))
    change(found)
    return found


def _countries(found: dict[str, Any]) -> list[dict[str, Any]]:
    shapes: list[dict[str, Any]] = found["objects"]["countries"]["geometries"]
    return shapes


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda found: found.update(type="FeatureCollection"), "Invalid enum value"),
        (lambda found: found.pop("transform"), "missing required field `transform`"),
        (lambda found: found["objects"].pop("countries"), "required field `countries`"),
        (lambda found: found["arcs"].append([]), "an arc has no point"),
        (lambda found: found["arcs"].pop(), "list index out of range"),
        (lambda found: found["arcs"][0].append([0.5, 1]), "Expected `int`, got `float`"),
        (lambda found: _countries(found)[0].update(type="Point"), "Invalid value 'Point'"),
        (
            lambda found: _countries(found)[2].update(id="999"),
            r"the shape Gamma \(999\) has no row in tables/soil\.toml",
        ),
        (
            lambda found: _countries(found)[1].update(arcs=[[[2, ~0], [5]]]),
            "no piece of a shape lies in the boxes of Far Beta",
        ),
    ],
)
def test_another_form_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], why: str
) -> None:
    """File, what was found, and the question whether it is the right one."""
    path = soil_tables.write(tmp_path, broken(change))
    with pytest.raises(
        ConfigError, match=rf"cannot compile .*countries-10m\.json: .*{why}.*right file"
    ):
        topology.read(path, RIGHTS)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No file, no guess."""
    with pytest.raises(ConfigError, match=r"cannot read .*absent\.json: No such file"):
        topology.read(tmp_path / "absent.json", RIGHTS)


def test_the_table_of_the_release_is_for_other_borders(tmp_path: Path) -> None:
    """Borders of another set of shapes are not compiled with rights made for these."""
    with pytest.raises(ConfigError, match=r"the shape Alpha \(001\) has no row"):
        topology.read(soil_tables.write(tmp_path), territories.load())
