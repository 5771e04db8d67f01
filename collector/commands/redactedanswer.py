"""Bytes: an answer of the API without agents' names and private addresses, for `query --redact`.

Rules
- Agents are whoever an answer calls so (`agent`); addresses are hidden as in `redaction`: those of
  special ranges, and who answers at TTL 1, with their names.
- Ids of crossings, findings and paths are hashed: they can be computed from an agent's name. So is
  the cursor of a next page, which holds one: no answer has it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from collector.audit.redaction import Kind, Redactor

_IDS: Final[Mapping[str, Mapping[str, Kind]]] = {
    "paths": {"id": "path"},
    "crossings": {"id": "crossing"},
    "findings": {"id": "crossing", "path": "path"},
}
_TARGETS: Final = ("target", "address")


def redacted(question: str, answer: Mapping[str, Any], by: Redactor) -> dict[str, Any]:
    """Return an answer as it may be shown; numbers, verdicts and times stay."""
    for row in _objects(answer):
        _learn(row, by)
    for row in _objects(answer):
        _learn_name(row, by)
    ids = _IDS.get(question, {})
    rows = [
        {key: _shown(key, one, ids, by) for key, one in row.items()}
        for row in answer.get(question, ())
    ]
    plain = {key: one for key, one in answer.items() if key not in {question, "next"}}
    end = {"next": None} if "next" in answer else {}
    return {**by.value(plain), question: rows, **end}


def _shown(key: str, value: Any, ids: Mapping[str, Kind], by: Redactor) -> Any:  # noqa: ANN401 - JSON
    return by.token(ids[key], str(value)) if key in ids else by.value(value)


def _objects(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _objects(one)


def _learn(row: Mapping[str, Any], by: Redactor) -> None:
    """Let the redactor know what one object says of agents and their side."""
    if isinstance(row.get("agent"), str):
        by.learn("agent", [row["agent"]])
    for text in map(row.get, _TARGETS):
        if isinstance(text, str) and (by.is_special(text) or row.get("ttl") == 1):
            words = (text, row.get("name"), row.get("target"))
            by.hide(word for word in words if isinstance(word, str))
    by.learn_gateways(text for text in row.get("reasons", ()) if isinstance(text, str))


def _learn_name(row: Mapping[str, Any], by: Redactor) -> None:
    """Hide the name of a hidden address, at whatever TTL it stands."""
    address, name = row.get("address"), row.get("name")
    if isinstance(address, str) and isinstance(name, str) and by.text(address) != address:
        by.hide([name])
