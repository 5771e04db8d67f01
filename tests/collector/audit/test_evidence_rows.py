"""A Statement of the second rules holds every row that they used, and is judged again from them."""

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from agent.records import Origin, Protocol, Stamp
from collector.audit import rounds
from collector.audit.evidence import statement
from collector.episodes.crossings import Crossings
from collector.facts import knowledge
from collector.facts.networks import Networks, load_special
from collector.facts.regions import JURISDICTIONS
from collector.judgement import anycast
from collector.judgement.anycast import Anycast
from collector.judgement.borders import judge
from collector.nearness import Landmark
from collector.records import PathRecord, Vantage, Verdict
from collector.wall import wall_text
from tests.fakes.paths import FROM_PARIS, MARSEILLE, PARIS, path, reply, zone
from tests.fakes.ranges import RowTables, origin, registrant
from tests.fakes.statements import rejudged

T0 = 1_795_521_600_000_000_000
TABLES = RowTables(
    [
        origin("193.251.0.0", "193.251.255.255", 5511, "Orange"),
        origin("154.54.0.0", "154.54.255.255", 174, "Cogent"),
        origin("1.0.0.0", "1.0.0.255", 13335, "Cloudflare"),
    ],
    [registrant("62.115.0.0", "62.115.255.255", "SE")],
)
KNOWN = replace(knowledge.load(), networks=Networks(load_special(), (), TABLES))
HOPS = (
    [reply("62.115.125.171", "prs-b1-link.ip.twelve99.net", confirmed=None, rtt_ms=1.2)],
    [reply("154.54.38.125", rtt_ms=9.0)],
    [reply("80.249.208.10", rtt_ms=12.0)],
    [reply("193.251.241.22", "ae300-0.ffttr6.frankfurt.opentransit.net", confirmed=None)],
    [reply("51.15.0.1", rtt_ms=1.0)],
)
HERE = msgspec.structs.replace(PARIS, radius_km=FROM_PARIS.radius_km)
WITNESS = Landmark(
    address="193.251.241.22",
    agent="fra-1",
    origin=Origin(latitude=50.11552, longitude=8.68417, radius_km=10.0),
    rtt_ns=500_000,
    samples=3,
    protocol=Protocol.ICMP,
    stamp=Stamp.KERNEL,
    sent_ns=T0 + 3_000_000_000,
)
VANTAGE = Vantage(name="paris", agent_id=bytes(16), token_sha256="", place=HERE)


def predicate(landmarks: tuple[Landmark, ...] = (WITNESS,)) -> tuple[bytes, dict[str, Any]]:
    """Return the Statement of two rounds and what witnesses measured, and what it says."""
    memory, crossings, records = Anycast(KNOWN.networks, ()), Crossings(), []
    lyon = Origin(latitude=45.74906, longitude=4.84789, radius_km=5.0)
    memory.observe(path(HOPS[-1], origin=lyon, started_at=wall_text(T0)), "lyon")
    for number in range(2):
        one = path(*HOPS, started_at=wall_text(T0 + number * 10_000_000_000))
        several = tuple(memory.observe(one, "paris").values())
        judged = judge(
            one,
            agent="paris",
            zone=zone(MARSEILLE),
            knowledge=KNOWN,
            jurisdictions=JURISDICTIONS,
            anycast=anycast.evidence(several),
        )
        records.append(PathRecord(path=one, judgement=judged, several=several, landmarks=landmarks))
        crossings.observe(judged, {"FX": Verdict.SUPPORTED_OUTSIDE})
    octets = statement(crossings.all()[0], records, VANTAGE, KNOWN, zone=zone(MARSEILLE))
    return octets, json.loads(octets)["predicate"]


OCTETS, PREDICATE = predicate()
ROWS = PREDICATE["rows"]


@pytest.mark.parametrize(
    ("table", "key", "expected"),
    [
        ("origins", "asn", [174, 5511]),
        ("registrants", "country", ["SE"]),
        ("carriers", "group_country", ["FR", "SE", "US"]),
        ("exchanges", "prefix", ["80.249.208.0/21"]),
        ("places", "key", ["amsterdam", "frankfurt", "paris"]),
        ("anycast", "address", ["51.15.0.1", "51.15.0.1"]),
        ("landmarks", "sent_at", ["2026-11-24T12:00:03.000000000Z"] * 2),
    ],
)
def test_each_table_that_took_part_is_there(table: str, key: str, expected: list[object]) -> None:
    """The rows that were used, and none that were not."""
    assert expected == sorted(row[key] for row in ROWS[table])


def test_the_rows_are_enough_to_judge_both_axes_again() -> None:
    """Exchange, origin, registrant, carrier and two agents' times: nothing else was needed."""
    assert rounds.read(OCTETS).judgements == rejudged(PREDICATE)


@pytest.mark.parametrize("table", ["origins", "registrants", "carriers", "exchanges", "anycast"])
def test_each_of_these_rows_matters(table: str) -> None:
    """Without it the judgement is another one: it does not stand there for show."""
    less = {**PREDICATE, "rows": {**ROWS, table: []}}
    assert rounds.read(OCTETS).judgements != rejudged(less)


def test_the_premise_names_every_agent_whose_times_took_part() -> None:
    """The observer first, then the witnesses."""
    assert PREDICATE["premise"] == (
        "if agent paris is at 48.85341, 2.3488 (within 5.0 km; declared, untested), and agent "
        "fra-1 is at 50.11552, 8.68417 (within 10.0 km; declared, untested)"
    )


def test_an_agent_that_is_its_own_witness_is_named_once() -> None:
    """The observer may have pinged the hop itself: its position is one premise, not two."""
    own = msgspec.structs.replace(WITNESS, agent="paris", origin=FROM_PARIS)
    _, told = predicate((WITNESS, own))
    assert told["premise"] == PREDICATE["premise"]


def test_it_is_the_same_every_time() -> None:
    """The same rounds give the same octets."""
    assert OCTETS == predicate()[0]
