"""A redacted Statement names no agent and no private address, verifies, and says the same."""

import json
from typing import Any

import pytest

from collector.audit.evidence import statement
from collector.audit.redactedstatement import redact
from collector.audit.verification import verify
from collector.errors import UnreadableError
from collector.facts import knowledge
from collector.facts.knowledge import Knowledge
from collector.facts.networks import parse
from tests.collector.audit import test_evidence, test_evidence_rows
from tests.collector.audit.test_statements import BOTH, played, routes
from tests.collector.audit.test_verification_proofs import statement as proof
from tests.collector.test_routes_witness import known
from tests.fakes.evidence import unstored
from tests.fakes.paths import path, reply
from tests.fakes.statements import real

RELEASE = knowledge.load()
SALT = b"s" * 32
FINDING, CROSSING = sorted(
    unstored(played(routes(BOTH), 0, 2, abroad=True)).values(),
    key=lambda octets: json.loads(octets)["predicateType"],
)
STATEMENTS = {
    "demo": real(),
    "earlier": test_evidence.OCTETS,
    "every table": test_evidence_rows.OCTETS,
    "finding": FINDING,
    "with policy": CROSSING,
}
__all__ = ["known", "proof"]


def predicate(octets: bytes) -> dict[str, Any]:
    """Return what a Statement says."""
    found: dict[str, Any] = json.loads(octets)["predicate"]
    return found


def verdicts(octets: bytes) -> list[object]:
    """Return what was concluded of every round."""
    return [
        [(row["jurisdiction"], row["axis"], row["verdict"], row["countries"]) for row in one]
        for one in (judged["verdicts"] for judged in predicate(octets)["judgements"])
    ]


def private(octets: bytes) -> set[str]:
    """Return what nobody is to know: special addresses, gateways, agents, their ids, path ids."""
    told = predicate(octets)
    replies = [
        (hop["ttl"], one["address"])
        for way in told["paths"]
        for hop in way["hops"]
        for one in hop["replies"]
        if one.get("address")
    ]
    hidden = {
        address
        for ttl, address in replies
        if parse(address) and (ttl == 1 or RELEASE.networks.special(address))
    }
    names = {told["agent"]["name"]}
    names |= {row["agent"] for row in (*told["rows"]["landmarks"], *told["rows"]["standings"])}
    agents = {f'"agent":"{name}"' for name in names} | {f" agent {name} " for name in names}
    ids = {told["agent"]["id"], *(way["id"] for way in told["paths"])}
    return {f'"{word}"' for word in hidden | ids} | {f" {word} " for word in hidden} | agents


@pytest.mark.parametrize("octets", STATEMENTS.values(), ids=STATEMENTS)
def test_it_verifies_and_says_the_same(octets: bytes) -> None:
    """Judged again from itself; every verdict, country and time is that of the original."""
    found = redact(octets, SALT, RELEASE)
    checked = verify(found, RELEASE, version="0.1.0")
    assert ("consistent", ()) == (checked.result, checked.differences)
    assert verdicts(octets) == verdicts(found)
    (check,) = [row for row in checked.checks if row.what == "redacted"]
    assert test_evidence.digest(octets) in check.says


@pytest.mark.parametrize("octets", STATEMENTS.values(), ids=STATEMENTS)
def test_nothing_private_is_left(octets: bytes) -> None:
    """No word of it stands anywhere in the octets, by itself or in a sentence."""
    words = private(octets)
    assert len(words) >= 3
    assert any(word in octets.decode() for word in words)
    text = redact(octets, SALT, RELEASE).decode()
    assert [] == [word for word in words if word in text]


def test_the_salt_decides_and_nothing_else() -> None:
    """The same salt gives the same octets: two redacted forms can be compared."""
    first = redact(CROSSING, SALT, RELEASE)
    assert first == redact(CROSSING, SALT, RELEASE)
    assert first != redact(CROSSING, b"p" * 32, RELEASE)


def test_who_changes_a_redacted_form_is_found() -> None:
    """As with any Statement."""
    told = json.loads(redact(CROSSING, SALT, RELEASE))
    told["predicate"]["crossing"]["countries"] = ["FR"]
    found = verify(test_evidence.canonical(told), RELEASE, version="0.1.0")
    assert "inconsistent" == found.result


def test_a_changed_statement_has_no_redacted_form() -> None:
    """It would come out consistent, and nobody could see any more that it was changed."""
    told = json.loads(CROSSING)
    told["predicate"]["crossing"]["countries"] = ["FR"]
    with pytest.raises(UnreadableError, match="is not consistent"):
        redact(test_evidence.canonical(told), SALT, RELEASE)


def test_positions_are_told_to_a_degree_where_no_verdict_hangs_on_them() -> None:
    """And the zone lists the target of these paths alone."""
    told = predicate(redact(CROSSING, SALT, RELEASE))
    assert "to a degree" == told["redacted"]["positions"]
    place = told["agent"]["place"]
    assert (place["latitude"], place["name"]) == (round(place["latitude"]), "a place")
    assert 1 == len(told["rows"]["zones"][0]["targets"])
    assert told["policy"]["agent"] == told["agent"]["name"] != predicate(CROSSING)["agent"]["name"]


def test_a_proof_keeps_the_positions_that_it_hangs_on(proof: bytes, known: Knowledge) -> None:
    """The premise of a proof is where the agent stands; its name is a hash all the same."""
    found = redact(proof, SALT, known)
    told = predicate(found)
    assert "as declared" == told["redacted"]["positions"]
    assert "PROVEN_OUTSIDE" == told["crossing"]["verdict"]
    assert predicate(proof)["agent"]["name"] not in told["premise"]
    assert "consistent" == verify(found, known, version="0.1.0").result


def gateway_abroad() -> bytes:
    """Return a Statement whose only foreign hop is the first one."""
    hops = [
        [reply("193.251.241.22", "ae300-0.ffttr6.frankfurt.opentransit.net", rtt_ms=17.0)],
        [reply("62.115.125.171", "prs-b1-link.ip.twelve99.net", rtt_ms=18.0)],
        [reply("51.15.0.1", rtt_ms=25.0)],
    ]
    rounds = test_evidence.records(
        path(*hops, started_at="2026-11-24T12:00:00.000000001Z"),
        path(*hops, started_at="2026-11-24T12:00:10.000000002Z"),
    )
    crossings = test_evidence.Crossings()
    for record in rounds:
        crossings.observe(record.judgement, {"FX": test_evidence.Verdict.SUPPORTED_OUTSIDE})
    return statement(
        crossings.all()[0],
        rounds,
        test_evidence.VANTAGE,
        test_evidence.KNOWLEDGE,
        zone=test_evidence.HOME,
    )


def test_the_name_of_a_gateway_stays_where_the_verdict_hangs_on_it() -> None:
    """And it is said that it does; its address is another one of the same rows."""
    octets = gateway_abroad()
    found = redact(octets, SALT, RELEASE)
    told = predicate(found)
    assert "kept" == told["redacted"]["gateway_names"]
    assert verdicts(octets) == verdicts(found)
    first = told["paths"][0]["hops"][0]["replies"][0]
    assert "193.251.241.22" not in found.decode()
    assert first["name"].endswith("frankfurt.opentransit.net")
    assert first["address"].startswith("193.251."), "one that the same rows hold"


def test_an_address_of_an_agent_is_hidden_wherever_it_stands() -> None:
    """Here the target is another agent's host, which the settings name."""
    target = predicate(CROSSING)["paths"][0]["address"]
    found = redact(CROSSING, SALT, RELEASE, own=[target])
    assert f'"{target}"' not in found.decode()
    assert verdicts(CROSSING) == verdicts(found)
    assert "consistent" == verify(found, RELEASE, version="0.1.0").result


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (
            (test_evidence.File(__file__).parents[1] / "kept" / "statement-rules-2.json"),
            "other rules",
        ),
        (b"{}", "no in-toto Statement"),
        (b"no JSON", "JSON"),
    ],
)
def test_what_cannot_be_judged_again_has_no_redacted_form(octets: Any, says: str) -> None:  # noqa: ANN401 - a file or octets
    """It is said, and nothing is written."""
    read = octets if isinstance(octets, bytes) else octets.read_bytes()
    with pytest.raises(UnreadableError, match=says):
        redact(read, SALT, RELEASE)
