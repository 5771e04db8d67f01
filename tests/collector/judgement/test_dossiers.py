"""What is kept of an address is what the tables would say again, and for these tables alone."""

from dataclasses import replace

import msgspec

from collector.facts import knowledge
from collector.facts.names import NameReader
from collector.facts.regions import BY_NAME, JURISDICTIONS
from collector.judgement.borders import judge
from collector.judgement.dossiers import KEPT, Dossiers, dossiers
from collector.records import Judgement
from tests.fakes.paths import FRANKFURT, MARSEILLE, path, reply, zone

KNOWLEDGE = knowledge.load()
ADDRESS = "193.251.241.22"
NAME = "ae300-0.ffttr6.frankfurt.opentransit.net"
PARIS_NAME = "prs-b1-link.ip.twelve99.net"


def judged(*hops: object, tables: knowledge.Knowledge = KNOWLEDGE, at: object = None) -> Judgement:
    """Judge one path by these tables."""
    one = path(*hops, address=ADDRESS)  # type: ignore[arg-type]
    zoned = zone(at) if at is not None else None  # type: ignore[arg-type]
    return judge(one, agent="paris", zone=zoned, knowledge=tables, jurisdictions=JURISDICTIONS)


def test_what_is_kept_is_what_would_be_said_again() -> None:
    """The second time is the same object, equal to what new dossiers say."""
    kept = Dossiers(KNOWLEDGE, JURISDICTIONS)
    first = kept.of(ADDRESS, ((NAME, True),), None)
    assert kept.of(ADDRESS, ((NAME, True),), None) is first
    assert first == Dossiers(KNOWLEDGE, JURISDICTIONS).of(ADDRESS, ((NAME, True),), None)
    assert "outside" == first.hop.verdicts["FX"]


def test_everything_it_depends_on_makes_another_dossier() -> None:
    """Address, names, whether they were checked, and the zone each change what is said."""
    kept = Dossiers(KNOWLEDGE, JURISDICTIONS)
    asked = [
        (ADDRESS, ((NAME, True),), None),
        (ADDRESS, ((NAME, None),), None),
        (ADDRESS, ((NAME, True), (PARIS_NAME, True)), None),
        (ADDRESS, (), zone(MARSEILLE)),
        (ADDRESS, (), zone(FRANKFURT)),
        ("9.9.9.9", ((PARIS_NAME, True),), None),
        ("10.0.0.1", (), None),
    ]
    found = [kept.of(*one) for one in asked]
    said = [known.hop for known in found]
    assert len(asked) == len({msgspec.json.encode(one) for one in said})


def test_an_excluded_address_keeps_its_name() -> None:
    """A private address has no place, and is shown by its name all the same."""
    known = dossiers(KNOWLEDGE, JURISDICTIONS).of("10.0.0.1", (("gw.example", None),), None)
    assert (True, "gw.example") == (known.hop.excluded, known.hop.name)
    assert ["excluded"] == [row.kind for row in known.hop.evidence]


def test_other_tables_and_jurisdictions_have_dossiers_of_their_own() -> None:
    """Tables without the rules of an operator never answer with a place that others know."""
    without = tuple(row for row in KNOWLEDGE.operators if "opentransit.net" not in row.domains)
    other = replace(KNOWLEDGE, operators=without, names=NameReader(without))
    told = [judged([reply(ADDRESS, NAME)], tables=tables) for tables in (KNOWLEDGE, other)]
    assert ["outside", "unknown"] == [found.hops[0].verdicts["FX"] for found in told]
    assert dossiers(KNOWLEDGE, JURISDICTIONS) is dossiers(KNOWLEDGE, JURISDICTIONS)
    one = (BY_NAME["EU"],)
    assert dossiers(KNOWLEDGE, one) is not dossiers(KNOWLEDGE, JURISDICTIONS)
    known = dossiers(KNOWLEDGE, one).of(ADDRESS, ((NAME, True),), None)
    assert {"EU": "inside"} == known.hop.verdicts


def test_a_time_is_never_kept() -> None:
    """A short time refutes a place, and the next path with a long one finds it again."""
    times_ms = (20.0, 1.0, 20.0)
    words = [judged([reply(ADDRESS, NAME, rtt_ms=ms)]).hops[0].verdicts["FX"] for ms in times_ms]
    assert ["outside", "contradictory", "outside"] == words


def test_no_more_are_kept_than_the_bound() -> None:
    """What nobody asks for any more goes."""
    assert Dossiers(KNOWLEDGE, JURISDICTIONS).of.cache_info().maxsize == KEPT


def test_routers_of_one_holder_in_one_city_share_what_is_said_of_both() -> None:
    """Equal parts are kept once: holders, places, words and what they mean."""
    kept = Dossiers(KNOWLEDGE, JURISDICTIONS)
    one = kept.of(ADDRESS, ((NAME, True),), None)
    other = kept.of("193.251.241.23", ((NAME, True),), None)
    assert one.administration is other.administration
    assert one.territory is other.territory
    assert one.hop.holders is other.hop.holders
    assert one.hop.candidates is other.hop.candidates
    assert one.hop.verdicts is other.hop.verdicts
