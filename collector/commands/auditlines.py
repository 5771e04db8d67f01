"""Bytes: what a verification found, as lines for an auditor and as one JSON object.

The JSON object: {"file", "sha256", "result", "rules", "version", "premise", "crossing", "finding",
"checks": [{"what", "agrees", "says"}], "differences": [{"path", "found", "recomputed", "kind",
"says"}], "rounds": [{"path", "started_at", "verdicts"}], "shows"}. `agrees` is null where it could
not be checked; `crossing` is null in a Statement about a finding, `finding` in any other one.

Rules
- Text of the Statement is a stranger's: what a terminal would obey is replaced.
- Every output says what consistency is not.
"""

import json
from collections.abc import Iterator
from itertools import groupby
from textwrap import fill
from typing import Any, Final

import msgspec

from collector.audit.findings import Check, Difference, RoundVerdicts, Verification
from collector.commands.pathtable import printable

SHOWS: Final = (
    "This shows consistency, not origin: nobody signed the Statement, and whoever writes one can "
    "make it consistent. Nothing here tells whether the replies came from a network, whether the "
    "agent stood where it is declared, whether the operator's own declarations (zones, rows of "
    "holders) and the tables are true, or whether other rounds were left out."
)
"""What no verification can tell."""

_SHOWN_DIFFERENCES: Final = 20
_SHOWN_CHARACTERS: Final = 120
_COLUMNS: Final = 100
_MARKS: Final = {True: "agrees", False: "DIFFERS", None: "open"}
_RESULTS: Final = {
    "consistent": "CONSISTENT: the Statement says what follows from its own paths and rows.",
    "inconsistent": "INCONSISTENT: the Statement was changed, or made by another program.",
    "other rules": "NOT RECOMPUTED: nothing that could be checked differs, and that is not enough.",
}


def encode(file: str, found: Verification) -> bytes:
    """Return the JSON object on one line, without its end."""
    shown = {"file": file, **msgspec.to_builtins(found), "shows": SHOWS}
    return msgspec.json.encode(shown)


def lines(file: str, found: Verification) -> Iterator[str]:
    """Yield the lines about one Statement."""
    yield printable(f"{file}: Statement, SHA-256 {found.sha256}")
    yield f"  made by borne {printable(found.version[:40])} under {printable(found.rules[:80])}"
    yield from _wrapped(f"  states: {_claim(found)}", "    ")
    yield from _wrapped(f"  everything hangs on this premise: {found.premise}", "    ")
    for check in found.checks:
        yield from _check(check)
    for row in found.rounds:
        yield from _round(row)
    yield from _differences(found.differences)
    yield f"  {_RESULTS[found.result]}"


def _claim(found: Verification) -> str:
    if isinstance(found.crossing, dict):
        return _crossing(found.crossing)
    if isinstance(found.finding, dict):
        return _finding(found.finding)
    return "no episode that could be read"


def _crossing(crossing: dict[str, Any]) -> str:
    get = crossing.get
    countries = get("countries")
    route = " → ".join(map(str, countries)) if isinstance(countries, list) else "unknown countries"
    outside = f"is {get('verdict')} of {get('jurisdiction')}: {route}"
    return f"{_path(crossing)} {outside}, {_times(crossing)}"


def _finding(finding: dict[str, Any]) -> str:
    rows = finding.get("groups")
    groups = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    named = ", ".join(f"{row.get('name')} ({row.get('country')})" for row in groups)
    crosses = f"crosses equipment of groups outside {finding.get('jurisdiction')}"
    return f"{_path(finding)} {crosses}: {named or 'unknown groups'}, {_times(finding)}"


def _path(episode: dict[str, Any]) -> str:
    get = episode.get
    where = f"zone {get('zone')}, IPv{get('family')}"
    return f"the path from {get('agent')} to {get('target')} ({where})"


def _times(episode: dict[str, Any]) -> str:
    return f"first seen {episode.get('first_seen_at')}, confirmed {episode.get('confirmed_at')}"


def _check(check: Check) -> Iterator[str]:
    yield from _wrapped(f"  {_MARKS[check.agrees]:8}{check.what:11}{check.says}", " " * 21)


def _round(row: RoundVerdicts) -> Iterator[str]:
    yield printable(f"  recomputed of the round of {row.started_at}:")
    for axis, of_axis in groupby(row.verdicts, key=lambda one: one.axis):
        said = ", ".join(f"{one.jurisdiction} {one.verdict}" for one in of_axis)
        yield from _wrapped(f"    {axis}: {said}", "      ")


def _differences(rows: tuple[Difference, ...]) -> Iterator[str]:
    if rows:
        yield f"  {len(rows)} {'place differs' if len(rows) == 1 else 'places differ'}:"
    for row in rows[:_SHOWN_DIFFERENCES]:
        yield printable(f"  - {row.path} {row.says}")
        if row.found is not None or row.recomputed is not None:
            yield f"      found      {_short(row.found)}"
            yield f"      recomputed {_short(row.recomputed)}"
    if len(rows) > _SHOWN_DIFFERENCES:
        yield f"  and {len(rows) - _SHOWN_DIFFERENCES} more; --json names all"


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    text = printable(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def _wrapped(text: str, indent: str) -> Iterator[str]:
    yield from fill(printable(text), _COLUMNS, subsequent_indent=indent).splitlines()
