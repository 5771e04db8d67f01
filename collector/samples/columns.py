"""Words: series-windows as a struct of arrays, the form in which they are sealed, kept and read.

Rows are additive: two rows of one (row, start) are one series-window in two parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from agent.records import Outcome

UNANSWERED: Final = (
    Outcome.LOST,
    Outcome.UNREACHABLE,
    Outcome.PROHIBITED,
    Outcome.TTL_EXCEEDED,
)
"""Outcomes of a probe that left the host and got no reply: they alone count as loss.

`SEND_FAILED`, `UNRESOLVED` and `SKIPPED` probes were never on the wire and `REJECTED` ones were
answered: counting them would blame the network for the host.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Series-windows as a struct of arrays; n rows with m sketch entries altogether.

    The sketch of row i is `bucket[offsets[i]:offsets[i + 1]]` (OpenTelemetry's bucket index at
    scale 6, rising) with `bucket_count` beside it, and `zero` samples in the zero bucket.
    """

    row: NDArray[np.uint32]
    """(n,) the collector's number of the series, or of a group of series."""
    start_ns: NDArray[np.int64]
    """(n,) begin of the window."""
    counts: NDArray[np.int64]
    """(n, 9) probes by `agent.records.Outcome`; column 0 counts the accepted replies."""
    zero: NDArray[np.int64]
    sum_s: NDArray[np.float64]
    min_s: NDArray[np.float32]
    """(n,) +inf where nothing was received."""
    max_s: NDArray[np.float32]
    """(n,) -inf where nothing was received."""
    offsets: NDArray[np.int64]
    """(n + 1,)."""
    bucket: NDArray[np.int32]
    """(m,)."""
    bucket_count: NDArray[np.int64]
    """(m,)."""

    def __len__(self) -> int:
        return self.row.size

    @property
    def received(self) -> NDArray[np.int64]:
        """Return (n,) accepted replies."""
        return self.counts[:, Outcome.REPLY]

    @property
    def lost(self) -> NDArray[np.int64]:
        """Return (n,) probes that left the host and got no reply."""
        total: NDArray[np.int64] = self.counts[:, UNANSWERED].sum(axis=1)
        return total

    def take(self, places: NDArray[np.int64]) -> "Columns":
        """Return the rows at `places`, in that order."""
        sizes = np.diff(self.offsets)[places]
        offsets = _offsets(sizes)
        within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], sizes)
        entries = np.repeat(self.offsets[places], sizes) + within
        rest = {name: getattr(self, name)[places] for name in PER_ROW}
        return Columns(
            **rest,
            offsets=offsets,
            bucket=self.bucket[entries],
            bucket_count=self.bucket_count[entries],
        )

    def slice(self, begin: int, end: int) -> "Columns":
        """Return the rows `begin:end`, which share their memory with these."""
        entries = slice(self.offsets[begin], self.offsets[end])
        return Columns(
            **{name: getattr(self, name)[begin:end] for name in PER_ROW},
            offsets=self.offsets[begin : end + 1] - self.offsets[begin],
            bucket=self.bucket[entries],
            bucket_count=self.bucket_count[entries],
        )

    def grouped(self, group: NDArray[np.uint32]) -> "Columns":
        """Return the same rows under other numbers (n,), for `merge` to add up what shares one."""
        return replace(self, row=np.asarray(group, dtype=np.uint32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Sketches of n rows as octets (`samples.packing`), with the buckets of their quantiles."""

    octets: NDArray[np.uint8]
    ends: NDArray[np.int32]
    """(n + 1,) the sketch of row i is `octets[ends[i]:ends[i + 1]]`."""
    middle: NDArray[np.int32]
    """(n, 3) buckets of p50, p90 and p99."""
    highest: NDArray[np.int32]
    """(n,) bucket of the largest sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summaries:
    """What is said of n series-windows without their sketches."""

    row: NDArray[np.uint32]
    start_ns: NDArray[np.int64]
    received: NDArray[np.int64]
    lost: NDArray[np.int64]
    sum_s: NDArray[np.float64]
    min_s: NDArray[np.float32]
    """+inf where nothing was received."""
    max_s: NDArray[np.float32]
    """-inf where nothing was received."""
    middle: NDArray[np.int32]
    """(n, 3) buckets of p50, p90 and p99; of no meaning where nothing was received."""

    def __len__(self) -> int:
        return self.row.size

    def take(self, places: NDArray[np.int64]) -> "Summaries":
        """Return the rows at `places`, in that order."""
        return Summaries(
            **{field.name: getattr(self, field.name)[places] for field in fields(Summaries)}
        )


PER_ROW: Final = ("row", "start_ns", "counts", "zero", "sum_s", "min_s", "max_s")
"""Columns with one value, or one row of values, for each window."""
DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "row": np.dtype("<u4"),
    "start_ns": np.dtype("<i8"),
    "counts": np.dtype("<i8"),
    "zero": np.dtype("<i8"),
    "sum_s": np.dtype("<f8"),
    "min_s": np.dtype("<f4"),
    "max_s": np.dtype("<f4"),
    "offsets": np.dtype("<i8"),
    "bucket": np.dtype("<i4"),
    "bucket_count": np.dtype("<i8"),
}
"""Type of each column, in the order of `Columns`."""


def _offsets(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return CSR offsets (n + 1,) of `sizes` (n,)."""
    offsets = np.zeros(sizes.size + 1, dtype=np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def empty() -> Columns:
    """Return columns without rows."""
    columns = {name: np.zeros(0, dtype) for name, dtype in DTYPES.items()}
    columns["counts"] = np.zeros((0, len(Outcome)), np.int64)
    columns["offsets"] = np.zeros(1, np.int64)
    return Columns(**columns)


def concat(parts: Sequence[Columns]) -> Columns:
    """Return the rows of all parts, one part after the other."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return empty()
    if len(parts) == 1:
        return parts[0]
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(Columns)
        if field.name != "offsets"
    }
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    return Columns(**joined, offsets=_offsets(sizes))
