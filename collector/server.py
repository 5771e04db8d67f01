"""Shell: the collector as a process: it listens, opens the chain, serves, and drains at its end.

Rules
- It listens before the chain is open, so that `/-/healthy` answers and agents are told 503 while
  the journal is replayed and the kernels are compiled.
- SIGTERM and SIGINT: stop accepting, finish what was begun, take a checkpoint, all within
  `DRAIN_S`. What has not ended by then is left to the next start: the journal holds everything
  that was acknowledged.
- SIGHUP reads the settings again (`collector.reload`).
"""

import asyncio
import contextlib
import logging
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from aiohttp import web
from aiohttp.http import HttpProcessingError

from collector.clock import Clock, WallClock
from collector.errors import ConfigError, RefusedError, StoreError
from collector.gate import tls
from collector.gate.listening import Listening
from collector.live import Live, OpenableIntake
from collector.reload import Reload
from collector.settings.config import Config
from collector.web.handlers import Handlers

DRAIN_S: Final = 10.0
"""Longest time from a signal to the end of the process."""
REQUESTS_S: Final = 5.0
"""Of it, the longest time for requests that were begun."""
KEEPALIVE_S: Final = 75.0
"""How long an idle connection is kept."""

_LOG: Final = logging.getLogger(__name__)


async def serve(
    config: Config,
    chain: OpenableIntake,
    clock: Clock | None = None,
    load: Callable[[], Config] | None = None,
) -> None:
    """Listen, open the chain and serve until SIGTERM or SIGINT.

    `load` reads the settings again (SIGHUP, `/-/reload`); None: they never change.

    Raises:
        ConfigError: An address cannot be listened on, or a certificate not be used.
        StoreError: The store cannot be opened.
    """
    tls.settle()
    context = None if config.tls is None else tls.context(config.tls)
    _raise_descriptors()
    at = clock or WallClock()
    handlers = Handlers(chain, config, at)
    runner = web.AppRunner(
        handlers.application(),
        access_log=None,
        logger=_requests_log(),
        auto_decompress=False,  # the door inflates, under its own limit
        keepalive_timeout=KEEPALIVE_S,
        shutdown_timeout=REQUESTS_S,
    )
    listening = Listening(runner)
    reload = None
    if load is not None and isinstance(chain, Live):
        reload = Reload(config, load, chain, listening, at)
        reload.adopt, handlers.reload = handlers.adopt, reload
    failures: list[ConfigError | StoreError] = []
    with _signals() as stop:
        if reload is not None:
            reload.give_up, reload.ending = partial(_fail, failures, stop), stop.is_set
        try:
            await runner.setup()
            await listening.open(config.listen, context)
            with _reloads(reload):
                await _work(runner, chain, stop)
        finally:
            await runner.cleanup()
            listening.close()
    if failures:
        raise failures[0]


def _fail(
    failures: list[ConfigError | StoreError], stop: asyncio.Event, error: ConfigError | StoreError
) -> None:
    """Begin the end with an error."""
    failures.append(error)
    stop.set()


async def _work(runner: web.AppRunner, chain: OpenableIntake, stop: asyncio.Event) -> None:
    """Open the chain, wait for the end, close both in order; an end may come while it opens."""
    async with AsyncExitStack() as stack:
        stopping = asyncio.create_task(stop.wait())
        stack.callback(stopping.cancel)
        opening = asyncio.create_task(stack.enter_async_context(chain))
        await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            _LOG.info("ends before the store was open", extra={"event": "ending_early"})
        await opening
        _LOG.info("ready", extra={"event": "ready"})
        await stopping
        await runner.cleanup()
    _LOG.info("drained", extra={"event": "drained"})


@contextlib.contextmanager
def _reloads(reload: Reload | None) -> Iterator[None]:
    """Reload at SIGHUP; without anything to reload from, the signal is passed over."""
    loop = asyncio.get_running_loop()
    running: set[asyncio.Task[None]] = set()

    async def again() -> None:
        if reload is None:
            return
        try:
            with contextlib.suppress(RefusedError):  # it is in the log and in the metric
                await reload()
        except Exception:  # noqa: BLE001 - the top of this shell: logged, gone on
            _LOG.exception("read the settings again: a bug", extra={"event": "reload_bug"})

    def begin() -> None:
        task = asyncio.create_task(again())
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGHUP, begin)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _raise_descriptors() -> None:
    """Let this process have as many connections as its host allows without being asked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _requests_log() -> logging.Logger:
    """Return the log of aiohttp's server, in which what is no HTTP costs a line, not a traceback.

    Anybody who reaches the port can send it.
    """
    found = logging.getLogger(f"{__name__}.requests")
    found.addFilter(_in_one_line)
    return found


def _in_one_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.msg, record.args = "refuses what is no HTTP: %.80r", (error.message,)
        record.exc_info = None
        record.__dict__["event"] = "no_http"
    return True


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """Give an event that SIGTERM and SIGINT set; the second signal ends the process at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def begin_end() -> None:
        if stop.is_set():
            _abandon("a second signal")
        stop.set()
        loop.call_later(DRAIN_S, _abandon, f"{DRAIN_S:g} s are over")

    watched = (signal.SIGTERM, signal.SIGINT)
    for number in watched:
        loop.add_signal_handler(number, begin_end)
    try:
        yield stop
    finally:
        for number in watched:
            loop.remove_signal_handler(number)


def _abandon(why: str) -> None:
    """End without waiting: threads cannot be stopped, and what is durable stays so."""
    _LOG.error(
        "%s: ends without a last checkpoint; the next start replays the journal",
        why,
        extra={"event": "abandoned"},
    )
    logging.shutdown()
    os._exit(1)
