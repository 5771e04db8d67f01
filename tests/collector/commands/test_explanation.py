"""The JSON object of an explained path: exactly the names that other programs rely on."""

import json
from typing import Any

import msgspec

from collector.commands import explanation
from collector.facts import knowledge
from collector.facts.regions import JURISDICTIONS
from collector.judgement.borders import judge
from collector.nearness import Supposed
from tests.fakes import imports
from tests.fakes.imports import ABROAD, FRANKFURT, borne

KNOWLEDGE = knowledge.load()


def explained(document: object) -> dict[str, Any]:
    """Return the object of the one path of a document."""
    (path,) = imports.paths(document)
    judgement = judge(
        path, agent="", zone=None, knowledge=KNOWLEDGE, jurisdictions=JURISDICTIONS[:1]
    )
    line = explanation.encode(judgement)
    assert b"\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_the_names_of_the_contract() -> None:
    """Every name stands where the contract puts it, in its order."""
    found = explained(ABROAD)
    assert ["id", "verdicts", "hops", "suppositions"] == list(found)
    assert ["jurisdiction", "axis", "verdict", "coverage", "countries", "reasons", "flow"] == list(
        found["verdicts"][0]
    )
    assert [
        "hops_responding",
        "hops_with_evidence",
        "hops_silent",
        "longest_silent_gap",
        "rtt_min_s",
        "samples",
        "speed",
    ] == list(found["verdicts"][0]["coverage"])
    hop = found["hops"][1]
    assert ["ttl", "address", "name", "territory", "administration", "evidence"] == list(hop)
    assert ["candidates", "verdicts"] == list(hop["territory"])
    assert ["asn", "operator", "registrant", "group", "group_country", "verdicts"] == list(
        hop["administration"]
    )
    assert ["kind", "source", "date", "says", "proof"] == list(hop["evidence"][0])


def test_a_path_abroad() -> None:
    """The verdict, its countries and the hop abroad say what was judged."""
    found = explained(ABROAD)
    verdict = found["verdicts"][0]
    assert ("FX", "territory", "SUPPORTED_OUTSIDE", ["FR", "DE"], "c") == (
        verdict["jurisdiction"],
        verdict["axis"],
        verdict["verdict"],
        verdict["countries"],
        verdict["coverage"]["speed"],
    )
    hop = found["hops"][1]
    assert (2, FRANKFURT, {"FX": "outside"}, "DE") == (
        hop["ttl"],
        hop["address"],
        hop["territory"]["verdicts"],
        hop["territory"]["candidates"][0]["territory"],
    )


def test_a_supposition_stands_beside_the_verdicts() -> None:
    """With its hypothesis; nothing else of the object is another."""
    (path,) = imports.paths(ABROAD)
    judgement = judge(
        path, agent="", zone=None, knowledge=KNOWLEDGE, jurisdictions=JURISDICTIONS[:1]
    )
    row = Supposed(
        hypothesis="terrestrial glass fibre",
        jurisdiction="FX",
        kind="outside",
        ttl=2,
        address=FRANKFURT,
        flow=None,
        says="light would not come back",
    )
    found = json.loads(explanation.encode(judgement, (row,)))
    assert [msgspec.to_builtins(row)] == found.pop("suppositions")
    plain = json.loads(explanation.encode(judgement))
    assert [] == plain.pop("suppositions")
    assert plain == found


def test_evidence_of_both_axes_stands_together() -> None:
    """What speaks of the place comes first, then what speaks of who holds the hop."""
    kinds = [row["kind"] for row in explained(ABROAD)["hops"][1]["evidence"]]
    assert ["name", "carrier"] == kinds


def test_silent_hops_are_null() -> None:
    """A hop without an answer has neither address nor name, and nothing said of it."""
    silent = explained(borne([{"lost": True}]))["hops"][0]
    assert {
        "ttl": 1,
        "address": None,
        "name": None,
        "territory": {"candidates": [], "verdicts": {}},
        "administration": {
            **dict.fromkeys(("asn", "operator", "registrant", "group", "group_country")),
            "verdicts": {},
        },
        "evidence": [],
    } == silent


def test_a_hop_known_by_name_alone() -> None:
    """It answered: it is no silent hop, has its name, and no address."""
    found = explained(imports.real("mtr-names.json"))
    hop = found["hops"][0]
    assert (None, "r1.example.net", {"FX": "unknown"}) == (
        hop["address"],
        hop["name"],
        hop["territory"]["verdicts"],
    )
    assert found["verdicts"][0]["coverage"]["hops_silent"] == 0
