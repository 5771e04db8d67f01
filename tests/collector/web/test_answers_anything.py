"""Whatever is asked, the server answers as documented: no parameter makes it fail."""

import asyncio
import string
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from collector.chain import Chain
from collector.web import handlers, questions
from tests.fakes.collector_durable import StoppedClock, batch, config, path, send
from tests.fakes.collector_face import DIGEST

KNOWN = sorted({row.name for question in questions.QUESTIONS for row in question.parameters})
TRAVERSALS = [
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "/etc/passwd",
    "....//....//etc/passwd",
    "..\\..\\etc\\passwd",
    "\0",
    "catalog.sqlite",
    "../catalog.sqlite",
    "file:///etc/passwd",
]
PLAUSIBLE = [
    *("0", "1", "10", "-1", "1e9", "99999999999999999999", "0.5", "0.5,0.99", "nan", "4", "6"),
    *("icmp", "csv", "arrow", "agent-0", "ovh/mrs", "marseille", "2026-11-24T15:02:30Z"),
    *("1795532550", "1795532550000000000", "1795532550000000000-ab", "é", "\ud7ff", "'--", "%"),
]
NAMES = st.sampled_from(KNOWN) | st.text(max_size=6)
VALUES = st.sampled_from([*PLAUSIBLE, *TRAVERSALS]) | st.text(max_size=30)
STATUSES = {200, 304, 400, 404}


class World:
    """A real chain with two windows and a path behind the server, kept open for all examples."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: TestClient, chain: Chain) -> None:
        self._loop, self._client, self._chain = loop, client, chain

    def ask(self, address: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
        """Return status and body."""

        async def asked() -> tuple[int, bytes]:
            answer = await self._client.request(method, address, headers=headers)
            return answer.status, await answer.read()

        return self._loop.run_until_complete(asked())

    @property
    def faults(self) -> dict[str, int]:
        """Return what the chain counted as a fault of its own."""
        return dict(self._chain.counts.faults)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Open it once."""
    loop = asyncio.new_event_loop()
    settings = config(tmp_path_factory.mktemp("store"))
    chain = Chain(settings, clock=StoppedClock())

    async def opened() -> TestClient:
        await chain.__aenter__()
        await send(chain, batch(0, paths=[path(StoppedClock().now_ns(), abroad=True)]))
        server = TestServer(handlers.application(chain, settings, StoppedClock()))
        client = TestClient(server)
        await client.start_server()
        return client

    async def closed(client: TestClient) -> None:
        await client.close()
        await chain.__aexit__(None, None, None)

    client = loop.run_until_complete(opened())
    yield World(loop, client, chain)
    loop.run_until_complete(closed(client))
    loop.close()


def query(pairs: list[tuple[str, str]]) -> str:
    """Return the pairs as a query, each octet of them escaped."""
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


@given(
    question=st.sampled_from(questions.QUESTIONS),
    pairs=st.lists(st.tuples(NAMES, VALUES), max_size=4),
)
def test_no_parameters_make_it_fail(
    world: World, question: questions.Question, pairs: list[tuple[str, str]]
) -> None:
    """Known and unknown names with any values are answered or refused, never with 500."""
    address = question.path.replace("{sha256}", DIGEST)
    status, _ = world.ask(f"{address}?{query(pairs)}")
    assert status in STATUSES
    assert {} == world.faults


@given(name=st.sampled_from(KNOWN), value=VALUES)
def test_each_parameter_alone_takes_any_value(world: World, name: str, value: str) -> None:
    """A value that one question understands is at most refused by another."""
    for question in questions.QUESTIONS:
        if name in {row.name for row in question.parameters}:
            status, _ = world.ask(f"{question.path}?{query([(name, value)])}")
            assert status in {200, 400}


@pytest.mark.parametrize("value", TRAVERSALS)
@pytest.mark.parametrize("place", ["parameter", "path", "static", "crossing"])
def test_no_parameter_reaches_a_file(world: World, value: str, place: str) -> None:
    """A name of a file, however written, is a name like others: nothing of the disk is shown."""
    escaped = quote(value, safe="")
    addresses = {
        "parameter": [
            f"{row.path}?{p.name}={escaped}" for row in questions.QUESTIONS for p in row.parameters
        ],
        "path": [f"/v1/evidence/{escaped}", f"/v1/{escaped}"],
        "static": [f"/static/{escaped}"],
        "crossing": [f"/crossings/{escaped}"],
    }
    for address in addresses[place]:
        status, body = world.ask(address)
        assert status in STATUSES
        assert b"root:" not in body
        assert b"SQLite format" not in body
    assert {} == world.faults


@given(
    accept=st.text(string.printable.strip(), max_size=40),
    match=st.text(string.printable.strip(), max_size=40),
)
def test_no_header_makes_it_fail(world: World, accept: str, match: str) -> None:
    """Headers that others write wrongly are passed over."""
    headers = {"Accept": accept, "Accept-Encoding": accept, "If-None-Match": match}
    status, _ = world.ask("/v1/series", **headers)
    assert status in STATUSES
    assert {} == world.faults


@given(st.binary(max_size=40))
def test_raw_octets_in_a_query_are_no_fault(world: World, octets: bytes) -> None:
    """Escaped octets that are no UTF-8 are values like others."""
    escaped = "".join(f"%{octet:02x}" for octet in octets)
    status, _ = world.ask(f"/v1/zones?range_s={escaped}&x={escaped}")
    assert 400 == status
    status, _ = world.ask(f"/v1/series?agent={escaped}")
    assert status in {200, 400}
