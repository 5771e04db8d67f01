"""Words: how verdicts, times, round trips and crossings are written for people.

Rules
- Nothing is claimed beyond the words it is made from: "no evidence of exit" never becomes
  "inside", and a crossing is a statement about a route, not about what law says of it.
- What is not known is an en dash.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from agent.records import Family
from collector.facts.regions import BY_NAME
from collector.judgement.control import HolderFinding
from collector.nearness import Several
from collector.records import (
    INSIDE,
    OUTSIDE,
    Crossing,
    Evidence,
    HopJudgement,
    Judgement,
    Jurisdiction,
    PathVerdict,
    Verdict,
)
from collector.wall import wall_text

Lists: TypeAlias = Mapping[str, Jurisdiction]
"""Jurisdictions by name."""

UNKNOWN = "–"
NS_PER_S = 1_000_000_000

VERDICTS = {
    Verdict.PROVEN_OUTSIDE: ("▲", "proven outside"),
    Verdict.SUPPORTED_OUTSIDE: ("▲", "outside"),
    Verdict.CONTRADICTORY: ("◆", "contradictory"),
    Verdict.UNDETERMINED: ("○", "undetermined"),
    Verdict.SUPPORTED_INSIDE: ("●", "inside"),
    Verdict.PROVEN_INSIDE: ("●", "proven inside"),
}
"""A mark and a word for each verdict; plain "outside" and "inside" mean supported by evidence."""

MEANINGS = {
    Verdict.PROVEN_OUTSIDE: "A hop cannot be inside: it answered an agent sooner than light comes "
    "from there and back, if that agent is where it says.",
    Verdict.SUPPORTED_OUTSIDE: "At least one hop has evidence of a place outside, and physics does "
    "not refute it.",
    Verdict.CONTRADICTORY: "Every place that is named for some hop is too far away for the time in "
    "which it answered: somebody is wrong.",
    Verdict.UNDETERMINED: "Some hops have no evidence of their place, or evidence on both sides, "
    "or keep silent, or the target does. Nobody knows.",
    Verdict.SUPPORTED_INSIDE: "The target and every hop answered, and each has evidence of a "
    "place inside.",
    Verdict.PROVEN_INSIDE: "The target answered sooner than light comes by way of any soil "
    "outside, if it and the agent are where they are declared.",
}
"""What each verdict says of territory, for the legend."""

HOLDING = {
    Verdict.SUPPORTED_OUTSIDE: "At least one hop is held by a group whose seat is outside.",
    Verdict.UNDETERMINED: "The group behind some hop is not known, or some hop keeps silent.",
    Verdict.SUPPORTED_INSIDE: "The target and every hop answered, and each is held by a group "
    "whose seat is inside.",
}
"""What each verdict says of administration; there are no others, and none is ever a crossing."""

HOPS = {
    "outside": "▲",
    "contradictory": "◆",
    "mixed": "◆",
    "unsettled": "○",
    "unknown": "○",
    "inside": "●",
}
"""The same marks for single hops."""

EVIDENCE = {
    "zone": "declared zone",
    "name": "router name",
    "cloud": "cloud range",
    "exchange": "exchange",
    "proof": "proof",
    "refuted": "refuted by time",
    "anycast": "in several places",
    "excluded": "excluded",
    "unconfirmed": "does not count",
    "geofeed": "geofeed",
    "database": "database",
    "network": "holder",
    "origin": "announced by",
    "registrant": "registered",
    "carrier": "group",
}
"""What kinds of evidence are called."""


def clock(at_ns: int) -> str:
    """Return a time of day to the second, UTC; the page says so once."""
    return wall_text(at_ns)[:19].replace("T", " ")


def milliseconds(seconds: float | None, digits: int = 2) -> str:
    """Return a duration as a number of milliseconds."""
    return UNKNOWN if seconds is None else f"{seconds * 1000:.{digits}f}"


def percent(ratio: float | None) -> str:
    """Return a ratio in percent; a small loss is never rounded to none."""
    if ratio is None:
        return UNKNOWN
    if 0 < ratio < 0.001:  # noqa: PLR2004 - one in a thousand is the last digit shown
        return "< 0.1 %"
    return f"{ratio * 100:.1f} %" if ratio not in {0.0, 1.0} else f"{ratio * 100:.0f} %"


def duration(span_ns: int) -> str:
    """Return a span of time in its two largest units."""
    seconds = max(0, span_ns) // NS_PER_S
    units = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count or parts or size == 1:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 path`, `4 paths`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(parts: Sequence[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def abroad(crossing: Crossing, lists: Lists = BY_NAME) -> tuple[str, ...]:
    """Return the countries of the route that the demanded jurisdiction does not hold, once each.

    Of a jurisdiction that the settings no longer have (it is not in `lists`) nothing is told.
    """
    if crossing.jurisdiction not in lists:
        return ()
    inside = lists[crossing.jurisdiction].widest
    return tuple(dict.fromkeys(code for code in crossing.countries if code not in inside))


def over_family(family: Family) -> str:
    """Return ` over IPv6`; of IPv4 nothing is said."""
    return " over IPv6" if family == 6 else ""  # noqa: PLR2004 - the version of IP


def foreign_groups(judged: Judgement, jurisdiction: str, lists: Lists = BY_NAME) -> tuple[str, ...]:
    """Return the groups outside `jurisdiction` that hold hops of a path, once each, in order.

    Those of hops that stand inside it are marked: a foreign group on home soil is no crossing.
    """
    inside = lists[jurisdiction].widest
    soil: dict[str, bool] = {}
    for hop in judged.hops:
        for group in hop.groups:
            if group.country not in inside:
                said = f"{group.name} ({group.country})"
                home = hop.verdicts.get(jurisdiction) == "inside"
                soil[said] = soil.get(said, False) or home
    return tuple(f"{said} on {jurisdiction} soil" if home else said for said, home in soil.items())


def flows(those: Sequence[int], of: Sequence[int]) -> str | None:
    """Return which flows of a round a hop was seen in, None where that was all of them."""
    if len(those) == len(of):
        return None
    numbers = listed([str(of.index(flow) + 1) for flow in those])
    return f"{'flow' if len(those) == 1 else 'flows'} {numbers} of {len(of)}"


def crossing_sentence(crossing: Crossing, lists: Lists = BY_NAME) -> str:
    """Return what a crossing is, in one sentence without its full stop."""
    verb = "leaves" if crossing.ended_ns is None else "left"
    through = listed(abroad(crossing, lists))
    over = over_family(crossing.family)
    route = f"{crossing.agent} → {crossing.zone}{over} {verb} {crossing.jurisdiction}"
    return f"{route} through {through}" if through else route


def finding_sentence(finding: HolderFinding) -> str:
    """Return who holds hops of a path, in one sentence without its full stop."""
    verb = "crosses" if finding.ended_ns is None else "crossed"
    groups = [
        f"{group.name} ({group.country}){f' on {finding.jurisdiction} soil' * group.on_soil}"
        for group in finding.groups
    ]
    route = f"{finding.agent} → {finding.zone}{over_family(finding.family)}"
    return f"{route} {verb} equipment operated by {listed(groups)}"


def headline(
    open_crossings: Sequence[Crossing], judged: Sequence[PathVerdict], lists: Lists = BY_NAME
) -> str:
    """Return the one sentence that says how things stand.

    `judged` are the newest verdicts for what each path's policy demands.
    """
    if len(open_crossings) == 1:
        return f"1 crossing now: {crossing_sentence(open_crossings[0], lists)}"
    if open_crossings:
        return f"{len(open_crossings)} crossings now"
    if not judged:
        return "No path has been judged yet"
    outside = sum(found.verdict in OUTSIDE for found in judged)
    if outside:
        paths = count(outside, "path")
        return f"No confirmed crossing; the last round of {paths} has evidence of an exit"
    conflicts = sum(found.verdict is Verdict.CONTRADICTORY for found in judged)
    doubt = f"; the evidence of {conflicts} contradicts physics" if conflicts else ""
    return f"No evidence of exit in the last round of {count(len(judged), 'path')}{doubt}"


def mood(
    open_crossings: Sequence[Crossing], judged: Sequence[PathVerdict], missing: Sequence[str]
) -> str:
    """Return how the headline is to look: `alarming`, `calm`, or `doubtful`.

    Calm needs every newest verdict inside and, `missing` being the sentences of `absent`, every
    agent there: ignorance is not good news.
    """
    if open_crossings or any(found.verdict in OUTSIDE for found in judged):
        return "alarming"
    seen = judged and all(found.verdict in INSIDE for found in judged)
    return "calm" if seen and not missing else "doubtful"


def ground(judged: Sequence[PathVerdict], oldest_ns: int) -> str:
    """Return what the newest verdicts rest on: how many of each, their age and their coverage.

    `oldest_ns` is how long ago the oldest of them began.
    """
    if not judged:
        return "No newest path belongs to a policy that demands a jurisdiction."
    tally = Counter(found.verdict for found in judged)
    verdicts = listed([f"{tally[one]} {VERDICTS[one][1]}" for one in Verdict if tally[one]])
    hops = sum(found.coverage.hops_responding + found.coverage.hops_silent for found in judged)
    known = sum(found.coverage.hops_with_evidence for found in judged)
    silent = sum(found.coverage.hops_silent for found in judged)
    return (
        f"Newest paths under a policy: {verdicts}, the oldest traced {duration(oldest_ns)} ago. "
        f"Evidence places {known} of {count(hops, 'hop')}; {silent} kept silent."
    )


def returning(crossing: Crossing, newest: PathVerdict | None) -> str | None:
    """Return what a newest round without a hop outside means for an open crossing, else None."""
    if newest is None or newest.verdict in OUTSIDE:
        return None
    return (
        f"The newest round from {crossing.agent} to {crossing.zone}"
        f"{over_family(crossing.family)} shows no hop outside "
        f"{crossing.jurisdiction}. The crossing ends when two rounds have seen other answers where "
        "its hops abroad stood; their silence ends nothing."
    )


def absent(now_ns: int, last_ns: dict[str, int], patience_s: int) -> tuple[str, ...]:
    """Return a sentence for each agent that has not delivered for `patience_s`."""
    found = []
    for agent, at_ns in last_ns.items():
        if not at_ns:
            found.append(f"{agent} has never delivered.")
        elif now_ns - at_ns > patience_s * NS_PER_S:
            found.append(f"{agent} delivered last {duration(now_ns - at_ns)} ago.")
    return tuple(found)


def several(found: Iterable[Several]) -> str | None:
    """Return how many addresses have no place because two agents contradict each other, else None.

    One agent that is declared in a wrong place can take the place of every address that it
    traces, and so hide an exit from all: whoever reads must see which agent it would be.
    """
    agents: dict[str, set[str]] = {}
    for row in found:
        for seen in row.seen:
            agents.setdefault(seen.agent, set()).add(row.address)
    if not agents:
        return None
    most = max(map(len, agents.values()))
    named = listed([name for name in sorted(agents) if len(agents[name]) == most])
    every = len(set().union(*agents.values()))
    return (
        f"{count(every, 'address', 'addresses')} in the newest rounds answered two agents sooner "
        f"than one machine could, most often {named} ({most}). Such an address stands in several "
        "places, or an agent is not where it is declared; no place is told of it."
    )


def placed(found: PathVerdict) -> str:
    """Return how many of the path's hops have evidence of their place: `5 of 7`."""
    hops = found.coverage.hops_responding + found.coverage.hops_silent
    return f"{found.coverage.hops_with_evidence} of {hops}"


def places(hop: HopJudgement) -> str:
    """Return the places that a hop may be at, with their territories."""
    if not hop.candidates:
        return UNKNOWN
    return " or ".join(f"{place.name}, {place.territory}" for place in hop.candidates)


def evidence_sentences(rows: Iterable[Evidence]) -> list[dict[str, str]]:
    """Return each piece of evidence as its kind, sentence, source and date."""
    return [
        {
            "kind": EVIDENCE[row.kind],
            "says": row.says,
            "source": row.source,
            "date": row.date,
        }
        for row in rows
    ]
