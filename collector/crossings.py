"""Decider: episodes in which a path of (agent, target, family) leaves what its policy demands.

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
- Territory alone: who administers a hop neither opens an episode nor ends one.
- Where the policy demands nothing, nothing opens. When the demand changes, a suspicion under the
  old one is dropped; a confirmed episode goes on under the jurisdiction that opened it, and ends
  by its own returned rounds, never silently.
"""

import hashlib
from collections.abc import Mapping
from enum import Enum
from typing import Final, Literal

import msgspec
import rfc8785

from agent.records import Family
from collector.records import OUTSIDE, SEVERITY, Axis, Crossing, Judgement, PathVerdict, Verdict
from collector.regions import wider
from collector.ways import Round, Way, classify, through_same, verdict_on, ways_of


class State(Enum):
    """Where a watch stands."""

    CLEAR = "clear"
    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    ENDING = "ending"


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


Pair = tuple[str, str, Family]
"""(agent, target, family)."""


class _Watch(msgspec.Struct, kw_only=True):
    """One (agent, target, family, jurisdiction)."""

    state: State = State.CLEAR
    episode: str | None = None
    """Id of the crossing that is suspected or under way."""
    returned_ns: int | None = None
    """Start of the first returned round; of use while ENDING."""
    ways: dict[int, Way] = {}


class _Dump(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a restart needs."""

    version: Literal[2] = 2
    crossings: list[Crossing]
    watches: list[tuple[str, str, Family, str, _Watch]]
    newest_ns: list[tuple[str, str, Family, int]]


class _Watch1(msgspec.Struct, kw_only=True):
    """A watch of the first version: one flow, no family but 4."""

    state: State
    episode: str | None
    returned_ns: int | None
    way: Way

    def now(self) -> _Watch:
        """Return the same as the present version has it."""
        return _Watch(
            state=self.state,
            episode=self.episode,
            returned_ns=self.returned_ns,
            ways={0: self.way},
        )


class _Dump1(msgspec.Struct, frozen=True, kw_only=True):
    """The first version."""

    version: Literal[1]
    crossings: list[Crossing]
    watches: list[tuple[str, str, str, _Watch1]]
    newest_ns: list[tuple[str, str, int]]

    def now(self) -> _Dump:
        """Return the same as the present version has it."""
        return _Dump(
            crossings=self.crossings,
            watches=[(agent, to, 4, name, old.now()) for agent, to, name, old in self.watches],
            newest_ns=[(agent, to, 4, at_ns) for agent, to, at_ns in self.newest_ns],
        )


class _Version(msgspec.Struct, frozen=True):
    version: int


class Crossings:
    """All episodes, and the watches that open, confirm and end them."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._crossings: dict[str, Crossing] = {}
        self._watches: dict[tuple[Pair, str], _Watch] = {}
        self._newest_ns: dict[Pair, int] = {}

    def observe(self, judgement: Judgement, demanded: str | None) -> tuple[Crossing, ...]:
        """Take one round and return the crossings that it changed, in a fixed order.

        A suspicion is returned too, with `confirmed_ns` None; a dropped one has `ended_ns` set
        and is forgotten. For one that has just been confirmed build the evidence, store it, then
        call `attach`.
        """
        pair = (judgement.agent, judgement.target, judgement.family)
        if judgement.started_ns <= self._newest_ns.get(pair, 0):
            return ()
        self._newest_ns[pair] = judgement.started_ns
        if demanded is not None:
            self._watches.setdefault((pair, demanded), _Watch())
        changed: list[Crossing] = []
        for key in sorted(key for key in self._watches if key[0] == pair):
            changed += self._round(key, judgement, demanded=demanded == key[1])
        return tuple(changed)

    def prove(
        self, before: Judgement, judgement: Judgement, demanded: str | None
    ) -> tuple[Crossing, ...]:
        """Take the newest round once more, judged again because a witness has answered since.

        `before` is what was said of the round then. A proof counts as `observe` would have
        counted it, the round itself but once; anything else changes nothing. Returns as `observe`.
        """
        pair = (judgement.agent, judgement.target, judgement.family)
        if judgement.started_ns != self._newest_ns.get(pair):
            return ()
        if demanded is not None:
            self._watches.setdefault((pair, demanded), _Watch())
        changed: list[Crossing] = []
        for key in sorted(key for key in self._watches if key[0] == pair):
            name, watch = key[1], self._watches[key]
            was, now = verdict_on(before, name), verdict_on(judgement, name)
            proved = now is not None and now.verdict is Verdict.PROVEN_OUTSIDE
            if proved and (was is None or was.verdict is not Verdict.PROVEN_OUTSIDE):
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
            _Dump(
                crossings=list(self._crossings.values()),
                watches=[(*pair, name, watch) for (pair, name), watch in self._watches.items()],
                newest_ns=[(*pair, at_ns) for pair, at_ns in self._newest_ns.items()],
            )
        )

    @classmethod
    def load(cls, state: bytes) -> "Crossings":
        """Return what `dump` wrote, of this version or of the one before.

        Raises:
            msgspec.DecodeError: the octets are not such a dump.
        """
        if msgspec.msgpack.decode(state, type=_Version).version == 1:
            dump = msgspec.msgpack.decode(state, type=_Dump1).now()
        else:
            dump = msgspec.msgpack.decode(state, type=_Dump)
        self = cls()
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
        self, key: tuple[Pair, str], judgement: Judgement, *, demanded: bool
    ) -> list[Crossing]:
        """Let one watch take the round, and forget the watch where nothing is left to watch."""
        watch = self._watches[key]
        changed: list[Crossing] = []
        if not demanded and watch.state is State.SUSPECTED:
            watch.state = State.CLEAR
            changed += self._drop(watch, judgement.started_ns)
        if demanded or watch.state is not State.CLEAR:
            changed += self._step(key[1], watch, judgement)
        if watch.state is State.CLEAR:
            del self._watches[key]
        return changed

    def _step(self, jurisdiction: str, watch: _Watch, judgement: Judgement) -> list[Crossing]:
        """Apply the table to one watch."""
        episode = None if watch.episode is None else self._crossings[watch.episode]
        told = classify(judgement, jurisdiction, episode, watch.ways)
        step = TRANSITIONS.get((watch.state, told))
        if step is None:
            return []
        action, watch.state = step
        match action:
            case "open":
                return self._open(jurisdiction, watch, judgement)
            case "prove":
                return self._prove(jurisdiction, watch, judgement)
            case "confirm":
                return self._extend(jurisdiction, watch, judgement, confirm=True)
            case "extend":
                return self._extend(jurisdiction, watch, judgement, confirm=False)
            case "return":
                watch.returned_ns = judgement.started_ns
                return []
            case "end":
                return self._end(watch)
            case "drop":
                return self._drop(watch, judgement.started_ns)

    def _again(
        self, jurisdiction: str, watch: _Watch, judgement: Judgement, *, counted: bool
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

    def _open(self, jurisdiction: str, watch: _Watch, judgement: Judgement) -> list[Crossing]:
        """Begin a suspicion; an older one that this round does not bear out is dropped."""
        dropped = self._drop(watch, judgement.started_ns)
        verdict = _verdict(judgement, jurisdiction)
        crossing = Crossing(
            id=_identify(judgement, jurisdiction),
            agent=judgement.agent,
            target=judgement.target,
            family=judgement.family,
            zone=judgement.zone,
            jurisdiction=jurisdiction,
            verdict=verdict.verdict,
            wider=_wider(judgement, jurisdiction),
            countries=verdict.countries,
            first_seen_ns=judgement.started_ns,
            confirmed_ns=None,
            ended_ns=None,
            rounds=1,
            evidence=None,
        )
        watch.episode = crossing.id
        watch.ways = ways_of(judgement, jurisdiction)
        self._crossings[crossing.id] = crossing
        return [*dropped, crossing]

    def _prove(self, jurisdiction: str, watch: _Watch, judgement: Judgement) -> list[Crossing]:
        """Confirm by one round: the suspicion, where it went the same way, else a new one."""
        suspected = None if watch.episode is None else self._crossings[watch.episode]
        if suspected is not None and through_same(suspected, _verdict(judgement, jurisdiction)):
            return self._extend(jurisdiction, watch, judgement, confirm=True)
        *dropped, opened = self._open(jurisdiction, watch, judgement)
        proved = msgspec.structs.replace(opened, confirmed_ns=opened.first_seen_ns)
        self._crossings[proved.id] = proved
        return [*dropped, proved]

    def _extend(
        self, jurisdiction: str, watch: _Watch, judgement: Judgement, *, confirm: bool
    ) -> list[Crossing]:
        """Count one more round outside; the confirming one gives the countries shown."""
        crossing = self._crossings[watch.episode or ""]
        verdict = _verdict(judgement, jurisdiction)
        watch.ways = ways_of(judgement, jurisdiction)
        extended = msgspec.structs.replace(
            crossing,
            verdict=min(crossing.verdict, verdict.verdict, key=SEVERITY.__getitem__),
            rounds=crossing.rounds + 1,
            **_confirmation(judgement, jurisdiction) if confirm else {},
        )
        self._crossings[extended.id] = extended
        return [extended]

    def _end(self, watch: _Watch) -> list[Crossing]:
        """Close the episode with the time of the first round that returned."""
        crossing = self._crossings[watch.episode or ""]
        ended = msgspec.structs.replace(crossing, ended_ns=watch.returned_ns)
        self._crossings[ended.id] = ended
        watch.episode = watch.returned_ns = None
        return [ended]

    def _drop(self, watch: _Watch, at_ns: int) -> list[Crossing]:
        """Forget the suspicion, if there is one."""
        if watch.episode is None:
            return []
        crossing = self._crossings.pop(watch.episode)
        watch.episode = None
        return [msgspec.structs.replace(crossing, ended_ns=at_ns)]


def _verdict(judgement: Judgement, jurisdiction: str) -> PathVerdict:
    found = verdict_on(judgement, jurisdiction)
    if found is None:
        raise AssertionError(f"a round without a verdict for {jurisdiction} was taken as outside")
    return found


def _wider(judgement: Judgement, jurisdiction: str) -> dict[str, Verdict]:
    names = wider(jurisdiction)
    return {
        row.jurisdiction: row.verdict
        for row in judgement.verdicts
        if row.axis is Axis.TERRITORY and row.jurisdiction in names
    }


def _confirmation(judgement: Judgement, jurisdiction: str) -> dict[str, object]:
    """Return what the confirming round settles."""
    return {
        "confirmed_ns": judgement.started_ns,
        "countries": _verdict(judgement, jurisdiction).countries,
        "wider": _wider(judgement, jurisdiction),
    }


def _identify(judgement: Judgement, jurisdiction: str) -> str:
    """Return the SHA-256 (hex) of the canonical JSON array that names an episode."""
    started = str(judgement.started_ns)
    named = [judgement.agent, judgement.target, judgement.family, jurisdiction, started]
    return hashlib.sha256(rfc8785.dumps(named)).hexdigest()
