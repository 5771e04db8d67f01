"""Decider: what the tables say of one address under its names, before anything is measured.

Rules
- A dossier depends on the address, its names, the declared zone, the tables and the jurisdictions
  alone: it is kept, because paths cross the same routers again and again. Times, places of agents,
  flows and what was proven are no part of it.
- The names are told in any order; the order changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from collector.claims import claims
from collector.holders import Holding, hold
from collector.knowledge import Knowledge
from collector.knownanycast import AnycastRange
from collector.records import Evidence, HopWord, Jurisdiction, Zone
from collector.sightings import Sighting
from collector.testimony import Told, excluded, tell, word

KEPT: Final = 1 << 14
"""Dossiers that are kept of one set of tables, those asked for last."""
_KEPT_TABLES: Final = 4

Names: TypeAlias = tuple[tuple[str, bool | None], ...]
"""PTR names with whether they resolve back, as a sighting holds them."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """An address in a special range."""

    name: str | None
    """The one that is shown."""
    why: Evidence


@dataclass(frozen=True, slots=True)
class Dossier:
    """What is known of an address that can have a place and a holder."""

    name: str | None
    """The one that is shown."""
    told: Told
    held: Holding
    words: Mapping[str, HopWord]
    """On territory, by jurisdiction, if physics refutes nothing and proves nothing."""
    administration: Mapping[str, HopWord]
    several: Evidence | None = None
    """Why it stands in several places, where a table says so."""


class Dossiers:
    """The dossiers of one set of tables, for some jurisdictions."""

    def __init__(self, knowledge: Knowledge, jurisdictions: tuple[Jurisdiction, ...]) -> None:
        """Keep none yet."""
        self._knowledge = knowledge
        self._jurisdictions = jurisdictions
        self.of = lru_cache(KEPT)(self._of)

    def _of(self, address: str, names: Names, zone: Zone | None) -> Dossier | Excluded:
        """Return what is known of `address`; `zone` is None for all but the target's own."""
        sighting = Sighting(names=dict(names))
        shown = next(iter(sighting.confirmed + sighting.unconfirmed), None)
        special = self._knowledge.networks.special(address)
        if special is not None:
            return Excluded(shown, excluded(special))
        said = claims(address, sighting, self._knowledge)
        told = tell(address, said, zone=zone, knowledge=self._knowledge)
        held = hold(address, said, zone=zone, knowledge=self._knowledge)
        return Dossier(
            name=shown,
            told=told,
            held=held,
            words={row.name: word(told.whole, row) for row in self._jurisdictions},
            administration=held.words(self._jurisdictions),
            several=_several(self._knowledge.anycast_range(address)),
        )


def _several(known: AnycastRange | None) -> Evidence | None:
    """Return why an address stands in several places; a row from memory takes no place away."""
    return None if known is None or known.status == "recalled" else known.evidence


@lru_cache(_KEPT_TABLES)
def dossiers(knowledge: Knowledge, jurisdictions: tuple[Jurisdiction, ...]) -> Dossiers:
    """Return the dossiers of these tables, the same ones for the same tables."""
    return Dossiers(knowledge, jurisdictions)
