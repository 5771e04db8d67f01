"""Bytes: the answers of the API: rows of the reader as JSON.

Rules
- Durations are seconds (`p50_s`), times of day RFC 3339 UTC with nanoseconds, both as in the
  contract; no integer reaches 2^53.
- A value that is not known is null, never 0 and never left out.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import msgspec

from agent.records import Series
from collector.errors import RefusedError
from collector.gate.intake import Reader
from collector.judgement.control import ForeignGroup, HolderFinding
from collector.records import (
    Coverage,
    Crossing,
    HopJudgement,
    PathRecord,
    PathVerdict,
    Place,
    Quantiles,
    SeriesQuery,
    SeriesRow,
    SeriesWindow,
    ZoneRow,
)
from collector.wall import wall_text
from collector.web.parameters import NS_PER_S, quantile_text
from collector.web.questions import EpisodesQuery, PathsQuery, Range, WorstQuery

JSON_TYPE: Final = "application/json"
STATEMENT_TYPE: Final = "application/vnd.in-toto+json"

_GROUP: Final = ForeignGroup.__struct_fields__

Value = str | int | float | bool | None | Sequence["Value"] | dict[str, "Value"]
"""What becomes JSON."""
Episode = TypeVar("Episode", bound=Crossing | HolderFinding)


def encode(value: Value) -> bytes:
    """Return `value` as JSON."""
    return msgspec.json.encode(value)


def zones(reader: Reader, asked: Range) -> dict[str, Value]:
    """Answer `/v1/zones`: each agent's view of each zone in the range."""
    rows = reader.zones(asked.from_ns, asked.to_ns)
    return {**_bounds(asked.from_ns, asked.to_ns), "zones": [_zone(row) for row in rows]}


def series(reader: Reader, asked: SeriesQuery) -> dict[str, Value]:
    """Answer `/v1/series`: the windows of each series that matches, merged to the step.

    Raises: RefusedError 400 where the answer would hold more than the question allows.
    """
    names = [quantile_text(rank) for rank in asked.ranks_ppm]
    return {
        **_bounds(asked.from_ns, asked.to_ns),
        "step_s": asked.step_ns // NS_PER_S,
        "q": names,
        "series": [_series(row, names) for row in reader.series(asked)],
    }


def worst(reader: Reader, asked: WorstQuery) -> dict[str, Value]:
    """Answer `/v1/worst`: the series with the highest p99 of a minute, worst first."""
    rows = reader.worst(asked.from_ns, asked.to_ns, asked.limit)
    listed: list[Value] = [
        {"agent": row.agent, **_identity(row.series), "p99_s": row.p99_s} for row in rows
    ]
    return {**_bounds(asked.from_ns, asked.to_ns), "worst": listed}


def paths(reader: Reader, asked: PathsQuery) -> dict[str, Value]:
    """Answer `/v1/paths`: the newest judged paths that match, newest first."""
    rows, following = _paths_page(reader, asked)
    return {"paths": [_path(row) for row in rows], "next": following}


def crossings(reader: Reader, asked: EpisodesQuery) -> dict[str, Value]:
    """Answer `/v1/crossings`: confirmed episodes, newest first."""
    rows, following = _episodes_page(reader.crossings(), asked)
    return {"crossings": [crossing(row) for row in rows], "next": following}


def findings(reader: Reader, asked: EpisodesQuery) -> dict[str, Value]:
    """Answer `/v1/findings`: confirmed findings of administration, newest first."""
    rows, following = _episodes_page(reader.findings(), asked)
    return {"findings": [_finding(row) for row in rows], "next": following}


def evidence(reader: Reader, asked: EpisodesQuery) -> dict[str, Value]:
    """Answer `/v1/evidence`: the digests of the Statements and what each is evidence of."""
    episodes: list[Crossing | HolderFinding] = [*reader.crossings(), *reader.findings()]
    stated = [row for row in episodes if row.evidence is not None]
    rows, following = _episodes_page(stated, asked)
    listed = [{"sha256": row.evidence, "of": _kind(row), **_subject(row)} for row in rows]
    return {"evidence": listed, "next": following}


def _kind(row: Crossing | HolderFinding) -> str:
    return "crossing" if isinstance(row, Crossing) else "finding"


def statement(reader: Reader, digest: str) -> bytes:
    """Return the Statement with this SHA-256, octet for octet as it was digested.

    Raises: RefusedError 404.
    """
    found = reader.evidence(digest)
    if found is None:
        raise RefusedError(404, "not_found", f"there is no evidence with the SHA-256 {digest}")
    return found


def crossing(row: Crossing) -> Value:
    """Return an episode as JSON."""
    return {
        **_subject(row),
        "verdict": row.verdict,
        "wider": dict(row.wider),
        "countries": row.countries,
        "first_seen": wall_text(row.first_seen_ns),
        "confirmed_at": _time(row.confirmed_ns),
        "ended_at": _time(row.ended_ns),
        "rounds": row.rounds,
        "evidence": row.evidence,
    }


def _paths_page(reader: Reader, asked: PathsQuery) -> tuple[Sequence[PathRecord], str | None]:
    """Return a page of paths and its cursor: the start of its last path, None at the end.

    Paths that started at the same time are on one page: a page may be shorter than was asked for,
    and is longer only where more started at once.
    """
    size = asked.limit
    while True:
        found = reader.paths(asked.agent, asked.target, size + 1, asked.before_ns)
        if len(found) <= size:
            return found, None
        cut = size
        while cut and found[cut - 1].judgement.started_ns == found[size].judgement.started_ns:
            cut -= 1
        if cut:
            return found[:cut], str(found[cut - 1].judgement.started_ns)
        size *= 2


def _episodes_page(
    rows: Iterable[Episode], asked: EpisodesQuery
) -> tuple[Sequence[Episode], str | None]:
    """Return a page of episodes and its cursor, None at the end."""
    found = sorted(
        (
            row
            for row in rows
            if asked.agent in {None, row.agent}
            and asked.target in {None, row.target}
            and row.first_seen_ns < asked.to_ns
            and (row.ended_ns is None or row.ended_ns > asked.from_ns)
            and (asked.before is None or (row.first_seen_ns, row.id) < asked.before)
        ),
        key=lambda row: (row.first_seen_ns, row.id),
        reverse=True,
    )
    page = found[: asked.limit]
    more = len(found) > len(page)
    return page, f"{page[-1].first_seen_ns}-{page[-1].id}" if more else None


def _finding(row: HolderFinding) -> Value:
    return {
        **_subject(row),
        "groups": [{name: getattr(one, name) for name in _GROUP} for one in row.groups],
        "first_seen": wall_text(row.first_seen_ns),
        "confirmed_at": _time(row.confirmed_ns),
        "ended_at": _time(row.ended_ns),
        "rounds": row.rounds,
        "reasons": row.reasons,
        "path": row.path,
        "evidence": row.evidence,
    }


def _subject(row: Crossing | HolderFinding) -> dict[str, Value]:
    """Return which episode it is; its id is called as the page calls it."""
    return {
        "id": row.id,
        "agent": row.agent,
        "target": row.target,
        "family": row.family,
        "zone": row.zone,
        "jurisdiction": row.jurisdiction,
    }


def _bounds(from_ns: int, to_ns: int) -> dict[str, Value]:
    return {"from": wall_text(from_ns), "to": wall_text(to_ns)}


def _time(at_ns: int | None) -> str | None:
    return None if at_ns is None else wall_text(at_ns)


def _quantiles(found: Quantiles) -> dict[str, Value]:
    return msgspec.structs.asdict(found)


def _zone(row: ZoneRow) -> Value:
    return {
        "agent": row.agent,
        "provider": row.provider,
        "region": row.region,
        "zone": f"{row.provider}/{row.region}",
        **_quantiles(row.quantiles),
    }


def _series(row: SeriesRow, names: Sequence[str]) -> Value:
    return {
        "agent": row.agent,
        **_identity(row.series),
        "windows": [_window(window, names) for window in row.windows],
    }


def _identity(series: Series) -> dict[str, Value]:
    """Return what a series is of, but for its agent."""
    return {
        "zone": series.zone,
        "target": series.target,
        "family": series.family,
        "protocol": series.protocol,
        "stamp": series.stamp,
    }


def _window(window: SeriesWindow, names: Sequence[str]) -> Value:
    found: dict[str, Value] = {
        "start": wall_text(window.start_ns),
        **_quantiles(window.quantiles),
    }
    if names:
        found["quantiles"] = dict(zip(names, window.ranks_s, strict=True))
    return found


def _path(record: PathRecord) -> Value:
    judged = record.judgement
    return {
        "id": judged.id,
        "agent": judged.agent,
        "target": judged.target,
        "address": record.path.address,
        "zone": judged.zone,
        "family": record.path.family,
        "protocol": record.path.protocol,
        "started_at": wall_text(judged.started_ns),
        "reached": judged.reached,
        "blind": judged.blind,
        "flows": judged.flows,
        "unreached": judged.unreached if judged.reached else judged.flows,
        "countries": judged.countries,
        "verdicts": [_verdict(found) for found in judged.verdicts],
        "hops": [_hop(hop) for hop in judged.hops],
    }


def _verdict(found: PathVerdict) -> Value:
    return {
        "jurisdiction": found.jurisdiction,
        "axis": found.axis,
        "verdict": found.verdict,
        "coverage": _coverage(found.coverage),
        "countries": found.countries,
        "reasons": found.reasons,
        "flow": found.flow,
    }


def _coverage(found: Coverage) -> Value:
    return {name: getattr(found, name) for name in Coverage.__struct_fields__}


def _hop(hop: HopJudgement) -> Value:
    return {
        "ttl": hop.ttl,
        "address": hop.address,
        "name": hop.name,
        "rtt_min_ns": hop.rtt_min_ns,
        "excluded": hop.excluded,
        "territory": {
            "candidates": _places(hop.candidates),
            "verdicts": dict(hop.verdicts),
        },
        "administration": {
            "asn": hop.asn,
            "operator": hop.operator,
            "registrant": hop.registrant,
            "group": hop.groups[0].name if hop.groups else None,
            "group_country": hop.groups[0].country if hop.groups else None,
            "groups": [{"name": row.name, "country": row.country} for row in hop.groups],
            "verdicts": dict(hop.administration),
        },
        "flows": hop.flows,
        "evidence": [
            {"kind": row.kind, "source": row.source, "date": row.date, "says": row.says}
            for row in hop.evidence + hop.holders
        ],
    }


def _places(places: Iterable[Place]) -> list[Value]:
    return [{name: getattr(place, name) for name in Place.__struct_fields__} for place in places]
