"""Bytes: the table of zones on the page: numbers of each (agent, zone), and its newest paths.

Rules
- Those with a path outside what its policy demands come first, and such paths first among theirs:
  nobody searches 200 rows.
- The table has `MAX_ROWS` rows at most. Where there is more, each (agent, zone) shows its exits and
  an equal share of the rest, says how many it does not show, and is a link to itself alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from collector.facts.regions import JURISDICTIONS
from collector.judgement import sentences
from collector.records import OUTSIDE, Axis, Judgement, Quantiles, Verdict, ZoneRow
from collector.settings.policy import Demands
from collector.web import pagewords
from collector.web.pagewords import View

MAX_ROWS: Final = 300

Policies = Mapping[tuple[str, str], Demands]
"""What is demanded, by (agent, target)."""


class Chosen(NamedTuple):
    """Whose rows a reader of the page wants to see; None: all."""

    agent: str | None = None
    zone: str | None = None

    def holds(self, agent: str, zone: str) -> bool:
        """Say whether a row was chosen."""
        return self.agent in {None, agent} and self.zone in {None, zone}


class _Path(NamedTuple):
    """A newest path in the order of the table."""

    calm: bool
    target: str
    family: int
    judged: Judgement
    demands: Demands


def table(
    measured: Iterable[ZoneRow],
    newest: Iterable[Judgement],
    policy: Policies,
    lists: sentences.Lists,
    chosen: Chosen,
) -> View:
    """Return the rows of the table, and what found no room in it: (agent, zone), exits."""
    numbers = {(row.agent, f"{row.provider}/{row.region}"): row.quantiles for row in measured}
    paths = _paths(newest, policy)
    keys = sorted(
        (key for key in numbers.keys() | paths.keys() if chosen.holds(*key)),
        key=lambda key: (all(path.calm for path in paths.get(key, ())), key),
    )
    share = max(1, MAX_ROWS // max(1, len(keys)))
    left, unseen, rows = MAX_ROWS, 0, []
    for key in keys:
        found = sorted(paths.get(key, ()), key=lambda path: path[:3])
        exits = sum(not path.calm for path in found)
        if left <= 0:
            unseen += exits
            continue
        shown = found[: min(left, max(exits, share))]
        left -= max(1, len(shown))
        rows.append(
            {
                "agent": key[0],
                "zone": key[1],
                **_numbers(numbers.get(key)),
                "routes": [_route(path.judged, path.demands, lists) for path in shown],
                "more": len(found) - len(shown),
                "exits": max(0, exits - len(shown)),
            }
        )
    return {"rows": rows, "more": len(keys) - len(rows), "exits": unseen, "chosen": chosen}


def _paths(newest: Iterable[Judgement], policy: Policies) -> dict[tuple[str, str], list[_Path]]:
    found: dict[tuple[str, str], list[_Path]] = {}
    for judged in newest:
        demands = policy.get((judged.agent, judged.target), Demands())
        asked = pagewords.worst(judged, demands)
        calm = asked is None or asked.verdict not in OUTSIDE
        path = _Path(calm, judged.target, judged.family, judged, demands)
        found.setdefault((judged.agent, judged.zone), []).append(path)
    return found


def _numbers(found: Quantiles | None) -> View:
    if found is None:
        unknown = sentences.UNKNOWN
        return {"p50": unknown, "p90": unknown, "p99": unknown, "loss": unknown, "lossy": False}
    return {
        "p50": sentences.milliseconds(found.p50_s),
        "p90": sentences.milliseconds(found.p90_s),
        "p99": sentences.milliseconds(found.p99_s),
        "loss": sentences.percent(found.loss_ratio),
        "lossy": bool(found.lost),
    }


def _route(judged: Judgement, demands: Demands, lists: sentences.Lists) -> View:
    """Return the view of one target's newest path."""
    known = pagewords.found(judged, JURISDICTIONS[0].name)
    soil = next(iter((*demands.administration, *demands.territory)), JURISDICTIONS[0].name)
    return {
        "target": judged.target,
        "family": judged.family,
        "flows": len(judged.flows),
        "countries": pagewords.countries(judged.countries, demands.territory, lists),
        "territory": list(_said(judged, Axis.TERRITORY, demands.territory, lists)),
        "administration": list(_said(judged, Axis.ADMINISTRATION, demands.administration, lists)),
        "groups": sentences.foreign_groups(judged, soil, lists),
        "placed": sentences.UNKNOWN if known is None else sentences.placed(known),
        "silent": 0 if known is None else known.coverage.hops_silent,
        "judged": pagewords.time(judged.started_ns),
    }


def _said(
    judged: Judgement, axis: Axis, wanted: Sequence[str], lists: sentences.Lists
) -> Iterator[View]:
    """Give a view per verdict with its jurisdictions; what is demanded comes first, by itself."""
    said: dict[tuple[bool, Verdict], list[str]] = {}
    for name in lists:
        found = pagewords.found(judged, name, axis)
        if found is not None:
            said.setdefault((name in wanted, found.verdict), []).append(name)
    for (asked, verdict), names in sorted(said.items(), key=lambda item: not item[0][0]):
        yield {**pagewords.word(verdict, " ".join(names)), "demanded": asked}
