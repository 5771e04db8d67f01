"""Decider: what one round of a path says to the watch over a jurisdiction's territory.

Rules
- A round is classified by its verdict for that jurisdiction and by the ways of the newest round
  outside, N, one for each of its flows that went abroad; flows are the same from round to round:

      PROOF     PROVEN_OUTSIDE
      SAME      SUPPORTED_OUTSIDE, through a country outside that the episode went through too
      OTHER     SUPPORTED_OUTSIDE, through other countries
      RETURNED  no hop outside, and the round looked where N had them:
                1. none of N's addresses abroad is on the way of any flow, unless evidence is
                   inside now (names may be missing for a while; addresses are not);
                and in each flow that was abroad
                2. the target answered, or was silent in N too;
                3. no TTL at which N was abroad is silent; or else the target answered, and a
                   hop beside that silence is another than in N: the route itself is another
      BLIND     everything else

- So hops abroad that merely fall silent end nothing; and silence elsewhere, a hop that never has
  evidence, or a name that physics refutes, keeps no episode open. *Beside* reaches from the last
  answer before N's first hop abroad to the first one after N's last, compared TTL by TTL.
- A flow that is probed no more (the agent's settings changed) is looked for in all that are.
"""

import math
from collections.abc import Iterable, Mapping
from enum import Enum
from itertools import groupby

import msgspec

from collector.records import Axis, Crossing, HopJudgement, Judgement, PathVerdict, Verdict
from collector.regions import BY_NAME


class Round(Enum):
    """What a round says to a watch."""

    PROOF = "proof"
    SAME = "same"
    OTHER = "other"
    RETURNED = "returned"
    BLIND = "blind"


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How one flow of the newest round outside went abroad."""

    abroad: tuple[str, ...] = ()
    """Addresses that were outside."""
    around: Mapping[int, tuple[str, ...]] = {}
    """Addresses by TTL, from the answer before the first of them to the answer after the last."""
    reached: bool = True


Ways = Mapping[int, Way]
"""By the number of the flow."""


def verdict_on(judgement: Judgement, jurisdiction: str) -> PathVerdict | None:
    """Return the verdict on territory for `jurisdiction`, None where there is none."""
    for row in judgement.verdicts:
        if (row.jurisdiction, row.axis) == (jurisdiction, Axis.TERRITORY):
            return row
    return None


def classify(
    judgement: Judgement, jurisdiction: str, episode: Crossing | None, ways: Ways
) -> Round:
    """Return what a round says to the watch of `jurisdiction`.

    `episode` is the watch's suspected or confirmed crossing, None where it has none; `ways` are
    how its newest round outside went abroad.
    """
    verdict = verdict_on(judgement, jurisdiction)
    if verdict is None:
        return Round.BLIND
    if verdict.verdict is Verdict.PROVEN_OUTSIDE:
        return Round.PROOF
    if verdict.verdict is Verdict.SUPPORTED_OUTSIDE:
        same = episode is not None and through_same(episode, verdict)
        return Round.SAME if same else Round.OTHER
    abroad = {address for way in ways.values() for address in way.abroad}
    still = any(
        hop.address in abroad and hop.verdicts.get(jurisdiction) != "inside"
        for hop in judgement.hops
    )
    looked = all(_looked(judgement, flow, way) for flow, way in ways.items())
    return Round.RETURNED if looked and not still else Round.BLIND


def _looked(judgement: Judgement, flow: int, way: Way) -> bool:
    """Say whether a flow looked where it was abroad (rules 2 and 3)."""
    if flow in judgement.flows:
        hops = judgement.of_flow(flow)
        reached = judgement.reached and flow not in judgement.unreached
    else:
        hops, reached = judgement.hops, judgement.reached
    return (reached or not way.reached) and not _hidden(hops, way, reached=reached)


def _hidden(hops: tuple[HopJudgement, ...], way: Way, *, reached: bool) -> bool:
    """Say whether the hops abroad may still be there and keep silent (rule 3)."""
    now = _answers(hops)
    end = max((hop.ttl for hop in hops), default=0) if reached else math.inf
    if not any(
        ttl < end and ttl not in now
        for ttl, found in way.around.items()
        if not set(way.abroad).isdisjoint(found)
    ):
        return False
    another = any(
        set(now[ttl]).isdisjoint(found) for ttl, found in way.around.items() if ttl in now
    )
    return not (reached and another)


def ways_of(judgement: Judgement, jurisdiction: str) -> dict[int, Way]:
    """Return how each flow of a round outside went abroad.

    Without a hop outside (a proof needs none) nothing can be hidden, and all flows are returned.
    """
    silent = judgement.unreached if judgement.reached else judgement.flows
    found = {
        flow: _way(judgement.of_flow(flow), jurisdiction, reached=flow not in silent)
        for flow in judgement.flows
    }
    abroad = {flow: way for flow, way in found.items() if way.abroad}
    return abroad or found


def _way(hops: tuple[HopJudgement, ...], jurisdiction: str, *, reached: bool) -> Way:
    abroad = [hop for hop in hops if hop.verdicts.get(jurisdiction) == "outside"]
    if not abroad:
        return Way(reached=reached)
    answers = _answers(hops)
    first = max((ttl for ttl in answers if ttl < abroad[0].ttl), default=0)
    last = min((ttl for ttl in answers if ttl > abroad[-1].ttl), default=abroad[-1].ttl)
    return Way(
        abroad=tuple(hop.address for hop in abroad if hop.address is not None),
        around={ttl: found for ttl, found in answers.items() if first <= ttl <= last},
        reached=reached,
    )


def _answers(hops: Iterable[HopJudgement]) -> dict[int, tuple[str, ...]]:
    """Return the addresses that answered, by TTL, both in order."""
    return {
        ttl: tuple(hop.address for hop in found if hop.address is not None)
        for ttl, found in groupby(
            (hop for hop in hops if hop.address is not None), lambda hop: hop.ttl
        )
    }


def through_same(crossing: Crossing, verdict: PathVerdict) -> bool:
    """Say whether both went through one country outside the jurisdiction."""
    shared = set(crossing.countries) & set(verdict.countries)
    return not shared <= BY_NAME[crossing.jurisdiction].territories
