"""Bytes: `[[jurisdictions]]` and `[[policy]]` of `collector.toml`, read strictly.

    [[jurisdictions]]                 [[policy]]
    name = "BENELUX"                  zone = "aws/eu-west-3"          # or "aws/*"; default: any
    territories = ["BE", "LU", "NL"]  target = "192.0.2.10"           # default: any
    as_of = "2026-11-26"              agent = "paris-1"               # default: any
    source = "why these"              territory = ["FX"]              # demanded on each axis
                                      administration = ["EU"]
                                      open_at = "SUPPORTED_OUTSIDE"   # or "PROVEN_OUTSIDE"

Rules
- A row that could never decide anything is a mistake: one that names a zone, a target or an agent
  that the settings do not have, or that stands behind a row which fits whatever it fits.
- A row names `territory` or `administration`, or both; an empty list demands nothing, aloud.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from agent.settings import Table
from collector import keys
from collector.facts.regions import BY_NAME
from collector.records import Jurisdiction, Vantage, Verdict, Zone
from collector.settings.policy import ANY, Demands, PolicyRow

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
_OPEN_AT: Final = (Verdict.SUPPORTED_OUTSIDE, Verdict.PROVEN_OUTSIDE)


def jurisdictions(tables: Iterable[Table]) -> tuple[Jurisdiction, ...]:
    """Return the operator's own lists of territories.

    Raises: ConfigError.
    """
    rows = []
    names = keys.Once("jurisdiction")
    for table in tables:
        wanted = "one word of letters, digits, - and _"
        name = names.take(table, "name", keys.matching(table, "name", _NAME, wanted, fold=False))
        if name in BY_NAME:
            raise table.wrong("name", f'"{name}" is a list of this release; choose another name')
        rows.append(
            Jurisdiction(
                name=name,
                territories=frozenset(_territories(table)),
                as_of=keys.day(table, "as_of"),
                source=table.text("source"),
            )
        )
        table.done()
    return tuple(rows)


def _territories(table: Table) -> tuple[str, ...]:
    found = table.texts("territories")
    if not found:
        raise table.wrong("territories", "must name at least one territory")
    for number, code in enumerate(found):
        keys.checked_territory(table, "territories", code)
        if code in found[:number]:
            raise table.wrong("territories", f'"{code}" stands twice')
    return found


def policy(
    tables: Iterable[Table],
    agents: Sequence[Vantage],
    zones: Sequence[Zone],
    known: Collection[str],
) -> tuple[PolicyRow, ...]:
    """Return the rows of the policy in their order; `known` are the names of jurisdictions.

    Raises: ConfigError.
    """
    rows: list[PolicyRow] = []
    zone_of = {target: zone.ident for zone in zones for target in zone.targets}
    for table in tables:
        zone = _zone(table, zone_of.values())
        row = PolicyRow(
            zone=zone,
            target=_target(table, zone, zone_of),
            agent=_agent(table, [agent.name for agent in agents]),
            demands=_demands(table, known),
        )
        for number, before in enumerate(rows, 1):
            if before.hides(row):
                raise table.wrong(
                    None, f"never decides: row {number} of [[policy]] fits whatever this one fits"
                )
        rows.append(row)
        table.done()
    return tuple(rows)


def _zone(table: Table, idents: Iterable[str]) -> str:
    zone = table.text("zone", ANY)
    held = {ident for name in idents for ident in (name, f"{name.partition('/')[0]}/{ANY}")}
    if zone != ANY and zone not in held:
        raise table.wrong(
            "zone",
            f'"{zone}" is no zone of [[zones]]: write "provider/region", "provider/*" or "*"',
        )
    return zone


def _target(table: Table, zone: str, zone_of: Mapping[str, str]) -> str:
    target = table.text("target", ANY)
    if target == ANY:
        return target
    if target not in zone_of:
        raise table.wrong("target", f'"{target}" is no target of [[zones]]')
    home = zone_of[target]
    if not PolicyRow(zone=zone, demands=Demands()).fits(ANY, home, ()):
        raise table.wrong("target", f'"{target}" belongs to zone "{home}", not to "{zone}"')
    return target


def _agent(table: Table, names: Collection[str]) -> str:
    agent = table.text("agent", ANY)
    if agent != ANY and agent not in names:
        raise table.wrong("agent", f'"{agent}" is no agent of [[agents]]')
    return agent


def _demands(table: Table, known: Collection[str]) -> Demands:
    axes = [key for key in ("territory", "administration") if key in table]
    if not axes:
        raise table.wrong(
            None, "must name territory or administration; an empty list demands nothing"
        )
    territory, administration = (
        _names(table, key, known) for key in ("territory", "administration")
    )
    open_at = table.text("open_at", None)
    if open_at is None:
        return Demands(territory, administration)
    if open_at not in _OPEN_AT:
        raise table.wrong(
            "open_at", f'must be "SUPPORTED_OUTSIDE" or "PROVEN_OUTSIDE", not "{open_at}"'
        )
    if not territory:
        raise table.wrong("open_at", "is of use with territory alone: nothing else opens")
    return Demands(territory, administration, Verdict(open_at))


def _names(table: Table, key: str, known: Collection[str]) -> tuple[str, ...]:
    found = table.texts(key, ())
    for number, name in enumerate(found):
        if name not in known:
            raise table.wrong(key, f'"{name}" is not known; choose from {", ".join(known)}')
        if name in found[:number]:
            raise table.wrong(key, f'"{name}" stands twice')
    return found
