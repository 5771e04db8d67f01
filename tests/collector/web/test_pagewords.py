"""What parts of a page say in the same way."""

import pytest

from collector.facts.regions import BY_NAME
from collector.records import SEVERITY, Axis, Judgement, Verdict
from collector.settings.policy import Demands
from collector.web import pagewords
from tests.fakes.collector_ports import FakeReader

JUDGED: Judgement = FakeReader().path_rows[0].judgement


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_is_a_mark_and_a_word(verdict: Verdict) -> None:
    """A colour never stands alone; it is that of the last word."""
    found = pagewords.word(verdict, "FX")
    assert "FX" == found["jurisdiction"]
    assert 1 == len(str(found["mark"]))
    assert str(found["word"]).endswith(str(found["kind"]))


def test_a_time_is_exact_and_readable() -> None:
    """Both are UTC; the exact one has nanoseconds."""
    expected = {"exact": "1970-01-01T00:00:01.500000000Z", "text": "1970-01-01 00:00:01"}
    assert expected == pagewords.time(1_500_000_000)


def test_countries_outside_any_demanded_list_are_marked() -> None:
    """One that lies in the EU is outside of FX all the same; without a demand none is."""
    marked = pagewords.countries(("FR", "DE", "GB"), ("EU", "FX"), BY_NAME)
    assert [False, True, True] == [row["outside"] for row in marked]
    assert ["FR", "DE", "GB"] == [row["code"] for row in marked]
    free = pagewords.countries(("GB",), (), BY_NAME)
    assert [False] == [row["outside"] for row in free]


def test_a_verdict_is_found_by_jurisdiction_and_axis() -> None:
    """What was not judged is None."""
    found = pagewords.found(JUDGED, "FX", Axis.ADMINISTRATION)
    assert found is not None
    assert ("FX", Axis.ADMINISTRATION) == (found.jurisdiction, found.axis)
    assert pagewords.found(JUDGED, "MOON") is None
    assert pagewords.found(JUDGED, None) is None


def test_the_worst_is_the_worst_of_what_is_demanded() -> None:
    """A verdict that nobody demands does not count, nor does a jurisdiction without one."""
    by_name = {name: pagewords.found(JUDGED, name) for name in ("FX", "EU", "EEA")}
    told = [found.verdict for found in by_name.values() if found is not None]
    worst = pagewords.worst(JUDGED, Demands(("EU", "FX", "MOON")))
    assert worst is not None
    assert min(told, key=lambda verdict: SEVERITY[verdict]) is worst.verdict
    assert by_name["EU"] == pagewords.worst(JUDGED, Demands(("EU",)))
    assert pagewords.worst(JUDGED, Demands()) is None
