"""A changed octet of a Statement is found and named; an unchanged Statement is consistent."""

import copy
import json
from pathlib import Path as File
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.audit.envelope import sha256
from collector.audit.findings import Verification
from collector.audit.verification import verify
from collector.errors import UnreadableError
from collector.facts import atlas, knowledge
from tests.collector.audit import test_evidence, test_evidence_rows
from tests.fakes.statements import real

RELEASE = knowledge.load()
REAL = real()
STATEMENT: dict[str, Any] = json.loads(REAL)


def checked(octets: bytes, *, named: str = "") -> Verification:
    """Verify with the tables of this checkout, without compiled ones."""
    return verify(octets, RELEASE, version="0.1.0", named=named)


def changed(*place: str | int, to: object, sealed: bool = False) -> bytes:
    """Return the real Statement with another value at `place`.

    `sealed`: by somebody who makes the digests fit again.
    """
    value = copy.deepcopy(STATEMENT)
    at: Any = value
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = to
    return resealed(value) if sealed else rfc8785.dumps(value)


def resealed(value: dict[str, Any]) -> bytes:
    """Return a Statement whose digests fit again."""
    predicate = value["predicate"]
    for name in predicate["digests"]:
        predicate["digests"][name] = sha256(predicate[name])
    for row, path in zip(value["subject"], predicate["paths"], strict=True):
        row.update(name=path["id"], digest={"sha256": sha256(path)})
    return rfc8785.dumps(value)


def paths(found: Verification) -> list[str]:
    """Return the places that differ."""
    return [row.path for row in found.differences]


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(REAL, id="demo"),
        pytest.param(test_evidence.OCTETS, id="override"),
        pytest.param(test_evidence_rows.OCTETS, id="atlas-exchange-anycast"),
    ],
)
def test_a_statement_is_consistent(octets: bytes) -> None:
    """Every check agrees or says why it could not be made; the verdicts are those it states."""
    found = checked(octets)
    assert ("consistent", ()) == (found.result, found.differences)
    assert False not in {check.agrees for check in found.checks}
    stated = json.loads(octets)["predicate"]["judgements"]
    assert [[row["verdict"] for row in one["verdicts"]] for one in stated] == [
        [str(row.verdict) for row in one.verdicts] for one in found.rounds
    ]


@settings(max_examples=150, deadline=None)
@pytest.mark.slow
@given(st.integers(0, len(REAL) - 1), st.integers(0, 7))
@example(REAL.index(b'"id":"') + 8, 0)
@example(REAL.index(b"borne-verdict-rules/4") + 20, 0)
def test_every_changed_bit_is_found(at: int, bit: int) -> None:
    """Canonical JSON leaves no octet without meaning: none can be changed unnoticed."""
    octets = bytearray(REAL)
    octets[at] ^= 1 << bit
    try:
        found = checked(bytes(octets))
    except UnreadableError:
        return
    assert "inconsistent" == found.result
    assert all(row.path and row.says for row in found.differences)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(REAL) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_every_cut_and_insertion_is_found(at: int, put: bytes, cut: int) -> None:
    """So are octets that are taken out or put in."""
    octets = REAL[:at] + put + REAL[at + cut :]
    if octets == REAL:
        return
    try:
        assert "inconsistent" == checked(octets).result
    except UnreadableError:
        return


JUDGEMENT = ("predicate", "judgements", 1)
ROWS = ("predicate", "rows")


@pytest.mark.parametrize(
    ("place", "to", "named"),
    [
        (("subject", 0, "digest", "sha256"), "0" * 64, "subject[0].digest.sha256"),
        (("predicate", "paths", 0, "hops", 2, "ttl"), 9, "subject[0].digest.sha256"),
        ((*JUDGEMENT, "verdicts", 0, "verdict"), "PROVEN_INSIDE", "verdicts[0].verdict"),
        ((*JUDGEMENT, "verdicts", 0, "coverage", "hops_silent"), 3, "coverage.hops_silent"),
        ((*JUDGEMENT, "verdicts", 0, "reasons", 0), "because", "verdicts[0].reasons[0]"),
        (("predicate", "crossing", "id"), "0" * 64, "predicate.crossing.id"),
        (("predicate", "crossing", "countries", 1), "DE", "predicate.crossing.countries[1]"),
        (("predicate", "crossing", "rounds"), 3, "predicate.crossing.rounds"),
        (("predicate", "premise"), "if all is well", "predicate.premise"),
        (("predicate", "limits", 0), "none", "predicate.limits[0]"),
        (("predicate", "agent", "id"), "0" * 31 + "1", "predicate.agent"),
        (("predicate", "agent", "place", "latitude"), 49, "predicate.agent.place.latitude"),
        (("predicate", "tables", "names"), "0" * 64, "predicate.tables"),
        (("predicate", "versions", "borne"), "0.1.1", "predicate.versions"),
        (("predicate", "digests", "paths"), "0" * 64, "predicate.paths"),
        (("predicate", "rules"), "borne-verdict-rules/1", "predicate.rules"),
        ((*ROWS, "places", 0, "latitude"), 1.5, "predicate.rows.places[0].latitude"),
        ((*ROWS, "places", 0, "source"), "me", "predicate.rows.places[0].source"),
        ((*ROWS, "jurisdictions", 0, "as_of"), "2020-01-01", "rows.jurisdictions[0].as_of"),
        (("predicate", "more"), 1, "predicate.more"),
        (("more",), 1, "more"),
    ],
)
def test_what_was_changed_is_named(place: tuple[str | int, ...], to: object, named: str) -> None:
    """Each member by its path, with what was found and what follows."""
    found = checked(changed(*place, to=to))
    assert "inconsistent" == found.result
    assert any(path.endswith(named) for path in paths(found)), paths(found)


def test_found_and_recomputed_stand_beside_the_place() -> None:
    """An auditor sees both values."""
    found = checked(changed(*JUDGEMENT, "verdicts", 0, "verdict", to="UNDETERMINED", sealed=True))
    assert [
        ("predicate.judgements[1].verdicts[0].verdict", "UNDETERMINED", "SUPPORTED_OUTSIDE")
    ] == [(row.path, row.found, row.recomputed) for row in found.differences]


@pytest.mark.parametrize("table", [name for name, rows in STATEMENT["predicate"]["rows"].items()])
def test_a_missing_row_is_found_even_under_new_digests(table: str) -> None:
    """Without one of its rows a Statement does not follow, or this release has the row."""
    rows = STATEMENT["predicate"]["rows"][table]
    if rows:
        assert "inconsistent" == checked(changed(*ROWS, table, to=rows[1:], sealed=True)).result


@pytest.mark.parametrize("table", ["places", "special", "carriers", "names", "operators"])
def test_an_altered_row_is_found_under_new_digests(table: str) -> None:
    """A row that nothing follows from is still not the row of this release."""
    rows = STATEMENT["predicate"]["rows"][table]
    if rows:
        key = "source" if "source" in rows[0] else "name"
        found = checked(changed(*ROWS, table, 0, key, to="made up", sealed=True))
        assert f"predicate.rows.{table}[0].{key}" in paths(found)


def test_a_row_too_many_is_found() -> None:
    """What took part in nothing does not belong into a Statement."""
    rows = STATEMENT["predicate"]["rows"]["places"]
    more = sorted([*rows, {**rows[0], "key": "zzz"}], key=rfc8785.dumps)
    found = checked(changed(*ROWS, "places", to=more, sealed=True))
    assert any(row.kind == "unexpected" for row in found.differences)


def test_tables_of_another_release_are_taken_as_stated() -> None:
    """Where no table can be compared that is said; the rows are enough to judge."""
    tables = dict.fromkeys(STATEMENT["predicate"]["tables"], "0" * 64)
    lists = STATEMENT["predicate"]["rows"]["jurisdictions"]
    tables["jurisdictions"] = sha256(lists)
    found = checked(changed("predicate", "tables", to=tables, sealed=True))
    assert "consistent" == found.result
    (check,) = [row for row in found.checks if row.what == "tables" and row.agrees is None]
    assert "names" in check.says


def test_compiled_tables_are_compared_where_they_are_the_same() -> None:
    """With this checkout's atlas an origin that it does not have is found."""
    compiled = knowledge.load(atlas=atlas.load())
    value = copy.deepcopy(STATEMENT)
    value["predicate"]["tables"] |= {
        name: compiled.digests()[name] for name in ("origin", "registrant")
    }
    value["predicate"]["rows"]["registrants"][0]["source"] = "made up"
    found = verify(resealed(value), compiled, version="0.1.0")
    assert "predicate.rows.registrants[0].source" in paths(found)


def test_lists_of_territories_have_the_digest_of_their_table() -> None:
    """They stand whole in the Statement: whatever release made it, they can be checked."""
    tables = {**STATEMENT["predicate"]["tables"], "jurisdictions": "0" * 64}
    found = checked(changed("predicate", "tables", to=tables, sealed=True))
    assert ["predicate.rows.jurisdictions"] == paths(found)


def test_other_rounds_confirm_nothing() -> None:
    """One round that only supports does not confirm a crossing."""
    value = copy.deepcopy(STATEMENT)
    for name in ("paths", "judgements"):
        del value["predicate"][name][1]
    del value["subject"][1]
    found = checked(resealed(value))
    assert "predicate.crossing" in paths(found)


@pytest.mark.parametrize(
    ("place", "to"),
    [
        ((*ROWS, "places"), []),
        ((*ROWS, "places", 0, "latitude"), "north"),
        ((*ROWS, "special", 0, "prefix"), "192.168.0.1/16"),
        ((*ROWS, "names", 0, "pattern"), "("),
        ((*ROWS, "names", 0, "pattern"), "x"),
        ((*ROWS, "origins", 0, "first"), "here"),
        ((*ROWS, "anycast"), [{"path": "x", "seen": [3]}]),
        ((*ROWS, "zones"), STATEMENT["predicate"]["rows"]["zones"] * 2),
        (("predicate", "agent", "id"), "00"),
        (("predicate", "agent", "id"), "zz"),
        (("predicate", "crossing", "first_seen_at"), "soon"),
        (("predicate", "crossing", "jurisdiction"), "MARS"),
        (("predicate", "paths"), 3),
        (("predicate", "rows"), None),
    ],
)
def test_rows_that_no_table_could_hold_are_no_crash(
    place: tuple[str | int, ...], to: object
) -> None:
    """They are a stranger's: named, not raised."""
    assert "inconsistent" == checked(changed(*place, to=to)).result


def test_the_file_name_is_a_digest() -> None:
    """Exports are named by their SHA-256; a wholly consistent other Statement is not that one."""
    assert "consistent" == checked(REAL, named=checked(REAL).sha256).result
    assert ["file name"] == paths(checked(REAL, named="0" * 64))
    assert "consistent" == checked(REAL, named="notes").result


def test_json_that_is_written_otherwise_is_found() -> None:
    """The same value with a blank, and a key twice."""
    assert ["octets"] == paths(checked(REAL + b"\n"))
    twice = REAL.replace(b'"_type"', b'"_type":"x","_type"', 1)
    assert ["_type", "octets"] == paths(checked(twice))


@pytest.mark.parametrize("rules", [1, 2, 3])
@pytest.mark.parametrize("keep", [True, False])
def test_other_rules_are_never_called_consistent(rules: int, *, keep: bool) -> None:
    """Older rules are recognised; what can be checked of them is, and a change is found."""
    octets = (File(__file__).parents[1] / "kept" / f"statement-rules-{rules}.json").read_bytes()
    head, paths_, tail = octets.partition(b'"paths":')
    kept = octets if keep else head + paths_ + tail.replace(b'"ttl":2', b'"ttl":3', 1)
    found = checked(kept)
    assert ("other rules" if keep else "inconsistent") == found.result
    assert f"borne-verdict-rules/{rules}" == found.rules
    assert ["octets", "digests", "subject", "verdicts"] == [row.what for row in found.checks]
    assert () == found.rounds


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"{}", "no in-toto Statement"),
        (b"[]", "no in-toto Statement"),
        (REAL[:-1], "is no JSON"),
        (REAL.replace(b"path-verdict:1", b"path-verdict:9"), "is a 'urn:borne:path-verdict:9'"),
        (changed("predicate", to=3), "no predicate that names its rules"),
    ],
)
def test_what_is_no_statement_is_unreadable(octets: bytes, says: str) -> None:
    """It is neither consistent nor inconsistent."""
    with pytest.raises(UnreadableError, match=says):
        checked(octets)


def test_the_policy_is_told_apart_from_what_follows() -> None:
    """That FX was demanded follows from both ends by default; else only the settings know."""
    (check,) = [row for row in checked(REAL).checks if row.what == "policy"]
    assert (True, "the default policy demands FX between FR and FR") == (check.agrees, check.says)
    place = ("predicate", "agent", "place", "territory")
    found = checked(changed(*place, to="GB", sealed=True))
    (check,) = [row for row in found.checks if row.what == "policy"]
    assert check.agrees is None
