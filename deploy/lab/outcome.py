"""Decider: what a demo saw, from the collector's answers: the contract's JSON line, the record.

Times in the results are seconds since the scenario began.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from collector.records import SEVERITY, Verdict
from deploy.lab.picture import Record, Stop, Window

NS_PER_S = 1_000_000_000
NANOSECOND_DIGITS = 9

Row = Mapping[str, Any]
"""One JSON object of an answer."""


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """The answers of the collector's API at one moment."""

    scenario: str
    began_ns: int
    """Wall time of the scenario's second 0."""
    zones: Row
    """`/v1/zones` since the scenario began."""
    recent_zones: Row
    """`/v1/zones` of the last half minute."""
    paths: Row
    """`/v1/paths`, of each agent newest first."""
    crossings: Row
    """`/v1/crossings`, newest first."""


def nanoseconds(text: str) -> int:
    """Return an RFC 3339 UTC time with nanoseconds as an integer since the epoch.

    Raises: ValueError.
    """
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    whole = datetime.fromisoformat(seconds).replace(tzinfo=UTC)
    return int(whole.timestamp()) * NS_PER_S + int(fraction.ljust(NANOSECOND_DIGITS, "0") or 0)


def seconds_since(began_ns: int, text: str | None) -> float | None:
    """Return when `text` was, in seconds since the scenario began; None stays None."""
    if text is None:
        return None
    return round((nanoseconds(text) - began_ns) / NS_PER_S, 3)


def newest(paths: Row) -> dict[tuple[str, str, int], Row]:
    """Return the newest path of each (agent, target, family)."""
    chosen: dict[tuple[str, str, int], Row] = {}
    for path in paths["paths"]:
        chosen.setdefault((path["agent"], path["target"], path["family"]), path)
    return chosen


def line(answers: Answers) -> str:
    """Return the one line of `make demo JSON=1`."""
    document = {
        "zones": [_zone(row) for row in answers.zones["zones"]],
        "verdicts": list(_verdicts(newest(answers.paths).values())),
        "crossings": [_crossing(answers.began_ns, row) for row in crossings(answers)],
    }
    return msgspec.json.encode(document).decode()


def crossings(answers: Answers) -> list[Row]:
    """Return the crossings in the order in which they were first seen."""
    return sorted(answers.crossings["crossings"], key=lambda row: str(row["first_seen"]))


def ended_crossing(answers: Answers) -> Row | None:
    """Return the first crossing that was confirmed and has ended, None if there is none."""
    return next((row for row in crossings(answers) if row["ended_at"] is not None), None)


def record(answers: Answers, crossing: Row, series: Row) -> Record | None:
    """Return what the picture of an ended crossing is drawn from; None where its rounds are gone.

    `series` is the answer of `/v1/series` for the crossing's agent and target.
    """
    began_ns = answers.began_ns
    same = ("agent", "target", "family")
    rounds = [
        path
        for path in reversed(answers.paths["paths"])
        if all(path[key] == crossing[key] for key in same)
    ]
    during = [path for path in rounds if path["started_at"] == crossing["confirmed_at"]]
    before = [path for path in rounds if path["started_at"] < crossing["first_seen"]]
    after = [path for path in rounds if path["started_at"] >= crossing["ended_at"]]
    if not during or not (before or after):
        return None
    return Record(
        scenario=answers.scenario,
        agent=crossing["agent"],
        zone=crossing["zone"],
        jurisdiction=crossing["jurisdiction"],
        verdict=crossing["verdict"],
        countries=tuple(crossing["countries"]),
        first_seen_s=_time(began_ns, crossing["first_seen"]),
        confirmed_s=_time(began_ns, crossing["confirmed_at"]),
        ended_s=_time(began_ns, crossing["ended_at"]),
        inside=_stops((before or after)[-1], crossing["jurisdiction"]),
        outside=_stops(during[0], crossing["jurisdiction"]),
        windows=tuple(_windows(began_ns, series)),
        evidence=crossing["evidence"],
    )


def _time(began_ns: int, text: str) -> float:
    """Return a time in seconds since the scenario began."""
    return (nanoseconds(text) - began_ns) / NS_PER_S


def _zone(row: Row) -> dict[str, Any]:
    """Return a zone as the contract names its fields."""
    fields = ("provider", "region", "agent", "p50_s", "p90_s", "p99_s", "loss_ratio")
    return {field: row[field] for field in fields}


def _verdicts(paths: Iterable[Row]) -> Iterable[dict[str, Any]]:
    """Return the verdicts of the newest paths as the contract names their fields.

    Of two families the worse one counts; of equals the first in the answer.
    """
    fields = ("jurisdiction", "axis", "verdict", "coverage")
    worst: dict[tuple[str, ...], dict[str, Any]] = {}
    for path in paths:
        for verdict in path["verdicts"]:
            about = {"agent": path["agent"], "target": path["target"]}
            row = about | {field: verdict[field] for field in fields}
            key = (*about.values(), row["jurisdiction"], row["axis"])
            if severity(row) < severity(worst.setdefault(key, row)):
                worst[key] = row
    return worst.values()


def verdict(path: Row, jurisdiction: str | None, axis: str = "territory") -> Row | None:
    """Return a path's verdict, None where it has none for that jurisdiction."""
    for row in path["verdicts"]:
        if (row["jurisdiction"], row["axis"]) == (jurisdiction, axis):
            chosen: Row = row
            return chosen
    return None


def severity(verdict: Row) -> int:
    """Return the rank of a verdict, 0 for the worst."""
    return SEVERITY[Verdict(verdict["verdict"])]


def _crossing(began_ns: int, row: Row) -> dict[str, Any]:
    """Return a crossing as the contract names its fields."""
    fields = ("agent", "target", "jurisdiction", "verdict", "countries")
    times = ("first_seen", "confirmed_at", "ended_at")
    return (
        {field: row[field] for field in fields}
        | {field: seconds_since(began_ns, row[field]) for field in times}
        | {"evidence": row["evidence"]}
    )


def _stops(path: Row, jurisdiction: str) -> tuple[Stop, ...]:
    """Return the places of a path's worst flow, equal neighbours merged; only decided hops."""
    stops: list[Stop] = []
    judged = verdict(path, jurisdiction)
    for hop in path["hops"]:
        candidates: Sequence[Row] = hop["territory"]["candidates"]
        if len(candidates) == 1 and (judged is None or judged["flow"] in hop["flows"]):
            fields = ("name", "territory", "latitude", "longitude")
            stop = Stop(**{field: candidates[0][field] for field in fields})
            if not stops or stops[-1].name != stop.name:
                stops.append(stop)
    return tuple(stops)


def _windows(began_ns: int, series: Row) -> Iterable[Window]:
    """Return the windows that hold replies, in order of time."""
    for row in series["series"]:
        for window in row["windows"]:
            if window["p50_s"] is not None:
                yield Window(
                    start_s=_time(began_ns, window["start"]),
                    width_s=series["step_s"],
                    p50_s=window["p50_s"],
                    p99_s=window["p99_s"],
                )
