"""Shell: what the collector answers at each of its addresses.

    POST /v1/batches                              one batch; 204 once it is durable
    GET  /v1/plan                                 what an agent is asked to do; waits for a change
    GET  /v1/zones, /agents, /series, /paths, /crossings   JSON, see `collector.api`
    GET  /v1/findings                             foreign groups on the way: no crossings
    GET  /v1/evidence, /v1/evidence/SHA256        the Statements, octet for octet
    GET  /metrics                                 Prometheus
    GET  /-/healthy, /-/ready                     the process lives; it can do its work
    GET  /, /crossings/ID, /static/FILE           pages for people

Rules
- Every error under `/v1/` is JSON `{"error", "reason"}`; the pages' errors are pages.
- A body is read up to its limit and no further; what is over it is refused before it is read.
- Questions are answered in threads of their own, so that none of them delays a batch.
- A bug in a request is caught here, once: logged, counted, answered with 500.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import msgspec
from aiohttp import ETag, web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler
from prometheus_client.exposition import choose_encoder

from collector import agentview, api, metrics, page, questions
from collector.clock import Clock
from collector.config import Config
from collector.errors import RefusedError, StoreError
from collector.intake import Intake, UnknownSeriesError

BODY_TIMEOUT_S: Final = 30
"""Within this time the body of a batch must have arrived."""
RETRY_AFTER_S: Final = 1
"""When an agent may come again after a 503."""
READERS: Final = 2
"""Questions answered at the same time."""

SECURITY: Final = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "borne",
}
"""Headers of every answer."""

_FRESH: Final = {"Cache-Control": "no-cache"}
_FOR_EVER: Final = {"Cache-Control": "private, max-age=31536000, immutable"}
_FOR_PROGRAMS: Final = ("/v1/", "/-/", "/metrics")
_LOG: Final = logging.getLogger(__name__)

Question = Callable[[], bytes]
"""Work of a reader thread: the body of the answer."""


def application(intake: Intake, config: Config, clock: Clock) -> web.Application:
    """Return the application over `intake`; run it with `auto_decompress=False`."""
    handlers = Handlers(intake, config, clock)
    found = web.Application(middlewares=[handlers.guard])
    found.on_response_prepare.append(_secure)
    found.on_shutdown.append(handlers.release)
    found.on_cleanup.append(handlers.close)
    found.add_routes(
        [
            web.post("/v1/batches", handlers.batches),
            web.get("/v1/plan", handlers.plan),
            web.get("/v1/zones", handlers.zones),
            web.get("/v1/agents", handlers.agents),
            web.get("/v1/series", handlers.series),
            web.get("/v1/paths", handlers.paths),
            web.get("/v1/crossings", handlers.crossings),
            web.get("/v1/findings", handlers.findings),
            web.get("/v1/evidence", handlers.evidence),
            web.get("/v1/evidence/{sha256}", handlers.statement),
            web.get("/metrics", handlers.metrics),
            web.get("/-/healthy", handlers.healthy),
            web.get("/-/ready", handlers.ready),
            web.get("/", handlers.overview),
            web.get("/crossings/{id}", handlers.crossing),
            web.get("/static/{name}", handlers.static),
        ]
    )
    return found


class Handlers:
    """One method an address."""

    def __init__(self, intake: Intake, config: Config, clock: Clock) -> None:
        """Answer from `intake`; `clock` says what "the last minute" is."""
        self._intake = intake
        self._config = config
        self._clock = clock
        self._registry = metrics.registry(intake, config, clock)
        self._readers = ThreadPoolExecutor(READERS, "reader")

    async def release(self, _: web.Application) -> None:
        """Let nobody wait for a plan any more; it would keep the process for as long."""
        self._intake.release()

    async def close(self, _: web.Application) -> None:
        """Let the reader threads end."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn what goes wrong into an answer; see the rules."""
        counts = self._intake.counts
        try:
            return await handler(request)
        except RefusedError as error:
            return _refusal(request, error)
        except web.HTTPException as error:
            return _refusal(request, _routing_error(request, error), error.headers.get("Allow"))
        except StoreError as error:
            counts.faults["read"] += 1
            _LOG.error("%s %s: %s", request.method, request.path, error)
            return _refusal(request, RefusedError(503, "store", str(error)))
        except Exception:  # noqa: BLE001 - the top of this shell: counted, logged, answered
            counts.faults["request"] += 1
            _LOG.exception("%s %s: a bug", request.method, request.path)
            sorry = RefusedError(500, "bug", "the collector failed; its log says how")
            return _refusal(request, sorry)

    async def batches(self, request: web.Request) -> web.StreamResponse:
        """Take one batch; 204 means that it is durable."""
        try:
            self._check_ready()
            body = await self._body(request)
        except RefusedError as error:
            self._intake.counts.rejected[error.reason] += 1
            raise
        encoding = request.headers.get("Content-Encoding", "")
        await self._intake.accept(body, encoding, _token(request))
        return web.Response(status=204)

    async def plan(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/plan`: at once where the agent knows another one, else once it changes."""
        questions.no_query(request.query.items())
        self._check_ready()
        known = next((tag.value for tag in request.if_none_match or ()), None)
        plan = await self._intake.plan(_token(request), known)
        if plan is None:
            answer = web.Response(status=304, headers=_FRESH)
            answer.etag = known
        else:
            body = msgspec.json.encode(plan)
            answer = web.Response(body=body, content_type=api.JSON_TYPE, headers=_FRESH)
            answer.etag = plan.version
        return answer

    async def zones(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/zones`."""
        asked = questions.zones_query(request.query.items(), self._clock.now_ns())
        return await self._json(lambda: api.zones(self._intake.reader, asked))

    async def agents(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/agents`."""
        questions.no_query(request.query.items())
        declared = self._config.agents
        return await self._json(lambda: agentview.agents(self._intake.reader, declared))

    async def series(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/series`."""
        now_ns = self._clock.now_ns()
        asked = questions.series_query(request.query.items(), now_ns, self._config.window_s)
        return await self._json(lambda: api.series(self._intake.reader, asked))

    async def paths(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/paths`."""
        asked = questions.paths_query(request.query.items())
        return await self._json(lambda: api.paths(self._intake.reader, asked))

    async def crossings(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/crossings`."""
        questions.no_query(request.query.items())
        return await self._json(lambda: api.crossings(self._intake.reader))

    async def findings(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/findings`."""
        questions.no_query(request.query.items())
        return await self._json(lambda: api.findings(self._intake.reader))

    async def evidence(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/evidence`."""
        questions.no_query(request.query.items())
        return await self._json(lambda: api.evidence(self._intake.reader))

    async def statement(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/evidence/SHA256`; its octets never change, so a client may keep them."""
        questions.no_query(request.query.items())
        digest = questions.digest(request.match_info["sha256"])
        body = await self._read(lambda: api.statement(self._intake.reader, digest))
        if ETag(value=digest) in (request.if_none_match or ()):
            answer = web.Response(status=304, headers=_FOR_EVER)
        else:
            answer = web.Response(body=body, content_type=api.STATEMENT_TYPE, headers=_FOR_EVER)
        answer.etag = digest
        return answer

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Answer a scrape, also before the chain is ready."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        names = request.query.getall("name[]", [])
        found = self._registry.restricted_registry(names) if names else self._registry
        body = await self._thread(partial(encode, found))
        answer = web.Response(body=body, headers={"Content-Type": content_type, **_FRESH})
        answer.enable_compression()
        return answer

    async def healthy(self, _: web.Request) -> web.StreamResponse:
        """Say that the process lives."""
        return web.Response(text="Borne collector is healthy.\n", headers=_FRESH)

    async def ready(self, _: web.Request) -> web.StreamResponse:
        """Say whether batches are taken and questions answered."""
        if self._intake.ready:
            return web.Response(text="Borne collector is ready.\n", headers=_FRESH)
        return web.Response(status=503, text="Borne collector is starting.\n", headers=_FRESH)

    async def overview(self, _: web.Request) -> web.StreamResponse:
        """Answer `/`."""
        reader, config, now_ns = self._intake, self._config, self._clock.now_ns()
        return await self._page(lambda: page.overview(reader.reader, config, now_ns))

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
        return web.Response(body=page.asset(name), content_type=content_type, headers=_FRESH)

    def _check_ready(self) -> None:
        if not self._intake.ready:
            raise RefusedError(503, "starting", "the collector is starting; come again")

    async def _body(self, request: web.Request) -> bytes:
        """Return the body as it came, unless it is too large or too slow."""
        limit = self._config.limits.body_octets
        too_large = RefusedError(
            413, "too_large", f"the body is over the limit of {limit} octets: send less at a time"
        )
        if (request.content_length or 0) > limit:
            raise too_large
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                async for part in request.content.iter_any():
                    body += part
                    if len(body) > limit:
                        raise too_large
        except TimeoutError as error:
            raise RefusedError(
                408, "slow", f"the body did not arrive within {BODY_TIMEOUT_S} s"
            ) from error
        except (ConnectionError, HttpProcessingError, web.RequestPayloadError) as error:
            raise RefusedError(400, "aborted", f"the body broke off: {error}") from error
        return bytes(body)

    async def _thread(self, work: Question) -> bytes:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, work)

    async def _read(self, work: Question) -> bytes:
        """Answer a question that needs the reader."""
        self._check_ready()
        return await self._thread(work)

    async def _json(self, answer: Callable[[], api.Value]) -> web.StreamResponse:
        body = await self._read(lambda: api.encode(answer()))
        found = web.Response(body=body, content_type=api.JSON_TYPE, headers=_FRESH)
        found.enable_compression()
        return found

    async def _page(self, render: Callable[[], str]) -> web.StreamResponse:
        body = await self._read(lambda: render().encode())
        return _html(body, 200)


def _token(request: web.Request) -> str | None:
    """Return the bearer token (RFC 6750 section 2.1), None where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


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
    found.headers.update(_FRESH)
    if allow is not None:
        found.headers["Allow"] = allow
    if error.status == web.HTTPServiceUnavailable.status_code:
        found.headers["Retry-After"] = str(RETRY_AFTER_S)
    if error.status == web.HTTPUnauthorized.status_code:
        found.headers["WWW-Authenticate"] = 'Bearer realm="borne"'
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
        body=body, status=status, content_type=page.HTML_TYPE, charset="utf-8", headers=_FRESH
    )
    found.enable_compression()
    return found


async def _secure(_: web.Request, answer: web.StreamResponse) -> None:
    answer.headers.update(SECURITY)
