"""Judges the paths of a Statement again, with nothing but the rows that it holds."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as File
from typing import Any

import msgspec

from agent.records import Path
from collector.audit import stated
from collector.audit.restatement import restate, world
from collector.facts import knowledge
from collector.facts.carriers import Carrier
from collector.facts.exchanges import ExchangeLan
from collector.facts.knowledge import Knowledge
from collector.facts.names import NameReader
from collector.facts.networks import Networks, Prefixes, SpecialRange
from collector.facts.operators import CodeRow, NameRule, Operator
from collector.facts.places import PlaceRow
from collector.judgement.anycast import evidence
from collector.judgement.borders import judge
from collector.nearness import Several
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


def real() -> bytes:
    """Return a Statement over the paths of a demo that was played once, by the present tables.

    Origins and registrants are those that the demo saw; no compiled table is named.
    """
    kept = File(__file__).parents[1] / "collector" / "kept" / "statement-rules-2.json"
    inputs = stated.read(json.loads(kept.read_bytes())["predicate"])
    present = world(inputs, knowledge.load(), inputs.ranges)
    return restate(replace(inputs, knowledge=present)).statement
