"""Asking a collector: its answers, its refusals, its absence."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from deploy.api import Api
from deploy.lab.errors import StandError


async def answer(request: web.Request) -> web.Response:
    """Answer with what was asked; refuse what is no path of ours."""
    if request.path == "/broken":
        return web.Response(status=500)
    return web.json_response({"path": request.path, **request.query})


async def refuse(_: web.Request) -> web.Response:
    """Answer as a collector does that still loads its tables."""
    return web.Response(status=503)


def api_of(server: TestServer) -> Api:
    """Return the API of a test's server."""
    return Api(str(server.make_url("")).rstrip("/"))


async def test_answers_arrive_and_refusals_are_named() -> None:
    """JSON comes back with its parameters; what is refused, or nobody answers, says the path."""
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server, api_of(server) as api:
        assert await api.get("/v1/zones", range_s="30") == {"path": "/v1/zones", "range_s": "30"}
        assert await api.is_ready()
        with pytest.raises(StandError, match="asked the collector for /broken: 500"):
            await api.get("/broken")
        await server.close()
        assert not await api.is_ready()
        with pytest.raises(StandError, match="asked the collector for /v1/paths: "):
            await api.get("/v1/paths")


async def test_a_collector_that_loads_is_not_ready() -> None:
    """Any status but 200 means: not yet."""
    app = web.Application()
    app.router.add_get("/-/ready", refuse)
    async with TestServer(app) as server, api_of(server) as api:
        assert not await api.is_ready()
