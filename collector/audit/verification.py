"""Decider: whether a Statement agrees with itself, and with the tables of this release.

Rules
- Checks, in this order: octets, digests and subjects (`envelope`); everything that was concluded,
  recomputed from the Statement alone (`restatement`); its rows, against the tables of this release
  wherever the Statement names the same tables by their digests. None hides another.
- Borders are no rows: a Statement that names them by their digest is judged again by these very
  ones, or not at all.
- A Statement under other rules is recognised: octets, digests and subjects are checked, verdicts
  are not recomputed, and it is never called consistent.
- Consistency is no origin: whoever writes a Statement can make it consistent.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from collector.audit import differences, envelope, evidence, stated, tablecheck
from collector.audit.envelope import Envelope
from collector.audit.findings import Check, Difference, RoundVerdicts, Verification
from collector.audit.restatement import Restated, restate
from collector.audit.stated import Stated
from collector.errors import UnreadableError
from collector.facts.knowledge import Knowledge
from collector.facts.regions import demanded
from collector.records import RULES, Crossing

_GUARDED: Final = ("versions", "tables", "digests", "redacted")
"""Members that follow from nothing else in the Statement: only their digests guard them."""


@dataclass(slots=True)
class _Recomputed:
    checks: list[Check]
    found: list[Difference]
    rounds: tuple[RoundVerdicts, ...] = ()


def verify(octets: bytes, release: Knowledge, *, version: str, named: str = "") -> Verification:
    """Return what is consistent in a Statement and what is not.

    `release` are the tables of this installation, of software `version`. `named` is the name of
    the file without ending: where that is a SHA-256, it must be that of the octets.

    Raises:
        UnreadableError: it is no Statement about paths, or its borders are not here.
    """
    opened = envelope.read(octets, named=named)
    own = opened.rules == RULES
    if own and opened.writable:
        made = _recompute(opened, release, version)
    else:
        made = _Recomputed([_other(opened)], [])
    found = (*opened.found, *made.found)
    return Verification(
        sha256=evidence.digest(octets),
        result="inconsistent" if found else "consistent" if own else "other rules",
        rules=opened.rules,
        version=_version(opened),
        premise=str(opened.predicate.get("premise")),
        crossing=opened.predicate.get("crossing"),
        finding=opened.predicate.get("finding"),
        checks=(*_outside(opened), *made.checks),
        differences=found,
        rounds=made.rounds,
    )


def _outside(opened: Envelope) -> Iterator[Check]:
    """Yield what `envelope` checked."""
    wrong = {row.kind for row in opened.found}
    yield Check(what="octets", agrees="form" not in wrong, says="canonical JSON, no key twice")
    if not opened.writable:
        return
    members = opened.predicate.get("digests")
    if members is None and opened.rules in envelope.WITHOUT_DIGESTS:
        says = "its members have none: they came with later rules"
        yield Check(what="digests", agrees=None, says=says)
    else:
        bad = {"digest", "missing"} & wrong
        says = f"of {len(members) if isinstance(members, dict) else 0} members of the predicate"
        yield Check(what="digests", agrees=not bad, says=says)
    subjects = opened.statement.get("subject")
    count = len(subjects) if isinstance(subjects, list) else 0
    agrees = not any(row.path.startswith("subject") for row in opened.found)
    yield Check(what="subject", agrees=agrees, says=f"SHA-256 of {count} raw paths")


def _other(opened: Envelope) -> Check:
    says = (
        f"not recomputed: they follow {opened.rules}, this release judges by {RULES}; "
        f"use the release that made it (borne {_version(opened)})"
        if opened.writable
        else "not recomputed: canonical JSON has no writing for the Statement"
    )
    return Check(what="verdicts", agrees=None, says=says)


def _recompute(opened: Envelope, release: Knowledge, version: str) -> _Recomputed:
    predicate = opened.predicate
    try:
        inputs = stated.read(predicate)
    except UnreadableError as error:
        broken = Difference(path="predicate", kind="unusable", says=str(error))
        check = Check(what="verdicts", agrees=None, says="not recomputed: see the differences")
        return _Recomputed([check], [broken])
    inputs = on_soil(inputs, predicate["tables"].get("soil"), release)
    made = restate(inputs)
    concluded = list(_concluded(opened, inputs, made, version))
    beside, compared = tablecheck.compare(predicate, inputs, made, release)
    return _Recomputed(
        [*_checks(concluded, inputs, made), *compared, _policy(inputs), *_redacted(predicate)],
        [*concluded, *beside],
        tuple(
            RoundVerdicts(
                path=row.path.id,
                started_at=row.path.started_at,
                verdicts=row.judgement.verdicts,
            )
            for row in made.records
        ),
    )


def on_soil(inputs: Stated, named: str | None, release: Knowledge) -> Stated:
    """Return the inputs with the borders that the Statement was proven by, if it names some.

    Raises:
        UnreadableError: this installation has other borders, or none.
    """
    if named is None:
        return inputs
    if release.soil is None or release.soil.header.sha256 != named:
        raise UnreadableError(
            f"cannot be judged again without the borders of SHA-256 {named}: run `make atlas` in a"
            " checkout of the release that made it"
        )
    return replace(inputs, knowledge=replace(inputs.knowledge, soil=release.soil))


def _concluded(
    opened: Envelope, inputs: Stated, made: Restated, version: str
) -> Iterator[Difference]:
    """Yield where the Statement is not what follows from its inputs."""
    found = opened.predicate
    again: dict[str, Any] = json.loads(made.statement)
    again["subject"] = opened.statement.get("subject")
    after = again["predicate"]
    after.update({name: found[name] for name in _GUARDED if name in found})
    if _version(opened) != version and "limits" in found:
        after["limits"] = found["limits"]
    kind = _kind(inputs)
    if made.episode is None:
        named = inputs.episode.jurisdiction
        says = f"does not follow: these rounds confirm no {kind} of {named}"
        yield Difference(path=f"predicate.{kind}", found=found[kind], says=says)
        after[kind] = found[kind]
    rows = after["rows"]
    yield from differences.compare(
        {**opened.statement, "predicate": {**found, "rows": None}},
        {**again, "predicate": {**after, "rows": None}},
        "",
    )
    yield from differences.tables(found["rows"], rows, "predicate.rows", "the raw paths")
    yield from _position(inputs)
    if not _follows(inputs):
        says = "cannot be the policy of these paths: its row does not fit, or no default says so"
        yield Difference(path="predicate.policy", says=says)


def _position(inputs: Stated) -> Iterator[Difference]:
    """Yield where the agent's place is not the origin of the round that confirmed."""
    origin = inputs.paths[-1].origin if inputs.paths else None
    for name in ("latitude", "longitude", "radius_km") if origin is not None else ():
        found, made = getattr(inputs.vantage.place, name), getattr(origin, name)
        if found != made:
            yield Difference(
                path=f"predicate.agent.place.{name}",
                found=found,
                recomputed=made,
                says="is not that of the origin of the last path",
            )


def _checks(found: Sequence[Difference], inputs: Stated, made: Restated) -> Iterator[Check]:
    """Yield what was recomputed from the Statement alone."""
    judged = [row.judgement for row in made.records]
    verdicts = sum(len(row.verdicts) for row in judged)
    hops = sum(len(row.hops) for row in judged)
    rows = sum(map(len, evidence.rows_of(made.records, inputs.knowledge, inputs.zone).values()))
    says = {
        "judgements": f"{verdicts} verdicts and {hops} hops of {len(judged)} rounds, judged again "
        "from its rows alone",
        _kind(inputs): "the episode that these rounds confirm: id, times, what it names",
        "premise": "the position that every distance hangs on",
        "rows": f"{rows} rows took part, no more and no fewer",
    }
    for what, text in says.items():
        place = f"predicate.{what}"
        yield Check(
            what=what, agrees=not any(row.path.startswith(place) for row in found), says=text
        )


def _kind(inputs: Stated) -> str:
    """Return what the Statement is about, as its member is called."""
    return "crossing" if isinstance(inputs.episode, Crossing) else "finding"


def _follows(inputs: Stated) -> bool:
    """Say whether the stated ruling can be that of the last path."""
    path = inputs.paths[-1] if inputs.paths else None
    named = () if path is None else (path.target, path.address)
    ruling = inputs.policy
    return ruling is None or ruling.follows(inputs.vantage, inputs.zone, *named)


def _policy(inputs: Stated) -> Check:
    """Return whether the policy, as it stands in the Statement, demands what the episode left."""
    ruling, name = inputs.policy, inputs.episode.jurisdiction
    if ruling is None:
        return _default(inputs)
    on_soil = isinstance(inputs.episode, Crossing)
    row = f"the row for zone {ruling.zone}, target {ruling.target}, agent {ruling.agent}"
    who = "the default policy" if ruling.default else row
    if not _follows(inputs):
        return Check(what="policy", agrees=False, says=f"{who} cannot be that of these paths")
    axis = "territory" if on_soil else "administration"
    if name in (ruling.territory if on_soil else ruling.administration):
        return Check(what="policy", agrees=True, says=f"{who} demands {name} on {axis}")
    says = f"{who} demands no {name} on {axis}: the settings changed in the episode, if anybody did"
    return Check(what="policy", agrees=None, says=says)


def _default(inputs: Stated) -> Check:
    """Return whether the default policy demands what the episode left: none is stated."""
    name = inputs.episode.jurisdiction
    ends = inputs.vantage.place.territory, inputs.zone.place.territory if inputs.zone else ""
    if demanded(*ends) == name:
        says = f"the default policy demands {name} between {ends[0]} and {ends[1]}"
        return Check(what="policy", agrees=True, says=says)
    says = f"that {name} is demanded here stands in the collector's settings alone"
    return Check(what="policy", agrees=None, says=says)


def _redacted(predicate: Mapping[str, Any]) -> Iterator[Check]:
    """Yield what is said of the Statement that this one is a redacted form of."""
    told = predicate.get("redacted")
    if told is not None:
        original = told.get("original") if isinstance(told, dict) else told
        says = f"it says to be a redacted form of the Statement of SHA-256 {original}: compare both"
        yield Check(what="redacted", agrees=None, says=says)


def _version(opened: Envelope) -> str:
    versions = opened.predicate.get("versions")
    return str(versions.get("borne")) if isinstance(versions, dict) else "unknown"
