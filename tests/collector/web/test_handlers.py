"""What a client is answered at each address, in good days and bad."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from collector.errors import CorruptError
from collector.settings.config import Limits
from collector.web import handlers
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


async def test_the_page_of_one_agent_or_zone(client: TestClient) -> None:
    """What is asked for stands in the table alone; a name that tries to be markup stays a name."""
    answer = await client.get("/", params={"zone": "scaleway/fr-par", "agent": "paris"})
    text = await answer.text()
    assert "Zones: scaleway/fr-par from paris</h2>" in text
    assert 'href="?zone=scaleway/fr-par"' in text
    assert 'href="?zone=aws/eu-west-2"' not in text
    answer = await client.get("/", params={"zone": "<script>"})
    assert (200, True) == (answer.status, "Zones: &lt;script&gt;</h2>" in await answer.text())


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


async def test_the_end_releases_who_waits(intake: FakeIntake) -> None:
    """A plan that is waited for does not hold the end of the process up."""
    runner = web.AppRunner(handlers.application(intake, CONFIG, FakeClock()))
    await runner.setup()
    await runner.cleanup()
    assert intake.released
