"""Shell: what the collector answers to questions about what it keeps.

    GET /v1/zones, /agents, /series, /paths, /crossings   JSON, see `collector.api`
    GET /v1/findings                                      foreign groups on the way: no crossings
    GET /v1/evidence, /v1/evidence/SHA256                 the Statements, octet for octet

Rules
- Questions are answered in threads of their own, so that none of them delays a batch; so many may
  wait for one, and no more (`[limits] questions`).
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp import ETag, web

from collector import agentview, api, questions
from collector.clock import Clock
from collector.config import Config
from collector.errors import RefusedError
from collector.intake import Intake
from collector.queues import Queue

READERS: Final = 2
"""Questions answered at the same time."""

FRESH: Final = {"Cache-Control": "no-cache"}
"""Headers of an answer that the next one may contradict."""
_FOR_EVER: Final = {"Cache-Control": "private, max-age=31536000, immutable"}

Question = Callable[[], bytes]
"""Work of a reader thread: the body of the answer."""


class Answers:
    """One method an address."""

    def __init__(self, intake: Intake, config: Config, clock: Clock) -> None:
        """Answer from `intake`; `clock` says what "the last minute" is."""
        self._intake = intake
        self._config = config
        self._clock = clock
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._asked = Queue("questions", config.limits.questions, unit="questions")
        intake.counts.queues[self._asked.name] = self._asked

    def routes(self) -> list[web.RouteDef]:
        """Return which address is whose."""
        return [
            web.get("/v1/zones", self.zones),
            web.get("/v1/agents", self.agents),
            web.get("/v1/series", self.series),
            web.get("/v1/paths", self.paths),
            web.get("/v1/crossings", self.crossings),
            web.get("/v1/findings", self.findings),
            web.get("/v1/evidence", self.evidence),
            web.get("/v1/evidence/{sha256}", self.statement),
        ]

    def close(self) -> None:
        """Let the reader threads end."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    def check_ready(self) -> None:
        """Refuse while the chain is not open.

        Raises: RefusedError 503.
        """
        if not self._intake.ready:
            raise RefusedError(503, "starting", "the collector is starting; come again")

    async def thread(self, work: Question) -> bytes:
        """Return what `work` makes in a reader thread.

        Raises: RefusedError 503 while too many wait.
        """
        with self._asked.place(self._clock.now_ns()) as place:
            place.take(1)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._readers, work)

    async def read(self, work: Question) -> bytes:
        """Answer a question that needs the reader.

        Raises: RefusedError 503 while the chain is not open.
        """
        self.check_ready()
        return await self.thread(work)

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
        body = await self.read(lambda: api.statement(self._intake.reader, digest))
        if ETag(value=digest) in (request.if_none_match or ()):
            answer = web.Response(status=304, headers=_FOR_EVER)
        else:
            answer = web.Response(body=body, content_type=api.STATEMENT_TYPE, headers=_FOR_EVER)
        answer.etag = digest
        return answer

    async def _json(self, answer: Callable[[], api.Value]) -> web.StreamResponse:
        body = await self.read(lambda: api.encode(answer()))
        found = web.Response(body=body, content_type=api.JSON_TYPE, headers=FRESH)
        found.enable_compression()
        return found
