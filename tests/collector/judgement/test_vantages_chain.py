"""A refuted agent, through the real collector: it proves nothing, refutes nothing, and is named."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as File

import msgspec
import pytest

from agent.records import Batch, Descriptors, Path, Protocol, Series, SeriesId, Stamp, WitnessReply
from collector.audit import rounds, stated
from collector.audit.restatement import restate
from collector.chain import Chain
from collector.facts import atlas, knowledge
from collector.facts.knowledge import Knowledge
from collector.facts.soil import Soil
from collector.records import Evidence, Place, Vantage, Verdict
from collector.routes import Routes
from collector.settings.config import Config
from collector.settings.policy import Demands, Policy, PolicyRow
from collector.wall import wall_text
from collector.web import agentview
from tests.fakes.collector_durable import NOW_NS, S_NS, ZONE, StoppedClock, path, send, vantage
from tests.fakes.collector_durable import config as durable_config
from tests.fakes.evidence import unstored
from tests.fakes.witnesses import CITIES

LYON = Place(name="Lyon", territory="FR", latitude=45.74846, longitude=4.84671, radius_km=10)
MADRID = Place(name="Madrid", territory="ES", latitude=40.4165, longitude=-3.70256, radius_km=10)
BERLIN = Place(name="Berlin", territory="DE", latitude=52.52437, longitude=13.41053, radius_km=10)
TRUE_S = 0.03
"""Long enough for every pair: it contradicts nobody."""


def agent(number: int, place: Place) -> Vantage:
    """Return agent `number` at a place, with an address."""
    return msgspec.structs.replace(
        vantage(number), place=place, addresses=(f"192.0.2.{number}",), name=f"agent-{number}"
    )


FLEET = (
    agent(0, vantage(0).place),
    agent(1, LYON),
    agent(2, BERLIN),
    agent(3, MADRID),
)
"""Paris, Lyon and Berlin are true; who says Madrid answers all of them at once."""


def config(directory: File) -> Config:
    """Return the settings of a collector with the fleet."""
    return msgspec.structs.replace(durable_config(directory), agents=FLEET)


def times(observer: int, seconds: Mapping[int, float], sequence: int = 0) -> Batch:
    """Return a batch of series to other agents' addresses, a large time before each small one."""
    rows = sorted(seconds)
    return Batch(
        agent_id=FLEET[observer].agent_id,
        boot_id=b"b" * 16,
        spool_id=b"s" * 16,
        sequence=sequence,
        base_ns=NOW_NS + sequence * S_NS,
        clock_error_ns=1000,
        series_ids=tuple(rows),
        offsets=tuple(2 * place for place in range(len(rows) + 1)),
        rtt_s=[time_s for row in rows for time_s in (0.5, seconds[row])],
        reply_dt_ms=[1] * 2 * len(rows),
        event_series=[],
        event_dt_ms=[],
        event_outcome=[],
        descriptors=Descriptors(
            series=tuple(
                Series(
                    id=SeriesId(row),
                    zone="fleet/all",
                    target=f"192.0.2.{row}",
                    family=4,
                    protocol=Protocol.ICMP,
                    stamp=Stamp.KERNEL,
                )
                for row in rows
            )
        ),
    )


async def measure(chain: Chain, liar_s: float) -> None:
    """Let every agent measure every other one; the last is `liar_s` away from each."""
    for observer in range(3):
        others = {subject: TRUE_S for subject in range(3) if subject != observer}
        await send(chain, times(observer, {**others, 3: liar_s}))


def near(name: str, at_ns: int) -> Path:
    """Return a path whose first hop answered in 1 ms: no name far from the agent can be right."""
    found = path(at_ns, abroad=False)
    first, end = found.hops
    (answer,) = first.replies
    quick = msgspec.structs.replace(answer, rtt_ns=1_000_000, name=name)
    return msgspec.structs.replace(
        found, hops=(msgspec.structs.replace(first, replies=(quick,)), end)
    )


def said(chain: Chain, name: str) -> list[Evidence]:
    """Return the evidence of the first hop of an agent's newest path."""
    (record,) = [row for row in chain.reader.latest_paths() if row.judgement.agent == name]
    return list(record.judgement.hops[0].evidence)


async def test_the_collector_finds_who_is_elsewhere(tmp_path: File) -> None:
    """Series to the agents' own addresses are enough, and a restart remembers."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        await measure(chain, 0.0003)
        before = chain.reader.positions()
        states = {name: row.says for name, row in before.items()}
    assert {
        "agent-0": "unrefuted by 2",
        "agent-1": "unrefuted by 2",
        "agent-2": "unrefuted by 2",
        "agent-3": "refuted by 3",
    } == states
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        assert before == chain.reader.positions()
        (*_, last) = msgspec.to_builtins(agentview.agents(chain.reader, FLEET))["agents"]
        assert ("refuted by 3", ("agent-0", "agent-1", "agent-2")) == (last["position"], last["by"])


@pytest.mark.parametrize(("liar_s", "refuted"), [(TRUE_S, False), (0.0003, True)])
async def test_a_refuted_agent_refutes_nothing(
    tmp_path: File, liar_s: float, *, refuted: bool
) -> None:
    """An agent in Madrid that hears Paris in a millisecond refutes the name, if it is in Madrid."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        await measure(chain, liar_s)
        at_ns = NOW_NS + 20 * S_NS
        empty = times(3, {}, sequence=1)
        one = msgspec.structs.replace(
            empty,
            base_ns=at_ns,
            descriptors=Descriptors(paths=(near("prs-bb1-link.ip.twelve99.net", at_ns),)),
        )
        await send(chain, one)
        kinds = [row.kind for row in said(chain, "agent-3")]
    assert refuted is ("refuted" not in kinds)
    assert "name" in kinds


async def test_a_refuted_agent_tells_nothing_of_several_places(tmp_path: File) -> None:
    """One address near Berlin and near Madrid is in two places, unless one of them is not there."""
    found = {}
    for name, liar_s in (("true", TRUE_S), ("refuted", 0.0003)):
        async with Chain(config(tmp_path / name), clock=StoppedClock()) as chain:
            await measure(chain, liar_s)
            for sequence, number in enumerate((3, 2), 1):
                at_ns = NOW_NS + (20 + sequence) * S_NS
                way = near("prs-bb1-link.ip.twelve99.net", at_ns)
                empty = times(number, {}, sequence=1)
                await send(
                    chain,
                    msgspec.structs.replace(
                        empty, base_ns=at_ns, descriptors=Descriptors(paths=(way,))
                    ),
                )
            found[name] = [row for row in said(chain, "agent-2") if row.kind == "anycast"]
    assert [] == found["refuted"]
    (told,) = found["true"]
    assert "(agent-2 is unrefuted by 2; agent-3 is unrefuted by 3)" in told.says


async def test_paths_to_agents_are_enough(tmp_path: File) -> None:
    """Who only traces the others has their positions tested as well."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        for number in (0, 1):
            way = msgspec.structs.replace(
                near("prs-bb1-link.ip.twelve99.net", NOW_NS), target="agent-3", address="192.0.2.3"
            )
            first, end = way.hops
            quick = msgspec.structs.replace(
                end.replies[0], address="192.0.2.3", rtt_ns=300_000, name=None
            )
            hops = (first, msgspec.structs.replace(end, replies=(quick,)))
            paths = (msgspec.structs.replace(way, hops=hops),)
            empty = times(number, {})
            await send(chain, msgspec.structs.replace(empty, descriptors=Descriptors(paths=paths)))
        assert "refuted by 2" == chain.reader.positions()["agent-3"].says


FRANKFURT = Vantage(
    name="frankfurt",
    agent_id=b"f" * 16,
    token_sha256="0" * 64,
    place=CITIES["frankfurt"],
    addresses=("192.0.2.9",),
)
HOP = "62.115.137.1"


@pytest.fixture(scope="module")
def known() -> Knowledge:
    """Return the tables of the release with the compiled borders."""
    soil = Soil.open(atlas.BESIDE)
    assert soil is not None, "run `make atlas` (it needs npm once)"
    return knowledge.load(soil=soil)


def witnessed(known: Knowledge, fleet_s: float | None) -> Routes:
    """Return routes of agent 0 with a path abroad, before and after Frankfurt has answered.

    All others measure Frankfurt in `fleet_s`, None: nobody does.
    """
    routes = Routes(known, (ZONE,), None, agents=(*FLEET[:3], FRANKFURT))
    routes.witness.listen("frankfurt", NOW_NS)
    for observer in FLEET[:3]:
        if fleet_s is not None:
            routes.vantages.hear(observer, "frankfurt", fleet_s, NOW_NS)
    for second in (0, 10):
        at_ns = NOW_NS + second * S_NS
        routes.add(FLEET[0], [path(at_ns, abroad=True)], at_ns, at_ns)
    reply = WitnessReply(
        address=HOP,
        sent_at=wall_text(NOW_NS + 11 * S_NS),
        rtt_min_ns=600_000,
        samples=3,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL,
    )
    routes.hear(FRANKFURT, [reply], NOW_NS + 11 * S_NS)
    return routes


@pytest.mark.parametrize(
    ("fleet_s", "proved", "says"),
    [
        (None, True, "declared, untested"),
        (TRUE_S, True, "unrefuted by 3"),
        (0.0003, False, "refuted by 3"),
    ],
)
def test_a_refuted_witness_proves_nothing(
    known: Knowledge, fleet_s: float | None, *, proved: bool, says: str
) -> None:
    """What others say of it stands in the premise; the Statement is made again from itself."""
    routes = witnessed(known, fleet_s)
    (record,) = routes.newest.values()
    verdict = {row.jurisdiction: row.verdict for row in record.judgement.verdicts[:1]}
    expected = Verdict.PROVEN_OUTSIDE if proved else Verdict.SUPPORTED_OUTSIDE
    assert {"FX": expected} == verdict
    statement = list(unstored(routes).values())[-1]
    premise = rounds.read(statement).premise
    if proved:
        assert f"agent frankfurt is at 50.11552, 8.68417 (within 10.0 km; {says})" in premise
    inputs = stated.read(msgspec.json.decode(statement)["predicate"])
    again = replace(inputs, knowledge=replace(inputs.knowledge, soil=known.soil))
    assert statement == restate(again).statement


def test_a_refuted_witness_is_not_asked(known: Knowledge) -> None:
    """It would take the place of one that can prove something."""
    for fleet_s, asked in ((TRUE_S, [HOP]), (0.0003, [])):
        routes = Routes(known, (ZONE,), None, agents=(*FLEET[:3], FRANKFURT))
        routes.witness.listen("frankfurt", NOW_NS)
        for observer in FLEET[:3]:
            routes.vantages.hear(observer, "frankfurt", fleet_s, NOW_NS)
        routes.add(FLEET[0], [path(NOW_NS, abroad=True)], NOW_NS, NOW_NS)
        tasks = routes.witness.plan("frankfurt", NOW_NS).witness
        assert asked == [task.address for task in tasks]


def test_a_refuted_observer_is_told_in_the_premise(known: Knowledge) -> None:
    """Its own rounds are stated without any distance of it, and the sentence says why."""
    policy = Policy([PolicyRow(demands=Demands(("FX",)))])
    routes = Routes(known, (ZONE,), None, agents=FLEET, policy=policy)
    for observer in FLEET[:3]:
        routes.vantages.hear(observer, "agent-3", 0.0003, NOW_NS)
    for second in (0, 10):
        at_ns = NOW_NS + second * S_NS
        one = near("ffm-bb1-link.ip.twelve99.net", at_ns)
        routes.add(FLEET[3], [one], at_ns, at_ns)
    premises = [rounds.read(one).premise for one in unstored(routes).values()]
    expected = (
        "agent agent-3 is not where it is declared (refuted by 3): no distance of it was used"
    )
    assert [expected] == premises
    (statement,) = unstored(routes).values()
    inputs = stated.read(msgspec.json.decode(statement)["predicate"])
    again = replace(inputs, knowledge=replace(inputs.knowledge, soil=known.soil))
    assert statement == restate(again).statement
    (record,) = routes.newest.values()
    assert record.path.origin is not None
    kept = Routes(known, (ZONE,), routes.dump(), agents=FLEET)
    assert routes.vantages.positions() == kept.vantages.positions()
