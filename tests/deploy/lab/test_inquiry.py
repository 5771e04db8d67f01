"""Worlds with witnesses: nothing false is proven, and nearly all that could be proven is."""

from collections.abc import Callable

import msgspec
import pytest

from collector import routes
from collector.facts import atlas, knowledge
from collector.facts.soil import Soil
from collector.judgement import borders, witness
from collector.records import Judgement, Verdict
from deploy.lab import inquiry
from deploy.lab.inquiry import LYING, Tally, inquire
from deploy.lab.lies import HONEST, Shares
from deploy.lab.postings import posted
from deploy.lab.provable import Border
from deploy.lab.recipe import Recipe
from deploy.lab.scenario import SCENARIOS
from deploy.lab.world import Scenario
from deploy.lab.worlds import generate
from tests.oracles.nearest import map_of

RECIPE = msgspec.toml.decode((SCENARIOS / "world.toml").read_bytes(), type=Recipe)
SOIL = Soil.open(atlas.BESIDE)
assert SOIL is not None, "run `make atlas` (it needs npm once)"
KNOWLEDGE = knowledge.load((), None, SOIL)
BORDER: Border = map_of(SOIL)
SEEDS = (0, 4, 9, 11, 14, 24, 31, 34, 36)
"""Worlds with exits; `benchmarks/bench_worlds.py` plays two thousand, as they come."""
FULL = 11
"""The seed of a world with exits that are provable, and with a liar that the others refute."""


def world(seed: int) -> Scenario:
    """Return a small world."""
    return generate(posted(RECIPE, seed, targets=4))


def inquired(seed: int, **how: Shares | bool) -> Tally:
    """Return what came of a world."""
    return inquire(world(seed), KNOWLEDGE, BORDER, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "shares", [pytest.param(HONEST, id="true"), pytest.param(LYING, id="lies")]
)
@pytest.mark.slow
def test_no_proof_is_false_and_what_could_be_proven_is(shares: Shares) -> None:
    """Whether names lie or not; an oracle of its own says what was to be proven."""
    tally = Tally()
    for seed in SEEDS:
        tally.add(inquired(seed, shares=shares))
    assert (len(SEEDS), 0, 0, 0) == (
        tally.worlds,
        tally.false_proofs,
        tally.false_by_liar,
        tally.turned,
    )
    assert tally.provable > 10
    assert tally.wider_provable > 2
    assert tally.proved >= 0.95 * tally.provable
    assert tally.wider_proved >= 0.95 * tally.wider_provable
    assert tally.exits > tally.provable
    assert tally.proofs > 100


def test_without_witnesses_less_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are asked make the difference, so the count can see a plan that asks nobody."""
    before = inquired(FULL)
    monkeypatch.setattr(witness.Witness, "doubt", lambda *_: None)
    after = inquired(FULL)
    assert before.provable == after.provable == before.proved > after.proved
    assert before.requests > after.requests == 0


@pytest.mark.slow
def test_a_refuted_liar_proves_nothing_and_a_believed_one_is_counted() -> None:
    """Its falsehoods are told apart from those that no premise excuses."""
    tally = Tally()
    for seed in SEEDS:
        tally.add(inquired(seed, shares=LYING, liar=True))
    assert 0 == tally.false_proofs
    assert 0 < tally.liars_refuted < tally.liars == len(SEEDS)
    assert tally.false_by_liar > 0
    assert (1, 1, 0) == tuple(
        getattr(inquired(FULL, liar=True), name)
        for name in ("liars", "liars_refuted", "false_by_liar")
    )


def all_are(*verdicts: Verdict) -> Callable[..., Judgement]:
    """Return a judge that gives every path these verdicts, a round after the other."""
    rounds: dict[str, int] = {}

    def judge(*args: object, **rest: object) -> Judgement:
        found = borders.judge(*args, **rest)  # type: ignore[arg-type]
        number = rounds.setdefault(found.id, len({one[-10:] for one in rounds}) % len(verdicts))
        rows = tuple(
            msgspec.structs.replace(row, verdict=verdicts[number]) for row in found.verdicts
        )
        return msgspec.structs.replace(found, verdicts=rows)

    return judge


class _Judging:
    """The module of the judgement with another judge."""

    def __init__(self, judge: Callable[..., Judgement]) -> None:
        self.judge = judge


@pytest.mark.parametrize("verdict", [Verdict.PROVEN_OUTSIDE, Verdict.PROVEN_INSIDE])
def test_a_false_proof_is_counted(verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a world with paths that stay and others that leave, each way of erring is seen."""
    monkeypatch.setattr(routes, "borders", _Judging(all_are(verdict)))
    tally = inquired(FULL)
    assert tally.false_proofs > 0
    assert 0 == tally.turned
    monkeypatch.setattr(routes, "borders", _Judging(all_are(verdict)))
    assert inquired(FULL, liar=True).false_proofs > 0


def test_a_proof_that_turns_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside in one round and inside in the next: one of both was no proof."""
    both = all_are(Verdict.PROVEN_OUTSIDE, Verdict.PROVEN_INSIDE)
    monkeypatch.setattr(routes, "borders", _Judging(both))
    assert inquired(FULL).turned > 0


def test_the_same_seed_gives_the_same_counts() -> None:
    """A world that errs can be looked at again."""
    assert inquired(7, shares=LYING, liar=True) == inquired(7, shares=LYING, liar=True)
    assert inquiry.ROUNDS > 1
