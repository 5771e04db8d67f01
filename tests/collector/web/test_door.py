"""The door: what agents are answered, in good days and bad."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from agent.records import Plan, WitnessTask
from collector.errors import RefusedError
from collector.gate.intake import UnknownSeriesError
from collector.settings.limits import Limits
from collector.web import door, handlers
from tests.fakes.agent_probing import until
from tests.fakes.collector_face import CONFIG
from tests.fakes.collector_ports import FakeClock, FakeIntake

LIMIT = 4096


@pytest.fixture
def intake() -> FakeIntake:
    """The chain behind the application."""
    return FakeIntake()


@pytest.fixture
async def client(intake: FakeIntake) -> AsyncIterator[TestClient]:
    """A client of the application, served as the collector serves it."""
    limits = Limits(body_octets=LIMIT, backlog_octets=2 * LIMIT)
    config = msgspec.structs.replace(CONFIG, limits=limits)
    server = TestServer(handlers.application(intake, config, FakeClock()))
    await server.start_server(auto_decompress=False)
    async with TestClient(server, auto_decompress=True) as found:
        yield found


async def words(answer: ClientResponse) -> dict[str, object]:
    """Return the JSON of an answer."""
    found: dict[str, object] = await answer.json()
    return found


async def test_batch_is_taken_as_it_came(client: TestClient, intake: FakeIntake) -> None:
    """Body, encoding and token reach the chain untouched; 204 has no body."""
    body = zlib.compress(b"batch")
    headers = {"Authorization": "Bearer secret", "Content-Encoding": "deflate"}
    answer = await client.post("/v1/batches", data=body, headers=headers)
    assert (204, b"") == (answer.status, await answer.read())
    assert [(body, "deflate", "secret")] == intake.bodies


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, None), ("Basic eDp5", None), ("bearer  t ", "t"), ("Bearer ", None), ("Bearer", None)],
)
async def test_token_is_a_bearer_token(
    client: TestClient, intake: FakeIntake, header: str | None, expected: str | None
) -> None:
    """Only a bearer token is one; the scheme's case does not matter."""
    headers = {} if header is None else {"Authorization": header}
    await client.post("/v1/batches", data=b"b", headers=headers)
    assert [(b"b", "", expected)] == intake.bodies


async def test_unknown_series_are_listed(client: TestClient, intake: FakeIntake) -> None:
    """409 names the ids, so that the agent can send their descriptors along."""
    intake.refusal = UnknownSeriesError([3, 7])
    answer = await client.post("/v1/batches", data=b"b")
    assert answer.status == 409
    assert await words(answer) == {
        "error": "2 series of this batch have no descriptor here; send it with them",
        "reason": "unknown_series",
        "unknown_series": [3, 7],
    }


async def test_refusal_says_why(client: TestClient, intake: FakeIntake) -> None:
    """A refusal's status and reason are the answer; 401 names the scheme."""
    intake.refusal = RefusedError(401, "token", "no agent has this token")
    answer = await client.post("/v1/batches", data=b"b")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="borne"'
    assert await words(answer) == {"error": "no agent has this token", "reason": "token"}


async def test_failing_disk_asks_to_come_again(client: TestClient, intake: FakeIntake) -> None:
    """503 says when to come again."""
    intake.refusal = RefusedError(503, "store", "the store fails; send it again later")
    answer = await client.post("/v1/batches", data=b"b")
    assert (503, "1") == (answer.status, answer.headers["Retry-After"])


async def test_large_body_is_refused_by_its_length(client: TestClient, intake: FakeIntake) -> None:
    """A body that says it is too large is refused before one octet of it came."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    head = f"POST /v1/batches HTTP/1.1\r\nHost: c\r\nContent-Length: {LIMIT + 1}\r\n\r\n"
    writer.write(head.encode())
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b'"too_large"}')
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert ({"too_large": 1}, []) == (dict(intake.counts.rejected), intake.bodies)


async def test_body_at_the_limit_is_taken(client: TestClient, intake: FakeIntake) -> None:
    """The limit itself is allowed."""
    answer = await client.post("/v1/batches", data=bytes(LIMIT))
    assert (204, 1) == (answer.status, len(intake.bodies))


async def test_endless_body_is_refused_at_the_limit(client: TestClient, intake: FakeIntake) -> None:
    """A chunked body without end is answered as soon as it passes the limit."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield bytes(1024)
            await asyncio.sleep(0)

    async with ClientSession() as session, asyncio.timeout(5):
        try:
            async with session.post(client.make_url("/v1/batches"), data=endless()) as answer:
                assert answer.status == 413
        except ConnectionError:
            """The collector may close before the client has read."""
    assert ({"too_large": 1}, []) == (dict(intake.counts.rejected), intake.bodies)


@pytest.mark.parametrize("rest", [b"", b"ZZ\r\nno chunk"])
async def test_body_that_breaks_off_is_the_clients_fault(intake: FakeIntake, rest: bytes) -> None:
    """A client that goes away or sends no chunks is counted as that, not as a bug."""
    runner = web.AppRunner(handlers.application(intake, CONFIG, FakeClock()))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _, writer = await asyncio.open_connection(*runner.addresses[0])
    writer.write(b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.write(rest)
    writer.close()
    for _ in range(500):
        if intake.counts.rejected or intake.counts.faults:
            break
        await asyncio.sleep(0.01)
    await runner.cleanup()
    assert ({"aborted": 1}, {}) == (dict(intake.counts.rejected), dict(intake.counts.faults))
    assert [] == intake.bodies


async def test_slow_body_is_refused(
    client: TestClient, intake: FakeIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that does not arrive is given up."""
    monkeypatch.setattr(door, "BODY_TIMEOUT_S", 0.05)

    async def stuck() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    async with (
        asyncio.timeout(5),
        ClientSession() as session,
        session.post(client.make_url("/v1/batches"), data=stuck()) as answer,
    ):
        assert (408, "slow") == (answer.status, (await answer.json())["reason"])
    assert intake.bodies == []


async def test_strangers_are_refused_before_their_body(
    client: TestClient, intake: FakeIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is no agent is told so at once: not one octet of a body is waited for."""

    def unknown(_: object) -> None:
        raise RefusedError(401, "token", "no agent has this token")

    monkeypatch.setattr(intake, "identify", unknown)
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(b"POST /v1/batches HTTP/1.1\r\nHost: c\r\nContent-Length: 100\r\n\r\n")
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b'"token"}')
    writer.close()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert ({"token": 1}, []) == (dict(intake.counts.rejected), intake.bodies)


async def test_what_is_on_its_way_in_is_bounded(client: TestClient, intake: FakeIntake) -> None:
    """Past the backlog the next one is told to come again; who was there before goes on."""
    queue = intake.counts.queues["receive"]
    go_on = asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield bytes(LIMIT - 100)
        await go_on.wait()
        yield bytes(100)

    async with ClientSession() as session, asyncio.timeout(5):
        address = client.make_url("/v1/batches")
        slow = [asyncio.create_task(session.post(address, data=half())) for _ in range(2)]
        await until(lambda: queue.size == 2 * (LIMIT - 100))
        async with session.post(address, data=bytes(300)) as refused:
            assert (503, "1") == (refused.status, refused.headers["Retry-After"])
            assert "backlog" == (await refused.json())["reason"]
        go_on.set()
        assert [204, 204] == [(await one).status for one in slow]
    assert (1, 0, 0) == (queue.refused, queue.size, len(queue))
    assert {"backlog": 1} == dict(intake.counts.rejected)


async def test_a_plan_has_a_version_as_its_etag(client: TestClient, intake: FakeIntake) -> None:
    """The first answer says the version; whoever sends it back waits, and may hear nothing new."""
    task = WitnessTask(
        id="a1",
        address="62.115.134.138",
        family=4,
        protocols=("icmp", "udp", "tcp"),
        deadline="2026-11-24T15:02:46.250000000Z",
    )
    intake.plans = [Plan(version="abc", witness=(task,)), None]
    bearer = {"Authorization": "Bearer t"}
    first = await client.get("/v1/plan", headers=bearer)
    assert (200, '"abc"') == (first.status, first.headers["ETag"])
    assert await words(first) == {
        "version": "abc",
        "witness": [
            {
                "id": "a1",
                "address": "62.115.134.138",
                "family": 4,
                "protocols": ["icmp", "udp", "tcp"],
                "deadline": "2026-11-24T15:02:46.250000000Z",
            }
        ],
    }
    second = await client.get("/v1/plan", headers={**bearer, "If-None-Match": '"abc"'})
    assert (304, '"abc"', b"") == (second.status, second.headers["ETag"], await second.read())
    assert [("t", None), ("t", "abc")] == intake.known


async def test_a_plan_is_the_agents_own(client: TestClient, intake: FakeIntake) -> None:
    """Without a token that an agent has there is none."""
    intake.refusal = RefusedError(401, "token", "no agent has this token")
    answer = await client.get("/v1/plan")
    assert (401, "token") == (answer.status, (await words(answer))["reason"])
