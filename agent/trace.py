"""Shell: the command `trace`: Paris traceroutes, live on a terminal or as `borne-path/1`."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from functools import partial
from typing import Literal

import msgspec

from agent import rounds, views
from agent.clock import Clock, SystemClock, rfc3339
from agent.errors import PrivilegeError
from agent.multipath import MAX_FLOWS, Multipath
from agent.namecache import Name, named
from agent.ping import found, interruption, system_resolve
from agent.ports import OpenPort
from agent.records import Family, Hop, Path, Protocol
from agent.rounds import Labels, Round
from agent.sender import Sender
from agent.senders import STAMPS_BEGIN_S, Purpose, Senders, purpose
from agent.sockets import open_port
from agent.targets import NameOf, Resolve, family_of
from agent.tracer import MAX_TTL, Route, land

_NS_PER_S = 1_000_000_000
_FRAME_S = 0.1
_UDP_FLOWS = 256
"""Each flow of datagrams takes a socket, and a process may open 1024 files (RLIMIT_NOFILE)."""
_NAMES_PATIENCE_S = 2.0


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    target: str
    max_ttl: int = MAX_TTL
    timeout_s: float = 1.0
    flows: int | Literal["auto"] = 1
    """Flows to trace; `auto` takes as many as it needs to find every way."""
    family: Family | None = None
    """None takes an IPv4 address where there is one, else an IPv6 address."""
    protocol: Protocol = Protocol.ICMP
    json: bool = False


async def run(
    options: Options,
    *,
    resolve: Resolve | None = None,
    name_of: NameOf | None = None,
    clock: Clock | None = None,
    open_socket: OpenPort = open_port,
) -> int:
    """Trace once, until done or interrupted (SIGINT or SIGTERM), and show what is known then.

    `resolve` finds the address of a target given by name; None asks the system's resolver.
    `name_of` finds the PTR names of hops, which are waited for up to two seconds after the
    trace; None leaves them out. Returns 0 if anything answered, 1 if nothing did.

    Raises:
        PrivilegeError: the kernel refuses both kinds of ICMP socket.
    """
    clock = clock or SystemClock()
    address = await found(resolve or system_resolve, options.target, options.family)
    if address is None:
        version = f"IPv{options.family} " if options.family else ""
        sys.stderr.write(
            f"trace {options.target}: no {version}address: the name has none, or no resolver told\n"
        )
        return 1
    session = _Session(options, address, clock, Names(name_of))
    senders = Senders(session.opener(open_socket))
    try:
        return await session.trace(senders)
    finally:
        senders.close()


class Names:
    """The PTR names of the hops seen so far, asked for once each, beside the trace."""

    def __init__(self, name_of: NameOf | None) -> None:
        """Ask with `name_of`; None asks for nothing."""
        self.known: dict[str, str] = {}
        self._found: dict[str, Name] = {}
        self._name_of = name_of
        self._asked: dict[str, asyncio.Task[None]] = {}

    def want(self, hops: tuple[Hop, ...]) -> None:
        """Ask for the names of addresses that are new."""
        for address in (reply.address for hop in hops for reply in hop.replies):
            if self._name_of is not None and address is not None and address not in self._asked:
                self._asked[address] = asyncio.ensure_future(self._ask(self._name_of, address))

    async def _ask(self, name_of: NameOf, address: str) -> None:
        name, confirmed = await name_of(address)
        self._found[address] = Name(name, confirmed)
        if name is not None:
            self.known[address] = name

    async def wait(self, patience_s: float) -> None:
        """Wait for the names still asked for, not longer than this, and give up the rest."""
        if self._asked:
            done, late = await asyncio.wait(self._asked.values(), timeout=patience_s)
            for task in late:
                task.cancel()
            for task in done:
                task.result()

    def on(self, path: Path) -> Path:
        """Return the path with the names that are known."""
        return named(path, self._found)


class _Session:
    """One call of the command."""

    def __init__(self, options: Options, address: str, clock: Clock, names: Names) -> None:
        self._options = options
        self._address = address
        self._clock = clock
        self._names = names
        self._drawn: list[str] = []
        self._started = clock.instant()
        self._timeout_ns = int(options.timeout_s * _NS_PER_S)
        self._group: asyncio.TaskGroup | None = None
        self._plan = self._planned()
        self._route = Route(self._plan, address, self._timeout_ns)

    def _planned(self) -> Round | Multipath:
        """Return the decider that was asked for."""
        start_ns = self._started.monotonic_ns
        if self._options.flows == "auto":
            return Multipath(
                self._address,
                max_ttl=self._options.max_ttl,
                timeout_ns=self._timeout_ns,
                start_ns=start_ns,
                max_flows=_UDP_FLOWS if self._options.protocol is Protocol.UDP else MAX_FLOWS,
            )
        return Round(
            self._address,
            flows=self._options.flows,
            max_ttl=self._options.max_ttl,
            timeout_ns=self._timeout_ns,
            start_ns=start_ns,
        )

    def opener(self, open_socket: OpenPort) -> Callable[[Purpose], Sender]:
        """Return what opens the socket of a flow, and watches it."""

        def open_one(purpose: Purpose) -> Sender:
            family, protocol = purpose.family, purpose.protocol
            try:
                sender = Sender(self._clock, land, open_socket, family=family, protocol=protocol)
            except OSError as error:
                raise PrivilegeError(
                    f"open the socket of flow {purpose.flow}: {error.strerror}; each flow of"
                    " datagrams takes one: ask for fewer (--flows), or allow more (ulimit -n)"
                ) from error
            if self._group is not None:
                self._group.create_task(sender.watch())
            return sender

        return open_one

    async def trace(self, senders: Senders) -> int:
        """Follow the route to its end and show it."""
        self._sender_of(senders, 0)  # a refusal of the kernel ends the command before it begins
        live = sys.stdout.isatty() and not self._options.json
        if not self._options.json:
            whom = views.named(self._options.target, self._address)
            _write(f"trace to {whom}, at most {self._options.max_ttl} hops\n")
        with interruption() as stop:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for sender in senders.all:
                    group.create_task(sender.watch())
                stopped = group.create_task(stop.wait())
                drawing = [group.create_task(self._draw_for_ever())] if live else []
                follow = group.create_task(self._follow(senders))
                await asyncio.wait((follow, stopped), return_when=asyncio.FIRST_COMPLETED)
                for task in (follow, stopped, *drawing):
                    task.cancel()
                senders.close()
        return self._finish(live=live)

    async def _follow(self, senders: Senders) -> None:
        """Drive the plan to its end and wait for the names of its hops."""
        await asyncio.sleep(STAMPS_BEGIN_S)
        await self._route.follow(partial(self._sender_of, senders), self._clock, None)
        self._names.want(self._plan.hops())
        await self._names.wait(_NAMES_PATIENCE_S)

    def _sender_of(self, senders: Senders, flow: int) -> Sender:
        return senders.of(purpose(family_of(self._address), self._options.protocol, flow))

    async def _draw_for_ever(self) -> None:
        while True:
            self._draw()
            await asyncio.sleep(_FRAME_S)

    def _draw(self) -> None:
        """Draw the hops known now over those drawn before, where something changed."""
        size = shutil.get_terminal_size()
        lines = views.fitted(self._lines(), size.columns, size.lines)
        if lines != self._drawn:
            _write(views.redrawn(lines, len(self._drawn)))
            self._drawn = lines

    def _lines(self) -> list[str]:
        hops, family = self._plan.hops(), family_of(self._address)
        self._names.want(hops)
        return [line for hop in hops for line in views.hop_lines(hop, self._names.known, family)]

    def _finish(self, *, live: bool) -> int:
        labels = Labels(
            target=self._options.target,
            address=self._address,
            protocol=self._options.protocol,
            zone=None,
            origin=None,
            started_at=rfc3339(self._started.wall_ns),
        )
        made = rounds.path(labels, self._plan.hops(), reached=self._plan.reached)
        path = self._names.on(made)
        if self._options.json:
            _write(msgspec.json.encode(path).decode() + "\n")
        else:
            _write(views.redrawn(self._lines(), len(self._drawn)) if live else _text(self._lines()))
        if not self._options.json and not path.reached:
            _write(f"{self._why_not()}\n")
        return 0 if any(not reply.lost for hop in path.hops for reply in hop.replies) else 1

    def _why_not(self) -> str:
        """Say why the target was not reached."""
        if self._route.unsent:
            return (
                f"this host could send nothing to {self._address};"
                f" see its route: ip route get {self._address}"
            )
        return "the target did not answer" if self._plan.done else "interrupted"


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
