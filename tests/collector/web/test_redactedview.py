"""With `[web] redact` no output names an agent or a private address, and no verdict is another."""

import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path as File
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from agent.records import Hop, PathReply, Stamp
from collector.audit.verification import verify
from collector.chain import Chain
from collector.errors import RefusedError
from collector.facts import atlas, knowledge
from collector.gate.callers import NOBODY
from collector.records import SeriesQuery
from collector.settings.config import Config
from collector.settings.policy import Demands, PolicyRow
from collector.web import handlers
from collector.web.questions import QUESTIONS
from collector.web.redactedview import RedactedIntake, RedactedReader, Veil, shown
from tests.collector.audit.test_statements import FOREIGN
from tests.fakes import soil_tables
from tests.fakes.collector_durable import (
    MS_NS,
    NOW_NS,
    S_NS,
    ZONE,
    StoppedClock,
    batch,
    path,
    send,
    until,
)
from tests.fakes.collector_durable import config as plain_config
from tests.fakes.collector_ports import FakeIntake

NAMES = ("secret-hq", "secret-lab", "secret-lyon")
OWN, HOME, BOX = "51.15.0.99", "192.168.77.1", "box.hq.example"
INNER, INNER_NAME = "192.168.77.9", "db.hq.example"
SECRETS = (*NAMES, OWN, HOME, BOX, INNER, INNER_NAME, "48.8534")
GATEWAY = PathReply(address=HOME, name=BOX, rtt_ns=MS_NS, stamp=Stamp.KERNEL)


def settings(directory: File, *, redact: bool) -> Config:
    """Return settings whose agents have secrets: names, places, addresses."""
    plain = plain_config(directory)
    agents = [
        msgspec.structs.replace(agent, name=name, addresses=(OWN,) if number == 1 else ())
        for number, (agent, name) in enumerate(zip(plain.agents, NAMES, strict=True))
    ]
    zone = msgspec.structs.replace(ZONE, targets=(*ZONE.targets, OWN))
    row = PolicyRow(agent=NAMES[0], demands=Demands(("FX",), ("FX",)))
    return msgspec.structs.replace(
        plain,
        agents=tuple(agents),
        zones=(zone,),
        networks=(FOREIGN,),
        policy=(row,),
        redact=redact,
    )


def ways(at_ns: int) -> list[Any]:
    """Return paths from behind the gateway: to a target, another agent's host, a private one."""
    found = []
    ends = {"marseille": "51.15.0.1", OWN: OWN, INNER_NAME: INNER}
    for number, (target, address) in enumerate(ends.items()):
        way = path(at_ns + number, abroad=True)
        first, last = way.hops
        end = msgspec.structs.replace(last.replies[0], address=address)
        hops = (
            Hop(ttl=1, replies=(GATEWAY,)),
            Hop(ttl=2, replies=first.replies),
            Hop(ttl=3, replies=(end,)),
        )
        named = {"target": target, "address": end.address, "id": f"{target}@{at_ns}"}
        found.append(msgspec.structs.replace(way, hops=hops, **named))
    return found


@pytest.fixture(name="chain")
async def _chain(tmp_path: File) -> AsyncIterator[Chain]:
    """Return a chain that two rounds abroad came to."""
    async with Chain(settings(tmp_path, redact=True), clock=StoppedClock()) as chain:
        for sequence in range(2):
            at_ns = NOW_NS + sequence * S_NS
            await send(chain, batch(sequence, base_ns=at_ns, paths=ways(at_ns)))
        await until(lambda: bool(chain.reader.crossings()))
        yield chain


async def outputs(chain: Chain, config: Config) -> dict[str, bytes]:
    """Return what every address answers, pages of crossings and Statements included."""
    server = TestServer(handlers.application(chain, config, StoppedClock()))
    found = {}
    async with TestClient(server) as client:

        async def get(place: str) -> bytes:
            answer = await client.get(place)
            found[place] = await answer.read()
            assert answer.status == 200, (place, found[place])
            return found[place]

        for row in QUESTIONS:
            if "{" not in row.path:
                await get(row.path)
        for row in json.loads(found["/v1/crossings"])["crossings"]:
            await get(f"/crossings/{row['id']}")
        for row in json.loads(found["/v1/evidence"])["evidence"]:
            await get(f"/v1/evidence/{row['sha256']}")
        for place in ("/", "/metrics"):
            await get(place)
    return found


def said(octets: bytes) -> list[object]:
    """Return the verdicts of `/v1/paths`."""
    return [
        [(one["jurisdiction"], one["axis"], one["verdict"], one["coverage"]) for one in row]
        for row in (each["verdicts"] for each in json.loads(octets)["paths"])
    ]


async def test_nothing_private_is_in_any_output(chain: Chain, tmp_path: File) -> None:
    """API, pages, Statements, metrics; without the setting the same words are there."""
    plain = await outputs(chain, settings(tmp_path, redact=False))
    hidden = await outputs(chain, settings(tmp_path, redact=True))
    assert 6 == sum(place.startswith("/v1/evidence/") for place in hidden)
    for word in SECRETS:
        assert [] == [place for place, octets in hidden.items() if word.encode() in octets], word
        assert [] != [place for place, octets in plain.items() if word.encode() in octets], word
    assert said(plain["/v1/paths"]) == said(hidden["/v1/paths"])
    for found, told in ((plain, False), (hidden, True)):
        pages = [octets for place, octets in found.items() if place.startswith("/crossings/")]
        assert {told} == {b"redacted form" in octets for octets in pages}
    for place in ("/", "/v1/paths", "/v1/agents", "/metrics"):
        assert b"agent-" in hidden[place]


async def test_the_statements_that_are_shown_verify(chain: Chain, tmp_path: File) -> None:
    """Crossings and findings alike, with the operator's own row of holders in them."""
    hidden = await outputs(chain, settings(tmp_path, redact=True))
    release = knowledge.load(atlas=atlas.load(), soil=soil_tables.real())
    for place, octets in hidden.items():
        if place.startswith("/v1/evidence/"):
            for named in ("", place.removeprefix("/v1/evidence/")):
                found = verify(octets, release, version="0.1.0", named=named)
                assert ("consistent", ()) == (found.result, found.differences)


async def test_hashes_stay_the_same_over_restarts(chain: Chain, tmp_path: File) -> None:
    """The salt lies in the store, for its owner alone."""
    first = await outputs(chain, settings(tmp_path, redact=True))
    again = await outputs(chain, settings(tmp_path, redact=True))
    assert first["/v1/agents"] == again["/v1/agents"]
    assert 0o600 == stat.S_IMODE((tmp_path / "redaction.salt").stat().st_mode)


async def test_one_asks_by_the_hash_and_not_by_the_name(chain: Chain, tmp_path: File) -> None:
    """Who guesses a name learns nothing."""
    veil = Veil(settings(tmp_path, redact=True), b"s" * 32)
    reader = RedactedReader(chain.reader, veil)
    token, target = veil.agent(NAMES[0]), veil.target(OWN)
    assert (token.startswith("agent-"), target.startswith("address-")) == (True, True)
    assert 6 == len(reader.paths(token, None, 10))
    assert {target} == {row.judgement.target for row in reader.paths(None, target, 10)}
    assert [] == list(reader.paths(NAMES[0], None, 10))
    named = veil.target(INNER_NAME, [INNER_NAME])
    assert {named} == {row.judgement.target for row in reader.paths(None, named, 10)}
    asked = SeriesQuery(from_ns=NOW_NS - S_NS, to_ns=NOW_NS + 60 * S_NS, step_ns=10 * S_NS)
    assert {token} == {row.agent for row in reader.series(asked)}
    by_name = msgspec.structs.replace(asked, agent=NAMES[0])
    assert [] == list(reader.series(by_name))
    assert {token} == {row.agent for row in reader.zones(NOW_NS - S_NS, NOW_NS + 60 * S_NS)}


async def test_a_path_is_rewritten_once(chain: Chain, tmp_path: File) -> None:
    """Every scrape and every page asks for the newest ones; a newer round is another record."""
    veil = Veil(settings(tmp_path, redact=True), b"s" * 32)
    first, again = (RedactedReader(chain.reader, veil).latest_paths() for _ in range(2))
    assert [True] * 3 == [one is other for one, other in zip(first, again, strict=True)]
    at_ns = NOW_NS + 20 * S_NS
    await send(chain, batch(20, base_ns=at_ns, paths=ways(at_ns)[:1]))
    newer = RedactedReader(chain.reader, veil).latest_paths()
    assert [True] * 2 == [one is other for one in newer for other in first if one is other]
    assert 3 == len(veil.latest)


async def test_a_statement_without_a_redacted_form_is_not_shown(
    chain: Chain, tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """404 with its reason, rather than the original."""
    monkeypatch.setattr("collector.audit.redactedstatement.RULES", "borne-verdict-rules/0")
    reader = RedactedReader(chain.reader, Veil(settings(tmp_path, redact=True), b"s" * 32))
    digest = chain.reader.crossings()[0].evidence or ""
    with pytest.raises(RefusedError) as caught:
        reader.evidence(digest)
    assert (404, "not_redactable") == (caught.value.status, caught.value.reason)
    assert None is reader.evidence("0" * 64)


async def test_batches_come_in_as_before(tmp_path: File) -> None:
    """The door is another one: agents have their names there."""
    intake, config = FakeIntake(), settings(tmp_path, redact=True)
    plain = msgspec.structs.replace(config, redact=False)
    assert (intake, plain) == shown(intake, plain)
    veiled, _ = shown(intake, config)
    assert isinstance(veiled, RedactedIntake)
    await veiled.accept(b"body", "", NOBODY)
    assert [(b"body", "", None)] == intake.bodies
    intake.plans.append(None)
    assert await veiled.plan(NOBODY, None) is None
    veiled.release()
    assert (True, True, intake.recovered, intake.geodata) == (
        intake.released,
        veiled.ready,
        veiled.recovered,
        veiled.geodata,
    )
    intake.counts.accepted[NAMES[0]] = 3
    assert [3] == list(veiled.counts.accepted.values())
    assert NAMES[0] not in veiled.counts.accepted
    veiled.counts.faults["read"] += 1
    assert 1 == intake.counts.faults["read"], "one count, whoever counts"
    assert veiled.identify(NOBODY) == intake.identify(NOBODY)
