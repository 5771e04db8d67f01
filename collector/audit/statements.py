"""Decider: which Statement an episode gets, from which rounds, and when it may be shown.

    event                          | before                     | after
    a round outside                | nothing, or suspected      | the round remembered
    a round outside that confirms  | suspected, or nothing      | a Statement to be stored
    a round that clears it         | suspected                  | its rounds forgotten
    a round that ends it           | confirmed                  | its rounds forgotten
    a proof of a confirmed one     | stated without a proof     | another Statement to be stored
    stored                         | a Statement to be stored   | shown

Rules
- A Statement is built once per episode, when it is confirmed, from the rounds outside that led
  there. Until its octets are on the disk (`stored`) a crossing is not shown; a finding is, without
  its digest.
- That of a crossing is built once more, from the rounds that confirmed and the one that proved it,
  where a confirmed one is proved later; the one before is shown until then.
- It holds the row of the policy as it spoke of the last round: where the settings changed in an
  episode, it may demand something else by then.
"""

from collections.abc import Iterable, Sequence
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


class Statements:
    """The rounds of episodes that go on, and the Statements that are not known to be stored."""

    def __init__(self, knowledge: Knowledge) -> None:
        """Begin with no episode."""
        self._knowledge = knowledge
        self.rounds: dict[str, tuple[PathRecord, ...]] = {}
        """Rounds outside that led to each episode which goes on and is not proved, by its id."""
        self.unstored: dict[str, bytes] = {}
        """Statements by SHA-256 (hex) that are not known to be on the disk."""
        self._proved: set[str] = set()
        """Episodes whose Statement shows a proof."""
        self._shown: dict[str, Crossing] = {}
        """Episodes that are proved now as they were, by the digest of the proof's Statement."""

    def load(self, rounds: dict[str, tuple[PathRecord, ...]], known: Iterable[Crossing]) -> None:
        """Go on with the rounds that were kept; `known` are all crossings."""
        self.rounds = rounds
        self._proved = {
            row.id
            for row in known
            if row.evidence and row.ended_ns is None and row.verdict is Verdict.PROVEN_OUTSIDE
        }

    def stored(self, digest: str) -> None:
        """Note that the Statement is on the disk: its episode may be shown."""
        self.unstored.pop(digest, None)
        self._shown.pop(digest, None)

    def shown(self, crossing: Crossing) -> Crossing | None:
        """Return a crossing as it may be shown now; None, it may not."""
        if crossing.evidence in self._shown:
            return self._shown[crossing.evidence]
        told = crossing.evidence is not None and crossing.evidence not in self.unstored
        return crossing if told else None

    def told(self, finding: HolderFinding) -> HolderFinding:
        """Return a finding as it may be shown now: with its digest once that can be fetched."""
        waits = finding.evidence in self.unstored
        return msgspec.structs.replace(finding, evidence=None) if waits else finding

    def follow(self, changed: Crossing, record: PathRecord, setting: Setting) -> str | None:
        """Remember the rounds that led to a crossing until a proof or its end.

        Returns the digest of the Statement that this round calls for, None where it needs none:
        then attach it to the crossing. A Statement of a proof that came later holds the rounds that
        confirmed and the one that proved, and counts these.
        """
        known = self.rounds.pop(changed.id, ())
        rounds = _with(known, record)
        proved = changed.verdict is Verdict.PROVEN_OUTSIDE
        if changed.ended_ns is not None:
            self._proved.discard(changed.id)
        elif changed.confirmed_ns is None:
            self.rounds[changed.id] = rounds
        elif changed.evidence is None:
            return self._state(changed, rounds, setting)
        elif proved and changed.id not in self._proved:
            before = msgspec.structs.replace(changed, verdict=Verdict.SUPPORTED_OUTSIDE)
            stated = msgspec.structs.replace(changed, rounds=len(rounds))
            digest = self._state(stated, rounds, setting)
            if before.evidence not in self.unstored:
                self._shown[digest] = before
            return digest
        elif known:
            self.rounds[changed.id] = known
        return None

    def follow_finding(
        self, changed: HolderFinding, record: PathRecord, setting: Setting
    ) -> str | None:
        """Do the same for a finding, which nothing ever proves."""
        rounds = _with(self.rounds.pop(changed.id, ()), record)
        if changed.ended_ns is not None or changed.evidence is not None:
            return None
        if changed.confirmed_ns is None:
            self.rounds[changed.id] = rounds
        elif changed.confirmed_ns == record.judgement.started_ns:
            return self._made(changed, rounds, setting)
        return None

    def _state(self, changed: Crossing, rounds: tuple[PathRecord, ...], setting: Setting) -> str:
        digest = self._made(changed, rounds, setting)
        if changed.verdict is Verdict.PROVEN_OUTSIDE:
            self._proved.add(changed.id)
        else:
            self.rounds[changed.id] = rounds
        return digest

    def _made(
        self, changed: Crossing | HolderFinding, rounds: Sequence[PathRecord], setting: Setting
    ) -> str:
        """Build a Statement, to be stored; return its digest."""
        octets = evidence.statement(
            changed,
            rounds,
            setting.vantage,
            self._knowledge,
            zone=setting.zone,
            policy=setting.ruling,
            supposed=suppositions.of_records(rounds, setting.zone, self._knowledge),
        )
        digest = evidence.digest(octets)
        self.unstored[digest] = octets
        return digest


def _with(known: tuple[PathRecord, ...], record: PathRecord) -> tuple[PathRecord, ...]:
    """Return the rounds with a new one, or with one that was judged again, at the end."""
    return (*(row for row in known if row.path.id != record.path.id), record)
