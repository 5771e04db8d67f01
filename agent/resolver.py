"""Shell: asks a recursive resolver over UDP for addresses and for the names of hops.

Rules
- Nothing that measures waits for DNS: `Names` answers within its patience, with what is there.
- Each query has a random id and a socket of its own, so that the kernel chooses a random port:
  an answer cannot be guessed by someone who does not see the question.
- asyncio-dgram queues without bound and a refused datagram leaves `recv` waiting for ever
  (probing.md 5): each wait ends with the time-out, a query reads `MAX_STRANGERS` datagrams at
  most, and its socket and queue live no longer than the query.
- A truncated answer counts as none: there is no fallback to TCP in this version.
"""

import asyncio
import contextlib
import ipaddress
import secrets
from collections.abc import Callable
from pathlib import Path as File

import asyncio_dgram

from agent import dns
from agent.clock import Clock
from agent.errors import ConfigError, DnsError
from agent.namecache import NAMELESS, Lookup, Name, NameCache, named
from agent.records import Family, Path

PORT = 53
MAX_STRANGERS = 16
"""Datagrams of a query's socket that are read and found not to answer it."""
MAX_QUERIES = 16
"""Queries in flight; others wait for their turn."""
MAX_LOOKUPS = 1024
"""Addresses that wait for their turn; beyond that they stay without a name for now."""
PATIENCE_S = 2.0
"""How long a path waits for the names of its hops."""
_SYSTEM_FILE = File("/etc/resolv.conf")


class Resolver:
    """A stub that asks one recursive resolver."""

    def __init__(
        self,
        server: tuple[str, int],
        *,
        timeout_s: float = 1.0,
        attempts: int = 2,
        random_id: Callable[[], int] = lambda: secrets.randbelow(1 << 16),
    ) -> None:
        """Take the resolver's address and port; each of `attempts` waits `timeout_s`."""
        self._server = server
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._random_id = random_id
        self._turns = asyncio.Semaphore(MAX_QUERIES)

    async def ask(self, name: str, kind: dns.Kind) -> dns.Answer:
        """Return the resolver's answer for the `kind` records of `name`.

        Raises: DnsError with reason "name", "timeout", or "failed" where the resolver says that
        it could not find out.
        """
        async with self._turns:
            for _ in range(self._attempts):
                with contextlib.suppress(TimeoutError, OSError):
                    answer = await self._attempt(name, kind)
                    if answer.code in {dns.Code.NO_ERROR, dns.Code.NO_SUCH_NAME}:
                        return answer
                    raise DnsError("failed", f"asked for {name}: the resolver failed")
        host, port = self._server
        raise DnsError("timeout", f"asked {host}:{port} for {name}: no usable answer came")

    async def _attempt(self, name: str, kind: dns.Kind) -> dns.Answer:
        ident = self._random_id()
        message = dns.query(ident, name, kind)
        stream = await asyncio_dgram.connect(self._server)
        try:
            await stream.send(message)
            async with asyncio.timeout(self._timeout_s):
                return await _first_answer(stream, ident, name, kind)
        finally:
            stream.close()

    async def address(self, name: str, family: Family) -> str | None:
        """Return the first address of `name` in a family, None where there is none.

        None as well where nobody answered; IPv6 addresses are not asked for yet.
        """
        if family != 4:  # noqa: PLR2004 - the family's own number
            return None
        try:
            answer = await self.ask(name, dns.Kind.A)
        except DnsError:
            return None
        return answer.records[0] if answer.records else None

    async def name(self, address: str) -> tuple[Name, int]:
        """Return the PTR name of `address`, confirmed forward, and for how many seconds it holds.

        A name that is no host name's text is dropped. Raises: DnsError where nobody answered.
        """
        answer = await self.ask(dns.reverse_name(address), dns.Kind.PTR)
        found = next((text for text in answer.records if dns.is_host_name(text)), None)
        if found is None:
            return NAMELESS, answer.ttl_s
        try:
            forward = await self.ask(found, dns.Kind.A)
        except DnsError:
            return Name(found, None), 0
        return Name(found, address in forward.records), min(answer.ttl_s, forward.ttl_s)


async def _first_answer(
    stream: asyncio_dgram.aio.DatagramClient, ident: int, name: str, kind: dns.Kind
) -> dns.Answer:
    """Return the first datagram that answers the question, past a bounded number of others."""
    for _ in range(MAX_STRANGERS):
        message, _ = await stream.recv()
        with contextlib.suppress(DnsError):
            answer = dns.parse(message, ident, name, kind)
            if not answer.truncated:
                return answer
    raise TimeoutError


class Names:
    """The names of hops, looked up beside the work and cached."""

    def __init__(self, resolver: Resolver, cache: NameCache, clock: Clock) -> None:
        """Start with what `cache` knows."""
        self._resolver = resolver
        self._cache = cache
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def name_of(self, address: str) -> tuple[str | None, bool | None]:
        """Return the name of one address and whether it is confirmed, within the patience."""
        await self._wait({address})
        found = self._cache.peek(address, self._clock.monotonic_ns())
        return found.name, found.confirmed

    async def named(self, path: Path) -> Path:
        """Return `path` with the names that are known or come within the patience."""
        addresses = {
            reply.address for hop in path.hops for reply in hop.replies if reply.address is not None
        }
        await self._wait(addresses)
        now_ns = self._clock.monotonic_ns()
        return named(path, {each: self._cache.peek(each, now_ns) for each in addresses})

    async def close(self) -> None:
        """Give up what is still being looked up."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, addresses: set[str]) -> None:
        now_ns = self._clock.monotonic_ns()
        for address in addresses:
            full = len(self._tasks) >= MAX_LOOKUPS
            if not full and self._cache.want(address, now_ns) is Lookup.DUE:
                self._tasks[address] = asyncio.create_task(self._look_up(address))
        pending = [self._tasks[address] for address in addresses if address in self._tasks]
        if pending:
            await asyncio.wait(pending, timeout=PATIENCE_S)

    async def _look_up(self, address: str) -> None:
        try:
            name, ttl_s = await self._resolver.name(address)
            if name.name is not None and name.confirmed is None:
                self._cache.silent(address, self._clock.monotonic_ns(), name)
            else:
                self._cache.settle(address, name, ttl_s, self._clock.monotonic_ns())
        except DnsError:
            self._cache.silent(address, self._clock.monotonic_ns())
        finally:
            self._cache.abandon(address)
            del self._tasks[address]


def system_server(file: File = _SYSTEM_FILE) -> tuple[str, int]:
    """Return the first IPv4 name server of the host's own file.

    Raises: ConfigError where the file names none.
    """
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for words in (line.split() for line in lines):
        if words[:1] == ["nameserver"]:
            with contextlib.suppress(ValueError, IndexError):
                return str(ipaddress.IPv4Address(words[1])), PORT
    raise ConfigError(
        f"looked for an IPv4 name server in {file} and found none; give one as [resolver] address"
    )
