"""Decider: whether the rows of a Statement stand in the tables of this release.

Rules
- A list of rows is compared where the Statement names its table by the digest that this release's
  table has. Then it must be exactly what this release finds for the same paths.
- Where the digests differ, another release made the Statement, or the table was not built here:
  the rows are taken as stated, and that is said.
- The collector's own rows (`networks`, `zones`, `imports`, `owners`, imported ones of `clouds`,
  `anycast`, `landmarks`, `standings`) stand in no release.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from collector.audit import differences
from collector.audit.envelope import sha256
from collector.audit.evidence import rows_of
from collector.audit.findings import Check, Difference
from collector.audit.restatement import Restated, world
from collector.audit.stated import Stated
from collector.facts.knowledge import Knowledge
from collector.facts.networks import Address, RangeTables
from collector.records import OriginRow, RegistrantRow

_TABLE_OF: Final[Mapping[str, str]] = {
    "operators": "names",
    "names": "names",
    "places": "places",
    "special": "special",
    "carriers": "carriers",
    "exchanges": "exchanges",
    "known_anycast": "anycast",
    "clouds": "cloud",
    "jurisdictions": "jurisdictions",
    "origins": "origin",
    "registrants": "registrant",
    "soil": "soil",
}
"""The table that each list of rows is taken from."""


class _Both:
    """Origins of one source, registrants of another."""

    def __init__(self, origins: RangeTables, registrants: RangeTables) -> None:
        self._origins = origins
        self._registrants = registrants

    def origin(self, address: Address) -> OriginRow | None:
        """Return the row that holds `address`."""
        return self._origins.origin(address)

    def registrant(self, address: Address) -> RegistrantRow | None:
        """Return the row that holds `address`."""
        return self._registrants.registrant(address)


def compare(
    predicate: Mapping[str, Any], inputs: Stated, made: Restated, release: Knowledge
) -> tuple[list[Difference], list[Check]]:
    """Return where rows are not those of `release`, and which tables could be compared."""
    stated, ours = predicate["tables"], release.digests()
    known = set(_TABLE_OF.values())
    same = {name for name in known & set(ours) if ours[name] == stated.get(name)}
    tables = _Both(
        release.atlas if "origin" in same else inputs.ranges,
        release.atlas if "registrant" in same else inputs.ranges,
    )
    expected = rows_of(made.records, world(inputs, release, tables), inputs.zone)
    lists = [name for name, table in _TABLE_OF.items() if table in same]
    found = [
        *differences.tables(
            {name: predicate["rows"].get(name) for name in lists},
            {name: expected[name] for name in lists},
            "predicate.rows",
            "the tables of this release",
        ),
        *_lists(predicate),
    ]
    return found, list(_checks(same, known & set(stated) - same, agree=not found))


def _lists(predicate: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield whether the lists of territories have the digest of their table: it has no more."""
    made = sha256(predicate["rows"]["jurisdictions"])
    found = predicate["tables"].get("jurisdictions")
    if found != made:
        yield Difference(
            path="predicate.rows.jurisdictions",
            found=made,
            recomputed=found,
            kind="digest",
            says="does not have the SHA-256 that predicate.tables.jurisdictions states",
        )


def _checks(same: set[str], others: set[str], *, agree: bool) -> Iterator[Check]:
    if same:
        says = f"rows of {', '.join(sorted(same))} are those of this release"
        yield Check(what="tables", agrees=agree, says=says)
    if others:
        says = f"this release has no such {', '.join(sorted(others))}: rows are taken as stated"
        yield Check(what="tables", agrees=None, says=says)
