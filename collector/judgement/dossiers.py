"""Decider: what the tables say of one address under its names, before anything is measured.

Rules
- A dossier depends on the address, its names, the declared zone, the tables and the jurisdictions
  alone: it is kept, because paths cross the same routers again and again. Times, places of agents,
  flows and what was proven are no part of it.
- The names are told in any order; the order changes nothing.
- Equal parts of dossiers are one object: thousands of routers share a holder and a city.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias, TypeVar

import msgspec

from collector.facts.knowledge import Knowledge
from collector.facts.knownanycast import AnycastRange
from collector.judgement.claims import claims
from collector.judgement.holders import Holding, hold
from collector.judgement.sightings import Sighting
from collector.judgement.testimony import Testimony, Told, excluded, tell, word
from collector.judgement.verdicts import Bearing, on_administration, on_territory
from collector.records import Evidence, HopJudgement, HopWord, Jurisdiction, Zone

KEPT: Final = 1 << 14
"""Dossiers that are kept of one set of tables, those asked for last."""
_KEPT_TABLES: Final = 4

_Value = TypeVar("_Value", bound=Hashable)

Names: TypeAlias = tuple[tuple[str, bool | None], ...]
"""PTR names with whether they resolve back, as a sighting holds them."""

_NOTHING: Final = HopJudgement(
    ttl=0,
    address=None,
    name=None,
    rtt_min_ns=None,
    candidates=(),
    verdicts={},
    asn=None,
    operator=None,
    evidence=(),
)


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known of one address; if physics refutes nothing and proves nothing, all of it."""

    hop: HopJudgement
    """What is said of the address, at no TTL yet."""
    told: Told | None
    """None for an address in a special range and for silence: neither can have a place."""
    territory: Bearing
    administration: Bearing
    several: Evidence | None = None
    """Why it stands in several places, where a table says so: then it has none."""


class Dossiers:
    """The dossiers of one set of tables, for some jurisdictions."""

    def __init__(self, knowledge: Knowledge, jurisdictions: tuple[Jurisdiction, ...]) -> None:
        """Keep none yet."""
        self._knowledge = knowledge
        self._jurisdictions = jurisdictions
        self.of = lru_cache(KEPT)(self._of)
        self._one = lru_cache(KEPT)(_itself)
        self._words = lru_cache(KEPT)(self._by_name)
        self.silence = self._dossier(_NOTHING, None)
        """What is known where nothing answered."""

    def _of(self, address: str, names: Names, zone: Zone | None) -> Dossier:
        """Return what is known of `address`; `zone` is None for all but the target's own."""
        sighting = Sighting(names=dict(names))
        shown = next(iter(sighting.confirmed + sighting.unconfirmed), None)
        hop = msgspec.structs.replace(_NOTHING, address=address, name=shown)
        special = self._knowledge.networks.special(address)
        if special is not None:
            why = (excluded(special),)
            return self._dossier(msgspec.structs.replace(hop, evidence=why, excluded=True), None)
        said = claims(address, sighting, self._knowledge)
        told = tell(address, said, zone=zone, knowledge=self._knowledge)
        held = self._one(hold(address, said, zone=zone, knowledge=self._knowledge))
        several = _several(self._knowledge.anycast_range(address))
        return self._dossier(self._placed(hop, told.whole, held), told, several)

    def _placed(self, hop: HopJudgement, heard: Testimony, held: Holding) -> HopJudgement:
        """Return the hop with its place and its holder."""
        return msgspec.structs.replace(
            hop,
            candidates=self._one(heard.candidates),
            verdicts=self._words(tuple([word(heard, row) for row in self._jurisdictions])),
            asn=held.asn,
            operator=held.operator,
            evidence=heard.evidence,
            registrant=held.registrant,
            groups=held.groups,
            administration=self._words(held.words(self._jurisdictions)),
            holders=held.evidence,
        )

    def _by_name(self, words: tuple[HopWord, ...]) -> Mapping[str, HopWord]:
        names = [row.name for row in self._jurisdictions]
        return dict(zip(names, words, strict=True))

    def _dossier(
        self, hop: HopJudgement, told: Told | None, several: Evidence | None = None
    ) -> Dossier:
        return Dossier(
            hop=hop,
            told=told,
            territory=self._one(on_territory(hop, self._jurisdictions)),
            administration=self._one(on_administration(hop, self._jurisdictions)),
            several=several,
        )


def _itself(value: _Value) -> _Value:
    """Return the value; kept, it stands for every other one that equals it."""
    return value


def _several(known: AnycastRange | None) -> Evidence | None:
    """Return why an address stands in several places; a row from memory takes no place away."""
    return None if known is None or known.status == "recalled" else known.evidence


@lru_cache(_KEPT_TABLES)
def dossiers(knowledge: Knowledge, jurisdictions: tuple[Jurisdiction, ...]) -> Dossiers:
    """Return the dossiers of these tables, the same ones for the same tables."""
    return Dossiers(knowledge, jurisdictions)
