"""The answers of the API: the fields of the contract, nulls for what is unknown."""

import msgspec
import pytest

from collector.errors import RefusedError
from collector.records import PathRecord, SeriesQuery, SeriesRow
from collector.web import api
from collector.web.questions import EpisodesQuery, PathsQuery, Range, WorstQuery
from tests.fakes.collector_face import (
    DIGEST,
    HELD,
    NOW_NS,
    OLD_DIGEST,
    OPEN,
    STATEMENT,
)
from tests.fakes.collector_ports import FakeReader

MINUTE = Range(from_ns=NOW_NS - 60_000_000_000, to_ns=NOW_NS)
HOUR = SeriesQuery(from_ns=NOW_NS - 3600 * 10**9, to_ns=NOW_NS, step_ns=10 * 10**9, agent="paris")


def decoded(value: api.Value) -> dict[str, list[dict[str, object]]]:
    """Return what a client reads."""
    found: dict[str, list[dict[str, object]]] = msgspec.json.decode(api.encode(value))
    return found


def test_zones_have_the_fields_of_the_contract() -> None:
    """A zone names provider, region and agent, its quantiles in seconds and its loss."""
    reader = FakeReader()
    found = decoded(api.zones(reader, MINUTE))
    assert ["from", "to", "zones"] == list(found)
    assert found["from"] == "2026-11-24T15:01:31.250000000Z"
    assert found["zones"][0] == {
        "agent": "paris",
        "provider": "oracle",
        "region": "eu-marseille-1",
        "zone": "oracle/eu-marseille-1",
        "p50_s": 0.02163,
        "p90_s": 0.0224952,
        "p99_s": 0.0283353,
        "min_s": pytest.approx(0.02163 * 0.97),
        "max_s": pytest.approx(0.02163 * 1.5),
        "mean_s": pytest.approx(0.02163 * 1.02),
        "received": 120,
        "lost": 0,
        "loss_ratio": 0.0,
    }
    assert reader.asked == [(MINUTE.from_ns, MINUTE.to_ns)]


def test_nothing_received_is_null() -> None:
    """A zone that answered nothing has null quantiles and a loss of 1, never an RTT of 0."""
    found = decoded(api.zones(FakeReader(), MINUTE))["zones"][3]
    assert (None, None, 60, 1.0) == (
        found["p50_s"],
        found["mean_s"],
        found["lost"],
        found["loss_ratio"],
    )


def test_series_have_windows() -> None:
    """A series names what it is of; its windows begin at RFC 3339 times."""
    reader = FakeReader()
    found = msgspec.json.decode(api.encode(api.series(reader, HOUR)))
    series = found["series"][0]
    windows = series.pop("windows")
    assert found["step_s"] == 10
    assert series == {
        "agent": "paris",
        "zone": "oracle/eu-marseille-1",
        "target": "198.51.100.10",
        "family": 4,
        "protocol": "icmp",
        "stamp": "kernel",
    }
    assert [window["start"] for window in windows] == [
        "2026-11-24T14:02:31.250000000Z",
        "2026-11-24T14:02:41.250000000Z",
    ]
    assert [window["p50_s"] for window in windows] == [0.02163, None]
    assert reader.asked == [HOUR]


def test_the_worst_are_named_like_series() -> None:
    """Whose it is, and the p99 of its worst minute; as many as were asked for."""
    reader = FakeReader()
    asked = WorstQuery(from_ns=NOW_NS - 60 * 10**9, to_ns=NOW_NS, limit=1)
    found = decoded(api.worst(reader, asked))
    assert ["from", "to", "worst"] == list(found)
    assert found["worst"] == [
        {
            "agent": "paris",
            "zone": "oracle/eu-marseille-1",
            "target": "198.51.100.10",
            "family": 4,
            "protocol": "icmp",
            "stamp": "kernel",
            "p99_s": 0.0283353,
        }
    ]
    assert reader.asked[0] == (asked.from_ns, asked.to_ns, 1)


def test_no_series_is_an_empty_list() -> None:
    """A question that matches nothing is answered, not refused."""

    class Empty(FakeReader):
        def series(self, query: SeriesQuery) -> list[SeriesRow]:
            del query
            return []

    assert decoded(api.series(Empty(), HOUR))["series"] == []


def test_paths_carry_judgement_and_hops() -> None:
    """A path has its verdicts with coverage, and its hops with places and evidence."""
    reader = FakeReader()
    asked = PathsQuery(agent="paris", target="198.51.100.10", limit=1)
    found = msgspec.json.decode(api.encode(api.paths(reader, asked)))["paths"]
    assert len(found) == 1
    path = found[0]
    assert path["started_at"] == "2026-11-24T15:02:29.250000000Z"
    assert path["countries"] == ["FR", "DE", "FR"]
    assert path["verdicts"][0] == {
        "jurisdiction": "FX",
        "axis": "territory",
        "verdict": "SUPPORTED_OUTSIDE",
        "coverage": {
            "hops_responding": 6,
            "hops_with_evidence": 5,
            "hops_silent": 1,
            "longest_silent_gap": 1,
            "rtt_min_s": 0.021633,
            "samples": 21,
            "speed": "c",
        },
        "countries": ["FR", "DE", "FR"],
        "reasons": ["hop 4 (203.0.113.65): its name places it in Frankfurt"],
        "flow": 0,
    }
    assert path["hops"][3]["territory"] == {
        "candidates": [
            {
                "name": "Frankfurt",
                "territory": "DE",
                "latitude": 50.1109,
                "longitude": 8.6821,
                "radius_km": 15,
            }
        ],
        "verdicts": {"FX": "outside", "FR": "outside", "EU": "inside", "EEA": "inside"},
    }
    assert path["hops"][3]["evidence"][0]["kind"] == "name"
    assert path["hops"][2]["address"] is None
    assert reader.asked == [("paris", "198.51.100.10", 2)]


def test_crossings_have_the_fields_of_the_contract() -> None:
    """An episode that goes on has a null end; times are RFC 3339."""
    found = decoded(api.crossings(FakeReader(), EpisodesQuery()))["crossings"]
    assert found[0] == {
        "id": OPEN.id,
        "agent": "paris",
        "target": "198.51.100.10",
        "family": 4,
        "zone": "oracle/eu-marseille-1",
        "jurisdiction": "FX",
        "verdict": "SUPPORTED_OUTSIDE",
        "wider": {"EU": "SUPPORTED_INSIDE", "EEA": "SUPPORTED_INSIDE"},
        "countries": ["FR", "DE", "FR"],
        "first_seen": "2026-11-24T15:01:39.250000000Z",
        "confirmed_at": "2026-11-24T15:01:49.250000000Z",
        "ended_at": None,
        "rounds": 5,
        "evidence": DIGEST,
    }
    assert found[1]["ended_at"] == "2026-11-24T13:52:21.250000000Z"


def test_evidence_is_listed_with_its_crossing() -> None:
    """Every Statement is listed by its digest; a crossing without one is not."""
    reader = FakeReader()
    reader.crossing_rows.append(msgspec.structs.replace(OPEN, id="none", evidence=None))
    found = decoded(api.evidence(reader, EpisodesQuery()))["evidence"]
    assert [(row["sha256"], row["id"]) for row in found] == [
        (DIGEST, "5f2c9a10"),
        (OLD_DIGEST, "08d1e6b7"),
    ]


def test_statement_is_octet_for_octet() -> None:
    """A Statement is answered as it was digested; an unknown one is 404."""
    assert api.statement(FakeReader(), DIGEST) == STATEMENT
    with pytest.raises(RefusedError) as caught:
        api.statement(FakeReader(), "00" * 32)
    assert caught.value.status == 404


def test_findings_have_groups_reasons_and_the_path() -> None:
    """A finding of administration names the groups and the path that has the evidence."""
    reader = FakeReader()
    reader.finding_rows = [HELD]
    (found,) = decoded(api.findings(reader, EpisodesQuery()))["findings"]
    assert {
        "id": "77aa01c4",
        "agent": "paris",
        "target": "198.51.100.20",
        "family": 4,
        "zone": "scaleway/fr-par",
        "jurisdiction": "EU",
        "groups": [{"name": "Example Holding", "country": "US", "on_soil": True}],
        "first_seen": "2026-11-24T15:01:39.250000000Z",
        "confirmed_at": "2026-11-24T15:01:49.250000000Z",
        "ended_at": None,
        "rounds": 5,
        "reasons": ["hop 1 (203.0.113.1) is held by a group outside EU: a test"],
        "path": "198.51.100.20@1",
        "evidence": None,
    } == found


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 9])
def test_pages_of_paths_hold_every_path_once(limit: int) -> None:
    """Page after page the list is the same; paths that start together are on one page."""
    reader = FakeReader()
    expected = [row.path.id for row in sorted(reader.path_rows, key=_started, reverse=True)]
    found, before = [], None
    for _ in range(9):
        asked = PathsQuery(agent=None, target=None, limit=limit, before_ns=before)
        page = msgspec.json.decode(api.encode(api.paths(reader, asked)))
        assert len(page["paths"]) <= max(limit, 2)
        found += [row["id"] for row in page["paths"]]
        if page["next"] is None:
            break
        before = int(page["next"])
    assert expected == found


def _started(row: PathRecord) -> int:
    return row.judgement.started_ns


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_pages_of_crossings_hold_every_crossing_once(limit: int) -> None:
    """Page after page the list is the same, also where two began at the same time."""
    reader = FakeReader()
    reader.crossing_rows += [
        msgspec.structs.replace(OPEN, id=ident, target="other") for ident in ("aa", "77", "ff")
    ]
    whole = decoded(api.crossings(reader, EpisodesQuery()))["crossings"]
    found, before = [], None
    for _ in range(9):
        asked = EpisodesQuery(limit=limit, before=before)
        page = msgspec.json.decode(api.encode(api.crossings(reader, asked)))
        found += page["crossings"]
        if page["next"] is None:
            break
        at_ns, _, ident = page["next"].partition("-")
        before = (int(at_ns), ident)
    assert (5, whole) == (len(whole), found)
    chosen = decoded(api.crossings(reader, EpisodesQuery(target="other")))["crossings"]
    assert ["ff", "aa", "77"] == [row["id"] for row in chosen]


@pytest.mark.parametrize(
    ("from_ns", "to_ns", "expected"),
    [
        (0, 20, []),
        (0, 21, ["old", "open"]),
        (29, 30, ["old", "open"]),
        (30, 31, ["open"]),
        (99, 1 << 63, ["open"]),
    ],
)
def test_episodes_of_a_range_went_on_in_it(from_ns: int, to_ns: int, expected: list[str]) -> None:
    """Whoever asks about a month gets what began before it and ended in it or never, too."""
    reader = FakeReader()
    reader.crossing_rows = [
        msgspec.structs.replace(OPEN, id=ident, first_seen_ns=20, ended_ns=ended_ns)
        for ident, ended_ns in (("old", 30), ("open", None))
    ]
    asked = EpisodesQuery(from_ns=from_ns, to_ns=to_ns)
    found = decoded(api.crossings(reader, asked))["crossings"]
    assert expected == sorted(row["id"] for row in found)


def test_quantiles_that_were_asked_for_have_their_names() -> None:
    """Each window has them by the text of the quantile; without `q` no window has the key."""
    asked = msgspec.structs.replace(HOUR, ranks_ppm=(500_000, 999_000))
    found = msgspec.json.decode(api.encode(api.series(FakeReader(), asked)))
    assert ["0.5", "0.999"] == found["q"]
    first, second = found["series"][0]["windows"]
    assert {"0.5": 0.02163, "0.999": 0.02163} == first["quantiles"]
    assert {"0.5": None, "0.999": None} == second["quantiles"]
    plain = msgspec.json.decode(api.encode(api.series(FakeReader(), HOUR)))
    assert ([], False) == (plain["q"], "quantiles" in plain["series"][0]["windows"][0])


def test_the_statement_of_a_finding_is_listed_too() -> None:
    """Each says what it is evidence of."""
    reader = FakeReader()
    reader.finding_rows = [HELD, msgspec.structs.replace(HELD, evidence="ab" * 32)]
    found = decoded(api.evidence(reader, EpisodesQuery()))["evidence"]
    assert {
        ("crossing", DIGEST, OPEN.id),
        ("crossing", OLD_DIGEST, "08d1e6b7"),
        ("finding", "ab" * 32, HELD.id),
    } == {(row["of"], row["sha256"], row["id"]) for row in found}
