"""Shell: asks recursive resolvers for the addresses of targets and for the names of hops.

    what is asked             names that are tried          servers
    address of a target       hosts(5), the search list     each in turn, `attempts` times
    PTR of a hop, its check   the name alone, absolute      the same

Rules
- Nothing that measures waits for DNS: `Names` answers within its patience, with what is there.
- A look-up ends after `WHOLE_TIMEOUTS` time-outs, whatever servers and search list it has.
- A server that says it cannot find out is not asked again in that look-up; another one is.
- A name that exists without an address of the family ends the search: otherwise the families of
  one target could be two hosts.
- Resolvers that block a name say 0.0.0.0 or loopback: such an address is none, for this host would
  answer in place of the target. What hosts(5) says is the operator's own will.
- A name is confirmed by an address of the family it was found for: AAAA for IPv6.
"""

import asyncio
import contextlib
import ipaddress
import secrets
from collections.abc import Callable, Mapping

from agent import dns, resolvconf
from agent.clock import Clock
from agent.errors import DnsError
from agent.hosts import Hosts
from agent.namecache import NAMELESS, Lookup, Name, NameCache, named
from agent.nameserver import NameServer
from agent.records import Family, Path
from agent.resolvconf import ResolvConf
from agent.targets import objection

MAX_LOOKUPS_AT_ONCE = 16
"""Look-ups at work; others wait for their turn."""
MAX_LOOKUPS = 1024
"""Addresses that wait for their turn; beyond that they stay without a name for now."""
PATIENCE_S = 2.0
"""How long a path waits for the names of its hops."""
WHOLE_TIMEOUTS = 6
"""Three servers, two attempts each: the longest that a look-up may take, in time-outs."""
_KINDS: Mapping[Family, dns.Kind] = {4: dns.Kind.A, 6: dns.Kind.AAAA}
_FOUND_OUT = frozenset({dns.Code.NO_ERROR, dns.Code.NO_SUCH_NAME})


class Resolver:
    """A stub that asks recursive resolvers."""

    def __init__(
        self,
        conf: ResolvConf,
        *,
        hosts: Hosts | None = None,
        timeout_s: float = 1.0,
        attempts: int = 2,
        random_id: Callable[[], int] = lambda: secrets.randbelow(1 << 16),
    ) -> None:
        """Ask the servers of `conf`, each `attempts` times for `timeout_s`.

        `hosts` are the names that are known without asking.
        """
        self._conf = conf
        self._servers = [NameServer(server, random_id) for server in conf.servers]
        self._hosts = hosts or {}
        self._given: dict[tuple[str, Family], str] = {}
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._turns = asyncio.Semaphore(MAX_LOOKUPS_AT_ONCE)

    async def ask(self, name: str, kind: dns.Kind) -> dns.Answer:
        """Return the answer for the `kind` records of the absolute `name`.

        Raises: DnsError with reason "name", "timeout", or "failed" where the resolvers say that
        they could not find out.
        """
        async with self._turns:
            try:
                async with asyncio.timeout(WHOLE_TIMEOUTS * self._timeout_s):
                    return await self._ask(name, kind)
            except TimeoutError:
                raise self._silence(name) from None

    async def address(self, name: str, family: Family) -> str | None:
        """Return one address of `name`; None where it has none or nobody answered.

        It is the one that was returned before, while it is still among the answers: servers
        shuffle them, and a target whose address changed each time would have no history.
        """
        known = self._hosts.get((name.removesuffix(".").lower(), family))
        if known is not None:
            return known
        found: tuple[str, ...] = ()
        async with self._turns:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WHOLE_TIMEOUTS * self._timeout_s):
                    found = await self._addresses(name, _KINDS[family])
        if found and self._given.get((name, family)) not in found:
            self._given[name, family] = found[0]
        return self._given[name, family] if found else None

    async def name(self, address: str) -> tuple[Name, int]:
        """Return the PTR name of `address`, confirmed forward, and for how many seconds it holds.

        A name that is no host name's text is dropped. Raises: DnsError where nobody answered.
        """
        answer = await self.ask(dns.reverse_name(address), dns.Kind.PTR)
        found = next((text for text in answer.records if dns.is_host_name(text)), None)
        if found is None:
            return NAMELESS, answer.ttl_s
        try:
            forward = await self.ask(found, dns.address_kind(address))
        except DnsError:
            return Name(found, None), 0
        confirmed = dns.canonical_address(address) in forward.records
        return Name(found, confirmed), min(answer.ttl_s, forward.ttl_s)

    async def _addresses(self, name: str, kind: dns.Kind) -> tuple[str, ...]:
        """Return the addresses of the first name of the search list that exists."""
        for candidate in self._conf.candidates(name):
            try:
                answer = await self._ask(candidate, kind)
            except DnsError as error:
                if error.reason == "timeout":
                    return ()
                continue
            if answer.code == dns.Code.NO_ERROR:
                return tuple(filter(_is_elsewhere, answer.records))
        return ()

    async def _ask(self, name: str, kind: dns.Kind) -> dns.Answer:
        """Ask each server in turn until one has found out."""
        asking = dict.fromkeys(self._servers)
        for _ in range(self._attempts):
            for server in tuple(asking):
                answer = await server.ask(name, kind, self._timeout_s)
                if answer is None:
                    continue
                if answer.code in _FOUND_OUT:
                    return answer
                del asking[server]
        if len(asking) < len(self._servers):
            raise DnsError("failed", f"asked for {name}: the resolver failed")
        raise self._silence(name)

    def _silence(self, name: str) -> DnsError:
        asked = ", ".join(map(resolvconf.place, self._conf.servers))
        return DnsError("timeout", f"asked {asked} for {name}: no usable answer came")


def _is_elsewhere(text: str) -> bool:
    """Return whether another host than this one can be at an address."""
    address = ipaddress.ip_address(text)
    return not address.is_loopback and objection(address) is None


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
