"""What a client is answered to its questions."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from collector import handlers
from tests.fakes.collector_face import CONFIG, DIGEST, STATEMENT
from tests.fakes.collector_ports import FakeClock, FakeIntake

JSON_ADDRESSES = [
    "/v1/zones",
    "/v1/agents",
    "/v1/series",
    "/v1/paths",
    "/v1/crossings",
    "/v1/findings",
    "/v1/evidence",
]


@pytest.fixture
def intake() -> FakeIntake:
    """The chain behind the application."""
    return FakeIntake()


@pytest.fixture
async def client(intake: FakeIntake) -> AsyncIterator[TestClient]:
    """A client of the application, served as the collector serves it."""
    server = TestServer(handlers.application(intake, CONFIG, FakeClock()))
    await server.start_server(auto_decompress=False)
    async with TestClient(server, auto_decompress=True) as found:
        yield found


async def words(answer: ClientResponse) -> dict[str, object]:
    """Return the JSON of an answer."""
    found: dict[str, object] = await answer.json()
    return found


@pytest.mark.parametrize("address", [*JSON_ADDRESSES, f"/v1/evidence/{DIGEST}"])
async def test_questions_are_answered(client: TestClient, address: str) -> None:
    """Every question has its JSON answer, compressed where the client can read that."""
    answer = await client.get(address)
    assert answer.status == 200
    msgspec.json.decode(await answer.read())


@pytest.mark.parametrize("address", JSON_ADDRESSES)
async def test_wrong_question_is_named(client: TestClient, address: str) -> None:
    """An unknown parameter is 400 and named."""
    answer = await client.get(address, params={"colour": "red"})
    assert answer.status == 400
    assert 'unknown parameter "colour"' in str((await words(answer))["error"])


async def test_statement_is_octet_for_octet(client: TestClient) -> None:
    """A Statement comes as it was digested, named by its digest, and may be kept."""
    address = f"/v1/evidence/{DIGEST}"
    answer = await client.get(address)
    assert await answer.read() == STATEMENT
    assert answer.headers["Content-Type"] == "application/vnd.in-toto+json"
    assert answer.headers["ETag"] == f'"{DIGEST}"'
    assert "immutable" in answer.headers["Cache-Control"]
    again = await client.get(address, headers={"If-None-Match": f'"{DIGEST}"'})
    assert (304, b"") == (again.status, await again.read())
