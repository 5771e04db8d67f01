"""Bytes: the inputs of a Statement, read back from it alone: all that its verdicts follow from.

Rules
- This is the other half of `audit.evidence`: what `rows_of` wrote down is a world of tables in
  which the paths are judged again. Neither the tables of this release nor an atlas take part.
- What was concluded (premise, judgements, crossing) is not read here; it is recomputed.
- Rows are a stranger's: one that no table could hold is refused with its place.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, TypeVar

import msgspec

from agent.records import Path
from collector.errors import UnreadableError
from collector.facts.carriers import Carrier
from collector.facts.clouds import StatedClouds
from collector.facts.exchanges import ExchangeLan
from collector.facts.imported import CloudRow, ImportedRow, OwnerRow, StatedImports
from collector.facts.knowledge import Knowledge
from collector.facts.knownanycast import AnycastRange
from collector.facts.names import NameReader
from collector.facts.networks import Address, Networks, Prefixes, SpecialRange
from collector.facts.operators import CodeRow, NameRule, Operator
from collector.facts.places import PlaceRow
from collector.judgement.control import HolderFinding
from collector.nearness import Landmark, Several
from collector.positions import Standing
from collector.records import (
    Crossing,
    Jurisdiction,
    NetworkOverride,
    OriginRow,
    Place,
    RegistrantRow,
    Vantage,
    Zone,
)
from collector.settings.policy import Ruling
from collector.wall import wall_ns

Range = TypeVar("Range", OriginRow, RegistrantRow)
_AGENT_ID_OCTETS: Final = 16


class _NameRow(msgspec.Struct, frozen=True, kw_only=True):
    """A code with the rule that it belongs to, as `collector.audit.evidence` writes both."""

    operator: str
    rule: str
    pattern: str
    remark: str
    caveat: str
    fabric: bool
    code: str
    place: str
    status: str
    source: str
    date: str


class _OperatorRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    domains: tuple[str, ...]
    asns: tuple[int, ...]
    shared: bool = False


class _Rows(msgspec.Struct, frozen=True, kw_only=True):
    operators: tuple[_OperatorRow, ...]
    names: tuple[_NameRow, ...]
    places: tuple[PlaceRow, ...]
    networks: tuple[NetworkOverride, ...]
    special: tuple[SpecialRange, ...]
    origins: tuple[OriginRow, ...]
    registrants: tuple[RegistrantRow, ...]
    carriers: tuple[Carrier, ...]
    exchanges: tuple[ExchangeLan, ...]
    known_anycast: tuple[AnycastRange, ...] = ()
    clouds: tuple[CloudRow, ...] = ()
    imports: tuple[ImportedRow, ...] = ()
    owners: tuple[OwnerRow, ...] = ()
    anycast: tuple[dict[str, Any], ...]
    landmarks: tuple[dict[str, Any], ...] = ()
    standings: tuple[dict[str, Any], ...] = ()
    zones: tuple[Zone, ...]
    jurisdictions: tuple[Jurisdiction, ...]


class _Agent(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    id: str
    place: Place


class _Predicate(msgspec.Struct, frozen=True, kw_only=True):
    agent: _Agent
    crossing: dict[str, Any] | None = None
    finding: dict[str, Any] | None = None
    policy: Ruling | None = None
    suppositions: tuple[Any, ...] | None = None
    paths: tuple[Path, ...]
    rows: _Rows
    tables: dict[str, str]


class Ranges:
    """Rows of ranges, looked through one by one; satisfies `facts.networks.RangeTables`."""

    def __init__(self, origins: Sequence[OriginRow], registrants: Sequence[RegistrantRow]) -> None:
        """Keep the rows.

        Raises:
            ValueError: the end of a row is no address.
        """
        self._origins = [_ends(row) for row in origins]
        self._registrants = [_ends(row) for row in registrants]

    def origin(self, address: Address) -> OriginRow | None:
        """Return the row that holds `address`."""
        return _find(self._origins, address)

    def registrant(self, address: Address) -> RegistrantRow | None:
        """Return the row that holds `address`."""
        return _find(self._registrants, address)


@dataclass(frozen=True, slots=True)
class Stated:
    """What verdicts follow from."""

    paths: tuple[Path, ...]
    vantage: Vantage
    zone: Zone | None
    episode: Crossing | HolderFinding
    """As it was stated; of use where the rounds confirm none."""
    policy: Ruling | None
    """None: earlier software stated none."""
    supposes: bool
    """False: earlier software stated no suppositions."""
    knowledge: Knowledge
    """A world that holds the rows of the Statement and nothing else."""
    ranges: Ranges
    clouds: tuple[CloudRow, ...]
    """Rows of lists that the collector's operator imports: they stand in no release."""
    overrides: tuple[NetworkOverride, ...]
    jurisdictions: tuple[Jurisdiction, ...]
    several: Mapping[str, tuple[Several, ...]]
    """By the id of the path that they were used for."""
    landmarks: Mapping[str, tuple[Landmark, ...]]
    standings: Mapping[str, tuple[Standing, ...]]
    """The same of what witnesses measured."""


def read(predicate: object) -> Stated:
    """Return the inputs of a predicate.

    Raises:
        UnreadableError: a member is missing, has another form, or no table could hold a row.
    """
    try:
        found = msgspec.convert(predicate, _Predicate)
        return _stated(found)
    except (msgspec.ValidationError, ValueError, OverflowError, re.error) as error:
        raise UnreadableError(f"cannot be judged again: {error}") from error


def _stated(found: _Predicate) -> Stated:
    rows = found.rows
    if len(rows.zones) > 1:
        raise ValueError(f"rows.zones holds {len(rows.zones)} zones, a target has one at most")
    ranges = Ranges(rows.origins, rows.registrants)
    several: dict[str, tuple[Several, ...]] = {}
    for row in rows.anycast:
        path = str(row.get("path"))
        several[path] = (*several.get(path, ()), _several(row))
    landmarks: dict[str, tuple[Landmark, ...]] = {}
    for row in rows.landmarks:
        path = str(row.get("path"))
        landmark = msgspec.convert(_timed(row), Landmark)
        landmarks[path] = (*landmarks.get(path, ()), landmark)
    standings: dict[str, tuple[Standing, ...]] = {}
    for row in rows.standings:
        path = str(row.get("path"))
        standings[path] = (*standings.get(path, ()), msgspec.convert(row, Standing))
    return Stated(
        paths=found.paths,
        vantage=_vantage(found.agent),
        zone=next(iter(rows.zones), None),
        episode=_episode(found),
        policy=found.policy,
        supposes=found.suppositions is not None,
        knowledge=_world(rows, ranges, found.tables),
        ranges=ranges,
        clouds=tuple(row for row in rows.clouds if row.imported),
        overrides=rows.networks,
        jurisdictions=rows.jurisdictions,
        several=several,
        landmarks=landmarks,
        standings=standings,
    )


def _world(rows: _Rows, ranges: Ranges, tables: Mapping[str, str]) -> Knowledge:
    operators = tuple(_operator(row, rows.names) for row in rows.operators)
    places = {row.key: row for row in rows.places}
    _check_references(rows, places)
    return Knowledge(
        operators=operators,
        names=NameReader(operators),
        places=places,
        networks=Networks(rows.special, rows.networks, ranges),
        carriers={asn: row for row in rows.carriers for asn in row.asns},
        lans=Prefixes([(row.prefix, row) for row in rows.exchanges]),
        anycast=Prefixes([(row.prefix, row) for row in rows.known_anycast]),
        clouds=StatedClouds(rows.clouds),
        imports=StatedImports(rows.imports, rows.owners),
        table_sha256=tables,
        jurisdictions=rows.jurisdictions,
    )


def _check_references(rows: _Rows, places: Mapping[str, PlaceRow]) -> None:
    """Refuse what the tables of a release are checked for when they are loaded."""
    wanted = {row.place for row in rows.names} | {row.place for row in rows.exchanges if row.place}
    if lost := sorted(wanted - {*places, None}, key=str):
        raise ValueError(f"rows.places lacks {', '.join(map(str, lost))}, which other rows name")
    domains = [domain for row in rows.operators for domain in row.domains]
    if len(domains) != len(set(domains)):
        raise ValueError("rows.operators claim one domain twice")
    if lost := [row.rule for row in rows.names if "code" not in re.compile(row.pattern).groupindex]:
        raise ValueError(f"rows.names: the pattern of {', '.join(lost)} has no group `code`")


def _operator(row: _OperatorRow, names: Iterable[_NameRow]) -> Operator:
    return Operator(
        id=row.id,
        name=row.name,
        domains=row.domains,
        asns=row.asns,
        shared=row.shared,
        rules=tuple(
            NameRule(
                id=name.rule,
                pattern=name.pattern,
                remark=name.remark,
                caveat=name.caveat,
                fabric=name.fabric,
                codes=(
                    msgspec.convert(
                        {key: getattr(name, key) for key in CodeRow.__struct_fields__}, CodeRow
                    ),
                ),
            )
            for name in names
            if name.operator == row.id
        ),
    )


def _vantage(agent: _Agent) -> Vantage:
    ident = bytes.fromhex(agent.id)
    if len(ident) != _AGENT_ID_OCTETS:
        raise ValueError(f"agent.id has {len(ident)} octets, not {_AGENT_ID_OCTETS}")
    return Vantage(name=agent.name, agent_id=ident, token_sha256="", place=agent.place)


def _episode(found: _Predicate) -> Crossing | HolderFinding:
    """Return what the Statement is about."""
    if (found.crossing is None) == (found.finding is None):
        raise ValueError("it must be about a crossing or about a finding")
    if found.crossing is not None:
        return msgspec.convert(_timed({**found.crossing, "evidence": None}), Crossing)
    return msgspec.convert(_timed({**(found.finding or {}), "evidence": None}), HolderFinding)


def _several(row: Mapping[str, Any]) -> Several:
    seen = [_timed(one) for one in row.get("seen") or ()]
    return msgspec.convert({**row, "seen": seen}, Several)


def _timed(row: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a row with its wall times as nanoseconds again."""
    if not isinstance(row, dict):
        raise ValueError(f"{str(row)[:40]!r} is no row")  # noqa: TRY004 - the document's fault
    timed: dict[str, Any] = {}
    for key, value in row.items():
        if not key.endswith("_at"):
            timed[key] = value
            continue
        at_ns = wall_ns(value) if isinstance(value, str) else value
        if isinstance(value, str) and at_ns is None:
            raise ValueError(f"{key} is {value[:40]!r}, no time")
        timed[f"{key.removesuffix('at')}ns"] = at_ns
    return timed


def _ends(row: Range) -> tuple[int, int, int, Range]:
    first, last = ip_address(row.first), ip_address(row.last)
    return first.version, int(first), int(last), row


def _find(rows: Iterable[tuple[int, int, int, Range]], address: Address) -> Range | None:
    bits = int(address)
    for version, first, last, row in rows:
        if version == address.version and first <= bits <= last:
            return row
    return None
