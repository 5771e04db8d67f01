"""Shell: the command `ping`: echo requests to a few targets, as lines for people or NDJSON."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import msgspec

from agent import views
from agent.clock import Clock, SystemClock
from agent.flight import Doubt, Landing
from agent.ports import OpenPort
from agent.records import IPV4, IPV6, Family, Outcome, Protocol, Stamp
from agent.sender import Sender
from agent.senders import STAMPS_BEGIN_S, Purpose, Senders
from agent.sockets import open_port
from agent.targets import Resolve, family_of

_NS_PER_S = 1_000_000_000


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    targets: tuple[str, ...]
    count: int | None = None
    """Echo requests to each target; None goes on until interrupted."""
    interval_s: float = 1.0
    timeout_s: float = 1.0
    family: Family | None = None
    """None takes an IPv4 address where there is one, else an IPv6 address."""
    protocol: Protocol = Protocol.ICMP
    json: bool = False


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the JSON output."""

    target: str
    address: str | None
    protocol: Protocol
    seq: int
    rtt_ns: int | None
    outcome: str
    """The name of the outcome in small letters; `reply` for an answer."""
    stamp: Stamp | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The last line of the JSON output, under the key `summary`."""

    sent: int
    answered: int
    late: int
    duplicate: int
    foreign: int
    targets: tuple[views.Statistics, ...]


class _Target:
    """One target of the command, and what came of it so far."""

    def __init__(self, target: str, address: str | None) -> None:
        self.target = target
        self.address = address
        self.sent = 0
        self.rtts_ns: list[int] = []

    def statistics(self) -> views.Statistics:
        """Sum up what came of it."""
        return views.statistics(self.target, self.address, self.sent, self.rtts_ns)


async def run(
    options: Options,
    *,
    resolve: Resolve | None = None,
    clock: Clock | None = None,
    open_socket: OpenPort = open_port,
) -> int:
    """Ping until done or interrupted (SIGINT or SIGTERM), then sum up.

    `resolve` finds the address of a target given by name; None asks the system's resolver.
    Returns 0 if anything answered, 1 if nothing did.

    Raises:
        PrivilegeError: the kernel refuses both kinds of ICMP socket.
    """
    session = _Session(options)
    senders = Senders(session.opener(clock or SystemClock(), open_socket))
    try:
        find = resolve or system_resolve
        targets = [_Target(t, await found(find, t, options.family)) for t in options.targets]
        await session.ping(targets, senders)
        strays = [sender.strays for sender in senders.all]
    finally:
        senders.close()
    session.sum_up(targets, strays)
    return 0 if any(target.rtts_ns for target in targets) else 1


async def found(resolve: Resolve, target: str, family: Family | None) -> str | None:
    """Return an address of a target: IPv4 first, unless one family is asked for."""
    for each in (IPV4, IPV6) if family is None else (family,):
        address = await resolve(target, each)
        if address is not None:
            return address
    return None


async def system_resolve(target: str, family: Family) -> str | None:
    """Ask the system's resolver for an address, in a thread; an address is itself."""
    loop = asyncio.get_running_loop()
    kind = socket.AF_INET if family == IPV4 else socket.AF_INET6
    try:
        found = await loop.getaddrinfo(target, None, family=kind, type=socket.SOCK_RAW)
    except (OSError, UnicodeError):  # the latter for what cannot be a name, such as "a..b"
        return None
    return str(found[0][4][0]) if found else None


@contextlib.contextmanager
def interruption() -> Iterator[asyncio.Event]:
    """Give an event that SIGINT and SIGTERM set: a command then sums up what it has."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


class _Session:
    """One call of the command."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._timeout_ns = int(options.timeout_s * _NS_PER_S)
        self._in_air = 0
        self._landed = asyncio.Event()
        self._encoder = msgspec.json.Encoder()

    def opener(self, clock: Clock, open_socket: OpenPort) -> Callable[[Purpose], Sender]:
        """Return what opens the socket of a family."""

        def open_one(purpose: Purpose) -> Sender:
            return Sender(clock, self.land, open_socket, family=purpose.family)

        return open_one

    async def ping(self, targets: list[_Target], senders: Senders) -> None:
        """Send everything, and wait for the tail."""
        for target in targets:
            if target.address is not None:
                senders.of(Purpose(family_of(target.address)))
        with interruption() as stop:
            async with asyncio.TaskGroup() as group:
                await asyncio.sleep(STAMPS_BEGIN_S)
                watches = [group.create_task(sender.watch()) for sender in senders.all]
                await self._send_all(targets, senders, stop)
                await self._wait_for_tail(stop)
                for watch in watches:
                    watch.cancel()

    async def _send_all(
        self, targets: list[_Target], senders: Senders, stop: asyncio.Event
    ) -> None:
        """Send in turn, each target at its interval, the targets spread evenly over it."""
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        step_s = self._options.interval_s / len(targets)
        turn = 0
        while self._options.count is None or turn < self._options.count * len(targets):
            if await _stopped_within(stop, start_s + turn * step_s - loop.time()):
                return
            self._send(targets[turn % len(targets)], turn // len(targets), senders)
            turn += 1

    def _send(self, target: _Target, sequence: int, senders: Senders) -> None:
        if target.address is None:
            self._say(target, sequence, Outcome.UNRESOLVED)
            return
        target.sent += 1
        self._in_air += 1
        sender = senders.of(Purpose(family_of(target.address)))
        sender.send((target, sequence), target.address, self._timeout_ns)

    async def _wait_for_tail(self, stop: asyncio.Event) -> None:
        """Wait until nothing is in the air; an interruption ends the wait, too."""
        while self._in_air and not stop.is_set():
            self._landed.clear()
            await _either(self._landed, stop)

    def land(self, landing: Landing | Doubt) -> None:
        """Take what became of an echo request."""
        match landing.handle if isinstance(landing, Landing) else landing:
            case (_Target() as target, int(sequence)) if isinstance(landing, Landing):
                self._in_air -= 1
                self._landed.set()
                if landing.outcome is Outcome.REPLY and landing.rtt_ns is not None:
                    target.rtts_ns.append(landing.rtt_ns)
                self._say(target, sequence, landing.outcome, landing)
            case handle:
                raise AssertionError(f"this command did not send {handle!r}")

    def _say(
        self, target: _Target, sequence: int, outcome: Outcome, landing: Landing | None = None
    ) -> None:
        rtt_ns = landing.rtt_ns if landing and outcome is Outcome.REPLY else None
        stamp = landing.stamp if landing and outcome is Outcome.REPLY else None
        if self._options.json:
            self._write_json(
                Line(
                    target=target.target,
                    address=target.address,
                    protocol=self._options.protocol,
                    seq=sequence,
                    rtt_ns=rtt_ns,
                    outcome=outcome.name.lower(),
                    stamp=stamp,
                )
            )
            return
        whom = views.named(target.target, target.address or target.target)
        if rtt_ns is None or stamp is None or landing is None:
            source = landing.source if landing else None
            _write(views.outcome_line(whom, sequence, outcome, source))
        else:
            _write(views.reply_line(whom, sequence, rtt_ns, stamp, landing.ttl))

    def sum_up(self, targets: list[_Target], strays: list[tuple[int, int, int]]) -> None:
        """Write the summary."""
        known = tuple(target.statistics() for target in targets)
        if not self._options.json:
            for each in known:  # the empty line takes the ^C of a terminal
                _write("\n".join(("", *views.statistics_lines(each))))
            return
        late, duplicate, foreign = (sum(kind) for kind in zip((0, 0, 0), *strays, strict=True))
        summary = Summary(
            sent=sum(each.sent for each in known),
            answered=sum(each.answered for each in known),
            late=late,
            duplicate=duplicate,
            foreign=foreign,
            targets=known,
        )
        self._write_json({"summary": summary})

    def _write_json(self, word: object) -> None:
        _write(self._encoder.encode(word).decode())


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def _stopped_within(stop: asyncio.Event, duration_s: float) -> bool:
    """Wait this long, or until told to stop; return whether that happened."""
    try:
        async with asyncio.timeout(max(duration_s, 0)):
            await stop.wait()
    except TimeoutError:
        return False
    return True


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    """Wait until one of two events is set."""
    waits = [asyncio.ensure_future(one.wait()), asyncio.ensure_future(other.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
