"""The Statement holds what a verdict rests on, and is the same octets every time."""

import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.records import Hop, Origin, Path, PathReply
from collector.audit import rounds
from collector.audit.evidence import LIMITS, PREDICATE_TYPE, STATEMENT_TYPE, digest, statement
from collector.episodes.crossings import Crossings
from collector.facts import knowledge
from collector.facts.knowledge import Knowledge
from collector.facts.regions import JURISDICTIONS
from collector.judgement.borders import judge
from collector.records import RULES, Crossing, NetworkOverride, PathRecord, Vantage, Verdict
from tests.fakes.filed_rows import (
    anycast_of_the_file,
    carriers_of_the_file,
    exchanges_of_the_file,
    names_of_the_file,
    places_of_the_file,
    special_of_the_file,
)
from tests.fakes.paths import FROM_PARIS, MARSEILLE, PARIS, path, reply, zone
from tests.fakes.statements import rejudged

OVERRIDE = NetworkOverride(
    prefix="193.251.240.0/20",
    asn=5511,
    holder="Orange",
    author="me",
    date="2026-11-24",
    reason="a test",
)
KNOWLEDGE = knowledge.load([OVERRIDE])
HERE = msgspec.structs.replace(PARIS, radius_km=FROM_PARIS.radius_km)
VANTAGE = Vantage(name="paris", agent_id=bytes(range(16)), token_sha256="5ecret" * 8, place=HERE)
HOME = zone(MARSEILLE)
HOPS = (
    [reply("192.168.1.1", rtt_ms=0.4)],
    [reply("62.115.125.171", "prs-b1-link.ip.twelve99.net", rtt_ms=1.2)],
    [reply("193.251.241.22", "ae300-0.ffttr6.frankfurt.opentransit.net", rtt_ms=17.0)],
    [reply("62.115.44.165", "edge.ip.twelve99.net", rtt_ms=24.0)],
    [reply("51.15.0.1", rtt_ms=25.0)],
)


def records(*paths: Path, known: Knowledge = KNOWLEDGE) -> list[PathRecord]:
    """Judge paths as the collector does."""
    return [
        PathRecord(
            path=one,
            judgement=judge(
                one, agent="paris", zone=HOME, knowledge=known, jurisdictions=JURISDICTIONS
            ),
        )
        for one in paths
    ]


def confirmed() -> tuple[Crossing, list[PathRecord]]:
    """Return a crossing that two rounds confirmed, and the rounds."""
    found = records(
        path(*HOPS, started_at="2026-11-24T12:00:00.000000001Z"),
        path(*HOPS, started_at="2026-11-24T12:00:10.000000002Z"),
    )
    crossings = Crossings()
    for record in found:
        crossings.observe(record.judgement, {"FX": Verdict.SUPPORTED_OUTSIDE})
    return crossings.all()[0], found


CROSSING, ROUNDS = confirmed()
OCTETS = statement(CROSSING, ROUNDS, VANTAGE, KNOWLEDGE, zone=HOME)
STATEMENT: dict[str, Any] = json.loads(OCTETS)
PREDICATE = STATEMENT["predicate"]


def test_it_is_an_in_toto_statement() -> None:
    """Type, predicate type and subjects are where other programs look for them."""
    assert STATEMENT["_type"] == STATEMENT_TYPE == "https://in-toto.io/Statement/v1"
    assert STATEMENT["predicateType"] == PREDICATE_TYPE == "urn:borne:path-verdict:1"
    assert set(STATEMENT) == {"_type", "subject", "predicateType", "predicate"}
    assert [row["name"] for row in STATEMENT["subject"]] == [record.path.id for record in ROUNDS]


def test_it_is_canonical_json() -> None:
    """The octets are those of RFC 8785 over what they say."""
    assert rfc8785.dumps(STATEMENT) == OCTETS


def test_every_member_has_a_digest() -> None:
    """What nothing else repeats (the agent's id, say) cannot be changed unnoticed either."""
    members = {name: member for name, member in PREDICATE.items() if name != "digests"}
    expected = {name: sha256(member) for name, member in members.items()}
    assert expected == PREDICATE["digests"]


def test_subjects_are_the_digests_of_the_raw_paths() -> None:
    """Anyone can take a path out, canonicalise it and find its digest; the path is the one sent."""
    for row, raw, record in zip(STATEMENT["subject"], PREDICATE["paths"], ROUNDS, strict=True):
        assert row["digest"] == {"sha256": hashlib.sha256(rfc8785.dumps(raw)).hexdigest()}
        assert msgspec.convert(raw, type=Path) == record.path


def test_the_verdict_can_be_recomputed_from_the_raw_paths() -> None:
    """Judging the enclosed paths again gives the enclosed judgements."""
    again = records(*(msgspec.convert(raw, type=Path) for raw in PREDICATE["paths"]))
    assert json.loads(statement(CROSSING, again, VANTAGE, KNOWLEDGE, zone=HOME)) == STATEMENT


def test_it_names_its_premise_and_its_limits() -> None:
    """The position is a declaration, and what cannot be told is told."""
    assert PREDICATE["premise"] == (
        "if agent paris is at 48.85341, 2.3488 (within 5.0 km; declared, untested)"
    )
    assert PREDICATE["limits"] == list(LIMITS)
    for word in ("forward path", "Tunnels", "silence"):
        assert any(word in limit for limit in PREDICATE["limits"])
    assert PREDICATE["rules"] == RULES
    assert set(PREDICATE["versions"]) == {"borne"}


def test_without_positions_the_premise_says_so() -> None:
    """A path without an origin used no distance."""
    found = records(path(*HOPS, origin=None))
    told = json.loads(statement(CROSSING, found, VANTAGE, KNOWLEDGE))
    assert "no distance was used" in told["predicate"]["premise"]


def test_it_holds_the_rows_used_and_no_others() -> None:
    """Rule, place, holder, special, zone and jurisdiction rows, each with status and source."""
    rows = PREDICATE["rows"]
    assert {(row["rule"], row["code"], row["status"]) for row in rows["names"]} == {
        ("arelion.node", "prs", "observed"),
        ("opentransit.city", "frankfurt", "observed"),
    }
    assert len(rows["names"]) == 2
    assert all(row["source"] and row["pattern"] for row in rows["names"])
    assert {row["operator"] for row in rows["names"]} == {row["id"] for row in rows["operators"]}
    assert all(row["domains"] for row in rows["operators"])
    assert sorted(row["key"] for row in rows["places"]) == ["frankfurt", "paris"]
    assert [row["prefix"] for row in rows["networks"]] == ["193.251.240.0/20"]
    assert [row["prefix"] for row in rows["special"]] == ["192.168.0.0/16"]
    assert [(row["provider"], row["region"]) for row in rows["zones"]] == [("ovh", "x")]
    assert [row["name"] for row in rows["jurisdictions"]] == ["FX", "FR", "EU", "EEA"]
    assert rows["jurisdictions"][0]["territories"] == ["FR"]


def test_it_names_the_whole_tables() -> None:
    """The digest of every table stands beside the rows."""
    assert PREDICATE["tables"] == KNOWLEDGE.digests()
    assert set(PREDICATE["tables"]) == {
        *("anycast", "carriers", "exchanges", "jurisdictions", "names", "networks", "places"),
        "special",
    }


def test_wall_times_are_text_with_nanoseconds() -> None:
    """2^53 ns since the epoch ended in April 1970: wall times are RFC 3339 strings."""
    crossing = PREDICATE["crossing"]
    assert crossing["first_seen_at"] == "2026-11-24T12:00:00.000000001Z"
    assert crossing["confirmed_at"] == "2026-11-24T12:00:10.000000002Z"
    assert crossing["ended_at"] is None
    assert PREDICATE["judgements"][0]["started_at"] == "2026-11-24T12:00:00.000000001Z"
    assert "evidence" not in crossing


def test_the_agents_secret_stays_out() -> None:
    """Name, id and place of the agent are shown; the digest of its token is not."""
    assert PREDICATE["agent"]["id"] == bytes(range(16)).hex()
    assert b"5ecret" not in OCTETS
    assert b"token" not in OCTETS


def test_same_input_same_octets() -> None:
    """Neither the order of the records nor an attached digest changes anything."""
    attached = msgspec.structs.replace(CROSSING, evidence="ab" * 32)
    fresh = knowledge.load([OVERRIDE])
    assert statement(attached, ROUNDS[::-1], VANTAGE, fresh, zone=HOME) == OCTETS
    assert digest(OCTETS) == hashlib.sha256(OCTETS).hexdigest()


def test_one_changed_time_changes_the_digest() -> None:
    """A nanosecond in a raw reply is another Statement."""
    first, second = ROUNDS
    hop = first.path.hops[-1]
    late = msgspec.structs.replace(hop.replies[0], rtt_ns=25_000_001)
    hops = (*first.path.hops[:-1], Hop(ttl=hop.ttl, replies=(late,)))
    changed = records(msgspec.structs.replace(first.path, hops=hops))
    assert digest(statement(CROSSING, [*changed, second], VANTAGE, KNOWLEDGE, zone=HOME)) != digest(
        OCTETS
    )


NUMBERS = st.integers(-(2**63), 2**63 - 1)
WILD = st.floats(allow_nan=True, allow_infinity=True) | st.just(math.nan)


@given(NUMBERS, NUMBERS, WILD, st.text(st.characters(codec="utf-8"), max_size=8))
@settings(max_examples=100)
def test_no_path_makes_it_fail(rtt_ns: int, ttl: int, wild: float, text: str) -> None:
    """Numbers that canonical JSON refuses are written as text."""
    odd = msgspec.structs.replace(
        path([PathReply(address=text, name=text, rtt_ns=rtt_ns)], address=text),
        hops=(Hop(ttl=ttl, replies=(PathReply(address=text, rtt_ns=rtt_ns),)),),
        origin=Origin(latitude=wild, longitude=wild, radius_km=wild),
        id=text,
    )
    octets = statement(CROSSING, records(odd), VANTAGE, KNOWLEDGE)
    assert rfc8785.dumps(json.loads(octets)) == octets


@pytest.mark.parametrize("size", [0, 3])
def test_any_number_of_rounds(size: int) -> None:
    """One proof, two rounds or more: a subject for each."""
    found = records(*(path(*HOPS, started_at=f"2026-11-24T12:00:0{at}Z") for at in range(size)))
    assert len(json.loads(statement(CROSSING, found, VANTAGE, KNOWLEDGE))["subject"]) == size


# --- an auditor with the octets alone -----------------------------------------------------------


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Write canonical JSON without the library: keys sorted, no blanks, whole floats as integers.

    Enough for what Statements hold: keys are ASCII, numbers have few digits.
    """
    match value:
        case dict():
            members = (
                canonical(key) + b":" + canonical(value[key])
                for key in sorted(value, key=lambda key: key.encode("utf-16-be"))
            )
            return b"{" + b",".join(members) + b"}"
        case list() | tuple():
            return b"[" + b",".join(map(canonical, value)) + b"]"
        case float() if value.is_integer():
            return str(int(value)).encode()
        case _:
            return json.dumps(value, ensure_ascii=False).encode()


def sha256(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the digest of the canonical JSON."""
    return hashlib.sha256(canonical(value)).hexdigest()


def test_an_auditor_finds_every_digest() -> None:
    """Octets and subjects from the Statement alone, table digests from the release's own files."""
    assert canonical(STATEMENT) == OCTETS
    assert [sha256(raw) for raw in PREDICATE["paths"]] == [
        row["digest"]["sha256"] for row in STATEMENT["subject"]
    ]
    assert PREDICATE["tables"] == {
        "anycast": sha256(anycast_of_the_file()),
        "carriers": sha256(carriers_of_the_file()),
        "exchanges": sha256(exchanges_of_the_file()),
        "jurisdictions": sha256(PREDICATE["rows"]["jurisdictions"]),
        "networks": sha256(PREDICATE["rows"]["networks"]),
        "names": sha256(names_of_the_file()),
        "places": sha256(places_of_the_file()),
        "special": sha256(special_of_the_file()),
    }


def test_the_rows_are_rows_of_those_tables() -> None:
    """Nothing in the Statement's rows was made up for it."""
    rows = PREDICATE["rows"]
    places = {canonical(row) for row in places_of_the_file()}
    special = {canonical(row) for row in special_of_the_file()}
    operators = {row["id"]: row for row in names_of_the_file()}
    assert {canonical(row) for row in rows["places"]} <= places
    assert {canonical(row) for row in rows["special"]} <= special
    assert {canonical(row) for row in rows["carriers"]} <= set(
        map(canonical, carriers_of_the_file())
    )
    assert rows["carriers"]
    for row in rows["names"]:
        rule = next(r for r in operators[row["operator"]]["rules"] if r["id"] == row["rule"])
        assert row["pattern"] == rule["pattern"]
        assert {key: row[key] for key in ("code", "place", "status", "source", "date")} in rule[
            "codes"
        ]


def test_the_rows_are_enough_to_judge_again() -> None:
    """A world that holds nothing but the Statement's rows gives the Statement's judgements."""
    assert rejudged(PREDICATE) == rounds.read(OCTETS).judgements


def test_every_process_writes_the_same_octets() -> None:
    """No order of a set or a dictionary reaches the octets, whatever its hash seed."""
    program = (
        "import sys; from tests.collector.audit.test_evidence import OCTETS, digest; "
        "print(digest(OCTETS))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            cwd=File(__file__).parents[3],
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("0", "1", "4242")
    }
    assert found == {digest(OCTETS)}


def test_no_integer_is_too_large_for_canonical_json() -> None:
    """Every number can be read by a program whose numbers are IEEE doubles."""

    def numbers(value: Any) -> Iterator[int]:  # noqa: ANN401 - any JSON value
        match value:
            case dict():
                yield from (found for member in value.values() for found in numbers(member))
            case list():
                yield from (found for member in value for found in numbers(member))
            case int():
                yield value

    found = list(numbers(STATEMENT))
    assert len(found) > 50
    assert all(abs(number) < 2**53 for number in found)
