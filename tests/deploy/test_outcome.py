"""The demo's results are the collector's answers, renamed and counted from the scenario's start."""

import json

import msgspec
import pytest

from deploy.lab import outcome

BEGAN = "2026-11-24T10:00:00.250000000Z"
COVERAGE = {"hops_responding": 6, "hops_with_evidence": 6, "hops_silent": 0}


def _candidate(name: str, territory: str) -> dict[str, object]:
    return {"name": name, "territory": territory, "latitude": 48.0, "longitude": 2.0}


def _hop(ttl: int, candidates: list[object], flows: list[int]) -> dict[str, object]:
    territory = {"candidates": candidates, "verdicts": {}}
    return {"ttl": ttl, "flows": flows, "territory": territory}


def _path(started: str, places: list[tuple[str, str]], verdict: str) -> dict[str, object]:
    return {
        "agent": "paris",
        "target": "192.0.2.1",
        "family": 4,
        "zone": "a/b",
        "started_at": started,
        "countries": [territory for _, territory in places],
        "verdicts": [
            {
                "jurisdiction": "FX",
                "axis": "territory",
                "verdict": verdict,
                "coverage": COVERAGE,
                "countries": ["FR"],
                "reasons": [],
                "flow": 1,
            }
        ],
        "hops": [
            _hop(1, [], [0, 1]),
            *(_hop(2, [_candidate(*place)], [1]) for place in places),
            _hop(3, [_candidate("Lyon", "FR")], [0, 2]),
        ],
    }


PATHS = {
    "paths": [
        _path("2026-11-24T10:00:50.250000000Z", [("Paris", "FR")], "SUPPORTED_INSIDE"),
        _path(
            "2026-11-24T10:00:30.250000000Z",
            [("Paris", "FR"), ("Frankfurt", "DE"), ("Frankfurt", "DE"), ("Paris", "FR")],
            "SUPPORTED_OUTSIDE",
        ),
        _path("2026-11-24T10:00:10.250000000Z", [("Paris", "FR")], "SUPPORTED_INSIDE"),
    ]
}
CROSSING = {
    "id": "c1",
    "agent": "paris",
    "target": "192.0.2.1",
    "family": 4,
    "zone": "a/b",
    "jurisdiction": "FX",
    "verdict": "SUPPORTED_OUTSIDE",
    "countries": ["FR", "DE", "FR"],
    "first_seen": "2026-11-24T10:00:20.250000000Z",
    "confirmed_at": "2026-11-24T10:00:30.250000000Z",
    "ended_at": "2026-11-24T10:00:50.250000000Z",
    "evidence": "ab" * 32,
}
ZONE = {
    "provider": "a",
    "region": "b",
    "agent": "paris",
    "p50_s": 0.01,
    "p90_s": 0.02,
    "p99_s": 0.03,
    "loss_ratio": 0.0,
    "received": 7,
}


def _answers(crossings: list[dict[str, object]]) -> outcome.Answers:
    return outcome.Answers(
        scenario="timed",
        began_ns=outcome.nanoseconds(BEGAN),
        zones={"zones": [ZONE]},
        recent_zones={"zones": [ZONE]},
        paths=PATHS,
        crossings={"crossings": crossings},
    )


def test_nanoseconds_are_exact() -> None:
    """A time of the API keeps its last nanosecond, with and without a fraction."""
    assert outcome.nanoseconds("1970-01-01T00:00:01.000000007Z") == 1_000_000_007
    assert outcome.nanoseconds("1970-01-01T00:00:01.5Z") == 1_500_000_000
    assert outcome.nanoseconds("1970-01-01T00:00:01Z") == 1_000_000_000


def test_nanoseconds_refuse_other_text() -> None:
    """A text that is no time is refused, never read as some time."""
    with pytest.raises(ValueError, match="Invalid isoformat"):
        outcome.nanoseconds("yesterday")


def test_line_is_the_contract() -> None:
    """The JSON line has exactly the fields of the contract, times since the scenario began."""
    document = json.loads(outcome.line(_answers([CROSSING])))

    assert document == {
        "zones": [{key: value for key, value in ZONE.items() if key != "received"}],
        "verdicts": [
            {
                "agent": "paris",
                "target": "192.0.2.1",
                "jurisdiction": "FX",
                "axis": "territory",
                "verdict": "SUPPORTED_INSIDE",
                "coverage": COVERAGE,
            }
        ],
        "crossings": [
            {
                "agent": "paris",
                "target": "192.0.2.1",
                "jurisdiction": "FX",
                "verdict": "SUPPORTED_OUTSIDE",
                "countries": ["FR", "DE", "FR"],
                "first_seen": 20.0,
                "confirmed_at": 30.0,
                "ended_at": 50.0,
                "evidence": "ab" * 32,
            }
        ],
    }


def test_the_worse_family_stands_in_the_line() -> None:
    """IPv4 stays inside and IPv6 does not: one verdict, the worse, whichever is newer."""
    four = _path("2026-11-24T10:00:50Z", [("Paris", "FR")], "SUPPORTED_INSIDE")
    six = _path("2026-11-24T10:00:40Z", [("Frankfurt", "DE")], "SUPPORTED_OUTSIDE") | {"family": 6}
    old = _path("2026-11-24T10:00:30Z", [("Paris", "FR")], "CONTRADICTORY")
    for paths in ([four, six, old], [six, four, old]):
        answers = msgspec.structs.replace(_answers([]), paths={"paths": paths})
        (row,) = json.loads(outcome.line(answers))["verdicts"]
        assert "SUPPORTED_OUTSIDE" == row["verdict"]


def test_crossing_that_goes_on_has_no_end() -> None:
    """An open crossing ends at null, and nothing is drawn of it."""
    answers = _answers([CROSSING | {"ended_at": None}])

    assert json.loads(outcome.line(answers))["crossings"][0]["ended_at"] is None
    assert outcome.ended_crossing(answers) is None


def test_record_holds_both_routes_and_the_series() -> None:
    """The record takes the worst flow of the confirming round and of the last one before it."""
    series = {
        "step_s": 10,
        "series": [
            {
                "windows": [
                    {"start": "2026-11-24T10:00:10Z", "p50_s": 0.009, "p99_s": 0.01},
                    {"start": "2026-11-24T10:00:20Z", "p50_s": None, "p99_s": None},
                ]
            }
        ],
    }

    record = outcome.record(_answers([CROSSING]), CROSSING, series)

    assert record is not None
    assert [stop.name for stop in record.inside] == ["Paris"]
    assert [stop.name for stop in record.outside] == ["Paris", "Frankfurt", "Paris"]
    assert [(window.start_s, window.p50_s) for window in record.windows] == [(9.75, 0.009)]
    assert (record.first_seen_s, record.confirmed_s, record.ended_s) == (20.0, 30.0, 50.0)


@pytest.mark.parametrize("kept", ["confirming", "others"])
def test_no_record_where_the_rounds_are_gone(kept: str) -> None:
    """The collector answers with the newest paths alone: an old crossing has no picture."""
    answers = _answers([CROSSING])
    confirming = CROSSING["confirmed_at"]
    rounds = [
        path
        for path in answers.paths["paths"]
        if (path["started_at"] == confirming) == (kept == "confirming")
    ]
    left = msgspec.structs.replace(answers, paths={"paths": rounds})

    assert outcome.record(left, CROSSING, {"step_s": 10, "series": []}) is None
