"""What witnesses answer: newest paths are judged again, proofs confirm, and are stated once."""

from dataclasses import replace
from itertools import permutations

import msgspec
import pytest

from agent.records import Protocol, Stamp, WitnessReply
from collector.audit import rounds, stated
from collector.audit.restatement import restate
from collector.facts import atlas, knowledge
from collector.facts.knowledge import Knowledge
from collector.facts.soil import Soil
from collector.records import Vantage, Verdict
from collector.routes import Routes
from collector.wall import wall_text
from tests.fakes.collector_durable import NOW_NS, S_NS, ZONE, path, vantage
from tests.fakes.evidence import store_all, unstored
from tests.fakes.witnesses import CITIES

HOP = "62.115.137.1"
FRANKFURT = Vantage(
    name="frankfurt", agent_id=b"f" * 16, token_sha256="0" * 64, place=CITIES["frankfurt"]
)


@pytest.fixture(scope="module")
def known() -> Knowledge:
    """Return the tables of the release with the compiled borders."""
    soil = Soil.open(atlas.BESIDE)
    assert soil is not None, "run `make atlas` (it needs npm once)"
    return knowledge.load(soil=soil)


class World:
    """Routes that take one path of agent 0 a round, and answers of an agent in Frankfurt."""

    def __init__(
        self, known: Knowledge, kept: bytes | None = None, witness: Vantage = FRANKFURT
    ) -> None:
        self.known = known
        self.routes = Routes(known, (ZONE,), kept, agents=(vantage(0), witness))
        self.routes.witness.listen("frankfurt", NOW_NS)

    def round(self, second: int, *, abroad: bool = True) -> None:
        """Take the path of this second."""
        at_ns = NOW_NS + second * S_NS
        self.routes.add(vantage(0), [path(at_ns, abroad=abroad)], at_ns, at_ns)

    def answer(self, second: int, rtt_ms: float = 0.6) -> None:
        """Let the hop have answered Frankfurt."""
        at_ns = NOW_NS + second * S_NS
        reply = WitnessReply(
            address=HOP,
            sent_at=wall_text(at_ns),
            rtt_min_ns=round(rtt_ms * 1e6),
            samples=3,
            protocol=Protocol.ICMP,
            stamp=Stamp.KERNEL,
        )
        assert {} == self.routes.hear(FRANKFURT, [reply], at_ns)

    def asked(self) -> list[str]:
        """Return the addresses that Frankfurt is asked about."""
        plan = self.routes.witness.plan("frankfurt", NOW_NS)
        return [task.address for task in plan.witness]

    def store(self) -> None:
        """Bring the Statements to the disk."""
        store_all(self.routes)

    def shown(self) -> list[tuple[Verdict, int, int]]:
        """Return what is shown: verdict, rounds, the second that first showed it."""
        return [
            (row.verdict, row.rounds, (row.first_seen_ns - NOW_NS) // S_NS)
            for row in self.routes.crossings()
        ]

    def verdict(self) -> Verdict:
        """Return the newest verdict on FX."""
        (record,) = self.routes.newest.values()
        return next(row.verdict for row in record.judgement.verdicts if row.jurisdiction == "FX")

    def statement(self) -> bytes:
        """Return the only Statement that is not on the disk."""
        (found,) = unstored(self.routes).values()
        return found


def again(statement: bytes, known: Knowledge) -> bytes:
    """Return the Statement made again from itself and the borders."""
    inputs = stated.read(msgspec.json.decode(statement)["predicate"])
    return restate(replace(inputs, knowledge=replace(inputs.knowledge, soil=known.soil))).statement


def test_a_reply_proves_what_was_only_suspected(known: Knowledge) -> None:
    """One round abroad is nothing; with a witness's answer it is a proof, and is told at once."""
    world = World(known)
    world.round(0)
    assert Verdict.SUPPORTED_OUTSIDE is world.verdict()
    assert [HOP] == [
        task.address for task in world.routes.witness.plan("frankfurt", NOW_NS).witness
    ]
    world.answer(2)
    assert [] == world.asked()
    assert Verdict.PROVEN_OUTSIDE is world.verdict()
    statement = world.statement()
    assert [] == world.shown()
    world.store()
    assert [(Verdict.PROVEN_OUTSIDE, 1, 0)] == world.shown()
    assert again(statement, known) == statement
    (judged,) = rounds.read(statement).judgements
    (proof,) = [
        row for row in judged.hops[0].evidence if row.proof and row.proof.jurisdiction == "FX"
    ]
    assert "agent frankfurt is at 50.1155, 8.6842 (within 10 km; declared, untested)" in proof.says
    assert "and agent frankfurt is at" in rounds.read(statement).premise


def test_a_proof_that_comes_later_is_stated_once_more(known: Knowledge) -> None:
    """The confirmed episode stays shown as it was until the proof is on the disk."""
    world = World(known)
    for second in (0, 10, 20):
        world.round(second)
    world.store()
    before = [(Verdict.SUPPORTED_OUTSIDE, 3, 0)]
    assert before == world.shown()
    world.answer(22)
    statement = world.statement()
    assert before == world.shown()
    world.store()
    assert [(Verdict.PROVEN_OUTSIDE, 3, 0)] == world.shown()
    assert again(statement, known) == statement
    assert 3 == len(rounds.read(statement).judgements)
    world.round(30)
    assert () == world.routes.drafts
    assert [(Verdict.PROVEN_OUTSIDE, 4, 0)] == world.shown()


def test_a_late_proof_states_the_rounds_that_confirmed_and_the_one_that_proved(
    known: Knowledge,
) -> None:
    """Those between are not kept; the Statement counts its own rounds."""
    world = World(known)
    for second in (0, 10, 20, 30, 40):
        world.round(second)
    world.store()
    world.answer(42)
    statement = world.statement()
    assert again(statement, known) == statement
    starts = [(row.started_ns - NOW_NS) // S_NS for row in rounds.read(statement).judgements]
    assert [0, 10, 40] == starts
    assert 3 == msgspec.json.decode(statement)["predicate"]["crossing"]["rounds"]
    world.store()
    assert [(Verdict.PROVEN_OUTSIDE, 5, 0)] == world.shown()


def test_the_next_rounds_are_proved_by_what_is_known_already(known: Knowledge) -> None:
    """For an hour a landmark proves without a packet; then it says nothing any more."""
    world = World(known)
    world.answer(0)
    world.round(1)
    assert Verdict.PROVEN_OUTSIDE is world.verdict()
    assert [] == world.asked()
    world.round(3601)
    assert Verdict.SUPPORTED_OUTSIDE is world.verdict()


def test_what_a_witness_measured_from_a_withdrawn_position_proves_nothing(
    known: Knowledge,
) -> None:
    """Who declared a witness wrongly and mends that is not told its old proofs for an hour."""
    world = World(known)
    world.answer(0)
    moved = msgspec.structs.replace(FRANKFURT, place=CITIES["paris"])
    for witness, proven in ((FRANKFURT, True), (moved, False)):
        again = World(known, world.routes.dump(), witness)
        again.round(1)
        assert proven is (again.verdict() is Verdict.PROVEN_OUTSIDE)
    assert [] != World(known, world.routes.dump()).routes._landmarks.of(HOP, NOW_NS)
    assert {} == again.routes._landmarks.tried(HOP, NOW_NS)


def test_a_slow_answer_proves_nothing(known: Knowledge) -> None:
    """And states nothing."""
    world = World(known)
    world.round(0)
    world.answer(2, rtt_ms=0.9)
    assert Verdict.SUPPORTED_OUTSIDE is world.verdict()
    assert () == world.routes.drafts


@pytest.mark.parametrize("cut", range(8))
def test_a_restart_anywhere_changes_nothing(known: Knowledge, cut: int) -> None:
    """Dump and load between any two steps: the same episodes, the same Statements."""
    steps = [("round", 0), ("round", 10), ("round", 20), ("answer", 22), ("round", 30)]
    steps += [("home", 40), ("home", 50), ("round", 60)]

    def played(restart_at: int | None) -> tuple[object, object, object]:
        world, statements = World(known), set()
        for number, (what, second) in enumerate(steps):
            if number == restart_at:
                world = World(known, world.routes.dump())
            if what == "answer":
                world.answer(second)
            else:
                world.round(second, abroad=what == "round")
            statements |= set(store_all(world.routes))
        return world.shown(), statements, world.routes.dump()

    assert played(None) == played(cut)


def test_an_answer_of_nobody_is_left_out(known: Knowledge) -> None:
    """A reply that no ping could give is counted, the others stand."""
    world = World(known)
    bad = WitnessReply(address="10.0.0.1", sent_at=wall_text(NOW_NS))
    assert {"witness": 1} == world.routes.hear(FRANKFURT, [bad], NOW_NS)


@pytest.mark.parametrize("order", list(permutations(("frankfurt", "london", "paris", "geneva"))))
def test_the_order_of_answers_never_matters(known: Knowledge, order: tuple[str, ...]) -> None:
    """Near, far, silent and refuting ones: the path is judged as if all had come at once."""
    answers_ms = {"frankfurt": 0.6, "london": 7.0, "paris": 9.0, "geneva": None}
    fleet = {
        name: Vantage(name=name, agent_id=b"w" * 16, token_sha256="0" * 64, place=CITIES[name])
        for name in answers_ms
    }
    found = []
    for names in (order, sorted(order)):
        routes = Routes(known, (ZONE,), None, agents=(vantage(0), *fleet.values()))
        routes.add(vantage(0), [path(NOW_NS, abroad=True)], NOW_NS, NOW_NS)
        for name in names:
            answer = WitnessReply(address=HOP, sent_at=wall_text(NOW_NS + S_NS))
            if answers_ms[name] is not None:
                answer = msgspec.structs.replace(
                    answer,
                    rtt_min_ns=round(answers_ms[name] * 1e6),
                    samples=3,
                    protocol=Protocol.ICMP,
                    stamp=Stamp.KERNEL,
                )
            routes.hear(fleet[name], [answer], NOW_NS + S_NS)
        (record,) = routes.newest.values()
        found.append(record.judgement)
    assert found[0] == found[1]
    assert Verdict.PROVEN_OUTSIDE in {row.verdict for row in found[0].verdicts}


def test_an_ended_episode_keeps_no_rounds(known: Knowledge) -> None:
    """Two rounds at home end it, and with it what a later proof would have needed."""
    world = World(known)
    for second, abroad in ((0, True), (10, True), (20, False), (30, False)):
        world.round(second, abroad=abroad)
    world.store()
    assert {} == world.routes._statements.rounds
    assert [(Verdict.SUPPORTED_OUTSIDE, 2, 0)] == world.shown()
