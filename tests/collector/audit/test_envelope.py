"""The outside of a Statement: its octets, its digests, its subjects; nothing is judged."""

import copy
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from collector.audit import envelope
from collector.audit.evidence import FINDING_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, digest
from collector.errors import UnreadableError

PATH = {"id": "target@1", "hops": []}
PREDICATE = {"rules": "borne-verdict-rules/9", "premise": "if", "paths": [PATH]}
STATEMENT: dict[str, Any] = {
    "_type": STATEMENT_TYPE,
    "predicateType": PREDICATE_TYPE,
    "subject": [{"name": "target@1", "digest": {"sha256": envelope.sha256(PATH)}}],
    "predicate": {
        **PREDICATE,
        "digests": {name: envelope.sha256(member) for name, member in PREDICATE.items()},
    },
}


def opened(change: dict[str, Any] | None = None, **predicate: object) -> envelope.Envelope:
    """Open the Statement with other members."""
    value = {**copy.deepcopy(STATEMENT), **(change or {})}
    value["predicate"] = {**value["predicate"], **predicate}
    return envelope.read(rfc8785.dumps(value))


def wrong(found: envelope.Envelope) -> list[tuple[str, str]]:
    """Return the places that differ, and how."""
    return [(row.path, row.kind) for row in found.found]


def test_a_whole_statement_has_nothing_wrong() -> None:
    """Rules and predicate are handed on, whatever they are."""
    found = opened()
    assert ((), True, "borne-verdict-rules/9") == (found.found, found.writable, found.rules)
    assert found.statement["predicate"] == found.predicate


@pytest.mark.parametrize("kind", [PREDICATE_TYPE, FINDING_TYPE])
def test_crossings_and_findings_are_read(kind: str) -> None:
    """Both have paths, digests and subjects."""
    assert [] == wrong(opened({"predicateType": kind}))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"_type": "other"}, "is no in-toto Statement"),
        ({"predicateType": "urn:other:1"}, "is a 'urn:other:1', not a"),
        ({"predicateType": ["x"]}, "not a 'urn:borne:path-verdict:1'"),
    ],
)
def test_another_document_is_unreadable(change: dict[str, Any], says: str) -> None:
    """It is told what it is, and what was expected."""
    with pytest.raises(UnreadableError, match=says):
        opened(change)


@pytest.mark.parametrize("rules", [None, 3, ["borne-verdict-rules/4"]])
def test_rules_that_are_no_word_are_damage(rules: object) -> None:
    """Without them nobody knows how to judge again."""
    with pytest.raises(UnreadableError, match="no predicate that names its rules"):
        opened(rules=rules)


def test_a_changed_member_is_named() -> None:
    """With the digest that it has and the one that it should have."""
    (row,) = opened(premise="if not").found
    assert ("predicate.premise", "digest") == (row.path, row.kind)
    assert (envelope.sha256("if not"), envelope.sha256("if")) == (row.found, row.recomputed)


def test_members_without_digests_and_digests_without_members_are_named() -> None:
    """Neither can be added or taken away unnoticed."""
    digests = {**STATEMENT["predicate"]["digests"], "gone": "0" * 64}
    assert [("predicate.gone", "digest")] == wrong(opened(digests=digests))
    assert [("predicate.added", "digest")] == wrong(opened(added=1))
    assert [("predicate.digests", "missing")] == wrong(opened(digests=None))


def test_the_first_rules_had_no_digests() -> None:
    """Statements of their time are not blamed for that."""
    value = copy.deepcopy(STATEMENT)
    del value["predicate"]["digests"]
    value["predicate"]["rules"] = "borne-verdict-rules/1"
    assert () == envelope.read(rfc8785.dumps(value)).found


def test_a_subject_is_the_digest_of_its_path() -> None:
    """A path that is exchanged is named by its subject, too."""
    other = {**PATH, "id": "target@2"}
    digests = {**STATEMENT["predicate"]["digests"], "paths": envelope.sha256([other])}
    found = wrong(opened(paths=[other], digests=digests))
    assert {"subject[0].name", "subject[0].digest.sha256"} == {path for path, _ in found}


@pytest.mark.parametrize(
    ("octets", "path"),
    [
        (json.dumps(STATEMENT).encode(), "octets"),
        (rfc8785.dumps(STATEMENT) + b"\n", "octets"),
        (rfc8785.dumps(STATEMENT).replace(b'"_type"', b'"_type":1,"_type"', 1), "_type"),
    ],
)
def test_another_writing_is_found(octets: bytes, path: str) -> None:
    """A blank, an end of line, a key that stands twice."""
    assert (path, "form") in wrong(envelope.read(octets))


def test_a_file_is_named_by_its_digest() -> None:
    """A name that is no SHA-256 says nothing; a wrong one is found."""
    octets = rfc8785.dumps(STATEMENT)
    assert () == envelope.read(octets, named=digest(octets)).found
    assert () == envelope.read(octets, named="evidence").found
    (row,) = envelope.read(octets, named="0" * 64).found
    assert ("file name", digest(octets)) == (row.path, row.recomputed)


def test_what_canonical_json_cannot_write_has_no_digests() -> None:
    """A number beyond 2^53 is a value of JSON and none of RFC 8785."""
    octets = rfc8785.dumps(STATEMENT).replace(b'"premise":"if"', b'"premise":9007199254740993')
    found = envelope.read(octets)
    assert (False, {"form"}) == (found.writable, {kind for _, kind in wrong(found)})


@given(st.binary(max_size=60), st.integers(0, 400))
def test_garbage_raises_only_its_documented_error(octets: bytes, cut: int) -> None:
    """Whatever stands in a file."""
    for one in (octets, rfc8785.dumps(STATEMENT)[:cut] + octets):
        try:
            envelope.read(one)
        except UnreadableError:
            continue
        assert one.startswith(b"{")
