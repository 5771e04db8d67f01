"""Decider: what one round of a path says to the watch over one jurisdiction on one axis.

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
- On the axis of administration the same holds of who controls the hops: a country is that of a
  group, and nothing is ever proved.
"""

import math
from collections.abc import Iterable
from enum import Enum
from itertools import groupby
from typing import NamedTuple

from collector.episodes.watches import Way, Ways
from collector.records import (
    Axis,
    Crossing,
    HopJudgement,
    HopWord,
    Judgement,
    Jurisdiction,
    PathVerdict,
    Verdict,
)


class Round(Enum):
    """What a round says to a watch."""

    PROOF = "proof"
    SAME = "same"
    OTHER = "other"
    RETURNED = "returned"
    BLIND = "blind"


class Question(NamedTuple):
    """What a watch asks of each round: whether it is outside `jurisdiction` on `axis`."""

    jurisdiction: Jurisdiction
    axis: Axis

    def verdict(self, judgement: Judgement) -> PathVerdict | None:
        """Return what was concluded, None where nothing was."""
        return verdict_on(judgement, self.jurisdiction.name, self.axis)

    def word(self, hop: HopJudgement) -> HopWord | None:
        """Return what one hop is, None where it was not judged."""
        words = hop.verdicts if self.axis is Axis.TERRITORY else hop.administration
        return words.get(self.jurisdiction.name)


def verdict_on(
    judgement: Judgement, jurisdiction: str, axis: Axis = Axis.TERRITORY
) -> PathVerdict | None:
    """Return the verdict for `jurisdiction`, None where there is none."""
    for row in judgement.verdicts:
        if (row.jurisdiction, row.axis) == (jurisdiction, axis):
            return row
    return None


def classify(
    judgement: Judgement, question: Question, episode: Crossing | None, ways: Ways
) -> Round:
    """Return what a round says to a watch.

    `episode` is the watch's suspected or confirmed crossing, None where it has none; `ways` are
    how its newest round outside went abroad.
    """
    verdict = question.verdict(judgement)
    if verdict is None:
        return Round.BLIND
    if verdict.verdict is Verdict.PROVEN_OUTSIDE:
        return Round.PROOF
    if verdict.verdict is Verdict.SUPPORTED_OUTSIDE:
        same = episode is not None and through_same(episode, verdict, question)
        return Round.SAME if same else Round.OTHER
    abroad = {address for way in ways.values() for address in way.abroad}
    still = any(hop.address in abroad and question.word(hop) != "inside" for hop in judgement.hops)
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


def ways_of(judgement: Judgement, question: Question) -> dict[int, Way]:
    """Return how each flow of a round outside went abroad.

    Without a hop outside (a proof needs none) nothing can be hidden, and all flows are returned.
    """
    silent = judgement.unreached if judgement.reached else judgement.flows
    found = {
        flow: _way(judgement.of_flow(flow), question, reached=flow not in silent)
        for flow in judgement.flows
    }
    abroad = {flow: way for flow, way in found.items() if way.abroad}
    return abroad or found


def _way(hops: tuple[HopJudgement, ...], question: Question, *, reached: bool) -> Way:
    abroad = [hop for hop in hops if question.word(hop) == "outside"]
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


def through_same(crossing: Crossing, verdict: PathVerdict, question: Question) -> bool:
    """Say whether both went through one country outside the jurisdiction."""
    shared = set(crossing.countries) & set(verdict.countries)
    return not shared <= question.jurisdiction.widest
