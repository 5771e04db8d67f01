"""The page of one crossing: its rounds, its premise, its limits; never a damaged Statement."""

import pytest

from collector.audit import evidence
from collector.errors import CorruptError, RefusedError
from collector.facts import knowledge
from collector.nearness import Supposed
from tests.fakes.collector_face import (
    CONFIG,
    DETOUR,
    DIGEST,
    ENDED,
    NOW_NS,
    OPEN,
    S,
    ended,
    record,
)
from tests.fakes.collector_ports import FakeReader
from tests.fakes.pages import crossing


def test_crossing_page_shows_the_confirming_round() -> None:
    """Every hop of the round that confirmed it: address, name, time, place, evidence."""
    text = crossing().text
    assert "Round of 2026-11-24 15:01:49 ; hops placed by evidence: 5 of 7, 1 silent." in text
    expected = (
        "4 203.0.113.65 ae3.core2.fra.transit.example Example Transit, AS64500 "
        "group Example Holding (US) 9.441 Frankfurt, DE ▲ outside router name the name's code "
        "stands for Frankfurt transit.example/1 (observed), 2026-11-01"
    )
    assert expected in text
    assert "3 silent: no answer at this distance" in text
    assert "hop 4 (203.0.113.65): its name places it in Frankfurt" in text


def test_crossing_page_names_its_premise_and_limits() -> None:
    """The page says what the verdict takes for granted and what it cannot tell."""
    text = crossing().text
    assert (
        "supposes: if agent paris is at 48.8566, 2.3522 (within 15 km; declared, untested)." in text
    )
    assert "the way back may differ" in text
    assert "who controls the equipment" in text


def test_what_is_supposed_is_named_so() -> None:
    """Under its hypothesis, apart from the reasons; where nothing is, there is no such section."""
    assert "Supposed, not proven" not in crossing().text
    row = Supposed(
        hypothesis="terrestrial glass fibre",
        jurisdiction="FX",
        kind="outside",
        ttl=4,
        address="203.0.113.65",
        flow=None,
        says="terrestrial glass fibre allows 91.2 km",
    )
    records = [
        record("paris", OPEN.target, OPEN.zone, NOW_NS - ago_s * S, DETOUR) for ago_s in (52, 42)
    ]
    supposed = {one.path.id: (row,) for one in records}
    reader = FakeReader()
    reader.statements = {
        DIGEST: evidence.statement(
            OPEN, records, CONFIG.agents[0], knowledge.load(), supposed=supposed
        )
    }
    text = crossing(reader).text
    assert 1 == text.count(row.sentence)
    assert "no verdict here rests on it" in text


def test_damaged_statement_is_no_page() -> None:
    """A Statement that does not decode is reported, never shown as if it were whole."""
    reader = FakeReader()
    reader.statements = {DIGEST: b"{}"}
    with pytest.raises(CorruptError):
        crossing(reader)


def test_crossing_page_tells_wider_verdicts_and_time() -> None:
    """Verdicts of the wider jurisdictions and how long it lasts stand in the facts."""
    text = crossing().text
    assert "Wider: EU ● inside" in text
    assert "It has gone on for 52 s; 5 rounds showed it." in text
    reader = FakeReader()
    reader.crossing_rows = [ended(OPEN)]
    assert "It lasted 51 s; 5 rounds showed it." in crossing(reader).text


def test_crossing_page_without_its_statement() -> None:
    """Where the Statement is gone, the page says so and still names its digest."""
    text = crossing(ident=ENDED.id).text
    assert "Its Statement is not in this store." in text
    assert "SHA-256 3c3c3c3c" in text


def test_unknown_crossing_is_refused() -> None:
    """A crossing that never was is 404."""
    with pytest.raises(RefusedError) as caught:
        crossing(ident="nothing")
    assert caught.value.status == 404
