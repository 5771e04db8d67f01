"""Bytes: what several parts of a page say in the same way: a verdict, a route, a time of day."""

from collections.abc import Sequence

from collector.judgement import sentences
from collector.records import SEVERITY, Axis, Judgement, PathVerdict, Verdict
from collector.settings.policy import Demands
from collector.wall import wall_text

View = dict[str, object]
"""What a template is given."""


def word(verdict: Verdict, jurisdiction: str) -> View:
    """Return a verdict as a mark, a word and a colour, and of which jurisdiction it is."""
    mark, says = sentences.VERDICTS[verdict]
    kind = says.rsplit(" ", maxsplit=1)[-1]
    return {"jurisdiction": jurisdiction, "mark": mark, "word": says, "kind": kind}


def time(at_ns: int) -> View:
    """Return a time of day, exactly and for people."""
    return {"exact": wall_text(at_ns), "text": sentences.clock(at_ns)}


def countries(
    codes: Sequence[str], jurisdictions: Sequence[str], lists: sentences.Lists
) -> list[View]:
    """Return the route as countries, those outside a demanded jurisdiction marked."""
    held = [lists[name].widest for name in jurisdictions if name in lists]
    return [{"code": code, "outside": any(code not in one for one in held)} for code in codes]


def found(
    judgement: Judgement, jurisdiction: str | None, axis: Axis = Axis.TERRITORY
) -> PathVerdict | None:
    """Return the verdict for `jurisdiction`, None where there is none."""
    for row in judgement.verdicts:
        if (row.jurisdiction, row.axis) == (jurisdiction, axis):
            return row
    return None


def worst(judged: Judgement, demands: Demands) -> PathVerdict | None:
    """Return the worst verdict of those that the policy asks for on territory, if it does."""
    asked = [found(judged, name) for name in demands.territory]
    told = [row for row in asked if row is not None]
    return min(told, key=lambda row: SEVERITY[row.verdict], default=None)
