"""Decider: what one round of a path says to the watch over a jurisdiction.

Rules
- A round is classified by its verdict for that jurisdiction and by the way of the newest round
  outside, N:

      PROOF     PROVEN_OUTSIDE
      SAME      SUPPORTED_OUTSIDE, through a country outside that the episode went through too
      OTHER     SUPPORTED_OUTSIDE, through other countries
      RETURNED  no hop outside, and the round looked where N had them:
                1. none of N's addresses abroad is on the way, unless evidence is inside now
                   (names may be missing for a while; addresses are not);
                2. the target answered, or was silent in N too;
                3. no TTL at which N was abroad is silent; or else the target answered, and a
                   hop beside that silence is another than in N: the route itself is another
      BLIND     everything else

- So hops abroad that merely fall silent end nothing; and silence elsewhere, a hop that never has
  evidence, or a name that physics refutes, keeps no episode open. *Beside* reaches from the last
  answer before N's first hop abroad to the first one after N's last, compared TTL by TTL.
"""

import math
from collections.abc import Mapping
from enum import Enum
from itertools import groupby

import msgspec

from collector.records import Crossing, Judgement, PathVerdict, Verdict
from collector.regions import BY_NAME


class Round(Enum):
    """What a round says to a watch."""

    PROOF = "proof"
    SAME = "same"
    OTHER = "other"
    RETURNED = "returned"
    BLIND = "blind"


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How the newest round outside went abroad."""

    abroad: tuple[str, ...] = ()
    """Addresses that were outside."""
    around: Mapping[int, tuple[str, ...]] = {}
    """Addresses by TTL, from the answer before the first of them to the answer after the last."""
    reached: bool = True


def classify(judgement: Judgement, jurisdiction: str, episode: Crossing | None, way: Way) -> Round:
    """Return what a round says to the watch of `jurisdiction`.

    `episode` is the watch's suspected or confirmed crossing, None where it has none; `way` is how
    its newest round outside went abroad.
    """
    verdict = next((row for row in judgement.verdicts if row.jurisdiction == jurisdiction), None)
    if verdict is None:
        return Round.BLIND
    if verdict.verdict is Verdict.PROVEN_OUTSIDE:
        return Round.PROOF
    if verdict.verdict is Verdict.SUPPORTED_OUTSIDE:
        same = episode is not None and through_same(episode, verdict)
        return Round.SAME if same else Round.OTHER
    looked = judgement.reached or not way.reached
    still = any(
        hop.address in way.abroad and hop.verdicts.get(jurisdiction) != "inside"
        for hop in judgement.hops
    )
    return Round.RETURNED if looked and not still and not _hidden(judgement, way) else Round.BLIND


def _hidden(judgement: Judgement, way: Way) -> bool:
    """Say whether the hops abroad may still be there and keep silent (rule 3)."""
    now = _answers(judgement)
    end = max((hop.ttl for hop in judgement.hops), default=0) if judgement.reached else math.inf
    if not any(
        ttl < end and ttl not in now
        for ttl, found in way.around.items()
        if not set(way.abroad).isdisjoint(found)
    ):
        return False
    another = any(
        set(now[ttl]).isdisjoint(found) for ttl, found in way.around.items() if ttl in now
    )
    return not (judgement.reached and another)


def way_of(judgement: Judgement, jurisdiction: str) -> Way:
    """Return how a round outside went abroad; without a hop outside nothing can be hidden."""
    abroad = [hop for hop in judgement.hops if hop.verdicts.get(jurisdiction) == "outside"]
    if not abroad:
        return Way(reached=judgement.reached)
    answers = _answers(judgement)
    first = max((ttl for ttl in answers if ttl < abroad[0].ttl), default=0)
    last = min((ttl for ttl in answers if ttl > abroad[-1].ttl), default=abroad[-1].ttl)
    return Way(
        abroad=tuple(hop.address for hop in abroad if hop.address is not None),
        around={ttl: found for ttl, found in answers.items() if first <= ttl <= last},
        reached=judgement.reached,
    )


def _answers(judgement: Judgement) -> dict[int, tuple[str, ...]]:
    """Return the addresses that answered, by TTL, both in order."""
    return {
        ttl: tuple(hop.address for hop in hops if hop.address is not None)
        for ttl, hops in groupby(
            (hop for hop in judgement.hops if hop.address is not None), lambda hop: hop.ttl
        )
    }


def through_same(crossing: Crossing, verdict: PathVerdict) -> bool:
    """Say whether both went through one country outside the jurisdiction."""
    shared = set(crossing.countries) & set(verdict.countries)
    return not shared <= BY_NAME[crossing.jurisdiction].territories
