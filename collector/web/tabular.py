"""Bytes: answers of the API as flat tables, and these as CSV, Arrow and Parquet.

Rules
- A table is made of the answer as it is in JSON: whoever asks over HTTP and whoever reads a store
  gets the same columns with the same values.
- A value that is not known is null, an empty field in CSV. A list is its words with spaces between
  them. A column for each jurisdiction is named `territory.FX`, `administration.EU`, `wider.EEA`.

    series     a row per window      zones      a row per agent and zone
    worst      a row per series
    paths      a row per path        crossings, findings   a row per episode
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

Kind = Literal["text", "time", "number", "integer", "flag"]
Answer = Mapping[str, Any]
"""An answer of `collector.web.api`, as JSON gives it back."""

ARROW_TYPE: Final = "application/vnd.apache.arrow.stream"
CSV_TYPE: Final = "text/csv"

_TYPES: Final = {
    "text": pa.dictionary(pa.int32(), pa.string()),
    "time": pa.timestamp("ns", "UTC"),
    "number": pa.float64(),
    "integer": pa.int64(),
    "flag": pa.bool_(),
}
_QUANTILES: Final[dict[str, Kind]] = {
    **dict.fromkeys(("p50_s", "p90_s", "p99_s", "min_s", "max_s", "mean_s"), "number"),
    **dict.fromkeys(("received", "lost"), "integer"),
    "loss_ratio": "number",
}
_OF_SERIES: Final[dict[str, Kind]] = {
    **dict.fromkeys(("agent", "zone", "target"), "text"),
    "family": "integer",
    **dict.fromkeys(("protocol", "stamp"), "text"),
}
_OF_ZONE: Final[dict[str, Kind]] = {
    **dict.fromkeys(("agent", "provider", "region", "zone"), "text"),
    **_QUANTILES,
}
_OF_PATH: Final[dict[str, Kind]] = {
    **dict.fromkeys(("id", "agent", "target", "address", "zone"), "text"),
    "family": "integer",
    "protocol": "text",
    "started_at": "time",
    **dict.fromkeys(("reached", "blind"), "flag"),
    "countries": "text",
}
_OF_EPISODE: Final[dict[str, Kind]] = {
    **dict.fromkeys(("id", "agent", "target"), "text"),
    "family": "integer",
    **dict.fromkeys(("zone", "jurisdiction"), "text"),
    **dict.fromkeys(("first_seen", "confirmed_at", "ended_at"), "time"),
    "rounds": "integer",
}


class Column(msgspec.Struct, frozen=True):
    """One column; None stands for what is not known."""

    name: str
    kind: Kind
    values: Sequence[Any]


class Table(msgspec.Struct, frozen=True):
    """Columns of one length, and what is true of all rows."""

    columns: tuple[Column, ...]
    notes: Mapping[str, str] = {}

    @property
    def names(self) -> list[str]:
        """Return the names of the columns."""
        return [column.name for column in self.columns]

    def rows(self) -> Iterable[tuple[Any, ...]]:
        """Return the rows."""
        return zip(*(column.values for column in self.columns), strict=True)


def table(question: str, answer: Answer) -> Table:
    """Return the flat table of the answer to a question that has one (`FLAT`)."""
    return FLAT[question](answer)


def as_csv(flat: Table) -> bytes:
    """Return the table as CSV (RFC 4180 with newlines alone) in UTF-8, names first."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(flat.names)
    flags = [place for place, column in enumerate(flat.columns) if column.kind == "flag"]
    if not flags:
        writer.writerows(flat.rows())
    for row in flat.rows() if flags else ():
        cells = list(row)
        for place in flags:
            cells[place] = str(cells[place]).lower()
        writer.writerow(cells)
    return written.getvalue().encode()


def as_arrow(flat: Table) -> pa.Table:
    """Return the table with its types; texts are dictionaries, times nanoseconds in UTC."""
    fields = [pa.field(column.name, _TYPES[column.kind]) for column in flat.columns]
    arrays = [_array(column) for column in flat.columns]
    return pa.table(arrays, schema=pa.schema(fields, metadata=dict(flat.notes)))


def as_ipc(flat: Table) -> bytes:
    """Return the table as an Arrow IPC stream."""
    arrow, sink = as_arrow(flat), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, arrow.schema) as stream:
        stream.write_table(arrow)
    octets: bytes = sink.getvalue().to_pybytes()
    return octets


def as_parquet(flat: Table) -> bytes:
    """Return the table as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(as_arrow(flat), sink, compression="zstd")
    octets: bytes = sink.getvalue().to_pybytes()
    return octets


def _array(column: Column) -> pa.Array:
    if column.kind == "text":
        return pa.array(column.values, pa.string()).dictionary_encode()
    if column.kind == "time":
        return pa.array(column.values, pa.string()).cast(_TYPES["time"])
    return pa.array(column.values, _TYPES[column.kind])


def _zones(answer: Answer) -> Table:
    return Table(tuple(_columns(_OF_ZONE, answer["zones"])), _notes(answer, "from", "to"))


def _series(answer: Answer) -> Table:
    rows = answer["series"]
    windows = [window for row in rows for window in row["windows"]]
    counts = [len(row["windows"]) for row in rows]
    columns = [
        Column(
            name,
            kind,
            [row[name] for row, count in zip(rows, counts, strict=True) for _ in range(count)],
        )
        for name, kind in _OF_SERIES.items()
    ]
    columns += _columns({"start": "time", **_QUANTILES}, windows)
    columns += [
        Column(f"q{rank}_s", "number", [window["quantiles"][rank] for window in windows])
        for rank in answer["q"]
    ]
    return Table(tuple(columns), _notes(answer, "from", "to", "step_s"))


def _worst(answer: Answer) -> Table:
    kinds: dict[str, Kind] = {**_OF_SERIES, "p99_s": "number"}
    return Table(tuple(_columns(kinds, answer["worst"])), _notes(answer, "from", "to"))


def _paths(answer: Answer) -> Table:
    rows = [{**row, "countries": " ".join(row["countries"])} for row in answer["paths"]]
    columns = list(_columns(_OF_PATH, rows))
    columns.append(Column("hops", "integer", [len(row["hops"]) for row in rows]))
    verdicts = [
        {f"{found['axis']}.{found['jurisdiction']}": found["verdict"] for found in row["verdicts"]}
        for row in rows
    ]
    return Table((*columns, *_spread(verdicts)))


def _crossings(answer: Answer) -> Table:
    rows = [{**row, "countries": " ".join(row["countries"])} for row in answer["crossings"]]
    columns = _columns(
        {**_OF_EPISODE, **dict.fromkeys(("verdict", "countries", "evidence"), "text")}, rows
    )
    wider = [{f"wider.{name}": found for name, found in row["wider"].items()} for row in rows]
    return Table((*columns, *_spread(wider)))


def _findings(answer: Answer) -> Table:
    rows = [
        {**row, "groups": ", ".join(f"{one['name']} ({one['country']})" for one in row["groups"])}
        for row in answer["findings"]
    ]
    return Table(tuple(_columns({**_OF_EPISODE, "groups": "text", "path": "text"}, rows)))


def _columns(kinds: Mapping[str, Kind], rows: Sequence[Mapping[str, Any]]) -> Iterable[Column]:
    return [Column(name, kind, [row[name] for row in rows]) for name, kind in kinds.items()]


def _spread(rows: Sequence[Mapping[str, str]]) -> Iterable[Column]:
    """Return a column for every key, in the order in which they first come."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [Column(name, "text", [row.get(name) for row in rows]) for name in names]


def _notes(answer: Answer, *names: str) -> dict[str, str]:
    return {f"borne.{name}": str(answer[name]) for name in names}


FLAT: Final[Mapping[str, Callable[[Answer], Table]]] = {
    "series": _series,
    "zones": _zones,
    "worst": _worst,
    "paths": _paths,
    "crossings": _crossings,
    "findings": _findings,
}
"""The questions whose answers are lists of rows."""
