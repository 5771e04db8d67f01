"""Shell: what agents are answered: the batches they bring and the plans they ask for.

Rules
- Whoever is not known is refused before a body is read.
- A body is read up to its limit and no further, and only as far as the backlog has room: what is
  on its way in takes `[limits] backlog_octets` at most.
- It keeps its place in the queue until its batch is stored or refused.
"""

import asyncio
from typing import Final

import msgspec
from aiohttp import web
from aiohttp.http import HttpProcessingError

from collector.clock import Clock
from collector.errors import RefusedError
from collector.gate.callers import Caller, bearer, names_of
from collector.gate.intake import Intake
from collector.samples.queues import Place, Queue
from collector.settings.limits import Limits
from collector.web import api, questions
from collector.web.answers import FRESH

BODY_TIMEOUT_S: Final = 30
"""Within this time the body of a batch must have arrived."""


class Door:
    """The addresses that agents use."""

    def __init__(self, intake: Intake, limits: Limits, clock: Clock) -> None:
        """Hand what comes to `intake`."""
        self._intake = intake
        self._limits = limits
        self._clock = clock
        self._receiving = Queue("receive", limits.backlog_octets)
        intake.counts.queues[self._receiving.name] = self._receiving

    def adopt(self, limits: Limits) -> None:
        """Go by these limits from now on."""
        self._limits = limits
        self._receiving.limit = limits.backlog_octets

    async def batches(self, request: web.Request) -> web.StreamResponse:
        """Take one batch; 204 means that it is durable."""
        caller = caller_of(request)
        with self._receiving.place(self._clock.now_ns()) as place:
            try:
                self._check_ready()
                self._intake.identify(caller)
                body = await self._body(request, place)
            except RefusedError as error:
                self._intake.counts.rejected[error.reason] += 1
                raise
            encoding = request.headers.get("Content-Encoding", "")
            await self._intake.accept(body, encoding, caller)
        return web.Response(status=204)

    async def plan(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/plan`: at once where the agent knows another one, else once it changes."""
        questions.no_query(request.query.items())
        self._check_ready()
        known = next((tag.value for tag in request.if_none_match or ()), None)
        plan = await self._intake.plan(caller_of(request), known)
        if plan is None:
            answer = web.Response(status=304, headers=FRESH)
            answer.etag = known
        else:
            body = msgspec.json.encode(plan)
            answer = web.Response(body=body, content_type=api.JSON_TYPE, headers=FRESH)
            answer.etag = plan.version
        return answer

    def _check_ready(self) -> None:
        if not self._intake.ready:
            raise RefusedError(503, "starting", "the collector is starting; come again")

    async def _body(self, request: web.Request, place: Place) -> bytes:
        """Return the body as it came, unless it is too large or too slow."""
        content = request.content
        self._check_size(request.content_length or 0)
        try:
            if content.is_eof():  # it came together with its head, as most do
                return self._taken(content.read_nowait(), place)
            body = bytearray()
            async with asyncio.timeout(BODY_TIMEOUT_S):
                async for part in content.iter_any():
                    body += self._taken(part, place)
        except TimeoutError as error:
            raise RefusedError(
                408, "slow", f"the body did not arrive within {BODY_TIMEOUT_S} s"
            ) from error
        except (ConnectionError, HttpProcessingError, web.RequestPayloadError) as error:
            raise RefusedError(400, "aborted", f"the body broke off: {error}") from error
        return bytes(body)

    def _taken(self, part: bytes, place: Place) -> bytes:
        """Return the next part of a body, once there is room for it."""
        self._check_size(place.size + len(part))
        place.take(len(part))
        return part

    def _check_size(self, octets: int) -> None:
        limit = self._limits.body_octets
        if octets > limit:
            raise RefusedError(
                413,
                "too_large",
                f"the body is over the limit of {limit} octets: send less at a time",
            )


def caller_of(request: web.Request) -> Caller:
    """Return who calls, as the request shows it."""
    return Caller(
        token=bearer(request.headers.get("Authorization", "")),
        names=names_of(request.get_extra_info("peercert")),
    )
