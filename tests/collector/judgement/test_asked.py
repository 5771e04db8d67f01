"""What became of requests to witnesses: every outcome is counted and none is invented."""

import msgspec

from collector.judgement.asked import Asked
from tests.fakes.collector_ports import FakeIntake
from tests.fakes.scrapes import scraped


def test_nothing_was_asked_at_first() -> None:
    """All counts begin at zero."""
    assert {0} == set(msgspec.structs.astuple(Asked()))


def test_each_outcome_is_a_label_of_the_metric() -> None:
    """A field that is added here and forgotten there would not be seen by anybody."""
    outcomes = {
        sample.labels["outcome"]
        for sample in scraped(FakeIntake())
        if sample.name == "borne_collector_witness_requests_total"
    }
    assert {*Asked.__struct_fields__} - {"open"} == outcomes
