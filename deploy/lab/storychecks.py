"""Decider: what is wrong with the events and truths of a scenario.

Rules
- Events lie within the story, in order; each is about one link, router or target that exists.
- A link's event brings it up or down or sets its loss or jitter; the others set `answers`.
- A truth names an agent, and a target by an address or name that the agent may be given.
- A verdict that proves stands only where `provable` is true, and never for administration.
- No two truths about the same thing overlap in time.
"""

from collections.abc import Iterator
from itertools import combinations

from deploy.lab.story import Event, Truth
from deploy.lab.world import Scenario


def event_complaints(scenario: Scenario) -> Iterator[str]:
    """Yield one sentence for each rule that an event breaks."""
    before_s = 0.0
    for index, event in enumerate(scenario.events):
        key = f"events[{index}]"
        yield from _shapeless(key, event)
        yield from _about_nothing(key, event, scenario)
        if not before_s <= event.at_s <= scenario.duration_s:
            yield f"{key}.at_s: {event.at_s} is out of order or after duration_s"
        before_s = event.at_s


def _shapeless(key: str, event: Event) -> Iterator[str]:
    words = set(event.words())
    subjects = words & {"link", "router", "target"}
    if len(subjects) != 1:
        yield f"{key}: give exactly one of link, router and target"
    elif subjects == {"link"}:
        if not words & {"up", "loss_ratio", "jitter_ms"} or "answers" in words:
            yield f"{key}: a link's event gives up, loss_ratio or jitter_ms, and nothing else"
    elif words - subjects != {"answers"}:
        yield f"{key}: the event of a router or target gives answers, and nothing else"


def _about_nothing(key: str, event: Event, scenario: Scenario) -> Iterator[str]:
    joined = {frozenset(link.between) for link in scenario.links}
    if event.link is not None and frozenset(event.link) not in joined:
        yield f"{key}.link: no link joins {' and '.join(event.link)}"
    if event.router is not None and event.router not in {row.id for row in scenario.routers}:
        yield f"{key}.router: no router is called {event.router!r}"
    if event.target is not None and event.target not in {row.address for row in scenario.targets}:
        yield f"{key}.target: no target has the address {event.target!r}"


def truth_complaints(scenario: Scenario) -> Iterator[str]:
    """Yield one sentence for each rule that a truth breaks."""
    agents = {agent.name for agent in scenario.agents}
    targets = {
        given
        for row in scenario.targets
        for given in (row.address, row.address6, row.name)
        if given
    }
    targets |= {given for row in scenario.agents for given in (row.address, row.address6) if given}
    for index, truth in enumerate(scenario.truth):
        key = f"truth[{index}]"
        if truth.agent not in agents:
            yield f"{key}.agent: no agent is called {truth.agent!r}"
        if truth.target not in targets:
            yield f"{key}.target: no target or agent is reached by {truth.target!r}"
        if len(set(truth.jurisdiction)) != len(truth.jurisdiction):
            yield f"{key}.jurisdiction: one is named twice"
        yield from _overstated(key, truth)
        end_s = scenario.duration_s if truth.to_s is None else truth.to_s
        if not truth.from_s < end_s <= scenario.duration_s:
            yield f"{key}: {truth.from_s} s to {end_s} s is no time within duration_s"
    yield from _overlapping(scenario)


def _overstated(key: str, truth: Truth) -> Iterator[str]:
    proofs = [verdict for verdict in truth.verdict if verdict.startswith("PROVEN")]
    if proofs and truth.axis == "administration":
        yield f"{key}.verdict: nothing proves administration, so not {proofs[0]}"
    elif proofs and not truth.provable:
        yield f"{key}.verdict: {proofs[0]} stands where provable is not true"


def _overlapping(scenario: Scenario) -> Iterator[str]:
    for (first, one), (second, two) in combinations(enumerate(scenario.truth), 2):
        subjects = {(row.agent, row.target, row.axis) for row in (one, two)}
        shared = set(one.jurisdiction) & set(two.jurisdiction)
        if len(subjects) == 1 and shared and (one.holds_at(two.from_s) or two.holds_at(one.from_s)):
            yield f"truth[{second}]: speaks of the same as truth[{first}] at the same time"
