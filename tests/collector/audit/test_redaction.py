"""What is private is in no output, and no verdict depends on that."""

import json
import re
import sys
from pathlib import Path as File
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.records import Origin
from collector.audit import stated
from collector.audit.redaction import Redactor, is_token
from collector.cli import main
from collector.commands import explanation
from collector.facts import atlas, importing, knowledge
from collector.facts.networks import parse
from collector.facts.regions import BY_NAME
from collector.facts.soil import Soil
from collector.judgement import borders
from tests.collector.audit.test_evidence_rows import PREDICATE
from tests.fakes.paths import PARIS, corpus_folder, path, reply, zone

KNOWN = knowledge.load()
FRANKFURT = "ae300-0.ffttr6.frankfurt.opentransit.net"
HOME = path(
    [reply("192.168.1.254", "box.home.example", rtt_ms=0.4)],
    [reply("100.64.0.9"), reply("fd00::9"), reply("fe80::1%eth0")],
    [reply("192.168.1.25"), reply("193.251.241.22", FRANKFURT, rtt_ms=1.0)],
    [reply("51.15.0.1", rtt_ms=25.0)],
)
PUBLIC_GATEWAY = path([reply("193.251.241.22", FRANKFURT)], [reply("51.15.0.1")])
FAR = Origin(latitude=-33.86785, longitude=151.20732, radius_km=5.0)


def redactor(salt: bytes = b"salt") -> Redactor:
    """Return one with the tables of this release."""
    return Redactor(salt, KNOWN.networks)


def explained(one: Any, by: Redactor | None) -> dict[str, Any]:  # noqa: ANN401 - a Path
    """Explain a path as the command does."""
    judged = borders.judge(
        one, agent="", zone=None, knowledge=KNOWN, jurisdictions=list(BY_NAME.values())
    )
    if by is not None:
        _, judged = by.shown(one, judged)
    found: dict[str, Any] = json.loads(explanation.encode(judged))
    return found


def decided(found: dict[str, Any]) -> object:
    """Return everything of an explanation but its texts."""
    verdicts = [{**row, "reasons": len(row["reasons"])} for row in found["verdicts"]]
    hops = [
        (hop["ttl"], hop["territory"], hop["administration"], [e["kind"] for e in hop["evidence"]])
        for hop in found["hops"]
    ]
    return verdicts, hops


@pytest.mark.parametrize("one", [HOME, PUBLIC_GATEWAY])
def test_verdicts_stay_the_same(one: Any) -> None:  # noqa: ANN401 - a Path
    """Every value that is no text is what it was."""
    assert decided(explained(one, None)) == decided(explained(one, redactor()))


def test_private_addresses_and_their_names_are_gone() -> None:
    """Home, carrier-grade, unique local and link-local addresses, and the gateway's name."""
    text = json.dumps(explained(HOME, redactor()))
    for word in ("192.168.1.254", "192.168.1.25", "100.64.0.9", "fd00::9", "fe80::1", "box.home"):
        assert word not in text
    assert "193.251.241.22" in text
    assert FRANKFURT in text


def test_a_public_gateway_is_gone_with_its_name() -> None:
    """Who answers at TTL 1 shows where the agent is connected; the target is another matter."""
    text = json.dumps(explained(PUBLIC_GATEWAY, redactor()))
    assert "193.251.241.22" not in text
    assert FRANKFURT not in text
    alone = explained(path([reply("51.15.0.1")]), redactor())
    assert "51.15.0.1" == alone["hops"][0]["address"]


def test_a_gateway_that_answers_farther_on_is_gone_with_each_of_its_names() -> None:
    """Its name may be looked up at another TTL, or differ there."""
    first, again = reply("193.251.241.22"), reply("193.251.241.22", name=FRANKFURT)
    text = json.dumps(explained(path([first], [again], [reply("51.15.0.1")]), redactor()))
    assert FRANKFURT not in text
    assert "193.251.241.22" not in text


def test_what_goes_by_its_name_alone_is_gone() -> None:
    """An address that the file does not tell may be a private one, of a target and of a hop."""
    hub = reply("core.corp.example", name="core.corp.example")
    one = msgspec.structs.replace(
        path([reply("193.251.241.22")], [hub]), address=None, target="db.corp.example"
    )
    by = redactor()
    text = json.dumps(explained(one, by))
    shown, _ = by.shown(
        one, borders.judge(one, agent="", zone=None, knowledge=KNOWN, jurisdictions=())
    )
    assert "core.corp.example" not in text
    assert (shown.target or "").startswith("name-")
    home = msgspec.structs.replace(one, target="192.168.1.7")
    assert by.is_special(home.target)
    by.learn_path(home)
    assert "192.168.1.7" not in by.text("192.168.1.7")


def test_the_range_that_holds_a_public_gateway_is_gone() -> None:
    """A table's range may be as narrow as one customer's network."""
    tables = json.loads(
        (File(__file__).parents[1] / "kept" / "statement-rules-2.json").read_bytes()
    )
    row = tables["predicate"]["rows"]["origins"][0]
    inputs = stated.read(tables["predicate"])
    by = Redactor(b"salt", inputs.knowledge.networks)
    by.learn_path(path([reply(row["first"])], [reply("51.15.0.1")]))
    assert row["first"] not in by.text(f"{row['first']} to {row['last']} (read)")
    assert row["last"] not in by.text(f"{row['first']} to {row['last']} (read)")


def test_the_same_word_has_the_same_hash_within_a_run() -> None:
    """Also in two paths; with another salt it has another."""
    by = redactor()
    one, two = (explained(HOME, by)["hops"][0]["address"] for _ in range(2))
    assert one == two
    assert is_token(one)
    assert one != explained(HOME, redactor(b"pepper"))["hops"][0]["address"]
    assert not is_token("192.168.1.1")


def test_no_distance_and_no_position_is_left() -> None:
    """Three distances to known cities would give the position away."""
    refuted = msgspec.structs.replace(HOME, origin=FAR)
    plain = json.dumps(explained(refuted, None))
    assert re.search(r"\d km away at least", plain)
    text = json.dumps(explained(refuted, redactor()))
    assert "too far away" in text
    assert re.search(r"\d km (away|apart)", text) is None
    shown, _ = redactor().shown(
        refuted,
        borders.judge(refuted, agent="", zone=None, knowledge=KNOWN, jurisdictions=()),
    )
    assert shown.origin == Origin(latitude=-34, longitude=151, radius_km=117)
    assert (shown.id, shown.tool) != (refuted.id, refuted.tool)


def test_no_number_of_a_proof_is_left() -> None:
    """Nearest soil and the way to it are as good as a position; the word stays."""
    known = knowledge.load(soil=Soil.open(atlas.BESIDE))
    near = path([reply("193.251.241.22", rtt_ms=0.4)], [reply("51.15.0.1", rtt_ms=0.8)])
    judged = borders.judge(
        near, agent="", zone=zone(PARIS), knowledge=known, jurisdictions=list(BY_NAME.values())
    )
    _, shown = redactor().shown(near, judged)
    plain, text = (json.dumps(msgspec.to_builtins(one)) for one in (judged, shown))
    assert [row.verdict for row in judged.verdicts] == [row.verdict for row in shown.verdicts]
    for word in ("48.8534, 2.3488", "nearer than", "back are", "uncertain_km"):
        assert (word in plain, word in text) == (True, False), word
    assert "about 49, 2 (within" in text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("192.168.1.254", False),
        ("hop 1 (192.168.1.254) is", False),
        ("192.168.1.254, 3 ms", False),
        ("Ends with 192.168.1.254.", False),
        ("192.168.1.254/32 by a geofeed", False),
        ("192.168.1.254/index", True),
        ("192.168.1.2540", True),
        ("1192.168.1.254", True),
        ("192.168.1.254.example", True),
    ],
)
def test_whole_words_alone_are_replaced(text: str, kept: bool) -> None:
    """Part of a longer number or name is another word."""
    by = redactor()
    by.learn_path(HOME)
    assert kept == ("192.168.1.254" in by.text(text))


@given(st.text(max_size=20), st.text(min_size=1, max_size=5))
def test_no_text_makes_it_fail(text: str, word: str) -> None:
    """Words of a pattern's own language are words."""
    by = redactor()
    by.learn("agent", [word, None, ""])
    by.text(text)
    if word.isalnum():
        assert by.token("agent", word) == by.text(word)


def _run(files: list[str], capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["explain", *files, *options]) == 0
    return capsys.readouterr().out


def test_the_command(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    """Table and JSON hide the same; what is unreadable is not quoted."""
    file = tmp_path / "path.json"
    file.write_bytes(msgspec.json.encode(HOME))
    for options in (["--redact"], ["--redact", "--json"]):
        out = _run([str(file)], capsys, *options)
        assert "address-" in out
        assert re.search(r"192\.168\.1\.|100\.64\.0\.9|fd00::9|48\.85|box\.home", out) is None
    assert "48.85" in _run([str(file)], capsys)
    bad = {"format": "borne-path/1", "id": "secret-agent"}
    file.write_text(json.dumps(bad))
    assert main(["explain", str(file), "--redact"]) == 2
    assert "is unreadable; --redact hides how" in capsys.readouterr().err


def test_the_corpus_is_judged_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    """Over every real path; no special address and no gateway is left in the JSON."""
    folder = corpus_folder()
    if folder is None:
        sys.stdout.write("\nno corpus of real paths (BORNE_CORPUS): written ones alone redacted\n")
        return
    files = sorted(map(str, (folder / "paths").glob("*.json")))
    plain = [json.loads(line) for line in _run(files, capsys, "--json").splitlines()]
    hidden = [json.loads(line) for line in _run(files, capsys, "--json", "--redact").splitlines()]
    assert list(map(decided, plain)) == list(map(decided, hidden))
    left = [hop for row in hidden for hop in row["hops"] if parse(hop["address"] or "")]
    assert [] == [hop for hop in left if KNOWN.networks.special(hop["address"]) or hop["ttl"] == 1]
    assert any(is_token(hop["address"] or "") for row in hidden for hop in row["hops"])


def test_the_names_of_witnesses_are_hidden() -> None:
    """An agent is an agent, whether it traced or pinged a hop for another."""
    by = redactor()
    by.learn_stated(stated.read(PREDICATE))
    assert by.text("fra-1").startswith("agent-")
    assert "fra-1" not in by.text(PREDICATE["premise"])


def test_where_a_file_puts_a_hidden_hop_is_hidden(tmp_path: File) -> None:
    """A geofeed tells the city of a gateway; of a hop that is shown it stays."""
    feed = tmp_path / "feed.csv"
    feed.write_text("193.251.241.0/24,FR,,Rennes,\n51.15.0.0/24,FR,,Vitry,\n", encoding="utf-8")
    files = importing.open_all([importing.by_hand(feed)])
    judged = borders.judge(
        PUBLIC_GATEWAY,
        agent="",
        zone=None,
        knowledge=knowledge.load(imports=files),
        jurisdictions=list(BY_NAME.values()),
    )
    _, shown = redactor().shown(PUBLIC_GATEWAY, judged)
    text = explanation.encode(shown).decode()
    assert (False, True) == ("Rennes" in text, "Vitry" in text)
