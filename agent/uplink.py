"""Shell: carries the spool's batches to the collector, in order, one at a time.

Rules
- A batch leaves the spool only when the collector has said that it holds it, or that it never
  will (then it is set aside with the reason). `delivery` says which answer means which.
- After an outage batches follow each other without pauses until the spool is empty.
- Said once when the collector goes, once when it is back: a log is no place for heartbeats.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import msgspec

from agent import wire
from agent.clock import Clock
from agent.delivery import (
    Backoff,
    Meaning,
    Standing,
    is_dated_well,
    meaning_of,
    objection,
    unknown_series,
)
from agent.errors import SpoolError, UplinkError, WireError
from agent.http import Headers, Response
from agent.records import Batch
from agent.spool import Spool, SpoolThread, Waiting

TARGET = "/v1/batches"
MAX_INFLATED_OCTETS = 64 * 1024 * 1024
SPOOL_RETRY_S = 2.0

Post = Callable[[str, Headers, bytes], Awaitable[Response]]

_log = logging.getLogger(__name__)


class Uplink:
    """Delivers what is spooled for as long as it runs."""

    def __init__(
        self,
        spool: Spool,
        thread: SpoolThread,
        post: Post,
        *,
        token: str | None,
        place: str,
        clock: Clock,
        backoff: Backoff,
    ) -> None:
        """Take the spool, how to post to the collector and what to call it in the log."""
        self._spool = spool
        self._thread = thread
        self._post = post
        self._headers = (
            *(() if token is None else (("authorization", f"Bearer {token}"),)),
            ("content-type", wire.CONTENT_TYPE),
            ("content-encoding", "deflate"),
        )
        self._place = place
        self._clock = clock
        self._backoff = backoff
        self._standing = Standing()
        self._stored = asyncio.Event()
        self._idle = asyncio.Event()
        self._hurry = asyncio.Event()
        self._trouble = ""
        self.delivered = 0
        """Batches that the collector acknowledged to this process."""
        self.refused = 0
        """Batches that were set aside."""

    @property
    def up(self) -> bool:
        """Return whether the last exchange with the collector succeeded."""
        return bool(self._standing.up)

    def notify(self) -> None:
        """Tell that a batch was stored."""
        self._idle.clear()
        self._stored.set()

    async def drained(self) -> None:
        """Return when nothing waits any more; a pause of the uplink ends at once."""
        self._hurry.set()
        await self._idle.wait()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._stored.clear()
            try:
                waiting = await self._thread.call(self._spool.oldest)
                if waiting is not None:
                    await self._deliver(waiting)
            except SpoolError as error:
                self._say_once(str(error))
                await asyncio.sleep(SPOOL_RETRY_S)
                continue
            if waiting is None and not self._stored.is_set():
                self._idle.set()
                await self._stored.wait()

    async def _deliver(self, waiting: Waiting) -> None:
        """Try until `waiting` has left the spool. Raises: SpoolError."""
        body = waiting.body
        told: frozenset[int] = frozenset()
        while True:
            answer = await self._attempt(body)
            match Meaning.LATER if answer is None else meaning_of(answer.status, answer.body):
                case Meaning.ACCEPTED:
                    self._say_up()
                    await self._thread.call(self._spool.acknowledge, waiting.sequence)
                    self.delivered += 1
                    return
                case Meaning.UNKNOWN if answer is not None:
                    asked = frozenset(unknown_series(answer.body))
                    body, more = await self._described(waiting, asked | told)
                    if not more - told:
                        await self._set_aside(waiting, _reason(answer))
                        return
                    told |= more
                case Meaning.REFUSED if answer is not None:
                    await self._set_aside(waiting, _reason(answer))
                    return
                case Meaning.MISDATED if answer is not None and not self._is_dated_well(waiting):
                    await self._set_aside(waiting, _reason(answer))
                    return
                case _:
                    await self._pause(answer)

    async def _attempt(self, body: bytes) -> Response | None:
        """Return the collector's answer; None where none came."""
        try:
            return await self._post(TARGET, self._headers, body)
        except UplinkError as error:
            if self._standing.failed("unreachable", self._clock.monotonic_ns()):
                _log.warning(
                    "collector %s unreachable (%s); batches wait in the spool", self._place, error
                )
            return None

    async def _described(
        self, waiting: Waiting, ids: frozenset[int]
    ) -> tuple[bytes, frozenset[int]]:
        """Return the batch with the descriptors of `ids`, and which of them the spool knew."""
        series = await self._thread.call(self._spool.described, ids)
        batch = _opened(waiting)
        if batch is None:
            return waiting.body, frozenset()
        known = {row.id: row for row in (*batch.descriptors.series, *series)}
        descriptors = msgspec.structs.replace(batch.descriptors, series=tuple(known.values()))
        whole = msgspec.structs.replace(batch, descriptors=descriptors)
        return wire.deflate(wire.encode(whole)), frozenset(row.id for row in series)

    def _is_dated_well(self, waiting: Waiting) -> bool:
        batch = _opened(waiting)
        return batch is not None and is_dated_well(batch.base_ns, self._clock.wall_ns())

    async def _set_aside(self, waiting: Waiting, reason: str) -> None:
        _log.error(
            "collector %s refused batch %d for good (%s); it is set aside in the spool",
            self._place,
            waiting.sequence,
            reason,
        )
        await self._thread.call(self._spool.refuse, waiting.sequence, reason)
        self.refused += 1

    async def _pause(self, answer: Response | None) -> None:
        """Wait before the next attempt; say why where that is news."""
        if answer is not None:
            denied = meaning_of(answer.status) is Meaning.DENIED
            if self._standing.failed(f"answered {answer.status}", self._clock.monotonic_ns()):
                _log.warning(
                    "collector %s answered %s; batches wait in the spool%s",
                    self._place,
                    _reason(answer),
                    ": check the agent's id and token" if denied else "",
                )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._backoff.delay_s()):
                await self._hurry.wait()
        self._hurry.clear()

    def _say_once(self, trouble: str) -> None:
        """Say a trouble of the spool unless it was the last thing said."""
        if trouble != self._trouble:
            _log.error("%s", trouble)
        self._trouble = trouble

    def _say_up(self) -> None:
        self._backoff.reset()
        outage = self._standing.succeeded(self._clock.monotonic_ns())
        if outage is not None and outage.failures:
            _log.info(
                "collector %s is back after %.1f s and %d failed attempts; %d batches wait",
                self._place,
                outage.duration_s,
                outage.failures,
                self._spool.waiting,
            )
        elif outage is not None:
            _log.info("collector %s accepts batches", self._place)


def _opened(waiting: Waiting) -> Batch | None:
    """Return what a spooled batch says; None, and an error in the log, where it is damaged."""
    try:
        return wire.decode(wire.inflate(waiting.body, MAX_INFLATED_OCTETS))
    except WireError as error:
        _log.error("batch %d is damaged on this disk: %s", waiting.sequence, error)
        return None


def _reason(answer: Response) -> str:
    return f"{answer.status} {objection(answer.body)}".strip()
