"""The pages: complete without script, safe with strangers' names, readable by a real browser."""

import re
from collections.abc import Callable

import msgspec
import pytest

from collector.judgement import sentences
from collector.nearness import Nearness, Several
from collector.records import Verdict
from collector.web import page, zonesview
from tests.fakes.collector_face import (
    CONFIG,
    DETOUR,
    DIGEST,
    ENDED,
    HOME,
    NOW_NS,
    OPEN,
    SCRIPT_NAME,
    S,
    record,
)
from tests.fakes.collector_ports import FakeReader
from tests.fakes.pages import Outline, crossing, overview
from tests.fakes.paths import FROM_PARIS


def quiet() -> FakeReader:
    """Return a reader without an open crossing or an exit, and with both agents present."""
    reader = FakeReader()
    reader.crossing_rows = [ENDED]
    reader.path_rows = reader.path_rows[1:4]
    reader.batches = {"paris": NOW_NS, "frankfurt": NOW_NS}
    return reader


def test_headline_says_the_crossing() -> None:
    """The first heading is the state in one sentence, and so is the title."""
    text = overview().text
    assert "1 crossing now: paris → oracle/eu-marseille-1 leaves FX through DE" in text
    assert text.startswith("1 crossing now: ")


def test_several_crossings_are_listed() -> None:
    """Several open crossings are counted in the heading and told below it."""
    reader = FakeReader()
    again = msgspec.structs.replace(ENDED, id="again", ended_ns=None)
    reader.crossing_rows = [OPEN, again]
    text = overview(reader).text
    assert "2 crossings now" in text
    assert "paris → scaleway/fr-par leaves FX through GB" in text


def test_of_many_crossings_the_newest_are_told() -> None:
    """A cable that is cut opens thousands: the headline tells some and counts the rest."""
    reader = FakeReader()
    reader.crossing_rows = [
        msgspec.structs.replace(OPEN, id=f"{number}", zone=f"z/{number}") for number in range(25)
    ]
    found = overview(reader)
    assert "25 crossings now" in found.text
    assert "paris → z/19 leaves FX through DE and 5 more: all crossings as data" in found.text


def test_round_that_came_back_is_said() -> None:
    """An open crossing beside a newest round inside would puzzle: the page says what ends it."""
    reader = FakeReader()
    back = record("paris", OPEN.target, OPEN.zone, NOW_NS, HOME)
    reader.path_rows = [back, *reader.path_rows]
    expected = "The newest round from paris to oracle/eu-marseille-1 shows no hop outside FX."
    assert expected in overview(reader).text
    assert "shows no hop outside" not in overview().text


def test_quiet_state_claims_no_proof() -> None:
    """Without an exit the page says what was seen and what that cannot show."""
    found = overview(quiet())
    assert "No evidence of exit in the last round of 2 paths" in found.text
    assert "no proof of having stayed" in found.text
    classes = {row.get("class") for row in found.attributes("section")}
    assert "state calm" in classes


@pytest.mark.parametrize("word", ["violation", "compliant", "compliance", "breach"])
def test_no_legal_words(word: str) -> None:
    """Transit is not transfer: the pages never speak as a lawyer."""
    assert word not in (overview().text + crossing().text).lower()


def test_zones_show_numbers_route_and_verdicts() -> None:
    """A zone has its quantiles in ms, its route as countries, both axes and coverage."""
    text = overview().text
    expected = (
        "paris oracle/eu-marseille-1 21.63 22.50 28.34 0 % FR → DE → FR 198.51.100.10 "
        "▲ outside FX ▲ outside FR ○ undetermined EU EEA ▲ outside FX FR EU EEA "
        "Example Holding (US) on FX soil 5 of 7 1 silent 15:02:29"
    )
    assert expected in text


def test_zone_that_answers_nothing() -> None:
    """Nothing received is a dash beside the loss; no path is said in words."""
    assert "paris aws/eu-west-2 – – – 100 % no path traced yet" in overview().text


def test_path_without_measurements() -> None:
    """A path whose zone was not measured in the last minute is shown with dashes."""
    reader = FakeReader()
    reader.zone_rows = []
    assert "frankfurt aws/eu-west-2 – – – – DE → GB" in overview(reader).text


def test_targets_of_a_zone_stand_together() -> None:
    """The numbers of a zone stand once beside the paths of all its targets."""
    text = overview().text
    assert text.count("1.21 1.26 1.59 1.6 %") == 1
    assert text.index("198.51.100.20") < text.index("198.51.100.21")


def test_each_family_has_a_row_and_flows_are_counted() -> None:
    """IPv6 stands below IPv4 with a route of its own; several flows are said."""
    reader = FakeReader()
    record = reader.path_rows[0]
    six = msgspec.structs.replace(
        record.judgement, family=6, flows=tuple(range(4)), countries=("FR", "GB", "FR")
    )
    reader.path_rows.append(msgspec.structs.replace(record, judgement=six))
    text = overview(reader).text
    assert "FR → DE → FR 198.51.100.10 ▲" in text
    assert "FR → GB → FR 198.51.100.10 IPv6 4 flows ▲" in text


def test_demanded_verdict_is_marked() -> None:
    """What the policy demands is told apart from the wider jurisdictions."""
    spans = [row for row in overview().attributes("span") if row.get("class") == "demanded"]
    assert len(spans) == 3


def test_absent_agent_is_named() -> None:
    """An agent that does not deliver is said at the top: its silence is no good news."""
    assert "frankfurt has never delivered." in overview().text
    assert "delivered" not in overview(quiet()).text


def test_ignorance_does_not_look_calm() -> None:
    """An absent agent, an undetermined path or none at all is no green light; the age is said."""
    late, empty, unsure = quiet(), FakeReader(), quiet()
    late.batches = {"paris": NOW_NS - 400 * S}
    empty.path_rows, empty.crossing_rows = [], []
    unsure.path_rows = [record("paris", "198.51.100.20", ENDED.zone, NOW_NS, DETOUR[4:])]
    for reader in (late, empty, unsure):
        classes = {row.get("class") for row in overview(reader).attributes("section")}
        assert "state doubtful" in classes
    assert "2 inside, the oldest traced 3 s ago." in overview(late).text
    assert "paris delivered last 6 min 40 s ago." in overview(late).text


def test_addresses_in_several_places_name_the_agent_to_look_at() -> None:
    """Where two agents contradict each other no place is told; the page says between whom."""
    assert "answered two agents" not in overview(quiet()).text
    reader = quiet()
    near, other = (
        Nearness(agent=name, origin=FROM_PARIS, rtt_ns=1, resolution_ns=1, started_ns=1)
        for name in ("far", "paris")
    )
    pair = Several(address="9.9.9.9", seen=(near, other), distance_km=400.0, reach_km=1.0)
    reader.path_rows[0] = msgspec.structs.replace(reader.path_rows[0], several=(pair,))
    text = overview(reader).text
    assert "1 address in the newest rounds answered two agents sooner than one machine" in text
    assert "most often far and paris (1)" in text


def test_contradictions_are_in_the_headline() -> None:
    """Evidence that physics refutes is neither an exit nor nothing."""
    reader = quiet()
    (row, *others) = reader.path_rows
    verdicts = tuple(
        msgspec.structs.replace(found, verdict=Verdict.CONTRADICTORY)
        for found in row.judgement.verdicts
    )
    judged = msgspec.structs.replace(row.judgement, verdicts=verdicts)
    reader.path_rows = [msgspec.structs.replace(row, judgement=judged), *others]
    expected = "No evidence of exit in the last round of 2 paths; the evidence of 1 contradicts"
    assert expected in overview(reader).text


def test_paths_outside_come_first() -> None:
    """Of many zones the one whose path is outside what is demanded is at the top."""
    reader = FakeReader()
    text = overview(reader).text
    assert text.index("paris oracle/eu-marseille-1 21.63") < text.index("frankfurt aws/eu-west-2")


@pytest.mark.parametrize("found", [overview, crossing], ids=["overview", "crossing"])
def test_legend_explains_every_verdict(found: Callable[[], Outline]) -> None:
    """All six are there with mark, word, name in the data and meaning, on each axis its own."""
    outline = found()
    assert {verdict.value for verdict in Verdict} <= {
        row.get("title") for row in outline.attributes("dt")
    }
    for meaning in (*sentences.MEANINGS.values(), *sentences.HOLDING.values()):
        assert meaning in outline.text


def test_crossings_link_their_page_and_evidence() -> None:
    """Each crossing leads to its own page and to its Statement."""
    links = {row["href"] for row in overview().attributes("a")}
    assert {f"crossings/{OPEN.id}", f"v1/evidence/{DIGEST}", f"crossings/{ENDED.id}"} <= links


def test_empty_store_says_so() -> None:
    """Before anything came the page is whole and claims nothing."""
    reader = FakeReader()
    reader.zone_rows, reader.path_rows, reader.crossing_rows = [], [], []
    text = overview(reader).text
    assert "No path has been judged yet" in text
    assert "No agent has measured a zone in the last 60 s." in text
    assert "None has been confirmed since this store began." in text


def test_old_crossings_are_counted_not_shown() -> None:
    """A long history does not make an endless page."""
    reader = FakeReader()
    reader.crossing_rows = [msgspec.structs.replace(ENDED, id=f"c{n}") for n in range(103)]
    found = overview(reader)
    shown = [row for row in found.attributes("a") if str(row["href"]).startswith("crossings/")]
    assert len(shown) == 100
    assert "3 older ones" in found.text


def test_router_names_are_escaped() -> None:
    """A PTR record that is a script is shown as the text it is."""
    text = page.crossing(FakeReader(), OPEN.id, NOW_NS)
    assert "<script" not in text.lower()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.transit.example" in text
    assert SCRIPT_NAME in Outline(text).text


def test_everything_from_outside_is_escaped() -> None:
    """Targets, agents and evidence are text as well, in attributes too."""
    evil = "\"><img src=x onerror='alert(1)'>"
    reader = FakeReader()
    reader.crossing_rows = [
        msgspec.structs.replace(OPEN, id=evil, agent=evil, target=evil, zone=evil, evidence=evil)
    ]
    for text in (
        page.overview(reader, CONFIG, NOW_NS),
        page.crossing(reader, evil, NOW_NS),
        page.notice(evil, evil),
    ):
        assert {"borne.svg"} >= {
            str(row["src"]).rpartition("/")[2] for row in Outline(text).attributes("img")
        }


@pytest.mark.parametrize("found", [overview, crossing], ids=["overview", "crossing"])
def test_pages_are_self_contained(found: Callable[[], Outline]) -> None:
    """No script, no style in the page, nothing fetched from elsewhere: the policy forbids it."""
    outline = found()
    names = {name for name, _ in outline.tags}
    assert set() == names & {"script", "style", "iframe", "form"}
    assert [] == [a for _, a in outline.tags if any(k == "style" or k[:2] == "on" for k in a)]
    fetched = [row.get("src") or row.get("href") for row in outline.attributes("link")]
    fetched += [row["src"] for row in outline.attributes("img")]
    assert {"borne.css", "borne.svg"} == {str(name).rpartition("/")[2] for name in fetched}


@pytest.mark.parametrize("found", [overview, crossing], ids=["overview", "crossing"])
def test_pages_are_accessible(found: Callable[[], Outline]) -> None:
    """Landmarks, one first heading, captions, scopes and a language are there."""
    outline = found()
    names = [name for name, _ in outline.tags]
    assert {"header", "main", "footer"} <= set(names)
    assert names.count("h1") == 1
    assert names.count("table") == names.count("caption")
    assert all(row.get("scope") for row in outline.attributes("th"))
    assert outline.attributes("html") == [{"lang": "en"}]
    assert all("alt" in row for row in outline.attributes("img"))
    ids = [row["id"] for _, row in outline.tags if "id" in row]
    assert len(ids) == len(set(ids))
    labels = {row["aria-labelledby"] for row in outline.attributes("section")}
    assert labels <= set(ids)


def test_attribution_stands_on_every_page() -> None:
    """The tables' licence asks for its name wherever they are used."""
    for outline in (overview(), crossing(), Outline(page.notice("a", "b"))):
        assert "GeoNames , CC BY 4.0" in outline.text


def test_overview_refreshes_itself_and_documents_do_not() -> None:
    """The overview follows what happens; the page of a crossing can be read in peace."""
    kept = {"http-equiv": "refresh", "content": "5"}
    assert kept in overview().attributes("meta")
    assert kept not in crossing().attributes("meta")


def test_stylesheet_asks_nobody() -> None:
    """The style sheet is whole, knows dark mode and print, and fetches nothing."""
    text = page.asset("borne.css").decode()
    assert re.search(r"url\(|@import", text) is None
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_names_turn_only_themselves_around() -> None:
    """A PTR record with signs of right-to-left writing cannot reorder what stands beside it."""
    assert ".name, .holder { unicode-bidi: isolate; }" in page.asset("borne.css").decode()


def test_every_verdict_can_be_shown() -> None:
    """No verdict breaks the page, also those that later parts will issue."""
    for verdict in Verdict:
        reader = FakeReader()
        reader.crossing_rows = [msgspec.structs.replace(OPEN, verdict=verdict)]
        assert "1 crossing now" in overview(reader).text


@pytest.mark.parametrize(
    ("first", "says"),
    [
        (OPEN.target, "310 more , 11 of them outside what is demanded"),
        ("198.51.100.20", "10 more , without evidence of exit from what is demanded"),
    ],
)
def test_what_finds_no_room_is_counted_without_a_claim(first: str, says: str) -> None:
    """Exits are told as such; a path that is not shown is never called inside."""
    reader = FakeReader()
    row = next(row for row in reader.path_rows if row.judgement.target == first)
    count = zonesview.MAX_ROWS + (310 if first == OPEN.target else 10)
    targets = [f"t-{number:04d}" for number in range(count)]
    reader.path_rows = [
        msgspec.structs.replace(row, judgement=msgspec.structs.replace(row.judgement, target=name))
        for name in targets
    ]
    reader.zone_rows = []
    zone = next(zone for zone in CONFIG.zones if zone.ident == row.judgement.zone)
    demanding = 311 if first == OPEN.target else count
    declared = msgspec.structs.replace(zone, targets=tuple(targets[:demanding]))
    config = msgspec.structs.replace(CONFIG, zones=(declared,))
    assert says in Outline(page.overview(reader, config, NOW_NS)).text


def test_pairs_without_room_are_counted() -> None:
    """More measured zones than rows: the page says how many it leaves out."""
    reader = FakeReader()
    zone = reader.zone_rows[0]
    reader.zone_rows = [
        msgspec.structs.replace(zone, region=f"r-{number}") for number in range(400)
    ]
    reader.path_rows = []
    assert "100 more pairs of agent and zone have no room here: choose" in overview(reader).text
