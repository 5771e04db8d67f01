"""Shell: real paths whose truth is known, what Borne says of each, and how often that is right.

Two forms of each path are judged: with its names as they are (nobody checked them, so that they
count on the operator's own addresses alone), and with its names taken as confirmed.

Rules
- The truth of the EU stands for the EEA too. What the truth leaves open (`na`, where the path did
  not start inside; a year that is not known) counts neither as an exit nor as a false one.
- An exit is judged twice more, with rules left out: those of the operator whose name stands at the
  first hop abroad, and those of all operators whose names stand abroad. A rule that serves one
  path alone would show there.
"""

import dataclasses
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path as File
from typing import Final

import msgspec

from agent.records import Path
from collector.errors import ConfigError
from collector.facts.knowledge import Knowledge
from collector.facts.names import NameReader
from collector.facts.regions import BY_NAME
from collector.imports import formats
from collector.judgement.borders import judge
from collector.judgement.sightings import canonical
from collector.records import OUTSIDE, Axis, HopJudgement, Judgement, Verdict

ASKED: Final = tuple(BY_NAME[name] for name in ("FX", "EU", "EEA"))
FORMS: Final = ("as they are", "confirmed")
_TRUTH_OF: Final = {"FX": "exits_fr", "EU": "exits_eu", "EEA": "exits_eu"}
_HOME: Final = "FR"
"""The country whose groups are not foreign operators."""


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What a careful reader concludes of a path, as `truth.json` says it."""

    exits_fr: str | None
    exits_eu: str | None
    foreign_operators: str | None
    trap: str | None

    def leaves(self, jurisdiction: str) -> str | None:
        """Return `yes`, `no`, another word where it is open, None for a fabricated path."""
        said: str | None = getattr(self, _TRUTH_OF[jurisdiction])
        return said

    @property
    def operators(self) -> frozenset[str]:
        """Return the group countries of the foreign operators that were crossed."""
        return frozenset(filter(None, (self.foreign_operators or "").split(",")))


class Case(msgspec.Struct, frozen=True):
    """A real path and its truth."""

    path: Path
    truth: Truth


class Saying(msgspec.Struct, frozen=True, kw_only=True):
    """What Borne says of one form of a path."""

    verdicts: dict[str, Verdict]
    """On territory, by jurisdiction."""
    operators: list[str]
    """Group countries of foreign operators, in alphabetical order."""
    abroad: list[str]
    """Operators whose names stand at hops outside FX, that of the first such hop first."""
    without_first: Verdict
    """For FX, without the name rules of the operator at the first hop outside."""
    without_all: Verdict
    """For FX, without the name rules of all operators in `abroad`."""


def folder() -> File:
    """Return the folder of real paths: `BORNE_CORPUS`, or that beside the checkout.

    Raises:
        ConfigError: there are no paths with their truth.
    """
    beside = File(__file__).parents[2] / "shared" / "corpus"
    found = File(os.environ.get("BORNE_CORPUS", beside))
    if not (found / "truth.json").is_file():
        raise ConfigError(
            f"read the corpus of real paths: {found} holds no truth.json; set BORNE_CORPUS to a "
            "folder with truth.json and paths/ID.json"
        )
    return found


def read(place: File) -> dict[str, Case]:
    """Return the cases of a folder by id, in alphabetical order.

    Raises:
        ConfigError: a path cannot be read, or is missing.
    """
    truths = msgspec.json.decode((place / "truth.json").read_bytes(), type=dict[str, Truth])
    return {
        key: Case(_path(place / "paths" / f"{key}.json"), truths[key]) for key in sorted(truths)
    }


def _path(file: File) -> Path:
    try:
        (found,) = formats.read(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"read {file}: {error}; one path a file is expected") from error
    if isinstance(found, formats.Unreadable):
        raise ConfigError(f"read {file}: {found.why}")
    return found


def confirmed(path: Path) -> Path:
    """Return the path as it would be if every name that nobody checked resolved back."""
    hops = tuple(
        msgspec.structs.replace(
            hop,
            replies=tuple(
                msgspec.structs.replace(reply, name_confirmed=True)
                if reply.name and reply.name_confirmed is None
                else reply
                for reply in hop.replies
            ),
        )
        for hop in path.hops
    )
    return msgspec.structs.replace(path, hops=hops)


def sayings(path: Path, knowledge: Knowledge) -> dict[str, Saying]:
    """Return what Borne says of both forms of a path."""
    return {
        form: _saying(one, knowledge)
        for form, one in zip(FORMS, (path, confirmed(path)), strict=True)
    }


def _saying(path: Path, knowledge: Knowledge) -> Saying:
    found = _judged(path, knowledge)
    abroad = list(dict.fromkeys(_named_abroad(path, found, knowledge)))
    return Saying(
        verdicts={name: _verdict(found, name) for name in _TRUTH_OF},
        operators=sorted({group.country for hop in found.hops for group in hop.groups} - {_HOME}),
        abroad=abroad,
        without_first=_verdict(_judged(path, _without(knowledge, abroad[:1])), "FX"),
        without_all=_verdict(_judged(path, _without(knowledge, abroad)), "FX"),
    )


def _judged(path: Path, knowledge: Knowledge) -> Judgement:
    return judge(path, agent="", zone=None, knowledge=knowledge, jurisdictions=ASKED)


def _verdict(found: Judgement, jurisdiction: str) -> Verdict:
    (verdict,) = (
        row.verdict
        for row in found.verdicts
        if (row.jurisdiction, row.axis) == (jurisdiction, Axis.TERRITORY)
    )
    return verdict


def _named_abroad(path: Path, found: Judgement, knowledge: Knowledge) -> Iterator[str]:
    """Yield the operators in whose domains the hops outside FX are named."""
    for hop in found.hops:
        if hop.verdicts.get("FX") == "outside":
            operators = map(knowledge.names.operator, _names(path, hop))
            yield from (operator.id for operator in operators if operator is not None)


def _names(path: Path, hop: HopJudgement) -> list[str]:
    said = (
        reply.name
        for row in path.hops
        for reply in row.replies
        if reply.name and reply.address and canonical(reply.address) == hop.address
    )
    return sorted(set(said))


def _without(knowledge: Knowledge, operators: Collection[str]) -> Knowledge:
    kept = tuple(row for row in knowledge.operators if row.id not in operators)
    return dataclasses.replace(knowledge, operators=kept, names=NameReader(kept))


def false_exits(cases: Mapping[str, Case], said: Mapping[str, Collection[str]]) -> list[str]:
    """Return `ID jurisdiction` of each exit that is none; `said` holds by id where one is said."""
    return [
        f"{key} {jurisdiction}"
        for key, case in cases.items()
        for jurisdiction in said[key]
        if case.truth.leaves(jurisdiction) == "no"
    ]


def exits(cases: Mapping[str, Case], jurisdiction: str) -> list[str]:
    """Return the ids of the paths that left."""
    return [key for key, case in cases.items() if case.truth.leaves(jurisdiction) == "yes"]


def outside(saying: Saying) -> list[str]:
    """Return the jurisdictions that a path is said to have left."""
    return [name for name, verdict in saying.verdicts.items() if verdict in OUTSIDE]


def broken(cases: Mapping[str, Case], said: Mapping[str, Mapping[str, Saying]]) -> list[str]:
    """Return what no judgement may do, where one did: empty where the hard rules hold."""
    found = []
    for form in FORMS:
        rows = {key: said[key][form] for key in cases}
        false = false_exits(cases, {key: outside(row) for key, row in rows.items()})
        found += [f"names {form}: false exit, {what}" for what in false]
        for key, row in rows.items():
            undecided = set(row.verdicts.values()) <= {Verdict.UNDETERMINED, Verdict.CONTRADICTORY}
            trap = cases[key].truth.trap
            if trap in {"fabricated", "vpn_offset"} and not undecided:
                found.append(f"names {form}: {key} ({trap}) is decided")
            if lost := cases[key].truth.operators - {*row.operators}:
                found.append(f"names {form}: {key} lacks operators of {','.join(sorted(lost))}")
    return found


def operators_found(cases: Mapping[str, Case], rows: Mapping[str, Saying]) -> tuple[int, int]:
    """Return of how many paths with foreign operators all are named, and of how many in all."""
    foreign = {key: case.truth.operators for key, case in cases.items() if case.truth.operators}
    return sum(theirs <= {*rows[key].operators} for key, theirs in foreign.items()), len(foreign)


def operators_beyond(cases: Mapping[str, Case], rows: Mapping[str, Saying]) -> list[str]:
    """Return `ID country` of each foreign group named on a path that stays, beyond its truth."""
    return [
        f"{key} {country}"
        for key, case in cases.items()
        for country in rows[key].operators
        if case.truth.exits_fr == "no" and country not in case.truth.operators
    ]
