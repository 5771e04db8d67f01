"""Whose soil is where: the small world, and the compiled borders of the release."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import given
from hypothesis import strategies as st

from collector.facts import soil
from collector.facts.soil import A_KM, B_KM, Soil, angle, sphere
from tests.fakes import soil_tables

LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Soil:
    """Return the small world."""
    return soil_tables.opened(tmp_path_factory.mktemp("soil"))


@pytest.fixture(scope="module")
def real() -> Soil:
    """Return the borders of the release."""
    return soil_tables.real()


@pytest.mark.parametrize(
    ("latitude", "longitude", "claims"),
    [
        (0.5, 0.5, "AA"),
        (3.9, 3.9, "AA"),
        (3.9, 4.1, "BB"),
        (1.2, 1.2, "CC"),
        (2.7, 2.7, ""),
        (1.5, 6.5, "AA BB"),
        (0.5, 6.5, "BB"),
        (5, -5, "DD"),
        (5, -8, "EE FF"),
        (-9.5, 179.5, "FB"),
        (-9.5, -179.5, "FB"),
        (-9.5, 180, "FB"),
        (-9.5, 180.5, "FB"),
        (-9.5, 178.9, ""),
        (-8.9, 180, ""),
        (2, 9, ""),
        (-1, 2, ""),
        (4.1, 2, ""),
        (90, 0, ""),
        (-90, 0, ""),
    ],
)
def test_a_point_is_on_somebodys_soil(
    small: Soil, latitude: float, longitude: float, claims: str
) -> None:
    """States, their border, an enclave, a lake, a disc, an island over the antimeridian, sea."""
    assert frozenset(claims.split()) == small.at(latitude, longitude)


def test_a_line_between_two_states_belongs_to_one_of_them(small: Soil) -> None:
    """Along a border, and through corners, no point is lost or counted twice."""
    for step in range(1, 400):
        assert len(small.labels_at(step / 100, 4)) == 1
        assert len(small.labels_at(step / 100, 0.001)) == 1
    assert frozenset({"AA"}) == small.at(0.5, 1)
    assert frozenset({"BB"}) == small.at(0.5, 7)


def test_ground_is_chosen_by_claims(small: Soil) -> None:
    """Contested soil is home and abroad at once; a border is of both sides, a coast of one."""
    home, abroad = small.home(frozenset({"AA"})), small.abroad(frozenset({"AA"}))
    contested = small.claims.index(frozenset({"AA", "BB"}))
    assert contested in home.labels & abroad.labels
    assert set(range(len(small.claims))) == home.labels | abroad.labels
    assert {contested} == home.labels & abroad.labels
    assert home is small.home(frozenset({"AA"}))
    assert (home.runs | abroad.runs).all()
    assert not small.of(frozenset({"ZZ"})).runs.any()
    assert frozenset({"AA", "BB", "CC", "DD", "EE", "FF", "FB"}) == small.known


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_the_sphere_bounds_the_geodesic(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float
) -> None:
    """For any two points: angle times b <= geodesic on WGS84 <= angle times a."""
    points = sphere(np.array([(longitude, latitude), (other_longitude, other_latitude)]))
    spanned = float(angle(points[0], points[1]))
    km = Geodesic.WGS84.Inverse(latitude, longitude, other_latitude, other_longitude)["s12"] / 1e3
    assert spanned * B_KM <= km + 1e-5
    assert km <= spanned * A_KM + 1e-5


def test_runs_keep_within_their_reach(real: Soil) -> None:
    """No point is farther from the centre of its run than the run says."""
    some = slice(None, None, 97)
    points = sphere(real.points[some].astype(np.float64))
    spans = angle(points, real.centres[some, np.newaxis]).max(axis=1)
    assert (spans <= real.reaches[some] + 1e-12).all()


@pytest.mark.parametrize(
    ("name", "latitude", "longitude", "claims"),
    [
        ("Paris", 48.8534, 2.3488, "FR"),
        ("Strasbourg", 48.5734, 7.7521, "FR"),
        ("EuroAirport", 47.59, 7.53, "FR"),
        ("Corsica", 42.2, 9.1, "FR"),
        ("Monaco", 43.7384, 7.4246, "MC"),
        ("Geneva", 46.2044, 6.1432, "CH"),
        ("Andorra", 42.507, 1.522, "AD"),
        ("San Marino", 43.94, 12.446, "SM"),
        ("the Vatican, in Rome", 41.9038, 12.4521, "IT VA"),
        ("Llivia, in France", 42.464, 1.98, "ES"),
        ("Buesingen, in Switzerland", 47.6997, 8.6886, "CH DE"),
        ("Campione, in Switzerland", 45.97, 8.97, "CH IT"),
        ("Baarle, in the Netherlands", 51.441, 4.93, "BE NL"),
        ("Réunion", -21.1, 55.5, "RE"),
        ("Guadeloupe", 16.1, -61.7, "GP"),
        ("Martinique", 14.65, -61, "MQ"),
        ("Kourou", 5.16, -52.65, "GF"),
        ("Mayotte", -12.8, 45.15, "YT"),
        ("Saint-Pierre", 46.96, -56.33, "PM"),
        ("Saint-Martin", 18.08, -63.06, "MF"),
        ("Sint Maarten", 18.03, -63.05, "SX"),
        ("Nouméa", -22.2, 166.5, "NC"),
        ("Tahiti", -17.65, -149.45, "PF"),
        ("Futuna", -14.29, -178.13, "WF"),
        ("Kerguelen", -49.3, 69.5, "TF"),
        ("Bonaire", 12.2, -68.3, "BQ"),
        ("Svalbard", 78.5, 16, "SJ"),
        ("Bouvet", -54.42, 3.4, "BV"),
        ("Tórshavn", 62.01, -6.77, "FO"),
        ("Nuuk", 64.17, -51.7, "GL"),
        ("Ceuta", 35.889, -5.316, "ES"),
        ("Tenerife", 28.3, -16.5, "ES"),
        ("Kaliningrad", 54.7, 20.5, "RU"),
        ("Chukotka", 68, -179, "RU"),
        ("Simferopol", 44.95, 34.1, "RU UA"),
        ("Pristina", 42.66, 21.16, "RS XK"),
        ("north of Nicosia", 35.25, 33.36, "CY ZZ"),
        ("Kastellorizo", 36.149, 29.594, "GR"),
        ("off Dieppe", 50.2, 0.9, ""),
        ("the Pole", -90, 0, "AQ"),
    ],
)
def test_places_are_where_they_are(
    real: Soil, name: str, latitude: float, longitude: float, claims: str
) -> None:
    """Enclaves, borders, parts overseas, contested soil, and sea that others call French."""
    assert (name, frozenset(claims.split())) == (name, real.at(latitude, longitude))


def test_the_header_tells_the_provenance(real: Soil) -> None:
    """Package, day, licence, attribution."""
    header = real.header
    assert ("soil", "world-atlas@2.0.2", "2018-01-01") == (header.name, header.source, header.date)
    assert header.attribution[0].startswith("Made with Natural Earth, https://")
    assert "1:10,000,000" in header.caution


def test_a_table_that_was_not_built_is_none(tmp_path: Path) -> None:
    """No file: None, not an error."""
    assert Soil.open(tmp_path) is None


def test_a_changed_table_of_territories_is_another_version() -> None:
    """Who changes `tables/soil.toml` raises `soil.VERSION`: else old files would stay."""
    path = Path(soil.__file__).parents[1] / "tables" / "soil.toml"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    assert (1, "52a6340b5f6d8f84") == (soil.VERSION, digest)


def test_the_day_of_the_data_is_told(tmp_path: Path) -> None:
    """As Unix time of its midnight, for the metric of ages."""
    assert 1_795_651_200 == soil_tables.opened(tmp_path).dated_s
