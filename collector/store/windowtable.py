"""Bytes: sealed windows as Arrow tables of schema 2, exactly, and what a reader takes of them.

Sorted by series, those of one agent and zone side by side, then by start:

    column                    type               what, and how it is written
    agent, zone, target       string             dictionary; names as they were when it was written
    family                    uint8              4 or 6; dictionary
    protocol, stamp           string             dictionary
    row                       uint32             the collector's number of the series; dictionary
    start                     timestamp ns UTC   of the window; DELTA_BINARY_PACKED
    received, lost            int64              replies; probes that went out and got none
    outcome_lost, ...         int64              probes of each other outcome; dictionary
    zero                      int64              samples in the zero bucket; dictionary
    min_s, max_s              float32            BYTE_STREAM_SPLIT; null where nothing was received
    sum_s                     float64            BYTE_STREAM_SPLIT
    p50                       int16              bucket of the median, null without samples
    p90_above                 int16              bucket of the quantile 0.9, less that of the median
    p99_below                 int16              bucket of `max_s`, less that of the quantile 0.99
    sketch                    binary             the octets of `collector.samples.packing`

All but `sketch` in integers is BYTE_STREAM_SPLIT. Bucket i of scale 6 holds 2^(i/64) to
2^((i+1)/64) seconds; -1281 stands for the zero bucket. Nothing is rounded: counts, sketches,
minima, maxima and sums come back as they were. Names and `lost` follow from the catalogue and from
other columns, and are there for readers that know neither.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agent.records import Outcome, Series
from collector.samples.columns import Columns, Packed, Summaries

Named = tuple[str, Series]
"""An agent's name and one of its series."""

VERSION: Final = "2"
TRANSFORMS: Final = (
    b"buckets are OpenTelemetry's at scale 6 over seconds, -1281 is the zero bucket (0 to 2^-20 s);"
    b" p90 = p50 + p90_above; p99 = bucket of max_s - p99_below; sketch: per occupied bucket an"
    b" octet (buckets left out << 4 | samples - 1), 15 in either half is followed by a LEB128 of"
    b" what is beyond 15; the first counts from the bucket of min_s, in zigzag"
)

_OUTCOMES: Final = ("received", *(f"outcome_{kind.name.lower()}" for kind in Outcome if kind))
_MIDDLE: Final = ("p50", "p90_above", "p99_below")
_MOMENT: Final = pa.timestamp("ns", "UTC")
_NAME: Final = pa.dictionary(pa.int32(), pa.string())
_WORDS: Final = ("agent", "zone", "target", "protocol", "stamp")
SCHEMA: Final = pa.schema(
    [
        pa.field("agent", _NAME, nullable=False),
        pa.field("zone", _NAME, nullable=False),
        pa.field("target", _NAME, nullable=False),
        pa.field("family", pa.uint8(), nullable=False),
        pa.field("protocol", _NAME, nullable=False),
        pa.field("stamp", _NAME, nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("start", _MOMENT, nullable=False),
        *(pa.field(n, pa.int64(), nullable=False) for n in ("received", "lost", *_OUTCOMES[1:])),
        pa.field("zero", pa.int64(), nullable=False),
        pa.field("min_s", pa.float32()),
        pa.field("max_s", pa.float32()),
        pa.field("sum_s", pa.float64(), nullable=False),
        *(pa.field(name, pa.int16()) for name in _MIDDLE),
        pa.field("sketch", pa.binary(), nullable=False),
    ]
)
ENCODINGS: Final = {
    "start": "DELTA_BINARY_PACKED",
    **dict.fromkeys(("min_s", "max_s", "sum_s", *_MIDDLE), "BYTE_STREAM_SPLIT"),
    "sketch": "DELTA_LENGTH_BYTE_ARRAY",
}
COMPRESSED: Final = ("target", "row", *ENCODINGS)
"""Columns that zstd makes smaller: at the others, which hardly vary, it takes time alone."""
WHOLE: Final = ("row", "start", *_OUTCOMES, "zero", "min_s", "max_s", "sum_s", "sketch")
"""Columns that `rows_of` needs."""
SUMMARY: Final = ("row", "start", "received", "lost", "min_s", "max_s", "sum_s", *_MIDDLE)
"""Columns that `summaries_of` needs."""


def table_of(columns: Columns, packed: Packed, named: Mapping[int, Named]) -> pa.Table:
    """Return the table of windows; `named` says whose each row is, `packed` are their sketches."""
    silent = columns.received == 0
    empty = (np.diff(packed.ends) == 0) & (columns.zero == 0)
    median, ninety, last = packed.middle.T
    middle = dict(zip(_MIDDLE, (median, ninety - median, packed.highest - last), strict=True))
    arrays = {
        **_names(columns, named),
        "row": pa.array(columns.row),
        "start": pa.array(columns.start_ns).cast(_MOMENT),
        "lost": pa.array(columns.lost),
        **{name: pa.array(columns.counts[:, place]) for place, name in enumerate(_OUTCOMES)},
        "zero": pa.array(columns.zero),
        "min_s": _nullable(columns.min_s, silent),
        "max_s": _nullable(columns.max_s, silent),
        "sum_s": pa.array(columns.sum_s),
        **{name: _nullable(found.astype(np.int16), empty) for name, found in middle.items()},
        "sketch": pa.Array.from_buffers(
            pa.binary(),
            len(columns),
            [None, pa.py_buffer(packed.ends), pa.py_buffer(packed.octets)],
        ),
    }
    return pa.table(arrays, schema=SCHEMA)


def _nullable(values: NDArray[Any], absent: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, mask=absent if absent.any() else None)


def _names(columns: Columns, named: Mapping[int, Named]) -> dict[str, pa.Array]:
    """Return the columns that say whose each row is; rows of a series mostly follow another."""
    begins = np.flatnonzero(np.diff(columns.row, prepend=columns.row[:1] + np.uint32(1)))
    sizes = np.diff(begins, append=len(columns))
    known = [named[row] for row in columns.row[begins].tolist()]
    words: dict[str, list[str]] = {
        "agent": [agent for agent, _ in known],
        "zone": [series.zone for _, series in known],
        "target": [series.target for _, series in known],
        "protocol": [series.protocol for _, series in known],
        "stamp": [series.stamp for _, series in known],
    }
    families = np.array([series.family for _, series in known], dtype=np.uint8)
    return {
        **{name: _repeated(values, sizes) for name, values in words.items()},
        "family": pa.array(np.repeat(families, sizes)),
    }


def _repeated(words: Sequence[str], sizes: NDArray[np.int64]) -> pa.DictionaryArray:
    """Return each word as many times as its size says."""
    once = pa.array(words, pa.string()).dictionary_encode()
    indices = np.repeat(once.indices.to_numpy(), sizes)
    return pa.DictionaryArray.from_arrays(indices, once.dictionary)


def rows_of(table: pa.Table) -> tuple[dict[str, NDArray[Any]], pa.BinaryArray]:
    """Return the columns of `Columns` but for the sketches, and these packed.

    `table` has the columns `WHOLE` at least.
    """
    sketch = table["sketch"].combine_chunks()
    return {
        "row": numbers(table["row"]),
        "start_ns": numbers(table["start"].cast(pa.int64())),
        "counts": np.column_stack([numbers(table[name]) for name in _OUTCOMES]),
        "zero": numbers(table["zero"]),
        "sum_s": numbers(table["sum_s"]),
        "min_s": numbers(table["min_s"].fill_null(float("inf"))),
        "max_s": numbers(table["max_s"].fill_null(float("-inf"))),
    }, sketch


def octets_of(sketch: pa.BinaryArray) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the octets of packed sketches and where each one ends, beginning with 0."""
    _, ends, octets = sketch.buffers()
    places = np.frombuffer(ends, np.int32)[sketch.offset : sketch.offset + len(sketch) + 1]
    if octets is None:
        return np.zeros(0, np.uint8), places - places[0]
    return np.frombuffer(octets, np.uint8)[places[0] : places[-1]], places - places[0]


def summaries_of(table: pa.Table, highest: NDArray[np.int32]) -> Summaries:
    """Return what a table says of each window without its sketch; `highest` is `max_s`'s bucket.

    `table` has the columns `SUMMARY` at least.
    """
    median, above, below = (numbers(table[name].fill_null(0)).astype(np.int32) for name in _MIDDLE)
    return Summaries(
        row=numbers(table["row"]),
        start_ns=numbers(table["start"].cast(pa.int64())),
        received=numbers(table["received"]),
        lost=numbers(table["lost"]),
        sum_s=numbers(table["sum_s"]),
        min_s=largest_of(table, "min_s"),
        max_s=largest_of(table, "max_s"),
        middle=np.column_stack([median, median + above, highest - below]),
    )


def largest_of(table: pa.Table, name: str) -> NDArray[np.float32]:
    """Return `min_s` or `max_s` of a table, infinite where nothing was received."""
    absent = float("inf") if name == "min_s" else float("-inf")
    found: NDArray[np.float32] = numbers(table[name].fill_null(absent))
    return found


def numbers(column: pa.ChunkedArray | pa.Array) -> NDArray[Any]:
    """Return a column without nulls as a numpy array that may be read only."""
    found: NDArray[Any] = column.to_numpy()
    return found
