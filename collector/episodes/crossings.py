"""Decider: episodes in which a path of (agent, target, family) leaves what its policy demands.

Those of territory are crossings. The same table on the axis of administration gives the findings
of `administration`, which are no crossings: each axis has a value of `Crossings` of its own.

Rules
- One watch for each (agent, target, family, jurisdiction); `ways` classifies each round for it:
  PROOF, SAME, OTHER, RETURNED, or BLIND, which holds the state, confirms and ends nothing.
- The table below runs (`TRANSITIONS`):

      state     | PROOF             | SAME              | OTHER           | RETURNED       | BLIND
      ----------+-------------------+-------------------+-----------------+----------------+------
      CLEAR     | prove: CONFIRMED  | open: SUSPECTED   | open: SUSPECTED | -              | -
      SUSPECTED | prove: CONFIRMED  | confirm: CONFIRMED| open: SUSPECTED | drop: CLEAR    | -
      CONFIRMED | extend: CONFIRMED | extend: CONFIRMED | extend:CONFIRMED| return: ENDING | -
      ENDING    | extend: CONFIRMED | extend: CONFIRMED | extend:CONFIRMED| end: CLEAR     | -

- So two consistent rounds confirm, a proof confirms at once, two returned rounds end, and one
  returned round clears a mere suspicion. No clock is read: rounds carry their own time.
- A round that is not newer than the newest one of its (agent, target, family) is ignored: replays
  and disorder change nothing. So is a round without a time.
- The newest round may be judged again when a witness answers (`prove`); only a proof counts then.
- One axis alone: who administers a hop neither opens a crossing nor ends one.
- Where the policy demands nothing, nothing opens; where it opens at a proof alone, SAME and OTHER
  open and confirm nothing. When the demand changes, a suspicion that would not open under it is
  dropped; a confirmed episode goes on under the jurisdiction that opened it, and ends by its own
  returned rounds, never silently. That of a jurisdiction that the settings no longer have is held.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, Literal

import msgspec
import rfc8785

from collector.episodes import watches
from collector.episodes.watches import Dump, Pair, State, Watch
from collector.episodes.ways import Question, Round, classify, through_same, verdict_on, ways_of
from collector.facts.regions import BY_NAME, wider
from collector.records import (
    OUTSIDE,
    SEVERITY,
    Axis,
    Crossing,
    Judgement,
    Jurisdiction,
    PathVerdict,
    Verdict,
)

Action = Literal["prove", "open", "confirm", "extend", "return", "end", "drop"]

TRANSITIONS: Final[Mapping[tuple[State, Round], tuple[Action, State]]] = {
    (State.CLEAR, Round.PROOF): ("prove", State.CONFIRMED),
    (State.CLEAR, Round.SAME): ("open", State.SUSPECTED),
    (State.CLEAR, Round.OTHER): ("open", State.SUSPECTED),
    (State.SUSPECTED, Round.PROOF): ("prove", State.CONFIRMED),
    (State.SUSPECTED, Round.SAME): ("confirm", State.CONFIRMED),
    (State.SUSPECTED, Round.OTHER): ("open", State.SUSPECTED),
    (State.SUSPECTED, Round.RETURNED): ("drop", State.CLEAR),
    (State.CONFIRMED, Round.PROOF): ("extend", State.CONFIRMED),
    (State.CONFIRMED, Round.SAME): ("extend", State.CONFIRMED),
    (State.CONFIRMED, Round.OTHER): ("extend", State.CONFIRMED),
    (State.CONFIRMED, Round.RETURNED): ("return", State.ENDING),
    (State.ENDING, Round.PROOF): ("extend", State.CONFIRMED),
    (State.ENDING, Round.SAME): ("extend", State.CONFIRMED),
    (State.ENDING, Round.OTHER): ("extend", State.CONFIRMED),
    (State.ENDING, Round.RETURNED): ("end", State.CLEAR),
}
"""What is not listed holds the state and does nothing."""


class Crossings:
    """All episodes, and the watches that open, confirm and end them."""

    def __init__(
        self, lists: Mapping[str, Jurisdiction] = BY_NAME, axis: Axis = Axis.TERRITORY
    ) -> None:
        """Begin with nothing seen; `lists` are the jurisdictions by name."""
        self._lists = lists
        self._axis = axis
        self._crossings: dict[str, Crossing] = {}
        self._watches: dict[tuple[Pair, str], Watch] = {}
        self._newest_ns: dict[Pair, int] = {}

    def observe(self, judgement: Judgement, demands: Mapping[str, Verdict]) -> tuple[Crossing, ...]:
        """Take one round and return the crossings that it changed, in a fixed order.

        `demands` gives the mildest verdict that opens a crossing, by the name of the jurisdiction.

        A suspicion is returned too, with `confirmed_ns` None; a dropped one has `ended_ns` set
        and is forgotten. For one that has just been confirmed build the evidence, store it, then
        call `attach`.
        """
        pair = (judgement.agent, judgement.target, judgement.family)
        if judgement.started_ns <= self._newest_ns.get(pair, 0):
            return ()
        self._newest_ns[pair] = judgement.started_ns
        for name in demands:
            self._watches.setdefault((pair, name), Watch())
        changed: list[Crossing] = []
        for key in sorted(key for key in self._watches if key[0] == pair):
            changed += self._round(key, judgement, demands.get(key[1]))
        return tuple(changed)

    def prove(
        self, before: Judgement, judgement: Judgement, demands: Mapping[str, Verdict]
    ) -> tuple[Crossing, ...]:
        """Take the newest round once more, judged again because a witness has answered since.

        `before` is what was said of the round then. A proof counts as `observe` would have
        counted it, the round itself but once; anything else changes nothing. Returns as `observe`.
        """
        pair = (judgement.agent, judgement.target, judgement.family)
        if judgement.started_ns != self._newest_ns.get(pair):
            return ()
        for name in demands:
            self._watches.setdefault((pair, name), Watch())
        changed: list[Crossing] = []
        for key in sorted(key for key in self._watches if key[0] == pair):
            name, watch = key[1], self._watches[key]
            was, now = verdict_on(before, name), verdict_on(judgement, name)
            proved = now is not None and now.verdict is Verdict.PROVEN_OUTSIDE
            if (
                proved
                and name in self._lists
                and (was is None or was.verdict is not Verdict.PROVEN_OUTSIDE)
            ):
                counted = was is not None and was.verdict in OUTSIDE
                changed += self._again(name, watch, judgement, counted=counted)
            if watch.state is State.CLEAR:
                del self._watches[key]
        return tuple(changed)

    def attach(self, crossing_id: str, digest: str) -> Crossing:
        """Note that the evidence Statement with `digest` (SHA-256, hex) is stored.

        Raises:
            KeyError: no crossing has this id.
        """
        updated = msgspec.structs.replace(self._crossings[crossing_id], evidence=digest)
        self._crossings[crossing_id] = updated
        return updated

    def all(self) -> tuple[Crossing, ...]:
        """Return every crossing, also suspected and ended ones, newest first."""
        return tuple(sorted(self._crossings.values(), key=lambda row: (-row.first_seen_ns, row.id)))

    def dump(self) -> bytes:
        """Return the whole state; `load` gives it back exactly."""
        return msgspec.msgpack.encode(
            Dump(
                crossings=list(self._crossings.values()),
                watches=[(*pair, name, watch) for (pair, name), watch in self._watches.items()],
                newest_ns=[(*pair, at_ns) for pair, at_ns in self._newest_ns.items()],
            )
        )

    @classmethod
    def load(
        cls,
        state: bytes,
        lists: Mapping[str, Jurisdiction] = BY_NAME,
        axis: Axis = Axis.TERRITORY,
    ) -> "Crossings":
        """Return what `dump` wrote, of this version or of the one before.

        Raises:
            msgspec.DecodeError: the octets are not such a dump.
        """
        dump = watches.decode(state)
        self = cls(lists, axis)
        self._crossings = {row.id: row for row in dump.crossings}
        self._watches = {
            ((agent, target, family), name): watch
            for agent, target, family, name, watch in dump.watches
        }
        self._newest_ns = {
            (agent, target, family): at_ns for agent, target, family, at_ns in dump.newest_ns
        }
        return self

    def _round(
        self, key: tuple[Pair, str], judgement: Judgement, open_at: Verdict | None
    ) -> list[Crossing]:
        """Let one watch take the round, and forget the watch where nothing is left to watch.

        `open_at` is None where the jurisdiction is no longer demanded.
        """
        watch = self._watches[key]
        changed: list[Crossing] = []
        if open_at is not Verdict.SUPPORTED_OUTSIDE and watch.state is State.SUSPECTED:
            watch.state = State.CLEAR
            changed += self._drop(watch, judgement.started_ns)
        if key[1] in self._lists and (open_at is not None or watch.state is not State.CLEAR):
            changed += self._step(key[1], watch, judgement, open_at)
        if watch.state is State.CLEAR:
            del self._watches[key]
        return changed

    def _step(
        self,
        jurisdiction: str,
        watch: Watch,
        judgement: Judgement,
        open_at: Verdict | None = None,
    ) -> list[Crossing]:
        """Apply the table to one watch."""
        question = Question(self._lists[jurisdiction], self._axis)
        episode = None if watch.episode is None else self._crossings[watch.episode]
        told = classify(judgement, question, episode, watch.ways)
        step = TRANSITIONS.get((watch.state, told))
        proofs_alone = watch.state is State.CLEAR and open_at is Verdict.PROVEN_OUTSIDE
        if step is None or (proofs_alone and told is not Round.PROOF):
            return []
        action, watch.state = step
        match action:
            case "open":
                return self._open(question, watch, judgement)
            case "prove":
                return self._prove(question, watch, judgement)
            case "confirm":
                return self._extend(question, watch, judgement, confirm=True)
            case "extend":
                return self._extend(question, watch, judgement, confirm=False)
            case "return":
                watch.returned_ns = judgement.started_ns
                return []
            case "end":
                return self._end(watch)
            case "drop":
                return self._drop(watch, judgement.started_ns)

    def _again(
        self, jurisdiction: str, watch: Watch, judgement: Judgement, *, counted: bool
    ) -> list[Crossing]:
        """Let a watch take a round that it knows; where it was outside it is counted already."""
        known = None if watch.episode is None else self._crossings[watch.episode]
        changed = self._step(jurisdiction, watch, judgement)
        for place, crossing in enumerate(changed):
            if counted and known is not None and crossing.id == known.id:
                changed[place] = msgspec.structs.replace(crossing, rounds=known.rounds)
                if crossing.id in self._crossings:
                    self._crossings[crossing.id] = changed[place]
        return changed

    def _open(self, question: Question, watch: Watch, judgement: Judgement) -> list[Crossing]:
        """Begin a suspicion; an older one that this round does not bear out is dropped."""
        dropped = self._drop(watch, judgement.started_ns)
        verdict = _verdict(judgement, question)
        crossing = Crossing(
            id=_identify(judgement, question),
            agent=judgement.agent,
            target=judgement.target,
            family=judgement.family,
            zone=judgement.zone,
            jurisdiction=question.jurisdiction.name,
            verdict=verdict.verdict,
            wider=self._wider(judgement, question),
            countries=verdict.countries,
            first_seen_ns=judgement.started_ns,
            confirmed_ns=None,
            ended_ns=None,
            rounds=1,
            evidence=None,
        )
        watch.episode = crossing.id
        watch.ways = ways_of(judgement, question)
        self._crossings[crossing.id] = crossing
        return [*dropped, crossing]

    def _prove(self, question: Question, watch: Watch, judgement: Judgement) -> list[Crossing]:
        """Confirm by one round: the suspicion, where it went the same way, else a new one."""
        suspected = None if watch.episode is None else self._crossings[watch.episode]
        if suspected is not None and through_same(
            suspected, _verdict(judgement, question), question
        ):
            return self._extend(question, watch, judgement, confirm=True)
        *dropped, opened = self._open(question, watch, judgement)
        proved = msgspec.structs.replace(opened, confirmed_ns=opened.first_seen_ns)
        self._crossings[proved.id] = proved
        return [*dropped, proved]

    def _extend(
        self, question: Question, watch: Watch, judgement: Judgement, *, confirm: bool
    ) -> list[Crossing]:
        """Count one more round outside; the confirming one gives the countries shown.

        It does so again where a witness has it judged again: what is shown follows from it alone.
        """
        crossing = self._crossings[watch.episode or ""]
        settles = confirm or crossing.confirmed_ns == judgement.started_ns
        verdict = _verdict(judgement, question)
        watch.ways = ways_of(judgement, question)
        extended = msgspec.structs.replace(
            crossing,
            verdict=min(crossing.verdict, verdict.verdict, key=SEVERITY.__getitem__),
            rounds=crossing.rounds + 1,
            **self._confirmation(judgement, question) if settles else {},
        )
        self._crossings[extended.id] = extended
        return [extended]

    def _end(self, watch: Watch) -> list[Crossing]:
        """Close the episode with the time of the first round that returned."""
        crossing = self._crossings[watch.episode or ""]
        ended = msgspec.structs.replace(crossing, ended_ns=watch.returned_ns)
        self._crossings[ended.id] = ended
        watch.episode = watch.returned_ns = None
        return [ended]

    def _drop(self, watch: Watch, at_ns: int) -> list[Crossing]:
        """Forget the suspicion, if there is one."""
        if watch.episode is None:
            return []
        crossing = self._crossings.pop(watch.episode)
        watch.episode = None
        return [msgspec.structs.replace(crossing, ended_ns=at_ns)]

    def _wider(self, judgement: Judgement, question: Question) -> dict[str, Verdict]:
        names = wider(question.jurisdiction.name, self._lists)
        return {
            row.jurisdiction: row.verdict
            for row in judgement.verdicts
            if row.axis is self._axis and row.jurisdiction in names
        }

    def _confirmation(self, judgement: Judgement, question: Question) -> dict[str, object]:
        """Return what the confirming round settles."""
        return {
            "confirmed_ns": judgement.started_ns,
            "countries": _verdict(judgement, question).countries,
            "wider": self._wider(judgement, question),
        }


def _verdict(judgement: Judgement, question: Question) -> PathVerdict:
    found = question.verdict(judgement)
    if found is None:
        raise AssertionError(f"a round without a verdict on {question} was taken as outside")
    return found


def _identify(judgement: Judgement, question: Question) -> str:
    """Return the SHA-256 (hex) of the canonical JSON array that names an episode."""
    named = [
        *(judgement.agent, judgement.target, judgement.family),
        *(question.jurisdiction.name, str(judgement.started_ns)),
        *([] if question.axis is Axis.TERRITORY else [question.axis]),
    ]
    return hashlib.sha256(rfc8785.dumps(named)).hexdigest()
