"""What a client is answered at each address, in good days and bad."""

import asyncio
import zlib
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from agent.records import Plan, WitnessTask
from collector import handlers
from collector.config import Limits
from collector.errors import CorruptError, RefusedError
from collector.intake import UnknownSeriesError
from tests.fakes.collector_face import (
    CONFIG,
    DIGEST,
    OPEN,
)
from tests.fakes.collector_ports import FakeClock, FakeIntake

LIMIT = 4096
PAGES = ["/", f"/crossings/{OPEN.id}"]


@pytest.fixture
def intake() -> FakeIntake:
    """The chain behind the application."""
    return FakeIntake()


@pytest.fixture
async def client(intake: FakeIntake) -> AsyncIterator[TestClient]:
    """A client of the application, served as the collector serves it."""
    config = msgspec.structs.replace(CONFIG, limits=Limits(body_octets=LIMIT))
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
    monkeypatch.setattr(handlers, "BODY_TIMEOUT_S", 0.05)

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


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (f"/v1/evidence/{'0' * 64}", 404),
        ("/v1/evidence/short", 400),
        ("/v1/evidence/..%2f..%2fetc%2fpasswd", 400),
        ("/v1/nothing", 404),
        ("/static/..%2fbase.html", 404),
        ("/static/base.html", 404),
        ("/crossings/nothing", 404),
        ("/nothing", 404),
    ],
)
async def test_what_is_not_there(client: TestClient, address: str, status: int) -> None:
    """Unknown things are refused: programs read JSON, people a page."""
    answer = await client.get(address)
    assert answer.status == status
    expected = "application/json" if address.startswith("/v1/") else "text/html"
    assert expected == answer.content_type


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("GET", "/v1/batches", "POST"),
        ("POST", "/v1/zones", "GET,HEAD"),
        ("PUT", "/", "GET,HEAD"),
        ("DELETE", f"/v1/evidence/{DIGEST}", "GET,HEAD"),
    ],
)
async def test_other_methods_are_refused(
    client: TestClient, method: str, address: str, allowed: str
) -> None:
    """Nothing but a batch can be sent; 405 says what is possible."""
    answer = await client.request(method, address)
    assert (405, allowed) == (answer.status, answer.headers["Allow"])


@pytest.mark.parametrize(
    "address", [*PAGES, "/static/borne.css", "/v1/zones", "/nothing", "/metrics", "/-/healthy"]
)
async def test_every_answer_is_guarded(client: TestClient, address: str) -> None:
    """Every answer carries the security headers and no name of the libraries."""
    answer = await client.get(address)
    assert handlers.SECURITY.items() <= dict(answer.headers).items()
    assert handlers.SECURITY["Content-Security-Policy"].startswith("default-src 'self';")


@pytest.mark.parametrize("address", PAGES)
async def test_pages_are_html(client: TestClient, address: str) -> None:
    """The pages are UTF-8 HTML, and their style sheet is where they say."""
    answer = await client.get(address)
    assert (200, "text/html", "utf-8") == (answer.status, answer.content_type, answer.charset)
    assert "→" in await answer.text()
    style = await client.get("/static/borne.css")
    assert (200, "text/css") == (style.status, style.content_type)


async def test_metrics_are_exposed(client: TestClient) -> None:
    """A scrape is answered in the format it asks for; `name[]` chooses."""
    answer = await client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "borne_crossing_confirmed{" in await answer.text()
    accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
    answer = await client.get("/metrics", headers=accept)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert (await answer.text()).endswith("# EOF\n")
    answer = await client.get("/metrics", params={"name[]": "borne_crossings_total"})
    names = {line.partition("{")[0] for line in (await answer.text()).splitlines()}
    assert names - {"borne_crossings_total"} == {
        line for line in names if line.startswith(("# HELP", "# TYPE"))
    }


async def test_starting_collector(client: TestClient, intake: FakeIntake) -> None:
    """Before it is ready the collector is healthy, takes nothing and claims nothing."""
    intake.ready = False
    assert (await client.get("/-/healthy")).status == 200
    assert (await client.get("/-/ready")).status == 503
    assert (await client.get("/metrics")).status == 200
    answer = await client.post("/v1/batches", data=b"b")
    assert (503, "1") == (answer.status, answer.headers["Retry-After"])
    assert {"starting": 1} == dict(intake.counts.rejected)
    answer = await client.get("/v1/crossings")
    assert (503, "starting") == (answer.status, (await words(answer))["reason"])
    answer = await client.get("/")
    assert answer.status == 503
    assert "The collector is starting" in await answer.text()
    intake.ready = True
    assert (await client.get("/-/ready")).status == 200


async def test_damaged_store_is_said(client: TestClient, intake: FakeIntake) -> None:
    """What cannot be read is 503 with the sentence of the store, and counted."""

    def damaged() -> list[object]:
        raise CorruptError("segment 7: the checksum does not hold")

    intake.reader.crossings = damaged  # type: ignore[method-assign,assignment]
    answer = await client.get("/v1/crossings")
    assert answer.status == 503
    assert await words(answer) == {
        "error": "segment 7: the checksum does not hold",
        "reason": "store",
    }
    assert {"read": 1} == dict(intake.counts.faults)


async def test_bug_is_caught_once(
    client: TestClient, intake: FakeIntake, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug is answered with 500 that tells nothing of it; the log has it, the count too."""
    intake.refusal = AssertionError("inner words")
    answer = await client.post("/v1/batches", data=b"b")
    assert answer.status == 500
    assert await words(answer) == {
        "error": "the collector failed; its log says how",
        "reason": "bug",
    }
    assert {"request": 1} == dict(intake.counts.faults)
    assert "inner words" in caplog.text


async def test_a_plan_has_a_version_as_its_etag(client: TestClient, intake: FakeIntake) -> None:
    """The first answer says the version; whoever sends it back waits, and may hear nothing new."""
    task = WitnessTask(
        id="a1",
        address="62.115.134.138",
        family=4,
        protocols=("icmp", "udp", "syn"),
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
                "protocols": ["icmp", "udp", "syn"],
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


async def test_the_end_releases_who_waits(intake: FakeIntake) -> None:
    """A plan that is waited for does not hold the end of the process up."""
    runner = web.AppRunner(handlers.application(intake, CONFIG, FakeClock()))
    await runner.setup()
    await runner.cleanup()
    assert intake.released
