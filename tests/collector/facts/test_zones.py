"""The zone catalogue: sourced rows, sane names, no address that somebody guessed."""

import re

from collector.facts import carriers, places, regions, zones
from collector.facts.zones import CatalogueZone

ROWS = zones.load()
PROBED = [row for row in ROWS if row.probed]
HOST = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){2,}")


def of(provider: str, region: str) -> CatalogueZone:
    """Return one row."""
    (row,) = [r for r in ROWS if (r.zone.provider, r.zone.region) == (provider, region)]
    return row


def test_each_row_says_where_it_comes_from() -> None:
    """What is read names its document and its day; what is recalled is never probed."""
    assert [] == [row.zone.ident for row in ROWS if not row.source or row.date != "2026-11-26"]
    read = [row for row in ROWS if row.status == "read"]
    assert [] == [row.zone.ident for row in read if row.source.count("read 2026-11-26") < 2]
    recalled = [row for row in ROWS if row.status == "recalled"]
    assert {(False, True)} == {(r.probed, r.source.startswith("recalled: ")) for r in recalled}


def test_zones_and_targets_stand_once() -> None:
    """(provider, region) is the key, and a target belongs to one zone."""
    idents = [row.zone.ident for row in ROWS]
    targets = [target for row in ROWS for target in row.zone.targets]
    assert (len(set(idents)), len(set(targets))) == (len(idents), len(targets))


def test_targets_are_host_names_of_their_region() -> None:
    """A target is a full name in lower case that holds the region's id: no front end of all."""
    for row in PROBED:
        for target in row.zone.targets:
            assert HOST.fullmatch(target), target
            assert row.zone.region in target or row.zone.provider == "vultr", target


def test_a_row_without_targets_says_why() -> None:
    """Anycast front ends and names of one customer are no targets, and the reason is given."""
    assert [] == [row.zone.ident for row in ROWS if not row.zone.targets and not row.note]
    silent = {row.zone.provider for row in ROWS if row.status == "read" and not row.zone.targets}
    assert {"google", "azure"} == silent


def test_one_region_id_is_two_places() -> None:
    """eu-west-2 is London at one provider and Paris at two others."""
    found = [of(provider, "eu-west-2").zone for provider in ("aws", "outscale", "alibaba")]
    assert [(zone.place.territory, zone.group_country) for zone in found] == [
        ("GB", "US"),
        ("FR", "FR"),
        ("FR", "CN"),
    ]


def test_the_group_is_the_one_of_the_carriers() -> None:
    """Two tables cannot contradict each other: who is behind a provider is read from one."""
    known = {asn: row for row in carriers.load() for asn in row.asns}
    row = of("scaleway", "fr-par")
    assert (row.group, row.zone.group_country) == (known[12876].group, known[12876].group_country)
    assert known[12876].source in row.source


def test_a_zone_is_as_wide_as_its_source() -> None:
    """A city's radius is that of suburbs; where the country alone is named, the country's."""
    assert of("aws", "eu-west-1").zone.place.radius_km == 300.0
    assert of("ovh", "sbg").zone.place.radius_km == 10.0
    for row in ROWS:
        assert 10 <= row.zone.place.radius_km <= 640, row.zone.ident


def test_the_catalogue_covers_what_it_promises() -> None:
    """French zones of every provider that can be probed, and zones in each neighbour but one."""
    french = {row.zone.provider for row in PROBED if row.zone.place.territory == "FR"}
    assert french == {"alibaba", "aws", "linode", "oracle", "outscale", "ovh", "scaleway"}
    abroad = {row.zone.place.territory for row in PROBED} - {"FR"}
    assert abroad == {"CH", "CN", "DE", "ES", "GB", "IE", "IT", "NL", "SG", "US"}


def test_places_are_those_of_the_other_table() -> None:
    """A city has one pair of coordinates in the collector."""
    paris = places.load()["paris"]
    place = of("aws", "eu-west-3").zone.place
    assert (place.latitude, place.longitude, place.name) == (
        paris.latitude,
        paris.longitude,
        paris.name,
    )


def test_france_is_demanded_of_french_pairs() -> None:
    """The policy knows the territories of the catalogue."""
    found = [regions.demanded("FR", of(*key).zone.place.territory) for key in (("ovh", "gra"),)]
    found += [regions.demanded("FR", of("aws", "eu-central-1").zone.place.territory)]
    assert found == ["FX", "EU"]
