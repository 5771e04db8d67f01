"""Shell: the addresses on which the collector listens, and their certificates.

Rules
- TCP addresses speak TLS where the settings have it; Unix sockets never do: the file system says
  who may open them.
- New certificates are for new connections. Those that are open stay open, and nobody who comes in
  between finds the door shut: the new server listens on the same socket before the old one stops.
- Where client certificates are vouched for by another authority than before, those who came in by
  one end their requests and come again: an authority that is taken out lets nobody in any more.
- A Unix socket that another program answers on is never taken from it.
"""

import asyncio
import contextlib
import logging
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aiohttp import web

from collector.errors import ConfigError
from collector.settings.addresses import InheritedSocket, TcpAddress, UnixAddress, parse_listen

BACKLOG: Final = 1024
"""Connections that the kernel keeps for us; a fleet comes back all at once."""
LEAVE_S: Final = 5.0
"""For what a connection has begun that is to end."""
_LOG: Final = logging.getLogger(__name__)


class Listening:
    """All addresses of one program."""

    def __init__(self, runner: web.AppRunner) -> None:
        """Serve what `runner` has set up."""
        self._runner = runner
        self._sites: list[tuple[web.SockSite, socket.socket]] = []
        self._paths: list[Path] = []
        self._leaving: set[asyncio.Task[None]] = set()

    async def open(self, addresses: tuple[str, ...], tls: ssl.SSLContext | None) -> None:
        """Listen on every address.

        Raises:
            ConfigError: One cannot be listened on; names it.
        """
        for text in addresses:
            try:
                for made in self._made(text):
                    await self._serve(made, tls)
            except OSError as error:
                why = os.strerror(error.errno) if error.errno else str(error)
                raise ConfigError(f"cannot listen on {text}: {why}") from error
            _LOG.info("listens on %s", text, extra={"event": "listening"})

    async def renew(self, tls: ssl.SSLContext | None) -> None:
        """Serve new connections with this context from now on."""
        old, self._sites = self._sites, []
        for site, made in old:
            await self._serve(made.dup(), tls)
            await site.stop()

    def dismiss(self, tls: ssl.SSLContext | None) -> None:
        """End the connections that showed a certificate to another context than this.

        A request that was begun is answered within `LEAVE_S` or broken off; no other is read.
        """
        server = self._runner.server
        for connection in () if server is None else server.connections:
            asked = connection.transport
            if (
                asked is not None
                and asked.get_extra_info("sslcontext") is not tls
                and asked.get_extra_info("peercert")
            ):
                connection.close()  # wakes one that waits for a request, which the next does not
                leaving = asyncio.create_task(connection.shutdown(LEAVE_S))
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)

    def close(self) -> None:
        """Remove the Unix sockets' files; call it once the runner has ended."""
        for path in self._paths:
            if not _answers(path):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)

    async def _serve(self, made: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Serve a socket, which is closed when its site ends."""
        plain = made.family == socket.AF_UNIX
        context = None if plain else tls
        site = web.SockSite(self._runner, made, ssl_context=context, backlog=BACKLOG)
        await site.start()
        self._sites.append((site, made))

    def _made(self, text: str) -> Iterator[socket.socket]:
        """Yield the listening sockets of one address."""
        match parse_listen(text):
            case TcpAddress(host, port):
                yield from _tcp(host, port)
            case UnixAddress(path):
                yield self._unix(path)
            case InheritedSocket(fd):
                yield _inherited(fd)

    def _unix(self, path: Path) -> socket.socket:
        if _answers(path):
            raise ConfigError(f"cannot listen on unix:{path}: another program answers there")
        path.unlink(missing_ok=True)
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.bind(os.fspath(path))
        except OSError:
            made.close()
            raise
        self._paths.append(path)
        return made


def _tcp(host: str | None, port: int) -> Iterator[socket.socket]:
    """Yield a bound socket for every address that the host has."""
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    for family, kind, protocol, _, address in dict.fromkeys(rows):
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(address)
        except OSError:
            made.close()
            raise
        yield made


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
