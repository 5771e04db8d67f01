"""Shell: what the collector answers at each of its addresses.

    POST /v1/batches                              one batch; 204 once it is durable
    GET  /v1/plan                                 what an agent is asked to do; waits for a change
    GET  /v1/zones, ...                           questions: see `collector.web.answers`
    GET  /metrics                                 Prometheus
    GET  /-/healthy, /-/ready                     the process lives; it can do its work
    POST /-/reload                                the settings are read again
    GET  /, /crossings/ID, /static/FILE           pages for people

Rules
- Every error under `/v1/` is JSON `{"error", "reason"}`; the pages' errors are pages.
- A bug in a request is caught here, once: logged, counted, answered with 500.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from collector.clock import Clock
from collector.errors import RefusedError, StoreError
from collector.gate import access
from collector.gate.callers import secret
from collector.gate.intake import Intake, UnknownSeriesError
from collector.settings.config import Config
from collector.web import api, exposition, metrics, page, redactedview
from collector.web.answers import FRESH, Answers
from collector.web.door import Door
from collector.web.zonesview import Chosen

RETRY_AFTER_S: Final = 1
"""When an agent may come again after a 503."""

SECURITY: Final = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "borne",
}
"""Headers of every answer."""

_BEARER: Final = 'Bearer realm="borne"'
_BASIC: Final = 'Basic realm="borne", charset="UTF-8"'
_FOR_PROGRAMS: Final = ("/v1/", "/-/", "/metrics")
_LOG: Final = logging.getLogger(__name__)


def application(intake: Intake, config: Config, clock: Clock) -> web.Application:
    """Return the application over `intake`; run it with `auto_decompress=False`."""
    return Handlers(intake, config, clock).application()


class Handlers:
    """One method an address."""

    def __init__(self, intake: Intake, config: Config, clock: Clock) -> None:
        """Answer from `intake`; `clock` says what "the last minute" is."""
        self._behind = intake
        self._clock = clock
        self.door = Door(intake, config.limits, clock)
        intake, config = redactedview.shown(intake, config)
        self._intake = intake
        self._config = config
        self.face = metrics.Face(intake, config, clock)
        self.answers = Answers(intake, config, clock)
        self.reload: Callable[[], Awaitable[None]] | None = None
        """Reads the settings again; None: nobody can."""

    def application(self) -> web.Application:
        """Return the application that answers by these methods."""
        found = web.Application(middlewares=[self.guard])
        found.on_response_prepare.append(_secure)
        found.on_shutdown.append(self.release)
        found.on_cleanup.append(self.close)
        found.add_routes(
            [
                web.post("/v1/batches", self.door.batches),
                web.get("/v1/plan", self.door.plan),
                *self.answers.routes(),
                web.get("/metrics", self.metrics),
                web.get("/-/healthy", self.healthy),
                web.get("/-/ready", self.ready),
                web.post("/-/reload", self.read_again),
                web.put("/-/reload", self.read_again),
                web.get("/", self.overview),
                web.get("/crossings/{id}", self.crossing),
                web.get("/static/{name}", self.static),
            ]
        )
        return found

    def adopt(self, config: Config) -> None:
        """Answer by these settings from now on."""
        self.door.adopt(config.limits)
        self._intake, self._config = redactedview.shown(self._behind, config)
        self.face = metrics.Face(self._intake, self._config, self._clock)
        self.answers.adopt(self._intake, self._config)

    async def release(self, _: web.Application) -> None:
        """Let nobody wait for a plan any more; it would keep the process for as long."""
        self._intake.release()

    async def close(self, _: web.Application) -> None:
        """Let the reader threads end."""
        self.answers.close()

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn what goes wrong into an answer; see the rules."""
        counts = self._intake.counts
        try:
            header = request.headers.get("Authorization", "")
            access.check(self._config.access, access.need_of(request.path), secret(header))
            return await handler(request)
        except RefusedError as error:
            return _refusal(request, error)
        except web.HTTPException as error:
            return _refusal(request, _routing_error(request, error), error.headers.get("Allow"))
        except StoreError as error:
            counts.faults["read"] += 1
            _LOG.error(
                "%s %s: %s", request.method, request.path, error, extra={"event": "read_failed"}
            )
            return _refusal(request, RefusedError(503, "store", str(error)))
        except Exception:  # noqa: BLE001 - the top of this shell: counted, logged, answered
            counts.faults["request"] += 1
            _LOG.exception(
                "%s %s: a bug", request.method, request.path, extra={"event": "request_bug"}
            )
            sorry = RefusedError(500, "bug", "the collector failed; its log says how")
            return _refusal(request, sorry)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Answer a scrape, also before the chain is ready."""
        encode, content_type = exposition.chosen(request.headers.get("Accept", ""))
        scrape = partial(self.face.scrape, encode, request.query.getall("name[]", []))
        parts = await self.answers.thread(scrape)
        return await self.answers.stream(request, parts, content_type)

    async def healthy(self, _: web.Request) -> web.StreamResponse:
        """Say that the process lives."""
        return web.Response(text="Borne collector is healthy.\n", headers=FRESH)

    async def ready(self, _: web.Request) -> web.StreamResponse:
        """Say whether batches are taken and questions answered."""
        if self._intake.ready:
            return web.Response(text="Borne collector is ready.\n", headers=FRESH)
        return web.Response(status=503, text="Borne collector is starting.\n", headers=FRESH)

    async def read_again(self, _: web.Request) -> web.StreamResponse:
        """Read the settings again; 500 says why they are kept."""
        if self.reload is None:
            raise web.HTTPNotFound
        await self.reload()
        return web.Response(text="Borne collector has read its settings again.\n", headers=FRESH)

    async def overview(self, request: web.Request) -> web.StreamResponse:
        """Answer `/`, with `agent` and `zone` for those alone."""
        intake, config, now_ns = self._intake, self._config, self._clock.now_ns()
        chosen = Chosen(request.query.get("agent"), request.query.get("zone"))
        return await self._page(lambda: page.overview(intake.reader, config, now_ns, chosen))

    async def crossing(self, request: web.Request) -> web.StreamResponse:
        """Answer `/crossings/ID`."""
        ident, now_ns = request.match_info["id"], self._clock.now_ns()
        lists = self._config.lists
        return await self._page(lambda: page.crossing(self._intake.reader, ident, now_ns, lists))

    async def static(self, request: web.Request) -> web.StreamResponse:
        """Answer the pages' files; only those that `page.ASSETS` lists exist."""
        name = request.match_info["name"]
        if name not in page.ASSETS:
            raise web.HTTPNotFound
        content_type = page.ASSETS[name]
        return web.Response(body=page.asset(name), content_type=content_type, headers=FRESH)

    async def _page(self, render: Callable[[], str]) -> web.StreamResponse:
        body = await self.answers.read(lambda: render().encode())
        return _html(body, 200)


def _routing_error(request: web.Request, error: web.HTTPException) -> RefusedError:
    """Return the words for what the router refuses: another method, or nothing there."""
    path = request.path[:200]
    if error.status == web.HTTPMethodNotAllowed.status_code:
        return RefusedError(error.status, "method", f"{request.method} is not for {path}")
    return RefusedError(error.status, "not_found", f"there is nothing at {path}")


def _refusal(
    request: web.Request, error: RefusedError, allow: str | None = None
) -> web.StreamResponse:
    """Return the answer that says what was refused and why: JSON for programs, else a page."""
    if request.path.startswith(_FOR_PROGRAMS):
        words: dict[str, api.Value] = {"error": str(error), "reason": error.reason}
        if isinstance(error, UnknownSeriesError):
            words["unknown_series"] = error.ids
        found = web.Response(
            body=api.encode(words), status=error.status, content_type=api.JSON_TYPE
        )
    else:
        found = _notice(request, error)
    found.headers.update(FRESH)
    if allow is not None:
        found.headers["Allow"] = allow
    if error.status == web.HTTPServiceUnavailable.status_code:
        found.headers["Retry-After"] = str(RETRY_AFTER_S)
    if error.status == web.HTTPUnauthorized.status_code:
        ways = [_BEARER] if error.reason == "token" else [_BASIC, _BEARER]
        found.headers.extend(("WWW-Authenticate", way) for way in ways)
    return found


def _notice(request: web.Request, error: RefusedError) -> web.Response:
    depth = max(0, request.path.count("/") - 1)
    if error.reason == "starting":
        text = (
            "It replays its journal and prepares its kernels; agents keep what they measure "
            "until it is ready."
        )
        body = page.notice("The collector is starting", text, depth=depth, refresh_s=2)
    else:
        body = page.notice(f"{error.status}: not shown", f"{error}.", depth=depth)
    return _html(body.encode(), error.status)


def _html(body: bytes, status: int) -> web.Response:
    found = web.Response(
        body=body, status=status, content_type=page.HTML_TYPE, charset="utf-8", headers=FRESH
    )
    found.enable_compression()
    return found


async def _secure(_: web.Request, answer: web.StreamResponse) -> None:
    answer.headers.update(SECURITY)
