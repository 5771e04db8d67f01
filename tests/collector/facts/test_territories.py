"""The table of territories: codes, claims, parts and patches, each with its right."""

import re

from collector.facts import territories
from collector.facts.regions import JURISDICTIONS

RIGHTS = territories.load()


def test_every_row_is_whole() -> None:
    """Claims are codes of two capital letters; boxes, discs and reasons make sense."""
    claims = [row.claims for row in (*RIGHTS.shapes, *RIGHTS.parts, *RIGHTS.discs())]
    assert all(re.fullmatch("[A-Z]{2}", code) for row in claims for code in row)
    assert all(claims)
    assert all(re.fullmatch("[A-Z]{2}", code) for code in RIGHTS.alpha().values())
    assert all(re.fullmatch("[0-9]{3}", number) for number in RIGHTS.alpha())
    assert all(p.box[0] < p.box[2] and p.box[1] < p.box[3] for p in RIGHTS.parts)
    assert all(-90 < p.latitude < 90 and -180 <= p.longitude <= 180 for p in RIGHTS.discs())
    assert all(0 < p.radius_km < 400 for p in RIGHTS.discs())
    assert all(row.why for row in (*RIGHTS.shapes, *RIGHTS.patches))


def test_the_parts_overseas_have_codes_of_their_own() -> None:
    """What France, the Netherlands and Norway have overseas is no soil of FR, NL or NO."""
    parts = {(part.shape, *part.claims) for part in RIGHTS.parts}
    french = {("France", code) for code in ("GF", "GP", "MQ", "RE", "YT")}
    assert french | {("Netherlands", "BQ"), ("Norway", "SJ"), ("Norway", "BV")} <= parts
    alone = {"234": "FO", "304": "GL", "663": "MF", "652": "BL", "540": "NC", "666": "PM"}
    more = {"258": "PF", "876": "WF", "260": "TF", "292": "GI", "832": "JE", "831": "GG"}
    codes = RIGHTS.alpha()
    assert {**alone, **more} == {number: codes[number] for number in (*alone, *more)}


def test_a_shape_finds_its_row() -> None:
    """By its name first, then by its number; without either nothing is known."""
    assert frozenset({"RS", "XK"}) == RIGHTS.of_shape("Kosovo", None)
    assert frozenset({"EH", "MA"}) == RIGHTS.of_shape("W. Sahara", "732")
    assert frozenset({"FR"}) == RIGHTS.of_shape("France", "250")
    assert frozenset({"FI"}) == RIGHTS.of_shape("Åland", "248")
    assert RIGHTS.of_shape("Atlantis", None) is None
    assert RIGHTS.of_shape("Atlantis", "999") is None


def test_every_territory_of_a_jurisdiction_has_soil() -> None:
    """No list names a code that no shape, part or patch has."""
    rows = (*RIGHTS.shapes, *RIGHTS.parts, *RIGHTS.discs())
    known = set(RIGHTS.alpha().values()).union(*(row.claims for row in rows))
    assert set() == set().union(*(row.territories for row in JURISDICTIONS)) - known


def test_a_box_holds_its_edges() -> None:
    """South, west, north, east; the edges belong to it."""
    guiana = next(part for part in RIGHTS.parts if part.name == "French Guiana")
    south, west, north, east = guiana.box
    assert guiana.holds(south, west)
    assert guiana.holds(north, east)
    assert not guiana.holds(south - 0.1, west)
    assert not guiana.holds(north, east + 0.1)
