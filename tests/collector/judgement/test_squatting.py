"""A public address that a network uses inside has no holder; one that is merely near keeps it."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from agent.records import Origin, PathReply
from collector.facts import knowledge
from collector.facts.networks import Networks, load_special
from collector.facts.regions import JURISDICTIONS
from collector.facts.soil import Soil
from collector.judgement.borders import judge
from collector.records import HopJudgement, NetworkOverride
from tests.fakes import soil_tables
from tests.fakes.paths import path, reply

INSIDE = Origin(latitude=2.0, longitude=0.5, radius_km=5.0)
"""In Alpha, 390 km from Beta."""
SQUATTED = "221.87.141.2"
ROW = NetworkOverride(
    prefix="221.87.0.0/16",
    asn=17676,
    holder="SoftBank",
    author="me",
    date="2026-11-26",
    reason="a test",
    registrant="BB",
    group="SoftBank Group",
    group_country="BB",
)
BEFORE, BEHIND = reply("192.168.1.254", rtt_ms=1), reply("10.99.6.142", rtt_ms=2)


@pytest.fixture(scope="module")
def soil(tmp_path_factory: pytest.TempPathFactory) -> Soil:
    """Return the borders of the small world."""
    return soil_tables.opened(tmp_path_factory.mktemp("soil"))


def hop(
    soil: Soil | None,
    *hops: Sequence[PathReply],
    origin: Origin | None = INSIDE,
    row: NetworkOverride = ROW,
) -> HopJudgement:
    """Return the hop on the squatted address."""
    tables = replace(knowledge.load([row]), networks=Networks(load_special(), [row]), soil=soil)
    found = judge(
        path(*hops, origin=origin),
        agent="a",
        zone=None,
        knowledge=tables,
        jurisdictions=JURISDICTIONS,
    )
    return next(one for one in found.hops if one.address == SQUATTED)


def held(found: HopJudgement) -> bool:
    """Tell whether somebody is named as the holder."""
    return bool(found.groups) and found.asn is not None and found.registrant is not None


def test_a_squatted_address_has_no_holder(soil: Soil) -> None:
    """Between private addresses, too near for where it is registered: the tables do not count."""
    found = hop(soil, [BEFORE], [reply(SQUATTED, rtt_ms=1.4)], [BEHIND])
    assert (None, None, None, ()) == (
        found.asn,
        found.operator,
        found.registrant,
        found.groups,
    )
    assert {"unknown"} == set(found.administration.values())
    assert {"unconfirmed"} == {row.kind for row in found.holders}
    assert found.holders[-1].says.startswith(
        "registered in BB and used here inside, between addresses that are private to a network: "
        "if agent a is at 2.0000, 0.5000 (within 5 km; declared, untested): no soil of BB is nearer"
    )


@pytest.mark.parametrize(
    "hops",
    [
        pytest.param(([BEFORE], [reply(SQUATTED, rtt_ms=1.4)]), id="nothing behind"),
        pytest.param(([reply(SQUATTED, rtt_ms=1.4)], [BEHIND]), id="nothing before"),
        pytest.param(
            ([BEFORE], [reply(SQUATTED, rtt_ms=9.0)], [BEHIND]), id="time enough to get there"
        ),
        pytest.param(
            (
                [BEFORE],
                [reply(SQUATTED, "prs-b1-link.ip.twelve99.net", rtt_ms=1.4)],
                [BEHIND],
            ),
            id="a name that counts",
        ),
    ],
)
def test_whatever_could_be_its_holders_keeps_them(
    soil: Soil, hops: Sequence[Sequence[PathReply]]
) -> None:
    """One sign alone shows nothing: a foreign operator at home is the common case."""
    assert held(hop(soil, *hops))


def test_without_position_borders_or_registrant_nothing_shows(soil: Soil) -> None:
    """Then the tables stand, as for any address."""
    hops = [BEFORE], [reply(SQUATTED, rtt_ms=1.4)], [BEHIND]
    assert held(hop(soil, *hops, origin=None))
    assert held(hop(None, *hops))


def test_a_registrant_near_by_is_no_squatting(soil: Soil) -> None:
    """Registered in the very state where the agent stands."""
    row = msgspec.structs.replace(ROW, registrant="AA")
    assert held(hop(soil, [BEFORE], [reply(SQUATTED, rtt_ms=1.4)], [BEHIND], row=row))
