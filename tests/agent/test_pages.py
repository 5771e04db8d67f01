"""The agent's own pages."""

import pytest

from agent.http import Request
from agent.metrics import Condition, Metrics
from agent.pages import Pages


class Alone:
    """An agent without collector."""

    def condition(self) -> Condition:
        """Return its condition."""
        return Condition(rung="raw", restarts={})


def pages(reason: str = "") -> Pages:
    """Return the pages of an agent that is not ready for `reason`."""
    return Pages("<agent>", Metrics("x", "1", [], Alone()), lambda: reason)


def get(path: str, method: str = "GET") -> Request:
    """Return a request."""
    return Request(method=method, path=path, query="", headers={})


@pytest.mark.parametrize(
    ("method", "path", "reason", "status", "begins"),
    [
        ("GET", "/metrics", "", 200, b"# HELP borne_"),
        ("GET", "/-/healthy", "no socket", 200, b"healthy\n"),
        ("GET", "/-/ready", "", 200, b"ready\n"),
        ("GET", "/-/ready", "no socket", 503, b"not ready: no socket\n"),
        ("GET", "/", "", 200, b'<!doctype html><html lang="en">'),
        ("HEAD", "/metrics", "", 200, b"# HELP borne_"),
        ("GET", "/metrics/", "", 404, b"there is nothing"),
        ("GET", "/../etc/passwd", "", 404, b"there is nothing"),
        ("POST", "/metrics", "", 405, b"only GET"),
    ],
)
async def test_routes(method: str, path: str, reason: str, status: int, begins: bytes) -> None:
    """Each address answers what its name promises, and nothing else answers."""
    answer = await pages(reason).answer(get(path, method))
    assert (answer.status, answer.body[: len(begins)]) == (status, begins)


async def test_the_landing_page_is_escaped() -> None:
    """The agent's name is text on the page."""
    assert b"<h1>&lt;agent&gt;</h1>" in (await pages().answer(get("/"))).body
