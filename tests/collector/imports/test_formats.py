"""Formats are recognised by content, and nothing that JSON can hold raises."""

import json

import pytest

from tests.fakes import imports
from tests.fakes.imports import ABROAD, PARIS, TARGET, atlas, node, tracelb

KINDS = (
    ABROAD,
    atlas({"hop": 1, "result": [{"from": PARIS, "rtt": 1.5}]}),
    json.loads(imports.real("mtr-both.json")),
    tracelb(node(PARIS, [{"addr": TARGET, "probes": [{"ttl": 2, "replies": [{"rtt": 1}]}]}])),
)


def test_all_formats_in_one_array() -> None:
    """One array may mix programs; each path is read by its own."""
    tools = [path.tool for path in imports.paths(list(KINDS))]
    assert ["traceroute", "RIPE Atlas probe 1000318", "mtr", "scamper udp-sport"] == tools


def test_all_formats_a_line_each() -> None:
    """So may NDJSON."""
    octets = b"\n".join(json.dumps(kind).encode() for kind in KINDS)
    assert len(KINDS) == len(imports.paths(octets))


def test_one_bad_path_among_many() -> None:
    """The good ones are read, the bad one is named by its place."""
    found = imports.both([KINDS[0], {"format": "borne-path/1"}, KINDS[1]])
    assert ["Path", "Unreadable", "Path"] == [type(row).__name__ for row in found]
    assert [
        (
            "item 2",
            (
                "is a borne-path/1, but wrong: Object missing required field `hops`; "
                "repair or remove it"
            ),
        )
    ] == imports.reasons([KINDS[0], {"format": "borne-path/1"}, KINDS[1]])


def test_a_path_without_an_id_goes_by_its_place() -> None:
    """Every path has an id."""
    nameless = {**ABROAD, "id": ""}
    assert ["item 1", "item 2"] == [path.id for path in imports.paths([nameless, nameless])]
    assert ["path"] == [path.id for path in imports.paths(nameless)]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (7, "is a number or truth value, no object; give paths"),
        ("x", "is a text, no object; give paths"),
        (None, "is null, no object; give paths"),
        (
            {"b": 1, "a": 2},
            (
                "is no path that Borne knows (it has a, b); "
                "give borne-path/1, RIPE Atlas, scamper or mtr JSON"
            ),
        ),
        (
            {"format": "borne-path/2"},
            (
                "is no path that Borne knows (it has format); "
                "give borne-path/1, RIPE Atlas, scamper or mtr JSON"
            ),
        ),
        (
            {},
            (
                "is no path that Borne knows (it has nothing); "
                "give borne-path/1, RIPE Atlas, scamper or mtr JSON"
            ),
        ),
    ],
)
def test_what_is_no_path_is_refused_in_words(value: object, why: str) -> None:
    """What was found and what to give."""
    assert [("", why)] == imports.reasons(value)
    assert [("item 1", "is an array in an array, no object; give paths")] == imports.reasons([[]])
