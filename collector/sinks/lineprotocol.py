"""Decider: windows of series as lines of InfluxDB's line protocol.

    borne,agent=A,family=F,protocol=P,stamp=S,target=T,zone=Z FIELDS START_NS
    FIELDS = loss_ratio=0.25,probes_lost=1i,probes_received=3i,rtt_max_seconds=0.02,...

Rules
- Names are joined by the server as `borne_rtt_p50_seconds`; durations are seconds, counts are
  integers (`i`), no field is ever a string: VictoriaMetrics keeps a string as 0.
- What has no value has no field: a window without a reply has counts and no RTT. Two integers
  are always there, so no line is without a field.
- VictoriaMetrics answers 204 to lines that it does not understand and stores nothing of them.
  So a line is right or it is refused here and counted. Refused are infinity, negative counts and
  times, counts from 2**53 on, rows without a value, and labels with a control character or a
  backslash, which no two servers read alike before a comma.
- Tags and fields stand in alphabetical order, commas, equals signs and spaces of labels are
  escaped (InfluxDB line protocol reference, "Special characters"); an empty label is left out.
- Octets are those of the official client's `Point.to_line_protocol`, written by a kernel.

The kernels behind this face are imported at first use; `warm` does so before windows come.
"""

from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agent.records import Series
from collector.errors import WireError
from collector.samples.columns import Columns
from collector.samples.quantiles import quantiles
from collector.sinks import vmranges
from collector.sinks.linewords import NAME_OCTETS, Fields, Heads

MEASUREMENT: Final = "borne"
FIELDS: Final = (
    *("loss_ratio", "probes_lost", "probes_received", "rtt_max_seconds", "rtt_min_seconds"),
    *("rtt_p50_seconds", "rtt_p90_seconds", "rtt_p99_seconds"),
)
"""Fields of a window."""
WHOLE: Final = ("probes", "bucket")
"""So begin the names of fields that are integers."""

_ESCAPES: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_TIME_OCTETS: Final = 22
"""A space, 19 digits, a newline, and one more."""


class Written(NamedTuple):
    """What is sent together."""

    octets: bytes
    """Each line with its newline."""
    rows: int
    """Lines that were written."""
    invalid: int
    """Rows that cannot be written so that every server reads them."""


@cache
def kernels() -> ModuleType:
    """Return `sinks.linekernels`, which compiles its kernels (or loads them) at first use."""
    return import_module("collector.sinks.linekernels")


def warm() -> None:
    """Compile the kernels; takes seconds where numba's cache has them not."""
    kernels()


class Lines:
    """The lines of one store's windows; heads are kept, as a row means one series for ever."""

    def __init__(self, named: Callable[[int], tuple[str, Series]]) -> None:
        """`named` gives agent and series of a row, and is asked once for each."""
        self._named = named
        self._kept: dict[int, bytes] = {}

    def of(self, columns: Columns) -> Written:
        """Return a line for each row; a series-window stands in one: `quantiles.merge`."""
        rows, place = np.unique(columns.row, return_inverse=True)
        heads = joined([self.head(row) for row in rows.tolist()])
        return encode(heads, place, values_of(columns), columns.start_ns)

    def distribution_of(self, columns: Columns, width_ns: int) -> Written:
        """Return two lines for each occupied range of each window; see `sinks.vmranges`."""
        found = vmranges.counters(columns, width_ns)
        heads = joined([range_head(self.head(row), place) for row, place in found.ranges])
        return encode(heads, found.head, found.value, found.at_ns, ("bucket",))

    def head(self, row: int) -> bytes:
        """Return measurement and tags of a row, nothing where a label cannot be written."""
        found = self._kept.get(row)
        if found is None:
            try:
                found = head(*self._named(row))
            except WireError:
                found = b""
            self._kept[row] = found
        return found


def values_of(columns: Columns) -> NDArray[np.float64]:
    """Return (n, 8) the values of `FIELDS`, NaN where there is none."""
    received, lost = columns.received, columns.lost
    sent, silent = received + lost, received == 0
    values = np.empty((len(columns), len(FIELDS)))
    with np.errstate(invalid="ignore"):
        values[:, 0] = lost / sent
    values[:, 1], values[:, 2] = lost, received
    values[:, 3], values[:, 4] = columns.max_s, columns.min_s
    values[silent, 3:5] = np.nan
    values[:, 5:] = quantiles(columns)
    return values


def encode(
    heads: Heads,
    head: NDArray[np.int64],
    values: NDArray[np.float64],
    start_ns: NDArray[np.int64],
    names: Sequence[str] = FIELDS,
) -> Written:
    """Return the lines of rows (n,) that may be written.

    `head` (n,) says which of `heads` each row has, `values` (n, f) are those of the fields
    `names`, NaN where there is none.
    """
    fields = _fields(tuple(names))
    sizes = np.diff(heads.begins)
    room = int(sizes[head].sum()) + head.size * _most(fields)
    out = np.empty(room, dtype=np.uint8)
    end, rows = kernels().write_lines(
        heads,
        np.ascontiguousarray(head, dtype=np.int64),
        fields,
        np.ascontiguousarray(values),
        np.ascontiguousarray(start_ns),
        out,
    )
    return Written(out[: int(end)].tobytes(), int(rows), head.size - int(rows))


def head(agent: str, series: Series) -> bytes:
    """Return measurement and tags of a series.

    Raises:
        WireError: A label cannot be written; see the rules.
    """
    labels = (
        ("agent", agent),
        ("family", str(series.family)),
        ("protocol", series.protocol.value),
        ("stamp", series.stamp.value),
        ("target", series.target),
        ("zone", series.zone),
    )
    tags = [f"{name}={_escaped(name, text)}" for name, text in labels if text]
    return ",".join([MEASUREMENT, *tags]).encode()


def range_head(head: bytes, place: int) -> bytes:
    """Return measurement and tags of a range of `vmranges.NAMES`, given those of its series."""
    if not head:
        return b""
    tags, zone, name = head.removeprefix(MEASUREMENT.encode()).rpartition(b",zone=")
    if not zone:
        tags, name = name, b""
    vmrange = vmranges.NAMES[place].encode()
    return b"%s_rtt_seconds%s,vmrange=%s%s%s" % (MEASUREMENT.encode(), tags, vmrange, zone, name)


def joined(heads: Sequence[bytes]) -> Heads:
    """Return `heads` as the kernel takes them."""
    begins = np.cumsum([0, *map(len, heads)], dtype=np.uint64)
    return Heads(np.frombuffer(bytearray().join(heads), dtype=np.uint8), begins)


def _escaped(name: str, text: str) -> str:
    """Return a label as a tag value."""
    if "\\" in text or not text.replace(" ", "_").isprintable():
        raise WireError(
            "label", f"write the label {name}={text!r}: control characters and backslashes fail"
        )
    return text.translate(_ESCAPES)


@cache
def _fields(names: tuple[str, ...]) -> Fields:
    """Return the names as the kernel takes them."""
    octets = [f",{name}=".encode() for name in names]
    padded = bytearray().join(name.ljust(NAME_OCTETS) for name in octets)
    return Fields(
        np.frombuffer(padded, dtype=np.uint8),
        np.array([len(name) for name in octets], dtype=np.uint64),
        np.array([name.startswith(WHOLE) for name in names], dtype=np.bool_),
    )


def _most(fields: Fields) -> int:
    """Return the most octets of a line without its head."""
    return _TIME_OCTETS + len(fields.whole) * (NAME_OCTETS + int(kernels().NUMBER_OCTETS))
