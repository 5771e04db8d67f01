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
from collector.commands.explanation import address
from collector.facts.regions import TITLES
from collector.judgement.sentences import (
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
from collector.nearness import Supposed
from collector.records import OUTSIDE, Axis, HopJudgement, Judgement, PathVerdict, Verdict

LIMITS: Final = (
    "Limits: the way there was seen, not the way back. Tunnels can hide hops and countries. What "
    "does not answer is not seen. Names are claims of whoever holds the address. That packets pass "
    "a country is not that anyone there reads them: this says nothing about compliance."
)
"""What no explanation can tell; printed once, at the end."""

_QUESTIONS: Final = {
    Axis.TERRITORY: "Where the packets went (territory)",
    Axis.ADMINISTRATION: "Who controls the equipment (administration)",
}
_STYLES: Final = {
    "outside": "bold red",
    "contradictory": "bold magenta",
    "mixed": "magenta",
    "inside": "",
    "unsettled": "",
    "unknown": "",
}
_HEADS: Final = dict.fromkeys(OUTSIDE, "bold red")
_PLACE: Final = "place (evidence)"
_OPERATOR: Final = "operator (group)"
_HEADINGS: Final = ("hop", "address", "name", "ms", _PLACE, _OPERATOR)
_SHRINK: Final = (
    *((_OPERATOR, 16), (_PLACE, 19), ("name", 24)),
    *((_OPERATOR, 8), (_PLACE, 12), ("name", 8), ("address", 15)),
)
_GAP: Final = 2
"""Columns between two columns of the table."""
_NAMING: Final = ("zone", "name", "cloud", "exchange", "proof")
"""Kinds of evidence that speak for a place; the table calls them so."""
_IDLE: Final = ("unconfirmed", "geofeed", "database")
"""Kinds that decide nothing."""
_LEGEND: Final = (
    "▲ outside {}   ● inside   ○ not known   ◆ contradictory or on both sides\n"
    "Evidence: the router's name, an exchange's network, a cloud's own list of ranges, a declared "
    "zone. A group goes by the country of its seat.\n"
    "A proof is distance and time at the speed of light; it holds if the agent is where it says."
)


def draw(
    path: Path,
    judgement: Judgement,
    *,
    declared_by: str,
    columns: int,
    supposed: Sequence[Supposed] = (),
) -> RenderableType:
    """Return the path with its hops and verdicts, for a terminal of `columns`.

    `declared_by` says who gave the position of the start: `the file` or `--origin`; `supposed`
    stands behind the verdicts, under its hypothesis.
    """
    asked = tuple(dict.fromkeys(row.jurisdiction for row in judgement.verdicts))
    return Group(
        Text(_heading(path), style="bold"),
        Text(_premise(path.origin, declared_by)),
        _hops(judgement.hops, asked[0] if asked else "", columns),
        *_verdicts(judgement.verdicts),
        *_supposed(supposed),
        *_idle(judgement.hops),
        "",
    )


def draw_address(hop: HopJudgement) -> RenderableType:
    """Return everything that is said of one address, each piece with its source and date."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for heading in ("evidence", "says", "source", "date"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "date")
    said = hop.evidence + hop.holders
    for row in said:
        cells = (EVIDENCE[row.kind], row.says, row.source, row.date)
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return Group(
        Text(printable(hop.address or UNKNOWN), style="bold"),
        Text(printable(f"Place: {_place(hop)}. Operator: {_operator(hop)}.")),
        "",
        table if said else Text("No table and no rule of this release speaks of it."),
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


def _hops(hops: Sequence[HopJudgement], jurisdiction: str, columns: int) -> RenderableType:
    rows = [_row(hop, jurisdiction) for hop in hops]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    for heading, width in zip(_HEADINGS, _widths(rows, columns), strict=True):
        right = heading in {"hop", "ms"}
        table.add_column(
            heading, width=width, overflow="fold", justify="right" if right else "left"
        )
    for hop, row in zip(hops, rows, strict=True):
        table.add_row(*map(Text, row), style=_STYLES.get(hop.verdicts.get(jurisdiction, ""), "dim"))
    return Group("", table, Text(_LEGEND.format(jurisdiction), style="dim"), "")


def _row(hop: HopJudgement, jurisdiction: str) -> tuple[str, ...]:
    cells = (
        str(hop.ttl),
        address(hop) or UNKNOWN,
        hop.name or UNKNOWN,
        UNKNOWN if hop.rtt_min_ns is None else milliseconds(hop.rtt_min_ns / 1e9, 3),
        _marked(hop, jurisdiction),
        _operator(hop),
    )
    return tuple(map(printable, cells))


def _widths(rows: Sequence[Sequence[str]], columns: int) -> list[int]:
    """Return the width of each column: addresses whole, names if they can be, words broken first.

    What is too wide is taken from the columns in the order of `_SHRINK`, down to a floor each.
    """
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    room = columns - _GAP * (len(widths) - 1)
    for heading, floor in _SHRINK:
        column = _HEADINGS.index(heading)
        excess = max(0, sum(widths) - room)
        widths[column] = max(min(floor, widths[column]), widths[column] - excess)
    return widths


def _marked(hop: HopJudgement, jurisdiction: str) -> str:
    """Return where a hop is, with the mark of what that means for the jurisdiction."""
    if hop.address is None or hop.excluded:
        return _place(hop)
    mark = HOPS[hop.verdicts.get(jurisdiction, "unknown")]
    return f"{mark} {_place(hop, jurisdiction)}"


def _place(hop: HopJudgement, jurisdiction: str = "") -> str:
    """Return where a hop is, with the kinds of evidence; a proof counts for its jurisdiction."""
    if hop.address is None:
        return "no answer"
    if hop.excluded:
        return "special address"
    kinds = {
        row.kind
        for row in hop.evidence
        if row.proof is None or row.proof.jurisdiction == jurisdiction
    }
    if hop.candidates:
        return f"{places(hop)} ({listed([kind for kind in _NAMING if kind in kinds])})"
    return _proven(hop) or ("refuted by time" if "refuted" in kinds else "not known")


def _proven(hop: HopJudgement) -> str:
    """Return what is proven of a hop that nobody places, nothing where nothing is."""
    proofs = [row.proof for row in hop.evidence if row.proof is not None]
    return "; ".join(
        f"proven {word} {', '.join(row.jurisdiction for row in proofs if row.word == word)}"
        for word in dict.fromkeys(row.word for row in proofs)
    )


def _operator(hop: HopJudgement) -> str:
    """Return who holds a hop, by which AS number, and the countries of the groups behind."""
    number = None if hop.asn is None else f"AS{hop.asn}"
    countries = "/".join(dict.fromkeys(group.country for group in hop.groups))
    known = hop.operator or ""
    parts = (known, number if number and number not in known else "", f"({countries})")
    return " ".join(part for part in parts if part not in {"", "()"}) or UNKNOWN


def _verdicts(rows: Sequence[PathVerdict]) -> Iterator[RenderableType]:
    """Yield the verdicts, those that say the same in one place."""
    for axis, of_axis in groupby(
        sorted(rows, key=lambda row: row.axis == Axis.ADMINISTRATION), key=lambda row: row.axis
    ):
        yield Text(_QUESTIONS[axis], style="underline")
        for (verdict, reasons), same in groupby(of_axis, key=_said):
            group = list(same)
            mark, word = VERDICTS[verdict]
            asked = listed([_titled(row.jurisdiction) for row in group])
            head = Text(f"{mark} {asked}: {word}. ", style=_HEADS.get(verdict, "bold"))
            meaning = f"{_meaning(group[0])} {_coverage(group[0])}"
            yield Padding(head.append(meaning, style="not bold default"), (0, 0, 0, 2))
            for reason in reasons:
                yield Padding(Text(f"- {printable(reason)}"), (0, 0, 0, 4))


def _said(row: PathVerdict) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict with its reasons, in words that do not depend on the jurisdiction."""
    return row.verdict, tuple(
        reason.replace(f"side {row.jurisdiction}", "side") for reason in row.reasons
    )


def _supposed(rows: Sequence[Supposed]) -> Iterator[RenderableType]:
    """Yield what would be so under a hypothesis, and is not proven."""
    for hypothesis in dict.fromkeys(row.hypothesis for row in rows):
        head = f"If all of the way were {hypothesis} (not proven: no verdict rests on it)"
        yield Text(printable(head), style="underline")
        for row in rows:
            if row.hypothesis == hypothesis:
                yield Padding(Text(printable(f"- {row.sentence}")), (0, 0, 0, 4))


def _idle(hops: Sequence[HopJudgement]) -> Iterator[RenderableType]:
    """Yield what was said of hops and does not count."""
    said = [
        f"- hop {hop.ttl}: {row.says}"
        for hop in hops
        for row in hop.evidence + hop.holders
        if row.kind in _IDLE
    ]
    if said:
        yield Text("What does not count, shown all the same", style="underline")
    yield from (Padding(Text(printable(line)), (0, 0, 0, 4)) for line in said)


def _titled(jurisdiction: str) -> str:
    title = TITLES.get(jurisdiction)
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
