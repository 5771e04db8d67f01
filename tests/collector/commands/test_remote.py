"""A collector asked over HTTP: its answer, its refusal in its words, and what is no collector."""

from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from collector.commands.remote import Remote
from collector.errors import ConfigError, RemoteError
from collector.settings.answerlimits import AnswerLimits
from collector.web import api, handlers, questions
from tests.fakes.collector_face import CONFIG, NOW_NS
from tests.fakes.collector_ports import FakeClock, FakeIntake
from tests.fakes.served import served

BEARER = "of a reader"


def collector(intake: FakeIntake | None = None) -> web.Application:
    """Return the collector's application."""
    return handlers.application(intake or FakeIntake(), CONFIG, FakeClock())


def test_an_answer_is_the_apis(tmp_path: Path) -> None:
    """Over TCP, and over a Unix socket."""
    query = questions.zones_query([("range_s", "60")], NOW_NS, AnswerLimits())
    expected = msgspec.json.decode(api.encode(api.zones(FakeIntake().reader, query)))
    for path in (None, tmp_path / "s"):
        with served(collector(), path) as url:
            assert expected == Remote(url).ask("zones", [("range_s", "60")])


def test_a_refusal_is_said_in_the_collectors_words() -> None:
    """A wrong parameter is the user's."""
    with served(collector()) as url, pytest.raises(ConfigError) as caught:
        Remote(url).ask("zones", [("range_s", "x")])
    expected = "zones: range_s: must be a whole number from 1 to 31622400, not 'x'"
    assert expected == str(caught.value)


def test_a_collector_that_starts_is_no_mistake_of_the_users() -> None:
    """It can be asked later."""
    intake = FakeIntake()
    intake.ready = False
    with served(collector(intake)) as url, pytest.raises(RemoteError, match="is starting"):
        Remote(url).ask("zones", [])


def test_what_is_no_collector_is_said_to_be_none() -> None:
    """HTML, lists and redirects are answers of somebody else; a token goes no further."""
    asked: list[str | None] = []

    async def html(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Authorization"))
        return web.Response(text="<html>")

    async def moved(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/v1/zones")

    stranger = web.Application()
    stranger.add_routes([web.get("/v1/zones", html), web.get("/v1/paths", moved)])
    with served(stranger) as url:
        for question, status in (("zones", 200), ("paths", 302), ("series", 404)):
            with pytest.raises(RemoteError, match=f"what answers there with {status} is no"):
                Remote(url, token=BEARER).ask(question, [])
    assert [f"Bearer {BEARER}"] == asked


def test_nobody_there(tmp_path: Path) -> None:
    """The message names the address and asks what the user can look at."""
    for url in ("http://127.0.0.1:1", f"unix:{tmp_path}/none"):
        with pytest.raises(RemoteError, match=r"is the collector running, and is this its") as one:
            Remote(url).ask("zones", [])
        assert url in str(one.value)


@pytest.mark.parametrize("url", ["", "127.0.0.1:9465", "ftp://x", "unix:", "http://"])
def test_an_address_is_checked(url: str) -> None:
    """What is none is a mistake of the option."""
    with pytest.raises(ConfigError, match="--url"):
        Remote(url).ask("zones", [])


def test_certificates_are_checked(tmp_path: Path) -> None:
    """A file without any is named."""
    path = tmp_path / "ca.pem"
    path.write_text("nothing", "utf-8")
    with pytest.raises(ConfigError, match=r"--ca-file .*ca\.pem"):
        Remote("https://localhost", ca=path)
