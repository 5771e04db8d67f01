"""Shell: what the collector answers to questions about what it keeps.

    GET /v1/zones, /agents, /series, /paths, /crossings   see `web.api`; series also as CSV
                                                          and as an Arrow stream
    GET /v1/worst                                         the series with the worst minutes
    GET /v1/findings                                      foreign groups on the way: no crossings
    GET /v1/evidence, /v1/evidence/SHA256                 the Statements, octet for octet
    GET /v1/openapi.json                                  this table for programs

Rules
- Questions are answered in threads of their own, so that none of them delays a batch; so many may
  wait for one, and no more (`[limits] questions`). What is packed is packed there as well.
- An answer is named by the digest of its octets (`ETag`): whoever has it gets 304. The tag is weak,
  because the same answer travels packed or not.
"""

import asyncio
import gzip
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Final, TypeVar

import msgspec
from aiohttp import ETag, web

from collector.clock import Clock
from collector.errors import RefusedError
from collector.gate.intake import Intake, Reader
from collector.samples.queues import Queue
from collector.settings.config import Config
from collector.web import agentview, api, exposition, openapi, questions, tabular

READERS: Final = 2
"""Questions answered at the same time."""

FRESH: Final = {"Cache-Control": "no-cache"}
"""Headers of an answer that the next one may contradict."""
_FOR_EVER: Final = {"Cache-Control": "private, max-age=31536000, immutable"}

_LEVEL: Final = 1
"""Of gzip: the fastest."""
_FROM_OCTETS: Final = 1024
"""Smaller answers are not packed."""
_WEIGHT: Final = re.compile(r"[01](\.\d{0,3})?", re.ASCII)

_TYPE_OF: Final = {
    "json": api.JSON_TYPE,
    "csv": tabular.CSV_TYPE,
    "arrow": tabular.ARROW_TYPE,
}
_ENCODERS: Final[Mapping[str, Callable[[dict[str, api.Value]], bytes]]] = {
    "json": api.encode,
    "csv": lambda answer: tabular.as_csv(tabular.table("series", answer)),
    "arrow": lambda answer: tabular.as_ipc(tabular.table("series", answer)),
}

Question = Callable[[], bytes]
"""Work of a reader thread: the body of the answer."""
T = TypeVar("T")


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

    def adopt(self, intake: Intake, config: Config) -> None:
        """Answer from this chain and by these settings from now on."""
        self._intake = intake
        self._config = config
        self._asked.limit = config.limits.questions

    def routes(self) -> list[web.RouteDef]:
        """Return which address is whose."""
        return [web.get(row.path, getattr(self, row.name)) for row in questions.QUESTIONS]

    def close(self) -> None:
        """Let the reader threads end."""
        self._readers.shutdown(wait=False, cancel_futures=True)

    def check_ready(self) -> None:
        """Refuse while the chain is not open.

        Raises: RefusedError 503.
        """
        if not self._intake.ready:
            raise RefusedError(503, "starting", "the collector is starting; come again")

    async def thread(self, work: Callable[[], T]) -> T:
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

    async def stream(
        self, request: web.Request, parts: Iterator[bytes], content_type: str
    ) -> web.StreamResponse:
        """Answer with parts that are made one by one in a reader thread, others between them.

        A bug in one of them breaks the connection off: no client takes what it has for the whole.
        """
        headers = {**FRESH, "Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
        if "gzip" in _liked(request.headers.get("Accept-Encoding", "")):
            headers["Content-Encoding"] = "gzip"
            parts = exposition.zipped(parts)
        answer = web.StreamResponse(headers=headers)
        await answer.prepare(request)
        loop = asyncio.get_running_loop()
        try:
            while request.method != "HEAD":
                part = await loop.run_in_executor(self._readers, next, parts, None)
                if part is None:
                    break
                await answer.write(part)
            await answer.write_eof()
        except ConnectionResetError:
            """The client went away: nobody waits for the rest."""
        except BaseException:
            if request.transport is not None:
                request.transport.abort()
            raise
        return answer

    async def zones(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/zones`."""
        pairs, limits = request.query.items(), self._config.answers
        asked = questions.zones_query(pairs, self._clock.now_ns(), limits)
        return await self._json(request, lambda reader: api.zones(reader, asked))

    async def agents(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/agents`."""
        questions.no_query(request.query.items())
        declared = self._config.agents
        return await self._json(request, lambda reader: agentview.agents(reader, declared))

    async def series(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/series`, as JSON, CSV or Arrow."""
        pairs, config = request.query.items(), self._config
        asked, form = questions.series_query(
            pairs, self._clock.now_ns(), config.window_s, config.answers
        )
        form = form or _accepted(request)

        def body() -> bytes:
            return _ENCODERS[form](api.series(self._intake.reader, asked))

        return await self._answer(request, body, _TYPE_OF[form])

    async def worst(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/worst`."""
        pairs, limits = request.query.items(), self._config.answers
        asked = questions.worst_query(pairs, self._clock.now_ns(), limits)
        return await self._json(request, lambda reader: api.worst(reader, asked))

    async def paths(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/paths`."""
        asked = questions.paths_query(request.query.items())
        return await self._json(request, lambda reader: api.paths(reader, asked))

    async def crossings(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/crossings`."""
        asked = questions.episodes_query(request.query.items())
        return await self._json(request, lambda reader: api.crossings(reader, asked))

    async def findings(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/findings`."""
        asked = questions.episodes_query(request.query.items())
        return await self._json(request, lambda reader: api.findings(reader, asked))

    async def evidence(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/evidence`."""
        asked = questions.episodes_query(request.query.items())
        return await self._json(request, lambda reader: api.evidence(reader, asked))

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

    async def openapi(self, request: web.Request) -> web.StreamResponse:
        """Answer `/v1/openapi.json`, also while the chain is not open."""
        questions.no_query(request.query.items())
        return await self._answer(request, _document, api.JSON_TYPE, starting=True)

    async def _json(
        self, request: web.Request, answer: Callable[[Reader], api.Value]
    ) -> web.StreamResponse:
        def body() -> bytes:
            return api.encode(answer(self._intake.reader))

        return await self._answer(request, body, api.JSON_TYPE)

    async def _answer(
        self, request: web.Request, body: Question, content_type: str, *, starting: bool = False
    ) -> web.StreamResponse:
        """Answer with what `body` makes, packed where the client can read that."""
        if not starting:
            self.check_ready()
        packs = "gzip" in _liked(request.headers.get("Accept-Encoding", ""))
        made = await self.thread(partial(_made, body, packs=packs))
        headers = {**FRESH, "Vary": "Accept, Accept-Encoding"}
        if any(known.value in {made.tag, "*"} for known in request.if_none_match or ()):
            found = web.Response(status=304, headers=headers)
        else:
            found = web.Response(body=made.octets, content_type=content_type, headers=headers)
            if made.packed:
                found.headers["Content-Encoding"] = "gzip"
        found.etag = ETag(value=made.tag, is_weak=True)
        return found


class _Made(msgspec.Struct, frozen=True):
    """The body of an answer."""

    octets: bytes
    tag: str
    packed: bool


def _made(body: Question, *, packs: bool) -> _Made:
    """Make the body, its tag, and pack it where that is worth it."""
    octets = body()
    tag = hashlib.sha256(octets).hexdigest()[:32]
    if not packs or len(octets) < _FROM_OCTETS:
        return _Made(octets, tag, packed=False)
    return _Made(gzip.compress(octets, _LEVEL, mtime=0), tag, packed=True)


def _accepted(request: web.Request) -> str:
    """Return the form that the client likes best; JSON if it names none of ours."""
    kinds = _liked(request.headers.get("Accept", ""))
    forms = {kind: form for form, kind in _TYPE_OF.items()}
    return next((forms[kind] for kind in kinds if kind in forms), "json")


def _liked(header: str) -> list[str]:
    """Return what a header accepts, the best first (RFC 9110, section 12.4.2)."""
    ranked = []
    for place, part in enumerate(header.lower().split(",")):
        word, *options = (text.strip() for text in part.split(";"))
        weight = next((text[2:] for text in options if text.startswith("q=")), "1")
        if _WEIGHT.fullmatch(weight) and float(weight) > 0:
            ranked.append((-float(weight), place, word))
    return [word for _, _, word in sorted(ranked)]


@cache
def _document() -> bytes:
    return api.encode(openapi.document())
