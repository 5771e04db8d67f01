"""Bytes: judged paths, their verdicts and the episodes as Arrow tables, and paths back from them.

`paths`, sorted by start: agent, target, family, zone, started, reached, verdict (on territory, the
worst of all jurisdictions), administration (the same on that axis), and the whole `path` and
`judgement` as JSON with sorted keys. The first version had neither family, which was 4, nor
administration; its judgements are read with that in their place.

`verdicts`, sorted by start, a row per path, jurisdiction and axis: agent, target, family, zone,
started, path (its id), jurisdiction, axis, verdict, flow, the coverage and the countries.

`crossings`, sorted by change, a row each time that an episode was confirmed, proved or ended: id,
agent, target, family, zone, jurisdiction, verdict, countries, first_seen, confirmed, ended (null
while it goes on), changed (when it was confirmed or ended), rounds, evidence (the digest of its
Statement), and the whole `crossing` as JSON with sorted keys. The last row of an id is how it is.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from agent.records import Path
from collector.records import (
    SEVERITY,
    Axis,
    Crossing,
    Judgement,
    PathRecord,
    Verdict,
)

_MOMENT: Final = pa.timestamp("ns", "UTC")


def _schema(fields: dict[str, pa.DataType], nullable: Sequence[str] = ()) -> pa.Schema:
    return pa.schema(
        [pa.field(name, kind, nullable=name in nullable) for name, kind in fields.items()]
    )


_PATHS: Final = _schema(
    {
        "agent": pa.string(),
        "target": pa.string(),
        "family": pa.uint8(),
        "zone": pa.string(),
        "started": _MOMENT,
        "reached": pa.bool_(),
        "verdict": pa.string(),
        "administration": pa.string(),
        "path": pa.string(),
        "judgement": pa.string(),
    }
)
_PATHS_1: Final = pa.schema(
    [field for field in _PATHS if field.name not in {"family", "administration"}]
)
PATHS: Final = {"1": _PATHS_1, "2": _PATHS}
"""The columns by schema version; the last version is the one that is written."""
_COVERAGE: Final = (
    *("hops_responding", "hops_with_evidence", "hops_silent", "longest_silent_gap"),
    "samples",
)
VERDICTS: Final = {
    "1": _schema(
        {
            "agent": pa.string(),
            "target": pa.string(),
            "family": pa.uint8(),
            "zone": pa.string(),
            "started": _MOMENT,
            "path": pa.string(),
            "jurisdiction": pa.string(),
            "axis": pa.string(),
            "verdict": pa.string(),
            "flow": pa.int32(),
            **dict.fromkeys(_COVERAGE, pa.int32()),
            "rtt_min_s": pa.float64(),
            "countries": pa.list_(pa.string()),
        },
        nullable=("rtt_min_s",),
    )
}
CROSSINGS: Final = {
    "1": _schema(
        {
            "id": pa.string(),
            "agent": pa.string(),
            "target": pa.string(),
            "family": pa.uint8(),
            "zone": pa.string(),
            "jurisdiction": pa.string(),
            "verdict": pa.string(),
            "countries": pa.list_(pa.string()),
            "first_seen": _MOMENT,
            "confirmed": _MOMENT,
            "ended": _MOMENT,
            "changed": _MOMENT,
            "rounds": pa.int32(),
            "evidence": pa.string(),
            "crossing": pa.string(),
        },
        nullable=("confirmed", "ended", "evidence"),
    )
}


def paths_table(records: Sequence[PathRecord]) -> pa.Table:
    """Return the table of `paths`."""
    judgements = [record.judgement for record in records]
    arrays = {
        "agent": [judgement.agent for judgement in judgements],
        "target": [judgement.target for judgement in judgements],
        "family": pa.array([judgement.family for judgement in judgements], pa.uint8()),
        "zone": [judgement.zone for judgement in judgements],
        "started": _moments([judgement.started_ns for judgement in judgements]),
        "reached": [judgement.reached for judgement in judgements],
        "verdict": [_worst(judgement, Axis.TERRITORY) for judgement in judgements],
        "administration": [_worst(judgement, Axis.ADMINISTRATION) for judgement in judgements],
        "path": [_json(record.path) for record in records],
        "judgement": [_json(judgement) for judgement in judgements],
    }
    return pa.table(arrays, schema=_PATHS)


def path_records(table: pa.Table) -> list[PathRecord]:
    """Return the records of a table with the columns `path` and `judgement`.

    Raises:
        msgspec.DecodeError: A text is not the JSON of its word.
    """
    pairs = zip(table["path"].to_pylist(), table["judgement"].to_pylist(), strict=True)
    return [
        PathRecord(
            path=msgspec.json.decode(path, type=Path),
            judgement=msgspec.json.decode(judgement, type=Judgement),
        )
        for path, judgement in pairs
    ]


def verdicts_table(records: Sequence[PathRecord]) -> pa.Table:
    """Return the table of `verdicts` of these paths."""
    rows = [
        {
            "agent": judged.agent,
            "target": judged.target,
            "family": judged.family,
            "zone": judged.zone,
            "started": judged.started_ns,
            "path": judged.id,
            "jurisdiction": found.jurisdiction,
            "axis": found.axis.value,
            "verdict": found.verdict.value,
            "flow": found.flow,
            **{name: getattr(found.coverage, name) for name in _COVERAGE},
            "rtt_min_s": found.coverage.rtt_min_s,
            "countries": list(found.countries),
        }
        for judged in (record.judgement for record in records)
        for found in judged.verdicts
    ]
    return _table(rows, VERDICTS["1"])


def crossings_table(episodes: Sequence[Crossing]) -> pa.Table:
    """Return the table of `crossings` of confirmed episodes that changed."""
    rows = [
        {
            "id": episode.id,
            "agent": episode.agent,
            "target": episode.target,
            "family": episode.family,
            "zone": episode.zone,
            "jurisdiction": episode.jurisdiction,
            "verdict": episode.verdict.value,
            "countries": list(episode.countries),
            "first_seen": episode.first_seen_ns,
            "confirmed": episode.confirmed_ns,
            "ended": episode.ended_ns,
            "changed": changed_ns(episode),
            "rounds": episode.rounds,
            "evidence": episode.evidence,
            "crossing": _json(episode),
        }
        for episode in episodes
    ]
    return _table(rows, CROSSINGS["1"])


def changed_ns(episode: Crossing) -> int:
    """Return when an episode was last confirmed or ended."""
    return episode.ended_ns or episode.confirmed_ns or episode.first_seen_ns


def _table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = {
        field.name: _moments([row[field.name] for row in rows])
        if field.type == _MOMENT
        else pa.array([row[field.name] for row in rows], field.type)
        for field in schema
    }
    return pa.table(columns, schema=schema)


def _moments(moments_ns: Sequence[int | None]) -> pa.Array:
    return pa.array(moments_ns, pa.int64()).cast(_MOMENT)


def _worst(judgement: Judgement, axis: Axis) -> str:
    """Return the worst verdict of all jurisdictions on an axis."""
    verdicts = [found.verdict for found in judgement.verdicts if found.axis is axis]
    return min(verdicts, key=SEVERITY.__getitem__, default=Verdict.UNDETERMINED).value


def _json(word: Path | Judgement | Crossing) -> str:
    return msgspec.json.encode(word, order="deterministic").decode()
