"""Bytes: a judged path as a person reads it on a terminal: its hops, and what follows from them.

Rules
- The mark of a hop is that for the first jurisdiction that was asked for; the line below the
  table says which.
- A place stands with the kind of evidence that names it. A place that does not count is not
  shown as one: the hop is "not known", and why stands beside it.
- Names come from strangers: what a terminal would obey instead of print is replaced.
- Every verdict is one sentence with its coverage; reasons follow. The limits of the method end
  every output.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agent.records import Origin, Path
from collector.explanation import address
from collector.records import Axis, HopJudgement, Judgement, PathVerdict
from collector.sentences import (
    EVIDENCE,
    HOLDING,
    HOPS,
    MEANINGS,
    UNKNOWN,
    VERDICTS,
    count,
    listed,
    milliseconds,
    places,
)

LIMITS: Final = (
    "Limits: the way there was seen, not the way back. Tunnels can hide hops and countries. What "
    "does not answer is not seen. Names are claims of whoever holds the address. That packets pass "
    "a country is not that anyone there reads them: this says nothing about compliance."
)
"""What no explanation can tell; printed once, at the end."""

_TITLES: Final = {
    "FX": "metropolitan France",
    "FR": "France with its overseas parts",
    "EU": "European Union",
    "EEA": "European Economic Area",
}
_QUESTIONS: Final = {
    Axis.TERRITORY: "Where the packets went (territory)",
    Axis.ADMINISTRATION: "Who controls the equipment (administration)",
}
_STYLES: Final = {
    "outside": "bold red",
    "contradictory": "bold magenta",
    "mixed": "magenta",
    "inside": "",
    "unknown": "",
}
_NAMING: Final = frozenset({"zone", "name", "exchange"})
"""Kinds of evidence that name a place."""


def draw(path: Path, judgement: Judgement, *, declared_by: str) -> RenderableType:
    """Return the path with its hops and verdicts.

    `declared_by` says who gave the position of the start: `the file` or `--origin`.
    """
    asked = tuple(dict.fromkeys(row.jurisdiction for row in judgement.verdicts))
    return Group(
        Text(_heading(path), style="bold"),
        Text(_premise(path.origin, declared_by)),
        _hops(judgement, asked[0] if asked else ""),
        *_verdicts(judgement.verdicts),
        *_idle(judgement.hops),
        "",
    )


def printable(text: str) -> str:
    """Return `text` with everything that a terminal would obey instead of print replaced."""
    return "".join(char if char.isprintable() else "�" for char in text)


def _heading(path: Path) -> str:
    date = f" on {path.started_at[:10]}" if path.started_at else ""
    target = f"to {path.target}" if path.target else "to a target that the file does not name"
    return printable(f"{path.id}: {path.tool or 'unknown program'}{date}, {target}")


def _premise(origin: Origin | None, declared_by: str) -> str:
    if origin is None:
        return "The position of the start is not known: no distance is used (see --origin)."
    return (
        f"Distances count from {origin.latitude:g}, {origin.longitude:g} (within "
        f"{origin.radius_km:g} km), as {declared_by} declares it: nobody tested it."
    )


def _hops(judgement: Judgement, jurisdiction: str) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    table.add_column("hop", justify="right", no_wrap=True)
    table.add_column("address", overflow="fold", min_width=15)
    table.add_column("name", overflow="fold")
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("place (how it is known)", overflow="fold", max_width=26)
    table.add_column("operator", overflow="fold", max_width=20)
    for hop in judgement.hops:
        verdict = hop.verdicts.get(jurisdiction, "")
        style = _STYLES.get(verdict, "dim")
        cells = (
            str(hop.ttl),
            address(hop) or UNKNOWN,
            hop.name or UNKNOWN,
            UNKNOWN if hop.rtt_min_ns is None else milliseconds(hop.rtt_min_ns / 1e9, 3),
            _place(hop, verdict),
            _operator(hop),
        )
        table.add_row(*(Text(printable(cell)) for cell in cells), style=style)
    legend = Text(
        f"▲ outside {jurisdiction}   ● inside   ○ not known   ◆ contradictory or on both sides",
        style="dim",
    )
    return Group("", table, legend, "")


def _place(hop: HopJudgement, verdict: str) -> str:
    """Return where a hop is, with the kind of evidence."""
    if hop.address is None:
        return "no answer"
    if hop.excluded:
        return "none (special address)"
    kinds = {row.kind for row in hop.evidence}
    mark = HOPS.get(verdict, HOPS["unknown"])
    if verdict == "contradictory":
        return f"{mark} every place named is refuted by time"
    if hop.candidates:
        named = listed([EVIDENCE[kind] for kind in sorted(kinds & _NAMING)])
        return f"{mark} {places(hop)} ({named})"
    if "unconfirmed" in kinds:
        return f"{mark} not known (its name does not count)"
    return f"{mark} not known"


def _operator(hop: HopJudgement) -> str:
    number = None if hop.asn is None else f"AS{hop.asn}"
    if hop.operator is None:
        return number or UNKNOWN
    known = f"{hop.operator} ({number})" if number and number not in hop.operator else hop.operator
    countries = dict.fromkeys(group.country for group in hop.groups)
    return f"{known}, group {'/'.join(countries)}" if countries else known


def _verdicts(rows: Sequence[PathVerdict]) -> Iterator[RenderableType]:
    """Yield the verdicts, those that say the same in one place."""
    for axis, of_axis in groupby(
        sorted(rows, key=lambda row: row.axis == Axis.ADMINISTRATION), key=lambda row: row.axis
    ):
        yield Text(_QUESTIONS[axis], style="underline")
        for (verdict, reasons), same in groupby(
            of_axis, key=lambda row: (row.verdict, row.reasons)
        ):
            group = list(same)
            mark, word = VERDICTS[verdict]
            asked = listed([_titled(row.jurisdiction) for row in group])
            style = "bold red" if mark == VERDICTS[next(iter(VERDICTS))][0] else "bold"
            head = Text(f"{mark} {asked}: {word}. ", style=style)
            head.append(
                Text(f"{_meaning(group[0])} {_coverage(group[0])}", style="not bold default")
            )
            yield Padding(head, (0, 0, 0, 2))
            for reason in reasons:
                yield Padding(Text(f"- {printable(reason)}"), (0, 0, 0, 4))


def _idle(hops: Sequence[HopJudgement]) -> Iterator[RenderableType]:
    """Yield what was said of hops and does not count."""
    said = [
        f"- hop {hop.ttl}: {row.says}"
        for hop in hops
        for row in hop.evidence + hop.holders
        if row.kind == "unconfirmed"
    ]
    if said:
        yield Text("What does not count, shown all the same", style="underline")
    yield from (Padding(Text(printable(line)), (0, 0, 0, 4)) for line in said)


def _titled(jurisdiction: str) -> str:
    title = _TITLES.get(jurisdiction)
    return f"{jurisdiction} ({title})" if title else jurisdiction


def _meaning(row: PathVerdict) -> str:
    return (MEANINGS if row.axis is Axis.TERRITORY else HOLDING)[row.verdict]


def _coverage(row: PathVerdict) -> str:
    """Return what a verdict rests on, in one sentence."""
    coverage = row.coverage
    answered = count(coverage.hops_responding, "hop")
    silence = (
        f"; {coverage.hops_silent} kept silent, {coverage.longest_silent_gap} in a row at most"
        if coverage.hops_silent
        else "; none kept silent"
    )
    known = "Evidence places" if row.axis is Axis.TERRITORY else "The group is known behind"
    return f"{known} {coverage.hops_with_evidence} of {answered} that answered{silence}."
