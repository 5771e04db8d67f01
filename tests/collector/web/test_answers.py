"""What a client is answered to its questions."""

import asyncio
import csv
import gzip
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from aiohttp import ClientError, ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from collector.web import handlers
from collector.web.answers import Answers
from tests.fakes.collector_face import CONFIG, DIGEST, STATEMENT
from tests.fakes.collector_ports import FakeClock, FakeIntake

JSON_ADDRESSES = [
    "/v1/zones",
    "/v1/agents",
    "/v1/series",
    "/v1/worst",
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


async def words(answer: ClientResponse) -> dict[str, Any]:
    """Return the JSON of an answer."""
    found: dict[str, Any] = await answer.json()
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


@pytest.mark.parametrize("address", [*JSON_ADDRESSES, "/v1/openapi.json", "/v1/series?format=csv"])
async def test_what_a_client_has_is_not_sent_again(client: TestClient, address: str) -> None:
    """An answer has a tag; with it, the same answer is 304 and nothing else."""
    answer = await client.get(address)
    tag = answer.headers["ETag"]
    assert tag.startswith('W/"')
    again = await client.get(address, headers={"If-None-Match": f'"other", {tag}'})
    assert (304, b"", tag) == (again.status, await again.read(), again.headers["ETag"])
    other = await client.get(address, headers={"If-None-Match": '"other"'})
    assert 200 == other.status


async def test_another_answer_has_another_tag(client: TestClient, intake: FakeIntake) -> None:
    """What is told by a tag is the answer itself, not when it was given."""
    first = await client.get("/v1/crossings")
    intake.reader.crossing_rows.pop()
    second = await client.get("/v1/crossings", headers={"If-None-Match": first.headers["ETag"]})
    assert 200 == second.status
    assert first.headers["ETag"] != second.headers["ETag"]


@pytest.mark.parametrize("address", [*JSON_ADDRESSES, f"/v1/evidence/{DIGEST}"])
async def test_head_is_get_without_a_body(client: TestClient, address: str) -> None:
    """The same status and headers, and nothing behind them."""
    got = await client.get(address)
    head = await client.head(address)
    assert (200, b"") == (head.status, await head.read())
    for name in ("Content-Type", "Content-Length", "ETag", "Cache-Control"):
        assert got.headers.get(name) == head.headers.get(name)


@pytest.mark.parametrize(
    ("accepts", "packed"), [("gzip", True), ("gzip;q=0", False), ("br", False), ("", False)]
)
async def test_answers_are_packed_for_whoever_reads_that(
    intake: FakeIntake, accepts: str, packed: bool
) -> None:
    """Gzip, where the client accepts it; the tag is the same for both."""
    server = TestServer(handlers.application(intake, CONFIG, FakeClock()))
    async with TestClient(server, auto_decompress=False) as client:
        plain = await client.get("/v1/paths", headers={"Accept-Encoding": "identity"})
        answer = await client.get("/v1/paths", headers={"Accept-Encoding": accepts})
        body, expected = await answer.read(), await plain.read()
    assert packed == (answer.headers.get("Content-Encoding") == "gzip")
    assert expected == (gzip.decompress(body) if packed else body)
    assert plain.headers["ETag"] == answer.headers["ETag"]
    assert "Accept, Accept-Encoding" == answer.headers["Vary"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("text/csv", "text/csv"),
        ("text/csv;q=0", "application/json"),
        ("application/json;q=0.5, text/csv", "text/csv"),
        (
            "text/csv;q=0.5, application/vnd.apache.arrow.stream",
            "application/vnd.apache.arrow.stream",
        ),
        ("text/csv;q=nonsense", "application/json"),
    ],
)
async def test_series_come_as_the_client_likes_them(
    client: TestClient, accept: str, expected: str
) -> None:
    """The Accept header chooses, the best first."""
    answer = await client.get("/v1/series", headers={"Accept": accept})
    assert (200, expected) == (answer.status, answer.content_type)


async def test_format_stands_above_the_accept_header(client: TestClient) -> None:
    """Whoever types an address in a browser gets what is asked for; all forms hold the same."""
    accept = {"Accept": "application/json"}
    lines = await (await client.get("/v1/series?format=csv", headers=accept)).text()
    stream = await (await client.get("/v1/series?format=arrow", headers=accept)).read()
    table = pa.ipc.open_stream(stream).read_all()
    words_of = await words(await client.get("/v1/series?format=json"))
    starts = [row["start"] for row in csv.DictReader(io.StringIO(lines))]
    (row,) = words_of["series"]
    assert starts == [window["start"] for window in row["windows"]]
    assert (2, "paris") == (table.num_rows, table["agent"][0].as_py())


async def test_the_document_is_there_before_the_chain_is(
    client: TestClient, intake: FakeIntake
) -> None:
    """It depends on nothing that a start must wait for."""
    intake.ready = False
    assert 200 == (await client.get("/v1/openapi.json")).status
    assert 503 == (await client.get("/v1/zones")).status


def parts_of(made: list[int], fails: bool) -> Iterator[bytes]:
    """Give three parts; the second may be a bug."""
    for number in range(3):
        made.append(number)
        if fails and number == 1:
            raise AssertionError("a bug in a part")
        yield b"%d" % number * 1000


@pytest.fixture
def made() -> list[int]:
    """The parts that were made."""
    return []


@pytest.fixture
async def streaming(made: list[int]) -> AsyncIterator[TestClient]:
    """A client of two streams: one that is whole, and one with a bug in it."""
    answers = Answers(FakeIntake(), CONFIG, FakeClock())

    async def stream(request: web.Request) -> web.StreamResponse:
        parts = parts_of(made, fails=request.path == "/bug")
        return await answers.stream(request, parts, "text/x-parts")

    application = web.Application()
    application.add_routes([web.get("/whole", stream), web.get("/bug", stream)])
    async with TestClient(TestServer(application)) as found:
        yield found
    answers.close()


@pytest.mark.parametrize("accepted", ["gzip", "identity", "gzip;q=0"])
async def test_a_stream_is_one_answer(streaming: TestClient, accepted: str) -> None:
    """All parts come in their order, packed where the client can read that."""
    answer = await streaming.get("/whole", headers={"Accept-Encoding": accepted})
    packed = answer.headers.get("Content-Encoding") == "gzip"
    assert (200, "text/x-parts", accepted == "gzip") == (answer.status, answer.content_type, packed)
    assert "0" * 1000 + "1" * 1000 + "2" * 1000 == await answer.text()


async def test_a_head_of_a_stream_makes_nothing(streaming: TestClient, made: list[int]) -> None:
    """It has the headers, and no part is made for it."""
    answer = await streaming.head("/whole")
    assert (200, "text/x-parts", b"") == (answer.status, answer.content_type, await answer.read())
    assert [] == made


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
async def test_a_bug_in_a_part_is_no_shorter_answer(streaming: TestClient, accepted: str) -> None:
    """The connection breaks: a client never takes what it has for the whole."""
    with pytest.raises(ClientError):
        await (await streaming.get("/bug", headers={"Accept-Encoding": accepted})).read()


async def test_a_client_that_goes_away_is_no_bug() -> None:
    """It has what it has; the rest is not made, and nothing is raised for the log."""
    made: list[int] = []
    ended: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
    answers = Answers(FakeIntake(), CONFIG, FakeClock())

    def endless() -> Iterator[bytes]:
        while True:
            made.append(1)
            yield bytes(1 << 20)

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = await answers.stream(request, endless(), "text/x-parts")
        ended.set_result(answer)
        return answer

    application = web.Application()
    application.add_routes([web.get("/", stream)])
    async with TestServer(application) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: c\r\n\r\n")
        await reader.readexactly(100)
        writer.transport.abort()
        assert 200 == (await asyncio.wait_for(ended, 30)).status
    answers.close()
    assert 0 < len(made) < 100
