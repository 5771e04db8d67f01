"""Bytes: a Statement's octets, digests and subjects, checked without judging anything.

Rules
- Canonical JSON has one writing, so no octet can be changed without changing the value or the
  writing; either is named.
- `predicate.digests` guards each other member of the predicate, `subject` the raw paths. Where a
  digest and what it guards disagree, one of both was changed: both are named.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import rfc8785

from collector.audit import canonical
from collector.audit.differences import compare
from collector.audit.evidence import FINDING_TYPE, PREDICATE_TYPE, STATEMENT_TYPE, digest
from collector.audit.findings import Difference, Json
from collector.errors import UnreadableError

WITHOUT_DIGESTS: Final = frozenset({"borne-verdict-rules/1"})
"""Rules of the time when Statements had no digests of their members."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Envelope(NamedTuple):
    """A Statement, opened."""

    statement: dict[str, Any]
    predicate: dict[str, Any]
    rules: str
    writable: bool
    """True where canonical JSON has a writing for the value, so that digests can be taken."""
    found: tuple[Difference, ...]
    """What is wrong with octets, digests and subjects."""


def read(octets: bytes, *, named: str = "") -> Envelope:
    """Return a Statement with what is wrong with its outside.

    `named` is the name of its file without ending: where that is a SHA-256, it must be the octets',
    or, of a redacted form, that of the Statement that it is a form of.

    Raises:
        UnreadableError: it is no Statement about paths.
    """
    document = canonical.read(octets)
    predicate = _predicate(document.value)
    rules = str(predicate["rules"])
    found = [*_octets(octets, document, named)]
    try:
        canonical.dumps(document.value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        return Envelope(document.value, predicate, rules, writable=False, found=tuple(found))
    found += [*_digests(predicate, rules), *_subjects(document.value)]
    return Envelope(document.value, predicate, rules, writable=True, found=tuple(found))


def sha256(value: Json) -> str:
    """Return the SHA-256 (hex) of the canonical JSON."""
    return digest(canonical.dumps(value))


def _predicate(value: Json) -> dict[str, Any]:
    """Return the predicate of a Statement about paths.

    Raises: UnreadableError.
    """
    if not isinstance(value, dict) or value.get("_type") != STATEMENT_TYPE:
        raise UnreadableError(
            f"is no in-toto Statement ({STATEMENT_TYPE}); give what /v1/evidence/SHA256 returned"
        )
    kind, predicate = value.get("predicateType"), value.get("predicate")
    if kind not in (PREDICATE_TYPE, FINDING_TYPE):  # a tuple: the kind may be no word at all
        raise UnreadableError(
            f"is a {str(kind)[:80]!r}, not a {PREDICATE_TYPE!r} nor a {FINDING_TYPE!r}"
        )
    if not isinstance(predicate, dict) or not isinstance(predicate.get("rules"), str):
        raise UnreadableError("has no predicate that names its rules; the Statement is damaged")
    return predicate


def _octets(octets: bytes, document: canonical.Document, named: str) -> Iterator[Difference]:
    for key in document.twice:
        yield Difference(
            path=key, kind="form", says="stands twice in one object; the last one was read"
        )
    departure = canonical.departure(octets, document.value)
    if departure is not None:
        says = f"are not canonical JSON: {departure}"
        yield Difference(path="octets", kind="form", says=says)
    made = digest(octets)
    if _SHA256.fullmatch(named) and named not in {made, _original(document.value)}:
        yield Difference(
            path="file name",
            found=named,
            recomputed=made,
            kind="digest",
            says="names another SHA-256 than that of the octets",
        )


def _original(statement: Json) -> Json:
    """Return of which Statement this is a redacted form: a redacted collector serves it by that."""
    told = _member(_member(statement, "predicate"), "redacted")
    original = _member(told, "original")
    return original if isinstance(original, str) else None


def _member(value: Json, key: str) -> Json:
    return value.get(key) if isinstance(value, dict) else None


def _digests(predicate: dict[str, Any], rules: str) -> Iterator[Difference]:
    stated = predicate.get("digests")
    if stated is None and rules in WITHOUT_DIGESTS:
        return
    if not isinstance(stated, dict):
        yield Difference(path="predicate.digests", kind="missing", says="is missing")
        return
    members = [name for name in predicate if name != "digests"]
    for name in [*members, *(name for name in stated if name not in members)]:
        made = sha256(predicate[name]) if name in predicate else None
        if stated.get(name) != made:
            yield Difference(
                path=f"predicate.{name}",
                found=made,
                recomputed=stated.get(name),
                kind="digest",
                says=f"does not have the SHA-256 that predicate.digests.{name} states: one of both "
                "was changed",
            )


def _subjects(statement: dict[str, Any]) -> Iterator[Difference]:
    paths = statement["predicate"].get("paths")
    if isinstance(paths, list) and all(isinstance(path, dict) for path in paths):
        made = [{"name": path.get("id"), "digest": {"sha256": sha256(path)}} for path in paths]
        yield from compare(statement.get("subject"), made, "subject")
