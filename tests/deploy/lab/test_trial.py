"""Worlds drawn from seeds: no claim that is not so, and a count that sees each kind of error."""

from collections.abc import Callable

import msgspec
import pytest

from agent.records import Path
from collector.facts import atlas, knowledge
from collector.facts.soil import Soil
from collector.judgement.borders import judge
from collector.records import Judgement, Verdict
from deploy.lab import trial
from deploy.lab.recipe import Recipe
from deploy.lab.scenario import SCENARIOS
from deploy.lab.trial import Tally

RECIPE = msgspec.toml.decode((SCENARIOS / "world.toml").read_bytes(), type=Recipe)
KNOWLEDGE = knowledge.load((), atlas.load(), Soil.open(atlas.BESIDE))
WORLDS = 100
TARGETS = 2

Change = Callable[[Judgement, Path], Judgement]


@pytest.mark.slow
def test_a_hundred_worlds_and_no_false_claim() -> None:
    """Lies that light cannot refute are told too: some are believed, and all are counted."""
    tally = Tally()
    for seed in range(WORLDS):
        tally.add(trial.trial(RECIPE, seed, KNOWLEDGE, targets=TARGETS))
    assert (0, 0, 0) == (tally.false_proofs, tally.false_outside, tally.false_inside)
    assert (0, 0) == (tally.made_by_delay, tally.made_by_order)
    assert tally.paths == WORLDS * len(RECIPE.agents) * TARGETS * 2
    assert tally.exits_found > 0.9 * tally.exits > 500
    assert tally.outside_by_lie > 0
    assert tally.proofs > 0


def all_are(verdict: Verdict) -> Change:
    """Return what gives every path this verdict."""
    return lambda found, _: _with(found, verdict)


def _with(found: Judgement, verdict: Verdict) -> Judgement:
    rows = tuple(msgspec.structs.replace(row, verdict=verdict) for row in found.verdicts)
    return msgspec.structs.replace(found, verdicts=rows)


def _total_ns(path: Path) -> int:
    return sum(reply.rtt_ns or 0 for hop in path.hops for reply in hop.replies)


def late_is(verdict: Verdict) -> Change:
    """Return what gives this verdict to the second path it is shown, which has longer times."""
    seen: dict[str, int] = {}

    def change(found: Judgement, path: Path) -> Judgement:
        total_ns = _total_ns(path)
        late = total_ns > seen.setdefault(f"{found.agent} {path.id}", total_ns)
        return _with(found, verdict if late else Verdict.UNDETERMINED)

    return change


def first_reply(found: Judgement, path: Path) -> Judgement:
    """Return what hangs on the order of the hops."""
    return msgspec.structs.replace(found, id=str(path.hops[0].ttl))


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        (all_are(Verdict.PROVEN_OUTSIDE), {"false_proofs", "proofs"}),
        (all_are(Verdict.PROVEN_INSIDE), {"false_proofs", "proofs"}),
        (all_are(Verdict.SUPPORTED_OUTSIDE), {"false_outside"}),
        (all_are(Verdict.SUPPORTED_INSIDE), {"false_inside", "inside_by_lie"}),
        (late_is(Verdict.SUPPORTED_OUTSIDE), {"made_by_delay"}),
        (late_is(Verdict.PROVEN_INSIDE), {"made_by_delay"}),
        (first_reply, {"made_by_order"}),
    ],
)
def test_each_kind_of_error_is_counted(
    change: Change, counted: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A judgement that errs in one way is found out, in that way."""

    def erring(path: Path, **rest: object) -> Judgement:
        return change(judge(path, **rest), path)  # type: ignore[arg-type]

    monkeypatch.setattr(trial, "judge", erring)
    tally = trial.trial(RECIPE, 1, KNOWLEDGE)
    quiet = {"paths", "exits", "exits_found", "outside_by_lie"}
    found = {name for name, number in msgspec.to_builtins(tally).items() if number} - quiet
    assert counted <= found


def test_a_lie_that_light_refutes_excuses_nothing() -> None:
    """Two milliseconds reach Brussels from Paris and not Stockholm; the truth needs no excuse."""
    world = trial._world(RECIPE, 1)
    cities = {city.name: city for city in world.cities}
    agent, target = next(trial._pairs(world, 1, 1))
    told = trial.lies.tell(
        world,
        agent,
        target,
        topology=trial.Topology(world),
        shares=trial.lies.HONEST,
        lot=trial.Lot(1),
    )
    assert told is not None
    zone = trial._zone(world, target)
    case = trial._Case(told, False, agent, cities["Paris"], zone, KNOWLEDGE)
    hop = case.judged(told.path).hops[-1]
    quick = msgspec.structs.replace(hop, rtt_min_ns=2_000_000)
    for city, excused in (("Stockholm", False), ("Brussels", True)):
        told.lies[str(hop.address)] = cities[city]
        assert excused == trial._irrefutable(case, quick)
    told.lies.clear()
    assert not trial._irrefutable(case, quick)


def test_the_same_seed_gives_the_same_counts() -> None:
    """A world that errs can be looked at again."""
    assert trial.trial(RECIPE, 7, KNOWLEDGE) == trial.trial(RECIPE, 7, KNOWLEDGE)
