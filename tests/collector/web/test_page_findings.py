"""The page tells findings of administration apart from crossings, and follows the policy."""

import msgspec

from collector.records import Jurisdiction
from collector.settings.policy import Demands, PolicyRow
from collector.web import page
from tests.fakes.collector_face import (
    CONFIG,
    HELD,
    NOW_NS,
)
from tests.fakes.collector_ports import FakeReader

TITLE = "Foreign groups on the way"


def watched(*rows: PolicyRow, own: tuple[Jurisdiction, ...] = (), held: bool = False) -> str:
    """Return the page under a policy."""
    config = msgspec.structs.replace(CONFIG, policy=rows, jurisdictions=own)
    reader = FakeReader()
    reader.finding_rows = [HELD] if held else []
    return page.overview(reader, config, NOW_NS)


def test_findings_have_a_section_of_their_own() -> None:
    """It says who, on whose soil, what that rests on, and that it is no crossing."""
    found = watched(PolicyRow(demands=Demands(("FX",), ("EU",))), held=True)
    section = found.partition(TITLE)[2].partition("</section>")[0]
    crossings = found.partition('aria-labelledby="crossings"')[2].partition("</section>")[0]
    sentence = "paris → scaleway/fr-par crosses equipment operated by Example Holding (US) on EU"
    assert sentence in section
    assert HELD.reasons[0] in section
    assert "None of them is a crossing" in section
    assert sentence not in crossings


def test_a_finding_links_to_its_statement() -> None:
    """Where it has one: those that an earlier release confirmed have none."""
    reader = FakeReader()
    reader.finding_rows = [msgspec.structs.replace(HELD, evidence="ab" * 32)]
    assert f'href="v1/evidence/{"ab" * 32}"' in page.overview(reader, CONFIG, NOW_NS)
    assert "v1/evidence/None" not in watched(held=True)


def test_without_a_demand_there_is_no_section() -> None:
    """Who demands nothing of administration is shown no empty table; who does is."""
    assert TITLE not in watched()
    assert TITLE in watched(PolicyRow(demands=Demands((), ("EU",))))
    assert TITLE in watched(held=True)


def test_the_headline_asks_what_the_policy_asks() -> None:
    """A path abroad of which nothing is demanded is no alarm; a list of one's own is judged."""
    reader = FakeReader()
    reader.crossing_rows = []
    nothing = msgspec.structs.replace(CONFIG, policy=(PolicyRow(demands=Demands()),))
    assert "No path has been judged yet" in page.overview(reader, nothing, NOW_NS)
    assert "has evidence of an exit" in page.overview(reader, CONFIG, NOW_NS)


def test_of_several_demands_the_worst_is_told() -> None:
    """A route through Germany is abroad for FX also where the EU is demanded beside it."""
    found = watched(
        PolicyRow(zone="oracle/*", demands=Demands(("EU", "FX"))),
        PolicyRow(demands=Demands()),
    )
    zones = found.partition('aria-labelledby="zones"')[2].partition("</section>")[0]
    assert 1 == zones.count('<strong class="abroad">DE</strong>') == zones.count("abroad")
    assert "1 outside" in found
