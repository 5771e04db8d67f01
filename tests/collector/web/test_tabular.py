"""Answers as flat tables: every row once, unknown values null, the same in every form."""

import csv
import io

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collector.records import SeriesQuery
from collector.web import api, tabular
from collector.web.questions import EpisodesQuery, PathsQuery, Range, WorstQuery
from collector.web.tabular import Answer, Table
from tests.fakes.collector_face import HELD, NOW_NS
from tests.fakes.collector_ports import FakeReader

HOUR = SeriesQuery(
    from_ns=NOW_NS - 3600 * 10**9, to_ns=NOW_NS, step_ns=10**10, ranks_ppm=(999_000,)
)


def answers() -> dict[str, Answer]:
    """Return an answer to each question that has a table, as a client reads it."""
    reader = FakeReader()
    reader.finding_rows = [HELD]
    made = {
        "series": api.series(reader, HOUR),
        "worst": api.worst(reader, WorstQuery(from_ns=0, to_ns=NOW_NS, limit=9)),
        "zones": api.zones(reader, Range(from_ns=0, to_ns=NOW_NS)),
        "paths": api.paths(reader, PathsQuery(agent=None, target=None, limit=9)),
        "crossings": api.crossings(reader, EpisodesQuery()),
        "findings": api.findings(reader, EpisodesQuery()),
    }
    return {name: msgspec.json.decode(api.encode(answer)) for name, answer in made.items()}


def flat(question: str) -> Table:
    """Return the table of the answer to a question."""
    return tabular.table(question, answers()[question])


def test_every_list_has_a_table() -> None:
    """The table of each question has a row for each row of the answer."""
    rows = {name: len(list(flat(name).rows())) for name in tabular.FLAT}
    assert {"series": 2, "zones": 4, "worst": 1, "paths": 5, "crossings": 2, "findings": 1} == rows


def test_series_have_a_row_per_window() -> None:
    """Names of the series, the window's begin, quantiles, and those that were asked for."""
    lines = tabular.as_csv(flat("series")).decode().splitlines()
    assert [
        (
            "agent,zone,target,family,protocol,stamp,start,p50_s,p90_s,p99_s,min_s,max_s,mean_s,"
            "received,lost,loss_ratio,q0.999_s"
        ),
        (
            "paris,oracle/eu-marseille-1,198.51.100.10,4,icmp,kernel,2026-11-24T14:02:31.250000000Z,"
            "0.02163,0.0224952,0.0283353,0.0209811,0.032445,0.0220626,120,0,0.0,0.02163"
        ),
        (
            "paris,oracle/eu-marseille-1,198.51.100.10,4,icmp,kernel,2026-11-24T14:02:41.250000000Z,"
            ",,,,,,0,3,1.0,"
        ),
    ] == lines


def test_paths_have_a_column_for_each_verdict() -> None:
    """Axis and jurisdiction name the column; flags are words; countries stand in order."""
    rows = list(csv.DictReader(io.StringIO(tabular.as_csv(flat("paths")).decode())))
    assert "SUPPORTED_OUTSIDE" == rows[0]["territory.FX"]
    assert ("FR DE FR", "true", "7") == tuple(
        rows[0][name] for name in ("countries", "reached", "hops")
    )


def test_crossings_and_findings_have_their_own_columns() -> None:
    """An end that has not come is null, and the wider jurisdictions have columns."""
    table = flat("crossings")
    first = dict(zip(table.names, next(iter(table.rows())), strict=True))
    assert (None, "SUPPORTED_INSIDE") == (first["ended_at"], first["wider.EU"])
    table = flat("findings")
    first = dict(zip(table.names, next(iter(table.rows())), strict=True))
    assert "Example Holding (US)" == first["groups"]


@pytest.mark.parametrize("question", list(tabular.FLAT))
def test_arrow_and_parquet_hold_the_same(question: str) -> None:
    """A stream and a file give back the types and values of the table."""
    table = flat(question)
    expected = tabular.as_arrow(table)
    stream = pa.ipc.open_stream(tabular.as_ipc(table)).read_all()
    file = pq.read_table(pa.BufferReader(tabular.as_parquet(table)))
    assert expected.equals(stream)
    assert expected.to_pylist() == file.to_pylist()
    assert expected.schema.metadata == stream.schema.metadata


def test_arrow_has_times_numbers_and_nulls() -> None:
    """Nothing has to be parsed again; the range and the step are in the metadata."""
    table = tabular.as_arrow(flat("series"))
    types = {name: table.schema.field(name).type for name in ("start", "p50_s", "lost", "agent")}
    assert {
        "start": pa.timestamp("ns", "UTC"),
        "p50_s": pa.float64(),
        "lost": pa.int64(),
        "agent": pa.dictionary(pa.int32(), pa.string()),
    } == types
    assert [0.02163, None] == table["p50_s"].to_pylist()
    assert NOW_NS - 3600 * 10**9 == table["start"].cast(pa.int64())[0].as_py()
    assert b"10" == table.schema.metadata[b"borne.step_s"]


def test_nothing_is_a_table_without_rows() -> None:
    """The columns are there all the same."""
    answer = {**answers()["series"], "series": []}
    table = tabular.table("series", answer)
    assert [] == list(table.rows())
    assert 17 == len(tabular.as_arrow(table).schema)
    assert 1 == len(tabular.as_csv(table).splitlines())


def test_names_cannot_break_a_line() -> None:
    """A comma, a quote or a newline in a name stays in its field."""
    answer = answers()["zones"]
    answer["zones"][0]["agent"] = 'a,"b"\nc'
    text = tabular.as_csv(tabular.table("zones", answer)).decode()
    assert 'a,"b"\nc' == next(csv.DictReader(io.StringIO(text)))["agent"]
