"""Bytes: a judged path as the JSON object that `borne-collector explain --json` promises.

    {"id", "verdicts": [{"jurisdiction", "axis", "verdict",
                         "coverage": {"hops_responding", "hops_with_evidence", "hops_silent",
                                      "longest_silent_gap", "rtt_min_s", "samples", "speed"},
                         "countries": [...], "reasons": [...]}],
     "hops": [{"ttl", "address", "name",
               "territory": {"candidates": [{"name", "territory", "latitude", "longitude",
                                             "radius_km"}], "verdicts": {jurisdiction: word}},
               "administration": {"asn", "operator", "registrant", "group", "group_country",
                                  "verdicts": {jurisdiction: word}},
               "evidence": [{"kind", "source", "date", "says",
                             "proof": null, or {"jurisdiction", "word", "agent", "rtt_ns",
                                      "bound_ns", "distance_km", "uncertain_km", "allowed_km",
                                      "nearest": null, or [latitude, longitude]}}]}],
     "suppositions": [{"hypothesis", "jurisdiction", "kind", "ttl", "address", "flow", "says"}]}

Rules
- Other programs rely on these names: a field may be added, none changes its meaning or goes.
- What is not known is null, never absent. A hop that answered by its name alone (mtr without
  `-b`) has a name and no address; a silent one has neither.
- A supposition holds if its hypothesis does, and changes no verdict. Its kind is `outside`,
  `inside`, or `contained` (then `flow` is a number: that flow had no time to leave).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from collector.audit.redaction import is_token
from collector.facts.networks import parse
from collector.nearness import Supposed
from collector.records import Evidence, HopJudgement, Judgement, PathVerdict, Place


class _Territory(msgspec.Struct, frozen=True):
    candidates: tuple[Place, ...]
    verdicts: Mapping[str, str]


class _Administration(msgspec.Struct, frozen=True):
    asn: int | None
    operator: str | None
    registrant: str | None
    group: str | None
    group_country: str | None
    verdicts: Mapping[str, str]


class _Hop(msgspec.Struct, frozen=True):
    ttl: int
    address: str | None
    name: str | None
    territory: _Territory
    administration: _Administration
    evidence: tuple[Evidence | msgspec.Raw, ...]


class _Explanation(msgspec.Struct, frozen=True):
    id: str
    verdicts: tuple[PathVerdict, ...]
    hops: tuple[_Hop, ...]
    suppositions: Sequence[Supposed]


_ENCODER: Final = msgspec.json.Encoder()
_KEPT: Final = 1 << 11


def encode(judgement: Judgement, supposed: Sequence[Supposed] = ()) -> bytes:
    """Return the JSON object on one line, without its end; `supposed` stands beside it."""
    return _ENCODER.encode(
        _Explanation(
            id=judgement.id,
            verdicts=judgement.verdicts,
            hops=tuple([_hop(hop) for hop in judgement.hops]),
            suppositions=supposed,
        )
    )


def encode_hop(hop: HopJudgement) -> bytes:
    """Return the JSON object of one hop alone."""
    return _ENCODER.encode(_hop(hop))


def address(hop: HopJudgement) -> str | None:
    """Return the address of a hop, None where it kept silent or answered by its name alone.

    What stands for a redacted address stands in its place.
    """
    found = hop.address
    if found is None or hop.asn is not None:  # what an AS announces is an address
        return found
    return found if parse(found) is not None or is_token(found) else None


def _hop(hop: HopJudgement) -> _Hop:
    group, country = (hop.groups[0].name, hop.groups[0].country) if hop.groups else (None, None)
    held = _Administration(
        hop.asn, hop.operator, hop.registrant, group, country, hop.administration
    )
    place = _Territory(hop.candidates, hop.verdicts)
    said: tuple[Evidence | msgspec.Raw, ...] = (*hop.evidence, *_written(hop.holders))
    return _Hop(hop.ttl, address(hop), hop.name, place, held, said)


@lru_cache(_KEPT)
def _written(holders: tuple[Evidence, ...]) -> tuple[msgspec.Raw, ...]:
    """Return what is said of a holder as JSON; thousands of routers share it."""
    return tuple([msgspec.Raw(_ENCODER.encode(row)) for row in holders])
