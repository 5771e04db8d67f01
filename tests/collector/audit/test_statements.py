"""Statements of episodes: built once from the rounds that led there, shown when they are stored."""

import json
from typing import Any

import msgspec

from collector.audit import evidence
from collector.audit.statements import Setting, Statements, written
from collector.facts import knowledge
from collector.records import NetworkOverride, Verdict
from collector.routes import Routes
from collector.settings.policy import Demands, Policy, PolicyRow
from tests.collector.audit.test_evidence import CROSSING, HOME, KNOWLEDGE, ROUNDS, VANTAGE
from tests.fakes.collector_durable import NOW_NS, S_NS, ZONE, path, vantage
from tests.fakes.evidence import store_all, unstored

SETTING = Setting(VANTAGE, HOME, Policy().ruling(VANTAGE, HOME, "target"))
SUSPECTED = msgspec.structs.replace(CROSSING, confirmed_ns=None, rounds=1)
FOREIGN = NetworkOverride(
    prefix="62.115.0.0/16",
    asn=1299,
    holder="Example Transit",
    author="a test",
    date="2026-11-26",
    reason="a test",
    group="Example Holding",
    group_country="US",
)
BOTH = PolicyRow(agent="agent-0", demands=Demands(("FX",), ("FX",)))


def predicate(octets: bytes) -> dict[str, Any]:
    """Return what a Statement says."""
    found: dict[str, Any] = json.loads(octets)["predicate"]
    return found


def test_the_confirming_round_calls_for_a_statement_of_both() -> None:
    """It holds the row of the policy and what is supposed; the rounds are kept for a proof."""
    made = Statements()
    made.follow(SUSPECTED, ROUNDS[0], SETTING)
    assert () == made.drafts
    made.follow(CROSSING, ROUNDS[1], SETTING)
    (draft,) = made.drafts
    assert ("", None) == (draft.setting.vantage.token_sha256, draft.setting.vantage.certificate)
    told = predicate(written(draft, KNOWLEDGE))
    assert [row.path.id for row in ROUNDS] == [one["id"] for one in told["paths"]]
    assert (True, ["FX"], "SUPPORTED_OUTSIDE") == (
        told["policy"]["default"],
        told["policy"]["territory"],
        told["policy"]["open_at"],
    )
    assert [] == told["suppositions"], "no borders, nothing to suppose"
    assert {CROSSING.id: tuple(ROUNDS)} == made.rounds


def test_a_crossing_is_shown_when_its_statement_is_stored() -> None:
    """Not before, and not without one."""
    made = Statements()
    made.follow(CROSSING, ROUNDS[1], SETTING)
    assert None is made.shown(CROSSING)
    made.stored(made.drafts[0])
    attached = msgspec.structs.replace(CROSSING, evidence="the digest")
    assert attached == made.shown(attached)
    assert None is made.shown(CROSSING)


def test_a_proof_before_the_first_statement_is_stored_makes_two() -> None:
    """Each is stated as it was; between both the crossing is shown without the proof."""
    made = Statements()
    made.follow(CROSSING, ROUNDS[0], SETTING)
    proved = msgspec.structs.replace(CROSSING, verdict=Verdict.PROVEN_OUTSIDE, rounds=7)
    made.follow(proved, ROUNDS[1], SETTING)
    made.follow(proved, ROUNDS[1], SETTING)
    first, second = made.drafts
    assert (Verdict.SUPPORTED_OUTSIDE, 1) == (first.episode.verdict, len(first.rounds))
    assert (Verdict.PROVEN_OUTSIDE, 2) == (second.episode.verdict, second.episode.rounds)
    made.stored(first)
    attached = msgspec.structs.replace(proved, evidence="the first digest")
    assert msgspec.structs.replace(attached, verdict=CROSSING.verdict) == made.shown(attached)
    made.stored(second)
    assert attached == made.shown(attached)


def test_what_ends_or_is_dropped_is_forgotten_with_its_rounds() -> None:
    """A suspicion that the next round clears leaves nothing."""
    made = Statements()
    made.follow(SUSPECTED, ROUNDS[0], SETTING)
    made.follow(msgspec.structs.replace(SUSPECTED, ended_ns=2), ROUNDS[1], SETTING)
    assert ({}, ()) == (made.rounds, made.drafts)


def routes(*rows: PolicyRow, kept: bytes | None = None) -> Routes:
    """Return routes whose operator knows a foreign group, under a policy."""
    return Routes(knowledge.load([FOREIGN]), [ZONE], kept, policy=Policy(rows))


def played(found: Routes, begin: int, end: int, *, abroad: bool) -> Routes:
    """Let rounds come in."""
    for second in range(begin, end):
        at_ns = NOW_NS + second * S_NS
        found.add(vantage(0), [path(at_ns, abroad=abroad)], at_ns, at_ns)
    return found


def test_a_finding_has_a_statement_of_its_own() -> None:
    """Of the two rounds that confirmed it; its digest is told when it can be fetched."""
    held = played(routes(BOTH), 0, 2, abroad=False)
    (waiting,) = held.findings()
    assert waiting.evidence is None
    ((digest, octets),) = store_all(held).items()
    assert digest == held.findings()[0].evidence
    told = predicate(octets)
    assert evidence.FINDING_TYPE == json.loads(octets)["predicateType"]
    assert ("crossing" in told, 2, waiting.id) == (False, len(told["paths"]), told["finding"]["id"])
    assert "evidence" not in told["finding"]
    assert (False, "agent-0", ["FX"]) == (
        told["policy"]["default"],
        told["policy"]["agent"],
        told["policy"]["administration"],
    )


def test_a_finding_is_stated_once() -> None:
    """Further rounds, a restart and its end need no other one."""
    held = played(routes(BOTH), 0, 2, abroad=False)
    digests = list(store_all(held))
    after = played(routes(BOTH, kept=held.dump()), 2, 5, abroad=False)
    assert ((), digests) == (after.drafts, [row.evidence for row in after.findings()])


def test_a_restart_between_the_rounds_states_the_same() -> None:
    """The first round is kept while it is a suspicion."""
    whole = played(routes(BOTH), 0, 2, abroad=False)
    half = played(routes(BOTH), 0, 1, abroad=False)
    rest = played(routes(BOTH, kept=half.dump()), 1, 2, abroad=False)
    assert unstored(whole) == unstored(rest)


def test_a_restart_before_they_are_stored_states_the_same_and_no_more() -> None:
    """Drafts are kept; further rounds draft nothing, and both episodes are shown once stored."""
    whole = played(routes(BOTH), 0, 2, abroad=True)
    again = played(routes(BOTH, kept=whole.dump()), 2, 4, abroad=True)
    assert unstored(whole) == unstored(again)
    assert ([], [None]) == (again.crossings(), [row.evidence for row in again.findings()])
    stored = store_all(again)
    shown = [row.evidence for row in (*again.crossings(), *again.findings())]
    assert (sorted(stored), ()) == (sorted(map(str, shown)), again.drafts)


def test_one_that_cannot_be_written_waits_no_more() -> None:
    """Its crossing is not shown, and the next round drafts another."""
    held = played(routes(), 0, 2, abroad=True)
    held.stored(held.drafts[0], None)
    assert ((), []) == (held.drafts, held.crossings())
    played(held, 2, 3, abroad=True)
    assert 3 == len(held.drafts[0].rounds)


def test_one_round_abroad_on_both_axes_makes_two_statements() -> None:
    """A crossing and a finding, each under its own type."""
    held = played(routes(BOTH), 0, 2, abroad=True)
    kinds = sorted(json.loads(octets)["predicateType"] for octets in unstored(held).values())
    assert [evidence.FINDING_TYPE, evidence.PREDICATE_TYPE] == kinds
