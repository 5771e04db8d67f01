"""Bytes: the matrix of the real paths, as the JSON file and as the page for people.

The page is made of the JSON alone, so that both say the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from benchmarks.corpus import FORMS, Saying, Truth

JURISDICTIONS: Final = ("FX", "EU", "EEA")
_SHORT: Final = {
    "PROVEN_OUTSIDE": "OUTSIDE (proven)",
    "SUPPORTED_OUTSIDE": "outside",
    "CONTRADICTORY": "contradictory",
    "UNDETERMINED": "open",
    "SUPPORTED_INSIDE": "inside",
    "PROVEN_INSIDE": "INSIDE (proven)",
}
_HEAD: Final = """\
# What Borne says of real paths, beside what tables alone would say

Written by `make bench CLAIM=corpus` from the paths of `BORNE_CORPUS` (default:
`../shared/corpus`); the same figures stand in `corpus.json`. Rules: {rules}. Tables: {tables}.

*Names as they are*: nobody checked them, so they count on the operator's own addresses alone.
*Confirmed*: as if every name had resolved back to its address. The truth of the EU stands for the
EEA. The paths guided the rules: these are figures in the sample.
"""
_NAIVE: Final = """
The naive rules call a path outside as soon as one routable address of it is *registered* abroad,
is placed abroad by *geofeeds and whois*, or is placed in one country abroad by *all* three tables
(these and DB-IP's).
"""
_LEFT_OUT: Final = """
*First left out*: exits from FX that are still found without the name rules of the exit's own
operator, that of the first hop abroad; *all left out*: without those of every operator named
abroad on that path. *Named beyond the truth*: groups that Borne names on a path that stays, and
the truth does not.
"""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A path: its truth, what Borne says of both forms, what each naive rule calls left."""

    truth: Truth
    borne: dict[str, Saying]
    naive: dict[str, list[str]]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How often one judge was right."""

    found: dict[str, int]
    """Exits found, by jurisdiction."""
    false: list[str]
    """`ID jurisdiction` of each false exit."""
    first_left_out: int | None = None
    all_left_out: int | None = None
    operators_found: int | None = None
    """Paths with foreign operators of which every group's country was named."""
    operators_beyond: list[str] | None = None
    """`ID country` of each foreign group named on a path that stays, beyond its truth."""


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found."""

    rules: str
    tables: dict[str, str]
    exits: dict[str, int]
    """How many paths left, by jurisdiction."""
    stays: dict[str, int]
    """How many paths stayed, by jurisdiction."""
    with_operators: int
    """How many paths have foreign operators."""
    scores: dict[str, Score]
    paths: dict[str, Row]


def encode(matrix: Matrix) -> bytes:
    """Return the JSON file."""
    return msgspec.json.format(msgspec.json.encode(matrix), indent=1) + b"\n"


def decode(octets: bytes) -> Matrix:
    """Return the matrix of a JSON file."""
    return msgspec.json.decode(octets, type=Matrix)


def page(matrix: Matrix) -> str:
    """Return the page for people, as Markdown."""
    tables = ", ".join(f"{name} {what}" for name, what in matrix.tables.items())
    parts = (
        _HEAD.format(rules=matrix.rules, tables=tables),
        *_grid(_SCORES, _scores(matrix)),
        _NAIVE + _LEFT_OUT,
        *_grid(_PATHS, _paths(matrix)),
    )
    return "\n".join(parts) + "\n"


_SCORES: Final = (
    "judge",
    *(f"exits from {name} found" for name in JURISDICTIONS),
    *(f"false exits from {name}" for name in JURISDICTIONS),
    "first left out",
    "all left out",
    "foreign operators named",
    "named beyond the truth",
)
_PATHS: Final = (
    "path",
    "truth (FX, EU)",
    "trap",
    *(f"{name}, names {form}" for form in FORMS for name in JURISDICTIONS),
    "operators abroad: truth",
    "named",
    "registrant says left",
    "geo-whois",
    "unanimous",
)


def _scores(matrix: Matrix) -> Iterator[list[str]]:
    for name, score in matrix.scores.items():
        exits = [f"{score.found[one]} of {matrix.exits[one]}" for one in JURISDICTIONS]
        left_out = [
            "" if count is None else f"{count} of {matrix.exits['FX']}"
            for count in (score.first_left_out, score.all_left_out)
        ]
        named = score.operators_found
        operators = "" if named is None else f"{named} of {matrix.with_operators}"
        false = [f"{_false(score, one)} of {matrix.stays[one]}" for one in JURISDICTIONS]
        yield [name, *exits, *false, *left_out, operators, ", ".join(score.operators_beyond or [])]


def _false(score: Score, jurisdiction: str) -> int:
    return sum(what.split()[1] == jurisdiction for what in score.false)


def _paths(matrix: Matrix) -> Iterator[list[str]]:
    for key, row in matrix.paths.items():
        truth = row.truth
        verdicts = [row.borne[form].verdicts[name] for form in FORMS for name in JURISDICTIONS]
        yield [
            key,
            f"{truth.exits_fr or 'fabricated'}, {truth.exits_eu or 'fabricated'}",
            truth.trap or "",
            *(_SHORT[verdict] for verdict in verdicts),
            truth.foreign_operators or "",
            " ".join(row.borne[FORMS[0]].operators),
            *(" ".join(left) for left in row.naive.values()),
        ]


def _grid(head: Sequence[str], rows: Iterator[list[str]]) -> Iterator[str]:
    yield _line(head)
    yield _line(["---"] * len(head))
    yield from map(_line, rows)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def count(left: Mapping[str, Sequence[str]], said: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return how many of the paths that left a jurisdiction are said to have left it."""
    return {name: sum(name in said[key] for key in keys) for name, keys in left.items()}
