"""Agents as programs and people see them: declared places, and who could not refute them."""

import msgspec

from collector.positions import Position
from collector.web import agentview, api, page
from tests.fakes.collector_face import (
    CONFIG,
    NOW_NS,
    S,
)
from tests.fakes.collector_ports import FakeReader

REFUTED = Position(state="refuted", by=("lyon", "paris"))


def test_an_agent_has_its_declared_place_and_its_position() -> None:
    """Nothing secret is told: no id, no token, no address; never delivered is null."""
    reader = FakeReader()
    reader.position_of = {"paris": Position(state="unrefuted", by=("lyon", "rome"))}
    found = msgspec.json.decode(api.encode(agentview.agents(reader, CONFIG.agents)))
    assert [
        {
            "name": "paris",
            "city": "Paris",
            "territory": "FR",
            "latitude": 48.8566,
            "longitude": 2.3522,
            "radius_km": 15,
            "last_batch_at": "2026-11-24T15:02:30.250000000Z",
            "position": "unrefuted by 2",
            "by": ["lyon", "rome"],
        },
        {
            "name": "frankfurt",
            "city": "Frankfurt",
            "territory": "DE",
            "latitude": 50.1109,
            "longitude": 8.6821,
            "radius_km": 15,
            "last_batch_at": None,
            "position": "untested",
            "by": [],
        },
    ] == found["agents"]
    assert NOW_NS - S == reader.batches["paris"]


def test_the_page_names_who_is_elsewhere() -> None:
    """A refuted agent stands in the table, and as a sentence where the page says how things are."""
    reader = FakeReader()
    calm = page.overview(reader, CONFIG, NOW_NS)
    assert "does not stand where it is declared" not in calm
    assert "declared, untested" in calm
    reader.position_of = {"frankfurt": REFUTED, "paris": Position()}
    told = page.overview(reader, CONFIG, NOW_NS)
    (sentence,) = agentview.refuted(reader.position_of)
    assert sentence.startswith("frankfurt does not stand where it is declared: its times to lyon")
    assert sentence in told.partition("</section>")[0]
    assert "<strong>refuted by 2</strong>" in told
    assert ">lyon and paris</td>" in told
