"""Tables hold exactly what records hold."""

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.records import Axis, Crossing, Verdict
from collector.store import judgementtable as tables
from tests.fakes.collector_samples import path_record


def test_paths_survive_the_table() -> None:
    """Path and judgement come back equal, names outside ASCII and lost replies too."""
    records = [path_record(), path_record(agent="london", verdicts=())]
    table = tables.paths_table(records)
    assert records == tables.path_records(table)
    assert ["paris", "london"] == table["agent"].to_pylist()


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([Verdict.SUPPORTED_INSIDE, Verdict.PROVEN_OUTSIDE], "PROVEN_OUTSIDE"),
        ([Verdict.PROVEN_INSIDE, Verdict.CONTRADICTORY], "CONTRADICTORY"),
        ([Verdict.PROVEN_INSIDE], "PROVEN_INSIDE"),
        ([], "UNDETERMINED"),
    ],
)
def test_the_worst_verdict_is_a_column(verdicts: list[Verdict], worst: str) -> None:
    """The column holds the worst of all jurisdictions; without any, nothing was determined."""
    table = tables.paths_table([path_record(verdicts=verdicts)])
    assert [worst] == table["verdict"].to_pylist()


@settings(deadline=None)
@given(st.text(max_size=20))
def test_text_that_is_no_record_raises_its_documented_error(text: str) -> None:
    """Garbage in the JSON columns is a decode error, never a half-filled word."""
    table = pa.table({"path": [text], "judgement": [text]})
    with pytest.raises(msgspec.DecodeError):
        tables.path_records(table)


def test_each_verdict_has_a_row_with_its_coverage() -> None:
    """A path of three jurisdictions has three rows; who asks for one verdict parses no JSON."""
    verdicts = [Verdict.SUPPORTED_INSIDE, Verdict.CONTRADICTORY, Verdict.PROVEN_INSIDE]
    rows = tables.verdicts_table([path_record(verdicts=verdicts), path_record(verdicts=())])
    found = [(row["jurisdiction"], row["axis"], row["verdict"]) for row in rows.to_pylist()]
    axis = Axis.TERRITORY.value
    expected = zip(("FX", "EU", "EEA"), verdicts, strict=True)
    assert [(name, axis, verdict.value) for name, verdict in expected] == found
    row = rows.to_pylist()[0]
    assert (1, 0, 0.0081, ["FR"]) == tuple(
        row[name] for name in ("hops_responding", "hops_silent", "rtt_min_s", "countries")
    )


def test_an_episode_is_a_row_with_its_moments() -> None:
    """Moments are moments, what is not yet is null, and the whole episode stands beside."""
    going = Crossing(
        id="c1",
        agent="paris",
        target="marseille",
        zone="cloud/south",
        jurisdiction="FX",
        verdict=Verdict.SUPPORTED_OUTSIDE,
        wider={"EU": Verdict.SUPPORTED_INSIDE},
        countries=("FR", "DE"),
        first_seen_ns=1,
        confirmed_ns=2,
        ended_ns=None,
        rounds=2,
        evidence="0" * 64,
    )
    ended = msgspec.structs.replace(going, ended_ns=9)
    table = tables.crossings_table([going, ended])
    assert [2, 9] == table["changed"].cast(pa.int64()).to_pylist()
    assert [None, 9] == table["ended"].cast(pa.int64()).to_pylist()
    assert [going, ended] == [
        msgspec.json.decode(text, type=Crossing) for text in table["crossing"].to_pylist()
    ]
