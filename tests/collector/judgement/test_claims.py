"""A name speaks for its address only where its operator has something to do with the address."""

from dataclasses import replace

import pytest

from collector.facts import knowledge
from collector.facts.networks import Networks, load_special
from collector.judgement.claims import claims
from collector.judgement.sightings import Sighting
from collector.records import OriginRow, RegistrantRow
from tests.fakes.paths import reply
from tests.fakes.ranges import RowTables, origin, registrant

ADDRESS, ON_LAN = "193.251.241.22", "80.81.192.10"
ORANGE = "ae300-0.ffttr6.frankfurt.opentransit.net"
ARELION = "ffm-b1-link.ip.twelve99.net"
LOADED = knowledge.load()
ALL = ("0.0.0.0", "255.255.255.255")
OURS, THEIRS = origin(*ALL, 5511), origin(*ALL, 174)
FRENCH, GERMAN = registrant(*ALL, "FR"), registrant(*ALL, "DE")

Rows = tuple[OriginRow | None, RegistrantRow | None]
NO_ATLAS: Rows = (None, None)


def weighed(
    checked: bool | None,
    rows: Rows,
    address: str = ADDRESS,
    *more: str,
    names: tuple[str, ...] = (ORANGE,),
) -> list[tuple[bool, str]]:
    """Return (counts, what is said) of each name of an address."""
    tables = RowTables([row for row in rows[:1] if row], [row for row in rows[1:] if row])
    known = replace(LOADED, networks=Networks(load_special(), (), tables))
    sighting = Sighting()
    for name in (*names, *more):
        sighting.take(reply(address, name, confirmed=checked))
    return [
        (claim.counts, claim.called if claim.counts else claim.grounds)
        for claim in claims(address, sighting, known)
    ]


@pytest.mark.parametrize("rows", [NO_ATLAS, (OURS, FRENCH), (THEIRS, GERMAN), (None, FRENCH)])
def test_what_resolves_back_counts_and_what_does_not_never_does(rows: Rows) -> None:
    """The operator's own zone decides, whoever announces the address."""
    assert [(True, f"confirmed name {ORANGE}")] == weighed(True, rows)
    assert [(False, "it does not resolve back to the address")] == weighed(False, rows)


def test_an_unchecked_name_counts_on_the_operators_own_address() -> None:
    """Who announces the address wrote the name."""
    assert [
        (True, f"name {ORANGE}, on an address that its operator announces (AS5511),")
    ] == weighed(None, (OURS, None))


@pytest.mark.parametrize("checked", [True, None])
def test_in_a_shared_domain_a_name_counts_on_the_operators_own_addresses_alone(
    checked: bool | None,
) -> None:
    """Whoever has a name in qc.ca lets it resolve where he likes: no place and no holder."""
    name = "be100-1320.bhs-g1-nc5.qc.ca"
    ovh = origin(*ALL, 16276)
    own = "on an address that its operator announces (AS16276)"
    doubt = (
        "others have names in that domain too, and nobody knows that the address is announced by "
        "OVHcloud (AS16276)"
    )
    assert [(True, f"name {name}, {own},")] == weighed(checked, (ovh, None), names=(name,))
    for rows in (NO_ATLAS, (THEIRS, FRENCH), (None, FRENCH)):
        assert [(False, doubt)] == weighed(checked, rows, names=(name,))


def test_a_borrowed_domain_counts_for_nothing() -> None:
    """An unchecked name on somebody else's address is an invention until the contrary is shown."""
    ((counts, doubt),) = weighed(None, (THEIRS, FRENCH))
    assert not counts
    assert doubt == (
        "nobody checked that it resolves back to the address, which is announced by AS174, not by "
        "Orange (Opentransit, AS5511)"
    )


def test_an_unannounced_address_needs_its_registrant() -> None:
    """Without origin the operator's country decides; without tables nothing does."""
    assert [(True, f"name {ORANGE}, on an unannounced address registered in FR,")] == weighed(
        None, (None, FRENCH)
    )
    doubt = [(False, "nobody checked that it resolves back to the address")]
    assert doubt == weighed(None, (None, GERMAN))
    assert doubt == weighed(None, NO_ATLAS)


def test_what_contradicts_an_unannounced_address() -> None:
    """Another operator's name, or the network of an exchange."""
    assert [False, False] == [
        counts for counts, _ in weighed(None, (None, FRENCH), ADDRESS, ARELION)
    ]
    assert [False] == [counts for counts, _ in weighed(None, (None, FRENCH), ON_LAN)]


def test_names_in_no_known_domain_claim_nothing() -> None:
    """They are no claims at all, and contradict none."""
    assert [True] == [counts for counts, _ in weighed(None, (None, FRENCH), ADDRESS, "dns.google")]
