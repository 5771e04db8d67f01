"""Decider: findings of administration: a group outside what the policy demands holds hops.

Rules
- The table of `crossings` runs here on the other axis: two rounds that show a hop of a group from
  one country outside confirm a finding, two that looked where such hops were and saw none end it.
  Nothing on this axis is ever proved.
- A finding tells the groups and the reasons of the newest round that showed it, and the path's id,
  under which its hops and their evidence are kept.
- It never is a crossing, and no crossing needs it.
"""

from collections.abc import Iterable, Mapping

import msgspec

from collector.episodes.crossings import Crossings
from collector.episodes.ways import verdict_on
from collector.facts.regions import BY_NAME
from collector.judgement.control import ForeignGroup, HolderFinding
from collector.records import Axis, Crossing, Judgement, Jurisdiction, Verdict


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint keeps."""

    episodes: bytes
    findings: tuple[HolderFinding, ...]


class Administration:
    """All findings, suspected and ended ones too."""

    def __init__(self, lists: Mapping[str, Jurisdiction] = BY_NAME) -> None:
        """Begin with nothing seen; `lists` are the jurisdictions by name."""
        self._episodes = Crossings(lists, Axis.ADMINISTRATION)
        self._findings: dict[str, HolderFinding] = {}

    def observe(self, judgement: Judgement, demanded: Iterable[str]) -> tuple[HolderFinding, ...]:
        """Take one round; `demanded` are the jurisdictions that groups must be of.

        Returns the findings that it changed: a suspicion has no `confirmed_ns`, a dropped one
        `ended_ns` besides and is forgotten. For one that was just confirmed build the Statement,
        then call `attach`.
        """
        demands = dict.fromkeys(demanded, Verdict.SUPPORTED_OUTSIDE)
        found = []
        for changed in self._episodes.observe(judgement, demands):
            found.append(self._found(changed, judgement))
            if changed.confirmed_ns is None and changed.ended_ns is not None:
                self._findings.pop(changed.id, None)
            else:
                self._findings[changed.id] = found[-1]
        return tuple(found)

    def attach(self, finding_id: str, digest: str) -> None:
        """Note the SHA-256 (hex) of the Statement of a finding.

        Raises:
            KeyError: no finding has this id.
        """
        known = self._findings[finding_id]
        self._findings[finding_id] = msgspec.structs.replace(known, evidence=digest)

    def findings(self) -> list[HolderFinding]:
        """Return the confirmed findings, newest first."""
        shown = (row for row in self._findings.values() if row.confirmed_ns is not None)
        return sorted(shown, key=lambda row: (row.first_seen_ns, row.id), reverse=True)

    def dump(self) -> Kept:
        """Return the whole state; `load` gives it back."""
        return Kept(episodes=self._episodes.dump(), findings=tuple(self._findings.values()))

    @classmethod
    def load(
        cls, kept: Kept | None, lists: Mapping[str, Jurisdiction] = BY_NAME
    ) -> "Administration":
        """Return what `dump` gave; earlier versions kept nothing, and nothing was seen then.

        Raises:
            msgspec.DecodeError: the octets are not such a dump.
        """
        self = cls(lists)
        if kept is not None:
            self._episodes = Crossings.load(kept.episodes, lists, Axis.ADMINISTRATION)
            self._findings = {row.id: row for row in kept.findings}
        return self

    def _found(self, episode: Crossing, judgement: Judgement) -> HolderFinding:
        """Return the finding of an episode; a round that only ends it keeps what was told."""
        known = self._findings.get(episode.id)
        if known is not None and episode.ended_ns is not None:
            return msgspec.structs.replace(known, ended_ns=episode.ended_ns)
        verdict = verdict_on(judgement, episode.jurisdiction, Axis.ADMINISTRATION)
        return HolderFinding(
            id=episode.id,
            agent=episode.agent,
            target=episode.target,
            family=episode.family,
            zone=episode.zone,
            jurisdiction=episode.jurisdiction,
            groups=_groups(judgement, episode.jurisdiction),
            reasons=() if verdict is None else verdict.reasons,
            path=judgement.id,
            first_seen_ns=episode.first_seen_ns,
            confirmed_ns=episode.confirmed_ns,
            ended_ns=episode.ended_ns,
            rounds=episode.rounds,
            evidence=None if known is None else known.evidence,
        )


def _groups(judgement: Judgement, jurisdiction: str) -> tuple[ForeignGroup, ...]:
    """Return the groups of hops that are outside, once each, in the order of the path."""
    soil: dict[tuple[str, str], bool] = {}
    for hop in judgement.hops:
        if hop.administration.get(jurisdiction) == "outside":
            home = hop.verdicts.get(jurisdiction) == "inside"
            for group in hop.groups:
                key = (group.name, group.country)
                soil[key] = soil.get(key, False) or home
    return tuple(
        ForeignGroup(name=name, country=country, on_soil=home)
        for (name, country), home in soil.items()
    )
