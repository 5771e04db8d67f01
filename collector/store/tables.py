"""Bytes: sealed windows and judged paths as Arrow tables and back, exactly.

`windows`, sorted by (row, start), row groups of 16,384 so that a series is found by statistics:

    column                    type               what, and how it is written
    agent, zone, target       string             dictionary; names as they were when it was sealed
    family                    uint8              4 or 6
    protocol, stamp           string             dictionary
    start                     timestamp ns UTC   of the window; DELTA_BINARY_PACKED
    p50_s, p90_s, p99_s       float32            BYTE_STREAM_SPLIT; null where nothing was received
    min_s, max_s              float32            the same
    sum_s                     float64            BYTE_STREAM_SPLIT
    received, lost            int64              replies; probes that went out and got none
    outcome_lost, ...         int64              probes of each other outcome, dictionary
    row                       uint32             the collector's number of the series
    zero                      int64              samples in the zero bucket
    bucket_gaps               list<int16>        first bucket index (scale 6), then the steps
    bucket_counts             list<int64>        beside each bucket

A file answers by itself: names, quantiles and `lost` follow from the catalogue and from the other
columns, and are there for readers that know neither; `columns_of` reads `COLUMNS` alone.

`paths`, sorted by start: agent, target, family, zone, started, reached, verdict (on territory, the
worst of all jurisdictions), administration (the same on that axis), and the whole `path` and
`judgement` as JSON with sorted keys. The first version had neither family, which was 4, nor
administration; its judgements are read with that in their place.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agent.records import Outcome, Path, Series
from collector.columns import Columns
from collector.records import SEVERITY, Axis, Judgement, PathRecord, Verdict

TRANSFORMS: Final = (
    b"bucket_gaps: OpenTelemetry bucket index at scale 6 over seconds, the first absolute, "
    b"then differences; zero: samples of 0 to 2^-20 s; min_s, max_s: null without replies"
)

_OUTCOMES: Final = ("received", *(f"outcome_{kind.name.lower()}" for kind in Outcome if kind))
_QUANTILES: Final = ("p50_s", "p90_s", "p99_s")
_MOMENT: Final = pa.timestamp("ns", "UTC")
_NAME: Final = pa.dictionary(pa.int32(), pa.string())
_WINDOWS: Final = pa.schema(
    [
        pa.field("agent", _NAME, nullable=False),
        pa.field("zone", _NAME, nullable=False),
        pa.field("target", _NAME, nullable=False),
        pa.field("family", pa.uint8(), nullable=False),
        pa.field("protocol", _NAME, nullable=False),
        pa.field("stamp", _NAME, nullable=False),
        pa.field("start", _MOMENT, nullable=False),
        *(pa.field(name, pa.float32()) for name in (*_QUANTILES, "min_s", "max_s")),
        pa.field("sum_s", pa.float64(), nullable=False),
        *(pa.field(n, pa.int64(), nullable=False) for n in ("received", "lost", *_OUTCOMES[1:])),
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("zero", pa.int64(), nullable=False),
        pa.field("bucket_gaps", pa.list_(pa.int16()), nullable=False),
        pa.field("bucket_counts", pa.list_(pa.int64()), nullable=False),
    ]
)
COLUMNS: Final = (
    *("row", "start", *_OUTCOMES, "zero", "sum_s", "min_s", "max_s"),
    *("bucket_gaps", "bucket_counts"),
)
"""Columns of `windows` that `columns_of` needs."""
_PATHS: Final = pa.schema(
    [
        pa.field("agent", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("family", pa.uint8(), nullable=False),
        pa.field("zone", pa.string(), nullable=False),
        pa.field("started", _MOMENT, nullable=False),
        pa.field("reached", pa.bool_(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("administration", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("judgement", pa.string(), nullable=False),
    ]
)
_PATHS_1: Final = pa.schema(
    [field for field in _PATHS if field.name not in {"family", "administration"}]
)
SCHEMAS: Final = {
    "windows": {"1": _WINDOWS},
    "paths": {"1": _PATHS_1, "2": _PATHS},
}
"""The columns of each kind by schema version; the last version is the one that is written."""
ENCODINGS: Final = {
    "start": "DELTA_BINARY_PACKED",
    "started": "DELTA_BINARY_PACKED",
    **dict.fromkeys((*_QUANTILES, "min_s", "max_s", "sum_s"), "BYTE_STREAM_SPLIT"),
    "path": "PLAIN",
    "judgement": "PLAIN",
}


Named = tuple[str, Series]
"""An agent's name and one of its series."""


def windows_table(
    columns: Columns, named: Mapping[int, Named], quantiles_s: NDArray[np.float64]
) -> pa.Table:
    """Return the table of `windows`.

    `named` says whose each row is; `quantiles_s` (n, 3) are p50, p90 and p99, NaN where nothing
    was received.
    """
    silent = columns.received == 0
    offsets = pa.array(columns.offsets.astype(np.int32))
    read_s = dict(zip(_QUANTILES, quantiles_s.astype(np.float32).T, strict=True))
    read_s |= {"min_s": columns.min_s, "max_s": columns.max_s}
    arrays = {
        **_names(columns, named),
        "start": pa.array(columns.start_ns).cast(_MOMENT),
        **{name: pa.array(values, mask=silent) for name, values in read_s.items()},
        "sum_s": pa.array(columns.sum_s),
        "lost": pa.array(columns.lost),
        **{name: pa.array(columns.counts[:, place]) for place, name in enumerate(_OUTCOMES)},
        "row": pa.array(columns.row),
        "zero": pa.array(columns.zero),
        "bucket_gaps": pa.ListArray.from_arrays(offsets, pa.array(_gaps(columns))),
        "bucket_counts": pa.ListArray.from_arrays(offsets, pa.array(columns.bucket_count)),
    }
    return pa.table(arrays, schema=_WINDOWS)


def _names(columns: Columns, named: Mapping[int, Named]) -> dict[str, pa.Array]:
    """Return the columns that say whose each row is."""
    rows, place = np.unique(columns.row, return_inverse=True)
    known = [named[row] for row in rows.tolist()]
    words = {
        "agent": [agent for agent, _ in known],
        "zone": [series.zone for _, series in known],
        "target": [series.target for _, series in known],
        "protocol": [series.protocol.value for _, series in known],
        "stamp": [series.stamp.value for _, series in known],
    }
    places = pa.array(place)
    found = {
        name: pa.array(values, pa.string()).dictionary_encode().take(places)
        for name, values in words.items()
    }
    families = pa.array([series.family for _, series in known], pa.uint8())
    return {**found, "family": families.take(places)}


def _gaps(columns: Columns) -> NDArray[np.int16]:
    """Return each sketch's first bucket and then the steps to the next."""
    gaps = np.diff(columns.bucket, prepend=0)
    first = columns.offsets[:-1][np.diff(columns.offsets) > 0]
    gaps[first] = columns.bucket[first]
    return gaps.astype(np.int16)


def paths_table(records: Sequence[PathRecord]) -> pa.Table:
    """Return the table of `paths`."""
    judgements = [record.judgement for record in records]
    arrays = {
        "agent": [judgement.agent for judgement in judgements],
        "target": [judgement.target for judgement in judgements],
        "family": pa.array([judgement.family for judgement in judgements], pa.uint8()),
        "zone": [judgement.zone for judgement in judgements],
        "started": pa.array([judgement.started_ns for judgement in judgements]).cast(_MOMENT),
        "reached": [judgement.reached for judgement in judgements],
        "verdict": [_worst(judgement, Axis.TERRITORY) for judgement in judgements],
        "administration": [_worst(judgement, Axis.ADMINISTRATION) for judgement in judgements],
        "path": [_json(record.path) for record in records],
        "judgement": [_json(judgement) for judgement in judgements],
    }
    return pa.table(arrays, schema=_PATHS)


def _worst(judgement: Judgement, axis: Axis) -> str:
    """Return the worst verdict of all jurisdictions on an axis."""
    verdicts = [found.verdict for found in judgement.verdicts if found.axis is axis]
    return min(verdicts, key=SEVERITY.__getitem__, default=Verdict.UNDETERMINED).value


def _json(word: Path | Judgement) -> str:
    return msgspec.json.encode(word, order="deterministic").decode()


def columns_of(table: pa.Table) -> Columns:
    """Return the columns of a table of `windows`, which has the columns `COLUMNS` at least."""
    gaps, counts = (table[name].combine_chunks() for name in ("bucket_gaps", "bucket_counts"))
    offsets = np.zeros(table.num_rows + 1, dtype=np.int64)
    np.cumsum(gaps.value_lengths().to_numpy(), out=offsets[1:])
    return Columns(
        row=_numbers(table["row"]),
        start_ns=_numbers(table["start"].cast(pa.int64())),
        counts=np.column_stack([_numbers(table[name]) for name in _OUTCOMES]),
        zero=_numbers(table["zero"]),
        sum_s=_numbers(table["sum_s"]),
        min_s=_numbers(table["min_s"].fill_null(float("inf"))),
        max_s=_numbers(table["max_s"].fill_null(float("-inf"))),
        offsets=offsets,
        bucket=_unsplit(gaps.flatten().to_numpy(), offsets),
        bucket_count=_numbers(counts.flatten()),
    )


def _numbers(column: pa.ChunkedArray | pa.Array) -> NDArray[Any]:
    """Return a column without nulls as a numpy array that may be read only."""
    numbers: NDArray[Any] = column.to_numpy()
    return numbers


def _unsplit(gaps: NDArray[np.int16], offsets: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the buckets of which `_gaps` kept the steps."""
    total = np.cumsum(gaps, dtype=np.int64)
    before = np.append(0, total)[offsets[:-1]]
    buckets: NDArray[np.int32] = (total - np.repeat(before, np.diff(offsets))).astype(np.int32)
    return buckets


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
