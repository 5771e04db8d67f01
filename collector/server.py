"""Shell: the collector as a process: it listens, opens the chain, serves, and drains at its end.

Rules
- It listens before the chain is open, so that `/-/healthy` answers and agents are told 503 while
  the journal is replayed and the kernels are compiled.
- SIGTERM and SIGINT: stop accepting, finish what was begun, take a checkpoint, all within
  `DRAIN_S`. What has not ended by then is left to the next start: the journal holds everything
  that was acknowledged.
- A Unix socket that another program answers on is never taken from it.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Final, Protocol

from aiohttp import web
from aiohttp.http import HttpProcessingError

from collector.clock import Clock, WallClock
from collector.config import (
    Config,
    InheritedSocket,
    Listen,
    TcpAddress,
    UnixAddress,
    parse_listen,
)
from collector.errors import ConfigError
from collector.handlers import application
from collector.intake import Intake

DRAIN_S: Final = 10.0
"""Longest time from a signal to the end of the process."""
REQUESTS_S: Final = 5.0
"""Of it, the longest time for requests that were begun."""
KEEPALIVE_S: Final = 75.0
"""How long an idle connection is kept."""

_LOG: Final = logging.getLogger(__name__)


class OpenableIntake(Intake, AbstractAsyncContextManager[Intake, None], Protocol):
    """An intake that is opened and closed: `collector.chain.Chain` is the one that runs."""


async def serve(config: Config, chain: OpenableIntake, clock: Clock | None = None) -> None:
    """Listen, open `chain` and serve until SIGTERM or SIGINT.

    Raises:
        ConfigError: An address cannot be listened on.
        StoreError: The store cannot be opened.
    """
    runner = web.AppRunner(
        application(chain, config, clock or WallClock()),
        access_log=None,
        logger=_requests_log(),
        auto_decompress=False,  # the door inflates, under its own limit
        keepalive_timeout=KEEPALIVE_S,
        shutdown_timeout=REQUESTS_S,
    )
    with _signals() as stop:
        try:
            await runner.setup()
            for text in config.listen:
                await _listen(runner, text)
            await _work(runner, chain, stop)
        finally:
            await runner.cleanup()
            for text in config.listen:
                _tidy(parse_listen(text))


async def _work(runner: web.AppRunner, chain: OpenableIntake, stop: asyncio.Event) -> None:
    """Open the chain, wait for the end, close both in order; an end may come while it opens."""
    async with AsyncExitStack() as stack:
        stopping = asyncio.create_task(stop.wait())
        stack.callback(stopping.cancel)
        opening = asyncio.create_task(stack.enter_async_context(chain))
        await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            _LOG.info("ends before the store was open")
        await opening
        _LOG.info("ready")
        await stopping
        await runner.cleanup()
    _LOG.info("drained")


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
    _LOG.error("%s: ends without a last checkpoint; the next start replays the journal", why)
    logging.shutdown()
    os._exit(1)


async def _listen(runner: web.AppRunner, text: str) -> None:
    """Listen on one address.

    Raises: ConfigError.
    """
    address = parse_listen(text)
    try:
        await _site(runner, address).start()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigError(f"cannot listen on {text}: {why}") from error
    _LOG.info("listens on %s", text)


def _site(runner: web.AppRunner, address: Listen) -> web.BaseSite:
    match address:
        case TcpAddress(host, port):
            return web.TCPSite(runner, host, port)
        case UnixAddress(path):
            if _answers(path):
                raise ConfigError(f"cannot listen on unix:{path}: another program answers there")
            return web.UnixSite(runner, path)
        case InheritedSocket(fd):
            return web.SockSite(runner, _inherited(fd))


def _inherited(fd: int) -> socket.socket:
    """Return the listening stream socket that the parent opened."""
    try:
        found = socket.socket(fileno=fd)
    except OSError as error:
        raise ConfigError(f"cannot listen on fd:{fd}: {error.strerror}") from error
    if found.type != socket.SOCK_STREAM:
        found.detach()
        raise ConfigError(f"cannot listen on fd:{fd}: it is no stream socket")
    return found


def _answers(path: Path) -> bool:
    """Tell whether somebody listens on a Unix socket; a file left behind by a crash does not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
        return True


def _tidy(address: Listen) -> None:
    """Remove the file of a Unix socket on which nobody listens any more."""
    if isinstance(address, UnixAddress) and not _answers(address.path):
        with contextlib.suppress(OSError):
            address.path.unlink(missing_ok=True)
