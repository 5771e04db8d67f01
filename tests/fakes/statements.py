"""Judges the paths of a Statement again, with nothing but the rows that it holds."""

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.records import Path
from collector.anycast import evidence
from collector.borders import judge
from collector.carriers import Carrier
from collector.exchanges import ExchangeLan
from collector.knowledge import Knowledge
from collector.names import NameReader
from collector.nearness import Several
from collector.networks import Networks, Prefixes, SpecialRange
from collector.operators import CodeRow, NameRule, Operator
from collector.places import PlaceRow
from collector.records import Judgement, Jurisdiction, NetworkOverride, Zone
from collector.wall import wall_ns
from tests.fakes.ranges import RowTables


def rejudged(predicate: Mapping[str, Any]) -> tuple[Judgement, ...]:
    """Return the judgements of the paths of a Statement's predicate."""
    rows = predicate["rows"]
    known = _knowledge(rows)
    (declared,) = msgspec.convert(rows["zones"], tuple[Zone, ...])
    lists = msgspec.convert(rows["jurisdictions"], tuple[Jurisdiction, ...])
    return tuple(
        judge(
            msgspec.convert(raw, Path),
            agent=predicate["agent"]["name"],
            zone=declared,
            knowledge=known,
            jurisdictions=lists,
            anycast=evidence(_several(row) for row in rows["anycast"] if row["path"] == raw["id"]),
        )
        for raw in predicate["paths"]
    )


def _several(row: Mapping[str, Any]) -> Several:
    seen = [{**one, "started_ns": wall_ns(one["started_at"])} for one in row["seen"]]
    return msgspec.convert({**row, "seen": seen}, Several)


def _knowledge(rows: Mapping[str, Any]) -> Knowledge:
    operators = tuple(_operator(operator, rows["names"]) for operator in rows["operators"])
    carriers = msgspec.convert(rows["carriers"], tuple[Carrier, ...])
    lans = msgspec.convert(rows["exchanges"], tuple[ExchangeLan, ...])
    return Knowledge(
        operators=operators,
        names=NameReader(operators),
        places={row["key"]: msgspec.convert(row, PlaceRow) for row in rows["places"]},
        networks=Networks(
            msgspec.convert(rows["special"], tuple[SpecialRange, ...]),
            msgspec.convert(rows["networks"], tuple[NetworkOverride, ...]),
            RowTables(rows["origins"], rows["registrants"]),
        ),
        carriers={asn: row for row in carriers for asn in row.asns},
        lans=Prefixes([(row.prefix, row) for row in lans]),
        table_sha256={},
    )


def _operator(operator: Mapping[str, Any], names: list[Mapping[str, Any]]) -> Operator:
    """Return an operator with a rule for each of its codes that was used."""
    own = [row for row in names if row["operator"] == operator["id"]]
    rules = [
        {
            **{key: row[key] for key in ("pattern", "remark", "caveat", "fabric")},
            "id": row["rule"],
            "codes": [{key: row[key] for key in CodeRow.__struct_fields__}],
        }
        for row in own
    ]
    return Operator(**operator, rules=msgspec.convert(rules, tuple[NameRule, ...]))
