"""Decider: which Statement an episode gets, from which rounds, and when it may be shown.

    event                          | before                     | after
    a round outside                | nothing, or suspected      | the round remembered
    a round outside that confirms  | suspected, or nothing      | a draft
    a round that clears it         | suspected                  | its rounds forgotten
    a round that ends it           | confirmed                  | its rounds forgotten
    a proof of a confirmed one     | stated without a proof     | another draft
    stored                         | a draft                    | shown

Rules
- An episode is stated once, when it is confirmed, from the rounds outside that led there. All that
  its Statement says is in the draft, so it can be written at any time later and is the same.
- Until its octets are on the disk (`stored`) a crossing is not shown; a finding is, without its
  digest. Drafts are part of what a checkpoint keeps.
- A crossing is stated once more, from the rounds that confirmed and the one that proved it, where a
  confirmed one is proved later; until that is stored it is shown as it was.
- A draft holds the row of the policy as it spoke of the last round: where the settings changed in
  an episode, it may demand something else by then.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from collector.audit import evidence
from collector.facts.knowledge import Knowledge
from collector.judgement import suppositions
from collector.judgement.control import HolderFinding
from collector.records import Crossing, PathRecord, Vantage, Verdict, Zone
from collector.settings.policy import Ruling


class Setting(NamedTuple):
    """What the settings say of a round."""

    vantage: Vantage
    zone: Zone | None
    ruling: Ruling


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """All that one Statement says, but for the tables' rows: nothing of it ever changes."""

    crossing: Crossing | None = None
    finding: HolderFinding | None = None
    """One of both."""
    rounds: tuple[PathRecord, ...]
    setting: Setting
    """Without what the agent is known by: a Statement tells neither."""

    @property
    def episode(self) -> Crossing | HolderFinding:
        """Return what is stated."""
        episode = self.crossing or self.finding
        if episode is None:
            raise AssertionError("a draft of nothing")
        return episode


def written(draft: Draft, knowledge: Knowledge) -> bytes:
    """Return the Statement's octets; the same draft and tables give the same."""
    return evidence.statement(
        draft.episode,
        draft.rounds,
        draft.setting.vantage,
        knowledge,
        zone=draft.setting.zone,
        policy=draft.setting.ruling,
        supposed=suppositions.of_records(draft.rounds, draft.setting.zone, knowledge),
    )


class Statements:
    """The rounds of episodes that go on, and the drafts whose Statements are not stored."""

    def __init__(self) -> None:
        """Begin with no episode."""
        self.rounds: dict[str, tuple[PathRecord, ...]] = {}
        """Rounds outside that led to each episode which goes on and is not proved, by its id."""
        self._drafts: dict[str, tuple[Draft, ...]] = {}
        """What waits to be stored, by the id of its episode; that which confirmed it first."""
        self._proved: set[str] = set()
        """Episodes that are stated with a proof."""

    @property
    def drafts(self) -> tuple[Draft, ...]:
        """Return what waits to be stored; of one episode in the order in which it is to be."""
        return tuple(draft for drafts in self._drafts.values() for draft in drafts)

    @property
    def waits(self) -> bool:
        """Return whether anything waits to be stored."""
        return bool(self._drafts)

    def load(
        self,
        rounds: dict[str, tuple[PathRecord, ...]],
        drafts: Iterable[Draft],
        known: Iterable[Crossing],
    ) -> None:
        """Go on with the rounds and drafts that were kept; `known` are all crossings."""
        self.rounds = rounds
        for draft in drafts:
            self._wait(draft)
        self._proved = {
            row.id
            for row in known
            if (row.evidence or row.id in self._drafts)
            and row.ended_ns is None
            and row.verdict is Verdict.PROVEN_OUTSIDE
        }

    def stored(self, draft: Draft) -> None:
        """Note that a draft waits no more: its Statement is on the disk."""
        left = tuple(row for row in self._drafts.pop(draft.episode.id, ()) if row is not draft)
        if left:
            self._drafts[draft.episode.id] = left

    def shown(self, crossing: Crossing) -> Crossing | None:
        """Return a crossing as it may be shown now; None, it may not."""
        if crossing.evidence is None:
            return None
        if crossing.id in self._drafts:  # that of a proof
            return msgspec.structs.replace(crossing, verdict=Verdict.SUPPORTED_OUTSIDE)
        return crossing

    def follow(self, changed: Crossing, record: PathRecord, setting: Setting) -> None:
        """Remember the rounds that led to a crossing until a proof or its end.

        Where this round calls for a Statement, it is drafted. That of a proof which came later
        holds the rounds that confirmed and the one that proved, and counts these.
        """
        known = self.rounds.pop(changed.id, ())
        rounds = _with(known, record)
        proved = changed.verdict is Verdict.PROVEN_OUTSIDE
        if changed.ended_ns is not None:
            self._proved.discard(changed.id)
        elif changed.confirmed_ns is None:
            self.rounds[changed.id] = rounds
        elif changed.evidence is None and changed.id not in self._drafts:
            self._state(changed, rounds, setting)
        elif proved and changed.id not in self._proved:
            stated = msgspec.structs.replace(changed, rounds=len(rounds))
            self._state(stated, rounds, setting)
        elif known:
            self.rounds[changed.id] = known

    def follow_finding(self, changed: HolderFinding, record: PathRecord, setting: Setting) -> None:
        """Do the same for a finding, which nothing ever proves."""
        rounds = _with(self.rounds.pop(changed.id, ()), record)
        if changed.ended_ns is not None or changed.evidence is not None:
            return
        if changed.confirmed_ns is None:
            self.rounds[changed.id] = rounds
        elif changed.confirmed_ns == record.judgement.started_ns:
            self._wait(Draft(finding=changed, rounds=rounds, setting=_bare(setting)))

    def _state(self, changed: Crossing, rounds: tuple[PathRecord, ...], setting: Setting) -> None:
        self._wait(Draft(crossing=changed, rounds=rounds, setting=_bare(setting)))
        if changed.verdict is Verdict.PROVEN_OUTSIDE:
            self._proved.add(changed.id)
        else:
            self.rounds[changed.id] = rounds

    def _wait(self, draft: Draft) -> None:
        known = self._drafts.get(draft.episode.id, ())
        self._drafts[draft.episode.id] = (*known, draft)


def _bare(setting: Setting) -> Setting:
    bare = msgspec.structs.replace(setting.vantage, token_sha256="", certificate=None)
    return setting._replace(vantage=bare)


def _with(known: tuple[PathRecord, ...], record: PathRecord) -> tuple[PathRecord, ...]:
    """Return the rounds with a new one, or with one that was judged again, at the end."""
    return (*(row for row in known if row.path.id != record.path.id), record)
