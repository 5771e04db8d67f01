"""What Prometheus scrapes: every name once, every alert's series before its event."""

import re

import msgspec
import pytest

from collector.errors import StoreError
from collector.judgement.asked import Asked
from collector.positions import Position
from collector.records import ZoneRow
from tests.fakes.collector_face import (
    ENDED,
    HELD,
    NOW_NS,
    OPEN,
    ended,
)
from tests.fakes.collector_ports import FakeIntake
from tests.fakes.scrapes import WATCHED, scraped, value, values

POLICY = {"agent": "paris", "zone": "oracle/eu-marseille-1", "target": "198.51.100.10"}


def test_open_crossing_is_one() -> None:
    """A confirmed crossing that goes on is 1, and 0 once it has ended."""
    intake = FakeIntake()
    labels = {**POLICY, "jurisdiction": "FX"}
    assert value(intake, "borne_crossing_confirmed", **labels) == 1
    intake.reader.crossing_rows = [ended(OPEN), ENDED]
    assert value(intake, "borne_crossing_confirmed", **labels) == 0
    assert value(intake, "borne_crossings_total", **labels) == 1


def test_each_compiled_table_tells_its_day() -> None:
    """A table has the day of its data, one that was not built has 0; before the start none is."""
    intake = FakeIntake()
    assert value(intake, "borne_geodata_timestamp_seconds", table="origin") == 1_781_654_400
    assert value(intake, "borne_geodata_timestamp_seconds", table="registrant") == 0
    intake.ready = False
    assert [] == list(values(intake, "borne_geodata_timestamp_seconds"))


def test_every_policy_is_zero_before_any_path() -> None:
    """(agent, target) whose policy demands a jurisdiction is there before a path came."""
    intake = FakeIntake()
    intake.reader.crossing_rows = []
    intake.reader.path_rows = []
    found = [s for s in scraped(intake) if s.name == "borne_crossing_confirmed"]
    expected = {
        ("frankfurt", "198.51.100.10", "EU"),
        ("frankfurt", "198.51.100.20", "EU"),
        ("frankfurt", "198.51.100.21", "EU"),
        ("paris", "198.51.100.10", "FX"),
        ("paris", "198.51.100.20", "FX"),
        ("paris", "198.51.100.21", "FX"),
    }
    keys = ("agent", "target", "jurisdiction")
    assert expected == {tuple(sample.labels[key] for key in keys) for sample in found}
    assert {sample.value for sample in found} == {0}


def test_rows_of_policy_say_what_is_watched() -> None:
    """Each demanded jurisdiction of an axis has a series of its own, and no other has one."""
    intake = FakeIntake()
    intake.reader.crossing_rows = []
    found = {
        name: sorted(
            {
                (sample.labels["zone"], sample.labels["jurisdiction"])
                for sample in scraped(intake, WATCHED)
                if sample.name == name and sample.labels["agent"] == "paris"
            }
        )
        for name in ("borne_crossing_confirmed", "borne_finding_confirmed")
    }
    assert {
        "borne_crossing_confirmed": [
            ("oracle/eu-marseille-1", "FX"),
            ("scaleway/fr-par", "EU"),
            ("scaleway/fr-par", "FX"),
        ],
        "borne_finding_confirmed": [("scaleway/fr-par", "EU")],
    } == found


def test_a_finding_is_counted_apart_from_crossings() -> None:
    """It is 1 while it goes on and 0 afterwards, and no crossing is counted for it."""
    intake = FakeIntake()
    intake.reader.crossing_rows = []
    ended_one = msgspec.structs.replace(HELD, ended_ns=NOW_NS)
    for row, state in ((HELD, 1.0), (ended_one, 0.0)):
        intake.reader.finding_rows = [row]
        found = {
            sample.name: sample.value
            for sample in scraped(intake, WATCHED)
            if sample.labels.get("target") == HELD.target
            and sample.labels.get("jurisdiction") == "EU"
            and sample.labels["agent"] == "paris"
            and sample.name.startswith(("borne_finding", "borne_crossing"))
        }
        assert {
            "borne_crossing_confirmed": 0.0,
            "borne_crossings_total": 0.0,
            "borne_finding_confirmed": state,
            "borne_findings_total": 1.0,
        } == found


def test_requests_to_witnesses_are_counted_by_what_became_of_them() -> None:
    """All outcomes are there from the start, and the open ones are a gauge; nobody is a label."""
    intake = FakeIntake()
    intake.reader.what_was_asked = Asked(open=2, answered=7, silent=1, expired=3)
    found = {
        (sample.name, *sample.labels.items()): sample.value
        for sample in scraped(intake)
        if sample.name.startswith("borne_collector_witness")
    }
    counted = "borne_collector_witness_requests_total"
    assert {
        ("borne_collector_witness_requests_open",): 2.0,
        (counted, ("outcome", "answered")): 7.0,
        (counted, ("outcome", "silent")): 1.0,
        (counted, ("outcome", "expired")): 3.0,
        (counted, ("outcome", "withheld")): 0.0,
    } == found


def test_each_agent_has_one_position() -> None:
    """Of the three states of an agent one is 1; which agents were near is no label."""
    intake = FakeIntake()
    intake.reader.position_of = {
        "paris": Position(state="unrefuted", by=("lyon", "berlin")),
        "frankfurt": Position(state="refuted", by=("paris",)),
    }
    found = {
        (sample.labels["agent"], sample.labels["borne_agent_position"]): sample.value
        for sample in scraped(intake)
        if sample.name == "borne_agent_position"
    }
    states = ("unrefuted", "untested", "refuted")
    assert {(agent, state): 0.0 for agent in ("paris", "frankfurt") for state in states} | {
        ("paris", "unrefuted"): 1.0,
        ("frankfurt", "refuted"): 1.0,
    } == found


def test_verdict_has_all_its_states() -> None:
    """Six states of each verdict are exposed, exactly one of them 1."""
    found = [
        sample
        for sample in scraped(FakeIntake())
        if sample.name == "borne_path_verdict"
        and {**POLICY, "jurisdiction": "FX", "axis": "territory"}.items() <= sample.labels.items()
    ]
    expected = {
        "proven_outside": 0,
        "supported_outside": 1,
        "contradictory": 0,
        "undetermined": 0,
        "supported_inside": 0,
        "proven_inside": 0,
    }
    assert expected == {sample.labels["borne_path_verdict"]: sample.value for sample in found}


def test_path_has_coverage_and_time() -> None:
    """Coverage counts silent hops; the time is that of the path, not of the scrape."""
    intake = FakeIntake()
    ratio = value(intake, "borne_path_evidence_coverage_ratio", **POLICY, jurisdiction="FX")
    assert ratio == pytest.approx(5 / 7)
    at_s = value(intake, "borne_path_verdict_timestamp_seconds", **POLICY)
    assert at_s == pytest.approx(NOW_NS / 1e9 - 2, abs=1e-6)


def test_zone_has_quantiles_and_loss() -> None:
    """Quantiles are seconds; a zone that answered nothing has a loss and no quantile."""
    intake = FakeIntake()
    about = {"agent": "paris", "zone": "oracle/eu-marseille-1"}
    assert value(intake, "borne_zone_rtt_seconds", **about, quantile="0.5") == 0.02163
    deaf = {"agent": "paris", "zone": "aws/eu-west-2"}
    assert list(values(intake, "borne_zone_rtt_seconds", **deaf)) == []
    assert value(intake, "borne_zone_loss_ratio", **deaf) == 1
    assert intake.reader.asked[0] == (NOW_NS - 60 * 10**9, NOW_NS)


def test_agents_have_times_of_delivery() -> None:
    """An agent that never delivered is 0, so that its absence can raise an alert."""
    intake = FakeIntake()
    name = "borne_agent_last_batch_timestamp_seconds"
    assert value(intake, name, agent="frankfurt") == 0
    assert value(intake, name, agent="paris") == pytest.approx(NOW_NS / 1e9 - 1, abs=1e-6)


def test_counts_begin_at_zero_and_count() -> None:
    """Known reasons exist before they happen; an unknown one is counted as well."""
    intake = FakeIntake()
    assert set(values(intake, "borne_batches_rejected_total")) == {0}
    assert set(values(intake, "borne_samples_rejected_total")) == {0}
    intake.counts.rejected["token"] += 2
    intake.counts.rejected["unheard"] += 1
    intake.counts.duplicates["paris"] += 3
    intake.counts.forgotten_spools["paris"] += 6
    intake.counts.accepted["paris"] += 4
    intake.counts.rejected_samples["nan"] += 5
    assert value(intake, "borne_batches_rejected_total", reason="token") == 2
    assert value(intake, "borne_batches_rejected_total", reason="unheard") == 1
    assert value(intake, "borne_batches_duplicate_total") == 3
    assert value(intake, "borne_spools_forgotten_total") == 6
    assert value(intake, "borne_batches_total", agent="paris") == 4
    assert value(intake, "borne_samples_rejected_total", reason="nan") == 5


def test_before_ready_only_the_program_is_told() -> None:
    """Nothing is said about crossings before the journal is replayed: not even 0."""
    intake = FakeIntake()
    intake.ready = False
    assert list(values(intake, "borne_crossing_confirmed")) == []
    assert value(intake, "borne_collector_ready") == 0
    assert list(values(intake, "borne_collector_build_info")) == [1]


def test_damaged_segment_hides_no_crossing() -> None:
    """A segment that cannot be read is counted; the crossings of the scrape are there."""
    intake = FakeIntake()

    def damaged(from_ns: int, to_ns: int) -> list[ZoneRow]:
        raise StoreError(f"read [{from_ns}, {to_ns}): damaged")

    intake.reader.zones = damaged  # type: ignore[method-assign]
    assert value(intake, "borne_crossing_confirmed", **POLICY, jurisdiction="FX") == 1
    assert intake.counts.faults["read"] == 1


@pytest.mark.parametrize("place", ["upkeep", "reload"])
def test_every_place_of_faults_begins_at_zero(place: str) -> None:
    """What appears at its first fault alone has no increase that an alert could see."""
    assert value(FakeIntake(), "borne_collector_faults_total", place=place) == 0


def test_no_hop_becomes_a_label() -> None:
    """Routers, their names, places and countries stay out of Prometheus."""
    words = {
        word
        for sample in scraped(FakeIntake())
        for label, word in sample.labels.items()
        if label != "jurisdiction"
    }
    forbidden = re.compile(r"203\.0\.113\.|transit|Frankfurt|<script|^(DE|FR|GB)$")
    assert [] == [word for word in words if forbidden.search(word)]


def test_crossing_under_an_older_demand_is_told() -> None:
    """An open crossing under a demand that the settings no longer make still raises its alert."""
    intake = FakeIntake()
    intake.reader.crossing_rows = [msgspec.structs.replace(OPEN, jurisdiction="EEA")]
    name = "borne_crossing_confirmed"
    assert value(intake, name, **POLICY, jurisdiction="EEA") == 1
    assert value(intake, name, **POLICY, jurisdiction="FX") == 0


@pytest.mark.parametrize("forgotten", [{"target": "198.51.100.99"}, {"agent": "lyon"}])
def test_crossing_of_a_forgotten_end_is_left_out(forgotten: dict[str, str]) -> None:
    """An end that the settings no longer name has no series, or it would alert for ever."""
    intake = FakeIntake()
    intake.reader.crossing_rows = [msgspec.structs.replace(OPEN, **forgotten)]
    assert set(values(intake, "borne_crossing_confirmed")) == {0}


def test_paths_of_a_forgotten_agent_are_left_out() -> None:
    """The newest path of an agent that is gone is not exposed for ever."""
    intake = FakeIntake()
    (record, *_) = intake.reader.path_rows
    gone = msgspec.structs.replace(record.judgement, agent="lyon")
    intake.reader.path_rows = [msgspec.structs.replace(record, judgement=gone)]
    assert [] == list(values(intake, "borne_path_verdict"))


def test_each_family_and_axis_has_its_own_verdicts() -> None:
    """IPv6 stands beside IPv4; on administration there are only the states that can be."""
    intake = FakeIntake()
    record = intake.reader.path_rows[0]
    judged = msgspec.structs.replace(record.judgement, family=6)
    intake.reader.path_rows = [record, msgspec.structs.replace(record, judgement=judged)]
    for family in ("4", "6"):
        where = {**POLICY, "family": family}
        assert 1 == len(list(values(intake, "borne_path_verdict_timestamp_seconds", **where)))
        found = [
            sample.labels
            for sample in scraped(intake)
            if sample.name == "borne_path_verdict" and where.items() <= sample.labels.items()
        ]
        assert 4 * (6 + 3) == len(found)
        assert {"supported_outside", "undetermined", "supported_inside"} == {
            labels["borne_path_verdict"] for labels in found if labels["axis"] == "administration"
        }
