"""Statements of findings and rows of the policy are recomputed like everything else."""

import copy
import json
from typing import Any

import pytest

from collector.audit.findings import Check, Verification
from collector.audit.verification import verify
from collector.commands import auditlines
from collector.settings.policy import Demands, PolicyRow
from tests.collector.audit.test_statements import BOTH, FOREIGN, played, routes
from tests.collector.audit.test_verification import RELEASE, paths, resealed
from tests.fakes.evidence import unstored


def stated(*rows: PolicyRow, abroad: bool = False) -> dict[str, Any]:
    """Return the one Statement of two rounds under a policy."""
    (octets,) = unstored(played(routes(*rows), 0, 2, abroad=abroad)).values()
    found: dict[str, Any] = json.loads(octets)
    return found


HELD = PolicyRow(demands=Demands((), ("FX",)))
FINDING = stated(HELD)
CROSSING = stated(PolicyRow(agent="agent-0", demands=Demands(("FX",))), abroad=True)


def checked(value: dict[str, Any]) -> Verification:
    """Verify what somebody wrote who makes the digests fit."""
    return verify(resealed(value), RELEASE, version="0.1.0")


def altered(statement: dict[str, Any], *place: str | int, to: object) -> Verification:
    """Verify a Statement with another value in its predicate."""
    value = copy.deepcopy(statement)
    at: Any = value["predicate"]
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = to
    return checked(value)


def policy(found: Verification) -> Check:
    """Return what was found of the policy."""
    (check,) = [row for row in found.checks if row.what == "policy"]
    return check


def test_a_finding_is_consistent() -> None:
    """Judged again, confirmed again by the same rounds, demanded by the row that it holds."""
    found = checked(copy.deepcopy(FINDING))
    assert ("consistent", (), None) == (found.result, found.differences, found.crossing)
    assert "Example Holding" == found.finding["groups"][0]["name"]
    assert {"finding", "policy"} <= {row.what for row in found.checks if row.agrees}
    row = "the row for zone *, target *, agent *"
    assert f"{row} demands FX on administration" == policy(found).says
    (said,) = [line for line in auditlines.lines("f", found) if "states:" in line]
    assert "the path from agent-0 to" in said


@pytest.mark.parametrize(
    ("place", "to", "named"),
    [
        (("finding", "groups", 0, "country"), "FR", "predicate.finding.groups[0].country"),
        (("finding", "groups", 0, "on_soil"), False, "predicate.finding.groups[0].on_soil"),
        (("finding", "reasons", 0), "nothing", "predicate.finding.reasons[0]"),
        (("finding", "rounds"), 3, "predicate.finding.rounds"),
        (("rows", "networks", 0, "group_country"), "FR", "predicate.finding"),
    ],
)
def test_a_changed_finding_is_named(place: tuple[str | int, ...], to: object, named: str) -> None:
    """Whoever makes the digests fit again is found by what follows from the rounds."""
    found = altered(FINDING, *place, to=to)
    assert "inconsistent" == found.result
    assert named in paths(found)


def test_the_row_of_the_policy_stands_in_the_statement() -> None:
    """It speaks of this agent and demands what was left."""
    found = checked(copy.deepcopy(CROSSING))
    assert "consistent" == found.result
    assert (True, "the row for zone *, target *, agent agent-0 demands FX on territory") == (
        policy(found).agrees,
        policy(found).says,
    )


@pytest.mark.parametrize(
    ("member", "to"), [("agent", "lyon"), ("zone", "aws/us-east-1"), ("target", "192.0.2.77")]
)
def test_a_row_that_does_not_fit_is_found(member: str, to: str) -> None:
    """Of another agent, another zone, another target."""
    found = altered(CROSSING, "policy", member, to=to)
    assert ("inconsistent", False) == (found.result, policy(found).agrees)
    assert ["predicate.policy"] == paths(found)


def test_a_default_that_nobody_has_is_found() -> None:
    """Between Paris and the target it demands FX, and that alone."""
    default = {"default": True, "zone": "*", "target": "*", "agent": "*"}
    ruling = {**default, "administration": [], "open_at": "SUPPORTED_OUTSIDE"}
    good = altered(CROSSING, "policy", to={**ruling, "territory": ["FX"]})
    assert ("consistent", "the default policy demands FX on territory") == (
        good.result,
        policy(good).says,
    )
    bad = altered(CROSSING, "policy", to={**ruling, "territory": ["EU"]})
    assert ("inconsistent", ["predicate.policy"]) == (bad.result, paths(bad))


def test_a_policy_that_changed_in_the_episode_is_open() -> None:
    """It can be: the episode goes on under what opened it. That it did, nobody can tell."""
    found = altered(CROSSING, "policy", "territory", to=[])
    assert ("consistent", None) == (found.result, policy(found).agrees)


def test_where_a_proof_alone_opens_these_rounds_confirm_nothing() -> None:
    """The row is used when the rounds are followed again."""
    found = altered(CROSSING, "policy", "open_at", to="PROVEN_OUTSIDE")
    assert "inconsistent" == found.result
    assert "predicate.crossing" in paths(found)


def test_statements_of_earlier_software_are_still_consistent() -> None:
    """They state neither policy nor suppositions; then the default policy alone is known."""
    value = copy.deepcopy(CROSSING)
    for name in ("policy", "suppositions"):
        del value["predicate"][name], value["predicate"]["digests"][name]
    found = checked(value)
    assert ("consistent", "the default policy demands FX between FR and FR") == (
        found.result,
        policy(found).says,
    )
    del value["predicate"]["crossing"], value["predicate"]["digests"]["crossing"]
    assert ["predicate"] == paths(checked(value))


def test_a_removed_member_is_missed() -> None:
    """Its digest is still there; and nothing is supposed that does not follow."""
    value = copy.deepcopy(CROSSING)
    del value["predicate"]["suppositions"]
    kept = value["predicate"]["digests"].pop("suppositions")
    octets = json.loads(resealed(value))
    octets["predicate"]["digests"]["suppositions"] = kept
    found = verify(json.dumps(octets).encode(), RELEASE, version="0.1.0")
    assert "predicate.suppositions" in paths(found)
    row = {"path": "p", "hypothesis": "hope", "jurisdiction": "FX", "kind": "outside", "ttl": 1}
    invented = altered(CROSSING, "suppositions", to=[{**row, "address": "", "flow": None}])
    assert "inconsistent" == invented.result


def test_the_operator_that_named_the_group_is_in_the_rows() -> None:
    """Its own row of holders, with its author and its reason."""
    (row,) = FINDING["predicate"]["rows"]["networks"]
    assert (FOREIGN.prefix, FOREIGN.author) == (row["prefix"], row["author"])
    assert BOTH.agent == "agent-0"
