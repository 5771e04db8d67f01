"""Bytes: what a confirmed crossing rests on, as an in-toto Statement in canonical JSON.

Layout (in-toto Attestation Framework, Statement v1; canonical JSON is RFC 8785)

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": [{"name": path id, "digest": {"sha256": of the path's canonical JSON}}, ...],
     "predicateType": "urn:borne:path-verdict:1", of a finding "urn:borne:holder-finding:1",
     "predicate": {
       "premise":    what everything below supposes,
       "crossing":   the episode, without the digest of this very Statement; where the
                     Statement is about a finding of administration it is called "finding",
       "policy":     which row of the settings spoke of the paths, and what it demanded,
       "agent":      name, id (hex), declared place,
       "paths":      the raw paths of the rounds, in the order of time; their origin and zone
                     are those that the collector's settings declare,
       "judgements": what was concluded of each,
       "suppositions": what would follow if all was terrestrial glass fibre, and does not,
       "rows":       every row of a table that took part: enough to judge the paths again,
       "tables":     SHA-256 of each whole table,
       "rules":      the name of the rule set,
       "versions":   the software,
       "limits":     what this evidence cannot tell,
       "digests":    SHA-256 of the canonical JSON of each other member of the predicate, so that
                     a changed octet is found even where nothing follows from it}}

Rules
- Same input, same octets: no clock is read, every list has a fixed order.
- Canonical JSON refuses integers of 2^53 and more, NaN and infinities, and writes a whole float
  as an integer. Wall times become RFC 3339 text and end in `_at` instead of `_ns`
  (`started_at`); any other number beyond 2^53 and what is no number becomes its text.
- Statements of earlier software have neither policy nor suppositions: then neither stands here.
- It shows consistency, not origin: nobody signed it. The agent's token digest is left out.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from itertools import starmap
from typing import Any, Final

import msgspec

from agent.records import Origin
from collector.audit import canonical
from collector.facts.knowledge import Knowledge
from collector.facts.names import Reading
from collector.facts.operators import Operator
from collector.facts.regions import written
from collector.facts.soil import Soil
from collector.judgement.control import HolderFinding
from collector.nearness import Supposed
from collector.positions import REFUTED, UNTESTED
from collector.records import RULES, Crossing, PathRecord, Vantage, Zone
from collector.settings.policy import Ruling
from collector.wall import wall_text

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:borne:path-verdict:1"
FINDING_TYPE: Final = "urn:borne:holder-finding:1"

LIMITS: Final = (
    "The forward path alone was seen; the way back may differ.",
    "Tunnels (MPLS without TTL propagation, VPN, layer 2) can hide hops and countries.",
    "What does not answer is not seen: silence is neither inside nor outside.",
    "Names are claims of whoever holds the address, even where they resolve back to it.",
    "Replies, their times and whether a name resolves back are the agent's word.",
    "Links are numbered from either end: who announces an address may be the router's neighbour.",
    "Transit of packets is shown, not access to them and no transfer of data.",
    "A proof holds if agents stand where they are declared, and no other device answered.",
    "Nobody signed this Statement: it shows consistency, not origin.",
)

_VERSION: Final = version("borne")
_LARGEST_INTEGER: Final = 2**53 - 1
_WALL_TIMES: Final = frozenset(
    {"started_ns", "first_seen_ns", "confirmed_ns", "ended_ns", "sent_ns"}
)


def statement(
    episode: Crossing | HolderFinding,
    records: Sequence[PathRecord],
    vantage: Vantage,
    knowledge: Knowledge,
    *,
    zone: Zone | None = None,
    policy: Ruling | None = None,
    supposed: Mapping[str, Sequence[Supposed]] | None = None,
) -> bytes:
    """Return the canonical JSON of the Statement for a crossing or a finding.

    `records` are the rounds that confirmed it, `zone` is the declared zone of the target, None
    where it belongs to none, `supposed` what is supposed of each path, by its id. Store the octets
    under `digest` of them before showing the crossing.
    """
    rounds = sorted(records, key=lambda record: (record.judgement.started_ns, record.path.id))
    crossing = isinstance(episode, Crossing)
    predicate: dict[str, Any] = {
        "premise": _premise(vantage, rounds),
        "crossing" if crossing else "finding": _episode(episode),
        **({} if policy is None else {"policy": _row(policy)}),
        "agent": {
            "name": vantage.name,
            "id": vantage.agent_id.hex(),
            "place": _row(vantage.place),
        },
        "judgements": [_row(record.judgement) for record in rounds],
        **({} if supposed is None else {"suppositions": _suppositions(supposed)}),
        "rows": rows_of(rounds, knowledge, zone),
        "tables": knowledge.digests(),
        "rules": RULES,
        "versions": {"borne": _VERSION},
        "limits": list(LIMITS),
    }
    return _written(PREDICATE_TYPE if crossing else FINDING_TYPE, rounds, predicate)


def _written(kind: str, rounds: Sequence[PathRecord], others: Mapping[str, object]) -> bytes:
    """Return the Statement's octets: raw paths and `others`, each member written once, digested."""
    paths = [canonical.dumps(_row(record.path)) for record in rounds]
    subject = [
        {"name": record.path.id, "digest": {"sha256": digest(path)}}
        for record, path in zip(rounds, paths, strict=True)
    ]
    members = {name: canonical.dumps(member) for name, member in others.items()}
    members["paths"] = b"[%s]" % b",".join(paths)
    members["digests"] = canonical.dumps({name: digest(own) for name, own in members.items()})
    return canonical.joined(
        {
            "_type": canonical.dumps(STATEMENT_TYPE),
            "subject": canonical.dumps(subject),
            "predicateType": canonical.dumps(kind),
            "predicate": canonical.joined(members),
        }
    )


def digest(octets: bytes) -> str:
    """Return the SHA-256 of `octets` as hex digits."""
    return hashlib.sha256(octets).hexdigest()


def _premise(vantage: Vantage, rounds: Sequence[PathRecord]) -> str:
    """Return the sentence that every distance of the evidence hangs on."""
    own = {record.path.origin for record in rounds if record.path.origin is not None}
    near = [row for record in rounds for row in record.landmarks]
    witnesses = {row.agent: {one.origin for one in near if one.agent == row.agent} for row in near}
    says = {row.agent: row.says for record in rounds for row in record.standings}
    own |= witnesses.pop(vantage.name, set())  # an agent may be its own witness
    stands = [*([(vantage.name, own)] if own else []), *sorted(witnesses.items())]
    refuted = [name for name, _ in stands if says.get(name, UNTESTED).startswith(REFUTED)]
    told = [_stated(name, at, says) for name, at in stands if name not in refuted]
    without = [
        f"agent {name} is not where it is declared ({says[name]}): no distance of it was used"
        for name in dict.fromkeys(refuted)
    ]
    if told:
        return "; ".join([f"if {', and '.join(told)}", *without])
    if without:
        return "; ".join(without)
    return f"agent {vantage.name} declared no position with these paths: no distance was used"


def _stated(agent: str, origins: Iterable[Origin], says: Mapping[str, str]) -> str:
    """Return where an agent must be, and what others said of that in the last round."""
    standing = says.get(agent, UNTESTED)
    where = " or ".join(
        sorted(
            f"{origin.latitude}, {origin.longitude} (within {origin.radius_km} km; {standing})"
            for origin in origins
        )
    )
    return f"agent {agent} is at {where}"


def _episode(episode: Crossing | HolderFinding) -> dict[str, Any]:
    """Return the episode without the digest of the Statement that it is part of."""
    return {key: value for key, value in _row(episode).items() if key != "evidence"}


def _suppositions(supposed: Mapping[str, Sequence[Supposed]]) -> list[Any]:
    """Return what is supposed of the paths, each with the id of its path."""
    return _ordered({"path": path, **_row(row)} for path, rows in supposed.items() for row in rows)


def rows_of(
    rounds: Sequence[PathRecord], knowledge: Knowledge, zone: Zone | None
) -> dict[str, list[Any]]:
    """Return every row of a table that took part in the judgements, each table in order."""
    replies = [reply for record in rounds for hop in record.path.hops for reply in hop.replies]
    names = {reply.name for reply in replies if reply.name is not None}
    addresses = {reply.address for reply in replies if reply.address is not None}
    readings = [reading for name in names for reading in knowledge.names.read(name)]
    judged = {row.jurisdiction for record in rounds for row in record.judgement.verdicts}
    operators = [knowledge.names.operator(name) for name in names]
    networks = knowledge.networks
    origins = [networks.origin(address) for address in addresses]
    lans = [knowledge.exchange(address) for address in addresses]
    keys = {reading.row.place for reading in readings} | {lan.place for lan in lans if lan}
    asns = {row.asn for row in origins if row is not None}
    asns.update(asn for row in operators if row is not None for asn in row.asns)
    return {
        "operators": _ordered(_operator_row(row) for row in operators if row is not None),
        "names": _ordered(_name_row(reading) for reading in readings),
        "places": _ordered(_row(knowledge.places[key]) for key in keys if key is not None),
        "networks": _ordered(_row(networks.holder(address)) for address in addresses),
        "special": _ordered(_row(networks.special(address)) for address in addresses),
        "origins": _ordered(map(_row, origins)),
        "registrants": _ordered(_row(networks.registrant(address)) for address in addresses),
        "carriers": _ordered(_row(knowledge.carriers.get(asn)) for asn in asns),
        "exchanges": _ordered(map(_row, lans)),
        "clouds": _ordered(_row(knowledge.cloud(address)) for address in addresses),
        "imports": _ordered(_row(row) for one in addresses for row in knowledge.imported(one)),
        "owners": _ordered(
            _row(found)
            for row in origins
            if row is not None
            for found in knowledge.imports.owners(row.asn)
        ),
        "known_anycast": _ordered(_row(knowledge.anycast_range(address)) for address in addresses),
        "anycast": _ordered(
            {"path": record.path.id, **_row(row)} for record in rounds for row in record.several
        ),
        "landmarks": _ordered(
            {"path": record.path.id, **_row(row)} for record in rounds for row in record.landmarks
        ),
        "standings": _ordered(
            {"path": record.path.id, **_row(row)} for record in rounds for row in record.standings
        ),
        "soil": _ordered([_soil_row(knowledge.soil)]),
        "zones": _ordered([_row(zone)]),
        "jurisdictions": [written(row) for row in knowledge.jurisdictions if row.name in judged],
    }


def _soil_row(soil: Soil | None) -> dict[str, Any]:
    """Return what the table of borders is, which holds no rows; nothing for none."""
    names = ("source", "date", "licence", "sha256")
    return {} if soil is None else {name: getattr(soil.header, name) for name in names}


def _operator_row(operator: Operator) -> dict[str, Any]:
    """Return an operator without its rules: whose domain a name stands in."""
    return {
        "id": operator.id,
        "name": operator.name,
        "domains": list(operator.domains),
        "asns": list(operator.asns),
        "shared": operator.shared,
    }


def _name_row(reading: Reading) -> dict[str, Any]:
    """Return the row of a code together with its rule, which holds under its operator's domains."""
    return {
        "operator": reading.operator.id,
        "rule": reading.rule.id,
        "pattern": reading.rule.pattern,
        "remark": reading.rule.remark,
        "caveat": reading.rule.caveat,
        "fabric": reading.rule.fabric,
        **_row(reading.row),
    }


def _row(row: msgspec.Struct | None) -> dict[str, Any]:
    """Return a row as JSON has it; nothing for no row."""
    plain: dict[str, Any] = {} if row is None else _plain(msgspec.to_builtins(row))
    return plain


def _ordered(rows: Iterable[dict[str, Any]]) -> list[Any]:
    """Return the rows in the order of their canonical JSON, each once, without empty ones."""
    by_octets = {canonical.dumps(row): row for row in rows if row}
    return [by_octets[octets] for octets in sorted(by_octets)]


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return `value` with wall times as text, and nothing that canonical JSON refuses."""
    kind = type(value)
    if kind is dict:
        plain = {
            key: member if type(member) in canonical.PLAIN else _plain(member)
            for key, member in value.items()
        }
        return plain if _WALL_TIMES.isdisjoint(plain) else dict(starmap(_dated, plain.items()))
    if kind is list or kind is tuple:
        return [_plain(member) for member in value]
    if kind in canonical.PLAIN or abs(value) <= _LARGEST_INTEGER:
        return value
    return str(value)  # NaN is neither


def _dated(key: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401 - any JSON value
    """Return a member, a wall time as text; too large for a number it is digits by now."""
    if key not in _WALL_TIMES:
        return key, value
    return key.removesuffix("ns") + "at", None if value is None else wall_text(int(value))
