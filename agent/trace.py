"""Shell: the command `trace`: one Paris traceroute, live on a terminal or as `borne-path/1`."""

import asyncio
import shutil
import sys
from typing import Literal

import msgspec

from agent import views
from agent.clock import Clock, SystemClock, rfc3339
from agent.echoes import Echoes, OpenPort
from agent.hops import Labels, Trace
from agent.namecache import Name, named
from agent.ping import interruption, system_resolve
from agent.records import Hop, Path, Protocol
from agent.sockets import open_port
from agent.targets import NameOf, Resolve
from agent.tracer import MAX_TTL, Route, land

_NS_PER_S = 1_000_000_000
_FRAME_S = 0.1
_NAMES_PATIENCE_S = 2.0


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    target: str
    max_ttl: int = MAX_TTL
    timeout_s: float = 1.0
    flows: Literal[1] = 1
    """Flows to trace; one in this version."""
    family: Literal[4] | None = None
    """4 asks for IPv4; None takes what there is, which is IPv4 alone."""
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
    echoes = Echoes(clock, land, open_socket)
    try:
        address = await (resolve or system_resolve)(options.target, 4)
        if address is None:
            sys.stderr.write(f"trace {options.target}: the name has no IPv4 address\n")
            return 1
        return await _Session(options, address, clock, Names(name_of)).trace(echoes)
    finally:
        echoes.close()


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
        self._trace = Trace(
            address,
            max_ttl=options.max_ttl,
            timeout_ns=self._timeout_ns,
            start_ns=self._started.monotonic_ns,
        )

    async def trace(self, echoes: Echoes) -> int:
        """Follow the route to its end and show it."""
        live = sys.stdout.isatty() and not self._options.json
        if not self._options.json:
            whom = views.named(self._options.target, self._address)
            _write(f"trace to {whom}, at most {self._options.max_ttl} hops\n")
        with interruption() as stop:
            async with asyncio.TaskGroup() as group:
                beside = [group.create_task(echoes.watch()), group.create_task(stop.wait())]
                if live:
                    beside.append(group.create_task(self._draw_for_ever()))
                follow = group.create_task(self._follow(echoes))
                await asyncio.wait((follow, beside[1]), return_when=asyncio.FIRST_COMPLETED)
                for task in (follow, *beside):
                    task.cancel()
        return self._finish(live=live)

    async def _follow(self, echoes: Echoes) -> None:
        """Drive the trace to its end and wait for the names of its hops."""
        route = Route(self._trace, self._address, self._timeout_ns)
        await route.follow(echoes, self._clock, None)
        self._names.want(self._trace.hops())
        await self._names.wait(_NAMES_PATIENCE_S)

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
        hops = self._trace.hops()
        self._names.want(hops)
        return [views.hop_line(hop, self._names.known) for hop in hops]

    def _finish(self, *, live: bool) -> int:
        path = self._names.on(
            self._trace.path(
                Labels(
                    target=self._options.target,
                    zone=None,
                    origin=None,
                    started_at=rfc3339(self._started.wall_ns),
                )
            )
        )
        if self._options.json:
            _write(msgspec.json.encode(path).decode() + "\n")
        else:
            _write(views.redrawn(self._lines(), len(self._drawn)) if live else _text(self._lines()))
        if not self._options.json and not path.reached:
            said = "the target did not answer" if self._trace.done else "interrupted"
            _write(f"{said}\n")
        return 0 if any(not reply.lost for hop in path.hops for reply in hop.replies) else 1


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
