"""Words: the JSON schemas of the collector's answers, as the OpenAPI document shows them.

Rules
- Every field of an answer is named here, is always there, and nothing else is: the tests hold the
  real answers against it. The one exception are the quantiles that a question asks for.
"""

from collections.abc import Mapping
from typing import Any, Final

from agent.records import Protocol, Stamp
from collector.records import Axis, Verdict

Schema = dict[str, Any]
"""JSON Schema, draft 2020-12."""

_TEXT: Final[Schema] = {"type": "string"}
_OPTIONAL_TEXT: Final[Schema] = {"type": ["string", "null"]}
_NUMBER: Final[Schema] = {"type": "number"}
_OPTIONAL_NUMBER: Final[Schema] = {"type": ["number", "null"]}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_FLAG: Final[Schema] = {"type": "boolean"}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_OPTIONAL_TIME: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
_FAMILY: Final[Schema] = {"type": "integer", "enum": [4, 6]}
_PROTOCOL: Final[Schema] = {"type": "string", "enum": [*Protocol]}
_VERDICT: Final[Schema] = {"$ref": "#/components/schemas/Verdict"}
_WORDS_OF_HOP: Final[Schema] = {
    "type": "object",
    "additionalProperties": {
        "type": "string",
        "enum": ["inside", "outside", "mixed", "unknown", "contradictory"],
    },
}
_NEXT: Final[Schema] = {
    **_OPTIONAL_TEXT,
    "description": "The cursor of the next page; null at the end.",
}


def _object(fields: Mapping[str, Schema], says: str = "") -> Schema:
    """Return the schema of an object that has these fields and no others."""
    found: Schema = {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields),
        "additionalProperties": False,
    }
    return {**found, "description": says} if says else found


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _named(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_QUANTILES: Final[Mapping[str, Schema]] = {
    **dict.fromkeys(("p50_s", "p90_s", "p99_s", "min_s", "max_s", "mean_s"), _OPTIONAL_NUMBER),
    "received": _COUNT,
    "lost": _COUNT,
    "loss_ratio": _OPTIONAL_NUMBER,
}
_SERIES: Final[Mapping[str, Schema]] = {
    **dict.fromkeys(("agent", "zone", "target"), _TEXT),
    "family": _FAMILY,
    "protocol": _PROTOCOL,
    "stamp": {"type": "string", "enum": [*Stamp]},
}
_SUBJECT: Final[Mapping[str, Schema]] = {
    "id": _TEXT,
    "agent": _TEXT,
    "target": _TEXT,
    "family": _FAMILY,
    "zone": _TEXT,
    "jurisdiction": _TEXT,
}
_EPISODE: Final[Mapping[str, Schema]] = {
    "first_seen": _TIME,
    "confirmed_at": _OPTIONAL_TIME,
    "ended_at": {**_OPTIONAL_TIME, "description": "Null while it goes on."},
    "rounds": _COUNT,
}
_WINDOW: Final = _object({"start": _TIME, **_QUANTILES}, "Seconds; null where nothing came back.")
_WINDOW["properties"]["quantiles"] = {
    "type": "object",
    "additionalProperties": _OPTIONAL_NUMBER,
    "description": "Those of `q`, by their names there; absent without `q`.",
}
_PLACE: Final = _object(
    {
        "name": _TEXT,
        "territory": _TEXT,
        "latitude": _NUMBER,
        "longitude": _NUMBER,
        "radius_km": _NUMBER,
    }
)
_COVERAGE: Final = _object(
    {
        "hops_responding": _COUNT,
        "hops_with_evidence": _COUNT,
        "hops_silent": _COUNT,
        "longest_silent_gap": _COUNT,
        "rtt_min_s": _OPTIONAL_NUMBER,
        "samples": _COUNT,
        "speed": {"type": "string", "const": "c"},
    }
)
_HOP: Final = _object(
    {
        "ttl": _COUNT,
        "address": _OPTIONAL_TEXT,
        "name": _OPTIONAL_TEXT,
        "rtt_min_ns": {"type": ["integer", "null"]},
        "excluded": _FLAG,
        "territory": _object({"candidates": _list(_PLACE), "verdicts": _WORDS_OF_HOP}),
        "administration": _object(
            {
                "asn": {"type": ["integer", "null"]},
                "operator": _OPTIONAL_TEXT,
                "registrant": _OPTIONAL_TEXT,
                "group": _OPTIONAL_TEXT,
                "group_country": _OPTIONAL_TEXT,
                "groups": _list(_object({"name": _TEXT, "country": _TEXT})),
                "verdicts": _WORDS_OF_HOP,
            }
        ),
        "flows": _list(_COUNT),
        "evidence": _list(_object(dict.fromkeys(("kind", "source", "date", "says"), _TEXT))),
    }
)

SCHEMAS: Final[Mapping[str, Schema]] = {
    "Error": {
        **_object({"error": _TEXT, "reason": _TEXT}, "What was refused, and what to do."),
        "additionalProperties": True,
    },
    "Verdict": {"type": "string", "enum": [*Verdict], "description": "Worst first."},
    "Zone": _object(
        {**dict.fromkeys(("agent", "provider", "region", "zone"), _TEXT), **_QUANTILES}
    ),
    "Zones": _object({"from": _TIME, "to": _TIME, "zones": _list(_named("Zone"))}),
    "Agent": _object(
        {
            **dict.fromkeys(("name", "city", "territory"), _TEXT),
            **dict.fromkeys(("latitude", "longitude", "radius_km"), _NUMBER),
            "last_batch_at": _OPTIONAL_TIME,
            "position": _TEXT,
            "by": _list(_TEXT),
        }
    ),
    "Agents": _object({"agents": _list(_named("Agent"))}),
    "Window": _WINDOW,
    "Series": _object({**_SERIES, "windows": _list(_named("Window"))}),
    "SeriesList": _object(
        {
            "from": _TIME,
            "to": _TIME,
            "step_s": _COUNT,
            "q": _list(_TEXT),
            "series": _list(_named("Series")),
        }
    ),
    "Worst": _object({**_SERIES, "p99_s": _NUMBER}, "The highest p99 of a minute, within 0.55 %."),
    "WorstList": _object({"from": _TIME, "to": _TIME, "worst": _list(_named("Worst"))}),
    "Hop": _HOP,
    "PathVerdict": _object(
        {
            "jurisdiction": _TEXT,
            "axis": {"type": "string", "enum": [*Axis]},
            "verdict": _VERDICT,
            "coverage": _COVERAGE,
            "countries": _list(_TEXT),
            "reasons": _list(_TEXT),
            "flow": _COUNT,
        }
    ),
    "Path": _object(
        {
            **dict.fromkeys(("id", "agent", "target"), _TEXT),
            "address": _OPTIONAL_TEXT,
            "zone": _TEXT,
            "family": _FAMILY,
            "protocol": _TEXT,
            "started_at": _TIME,
            **dict.fromkeys(("reached", "blind"), _FLAG),
            **dict.fromkeys(("flows", "unreached"), _list(_COUNT)),
            "countries": _list(_TEXT),
            "verdicts": _list(_named("PathVerdict")),
            "hops": _list(_named("Hop")),
        }
    ),
    "Paths": _object({"paths": _list(_named("Path")), "next": _NEXT}),
    "Crossing": _object(
        {
            **_SUBJECT,
            "verdict": _VERDICT,
            "wider": {"type": "object", "additionalProperties": _VERDICT},
            "countries": _list(_TEXT),
            **_EPISODE,
            "evidence": _OPTIONAL_TEXT,
        }
    ),
    "Crossings": _object({"crossings": _list(_named("Crossing")), "next": _NEXT}),
    "Finding": _object(
        {
            **_SUBJECT,
            "groups": _list(_object({"name": _TEXT, "country": _TEXT, "on_soil": _FLAG})),
            **_EPISODE,
            "reasons": _list(_TEXT),
            "path": _TEXT,
            "evidence": _OPTIONAL_TEXT,
        }
    ),
    "Findings": _object({"findings": _list(_named("Finding")), "next": _NEXT}),
    "Evidence": _object({"sha256": _TEXT, "of": {"enum": ["crossing", "finding"]}, **_SUBJECT}),
    "EvidenceList": _object({"evidence": _list(_named("Evidence")), "next": _NEXT}),
    "Statement": {
        "type": "object",
        "properties": {"_type": _TEXT, "subject": {"type": "array"}, "predicateType": _TEXT},
        "required": ["_type", "subject", "predicateType"],
        "description": "An in-toto Statement in canonical JSON (RFC 8785).",
    },
    "OpenApi": {"type": "object", "required": ["openapi", "info", "paths"]},
}
"""By the names that the document gives them."""
