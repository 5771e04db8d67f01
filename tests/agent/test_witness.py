"""Pinging hops for others: only what the plan asks and the file allows, told once, for ever."""

import asyncio
import contextlib
import ipaddress
from collections import deque
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from agent import witness
from agent.clock import Clock, rfc3339
from agent.delivery import Backoff
from agent.errors import UplinkError
from agent.flight import Landing
from agent.http import Response
from agent.records import Family, Outcome, Plan, Protocol, Stamp, WitnessReply, WitnessTask
from agent.schedule import Budget
from agent.targets import Limits, WitnessLimits
from agent.witness import Witness, headers
from tests.fakes.agent_probing import EPOCH_NS, FakeClock, FakePort, until

HOP, SILENT, REFUSING = "62.115.134.138", "62.115.134.139", "62.115.134.141"
LOOSE = Limits()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test wait for what it does not look at."""
    monkeypatch.setattr("agent.witness.GAP_NS", 1_000_000)
    monkeypatch.setattr("agent.witness.TIMEOUT_NS", 20_000_000)
    monkeypatch.setattr("agent.witness.SHORTEST_PAUSE_S", 0.001)
    monkeypatch.setattr("agent.witness.LONGEST_DELAY_S", 0.02)
    monkeypatch.setattr("agent.delivery.FIRST_DELAY_S", 0.01)


@pytest.fixture(autouse=True)
def shaken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let one host talk TCP; return whom a SYN was sent to."""
    asked: list[str] = []

    async def shake(clock: Clock, address: str, timeout_ns: int) -> Landing:
        asked.append(address)
        lost = Landing(
            handle=None, address=address, outcome=Outcome.LOST, sent_wall_ns=clock.wall_ns()
        )
        if address != REFUSING:
            return lost
        told = {"outcome": Outcome.REPLY, "rtt_ns": timeout_ns // 4, "stamp": Stamp.USER}
        return msgspec.structs.replace(lost, source=address, **told)

    monkeypatch.setattr("agent.witness.shake", shake)
    return asked


def task(address: str = HOP, ident: str = "1", seconds: int = 15) -> WitnessTask:
    """Return a request."""
    return WitnessTask(
        id=ident,
        address=address,
        family=4,
        protocols=("icmp", "udp", "syn"),
        deadline=rfc3339(EPOCH_NS + seconds * 1_000_000_000),
    )


class RunningClock(FakeClock):
    """A clock that goes on a little whenever somebody looks, so that losses are told."""

    def monotonic_ns(self) -> int:
        """Read the monotonic clock, a millisecond later than the last time."""
        self.advance(1_000_000)
        return super().monotonic_ns()


class Rig:
    """A witness, the network that it pings, and a collector that is a list of answers."""

    def __init__(
        self,
        answers: Sequence[Response | UplinkError],
        per_minute: int = 60,
        limits: Limits = LOOSE,
    ) -> None:
        self.clock = RunningClock()
        self.ports = {
            protocol: FakePort(routes, self.clock.wall_ns)
            for protocol, routes in (
                (Protocol.ICMP, {HOP: [HOP]}),
                (Protocol.UDP, {HOP: [HOP], SILENT: [SILENT]}),
            )
        }
        self.answers = deque(answers)
        self.asked: list[str | None] = []
        self.told: list[WitnessReply] = []
        self.witness = Witness(
            self._answer,
            self.told.append,
            WitnessLimits(enabled=True, per_minute=per_minute),
            clock=self.clock,
            budget=Budget(limits, 0),
            backoff=Backoff(lambda: 0.0),
            open_socket=self._open,
        )

    async def _answer(self, version: str | None) -> Response:
        self.asked.append(version)
        if not self.answers:
            await asyncio.sleep(3600)
        answer = self.answers.popleft()
        if isinstance(answer, UplinkError):
            raise answer
        return answer

    def _open(
        self, identifier: int, family: Family = 4, protocol: Protocol = Protocol.ICMP
    ) -> FakePort:
        return self.ports[protocol].opened(identifier, family, protocol)

    def sent(self) -> dict[str, int]:
        """Return how many packets left, by protocol."""
        return {name.value: len(port.sent) for name, port in self.ports.items() if port.sent}


def answered(*tasks: WitnessTask, version: str = "v1") -> Response:
    """Return the collector's answer with a plan."""
    return Response(status=200, body=msgspec.json.encode(Plan(version=version, witness=tasks)))


@contextlib.asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[Rig]:
    """Run a witness; it is cancelled afterwards."""
    work = asyncio.create_task(rig.witness.run())
    try:
        yield rig
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work


async def test_a_hop_is_pinged_and_its_time_told() -> None:
    """Three echo requests, one after the other, and one reply for the collector."""
    async with running(Rig([answered(task())])) as rig:
        await until(lambda: bool(rig.told))
    (reply,) = rig.told
    assert (HOP, 2000, 3, Protocol.ICMP, Stamp.KERNEL) == (
        reply.address,
        reply.rtt_min_ns,
        reply.samples,
        reply.protocol,
        reply.stamp,
    )
    assert ({"icmp": 3}, [None, "v1"]) == (rig.sent(), rig.asked)
    assert rig.ports[Protocol.ICMP].closed


async def test_who_is_deaf_to_echoes_is_asked_by_a_datagram() -> None:
    """Two echo requests are lost, then no port is open: three times."""
    async with running(Rig([answered(task(SILENT))])) as rig:
        await until(lambda: bool(rig.told))
    assert ({"icmp": 2, "udp": 3}, Protocol.UDP, 3) == (
        rig.sent(),
        rig.told[0].protocol,
        rig.told[0].samples,
    )


async def test_silence_is_told_as_silence(shaken: list[str]) -> None:
    """So that the collector asks somebody else."""
    nobody = "62.115.134.140"
    async with running(Rig([answered(task(nobody))])) as rig:
        await until(lambda: bool(rig.told))
    assert (nobody, None, 0) == (rig.told[0].address, rig.told[0].rtt_min_ns, rig.told[0].samples)
    assert ({"icmp": 2, "udp": 2}, [nobody] * 2) == (rig.sent(), shaken)


async def test_who_is_deaf_to_all_else_is_asked_by_a_handshake(shaken: list[str]) -> None:
    """Three times; each counts as the three packets that it may take."""
    async with running(Rig([answered(task(REFUSING))])) as rig:
        await until(lambda: bool(rig.told))
    (reply,) = rig.told
    assert (Protocol.TCP, Stamp.USER, 5_000_000, 3) == (
        reply.protocol,
        reply.stamp,
        reply.rtt_min_ns,
        reply.samples,
    )
    assert ([REFUSING] * 3, 2 + 2 + 3 * 3) == (shaken, rig.witness.grant.sent)


async def test_the_limit_of_the_file_holds_packets_back() -> None:
    """Two packets a minute: the third waits, and so does the reply."""
    async with running(Rig([answered(task())], per_minute=2)) as rig:
        await until(lambda: rig.witness._wait_ns(HOP, rig.clock.monotonic_ns()) > 0)
    assert ({"icmp": 2}, []) == (rig.sent(), rig.told)


async def test_the_limit_of_a_prefix_holds_packets_back() -> None:
    """A ping of a hop counts for its prefix as an echo request of a target does."""
    rig = Rig([answered(task())], limits=Limits(per_prefix_per_s=3))
    rig.clock.advance = lambda _: None  # type: ignore[method-assign]  # nothing is earned
    async with running(rig):
        await until(lambda: rig.witness._wait_ns(HOP, rig.clock.monotonic_ns()) > 0)
        assert rig.witness._wait_ns("62.115.1.1", rig.clock.monotonic_ns()) == 0
    assert ({"icmp": 2}, []) == (rig.sent(), rig.told)


async def test_the_opt_out_list_is_obeyed() -> None:
    """Refused and counted; nothing leaves."""
    limits = Limits(opt_out=(ipaddress.ip_network("62.115.0.0/16"),))
    rig = Rig([answered(task()), answered(version="v2")], limits=limits)
    async with running(rig):
        await until(lambda: len(rig.asked) == 3)
    assert (1, {}, []) == (rig.witness.grant.refused["opt_out"], rig.sent(), rig.told)


async def test_a_deadline_ends_a_trial_without_a_word() -> None:
    """A hop that was not asked in time is not told as silent."""
    rig = Rig([answered(task("62.115.134.140"))])

    def late() -> int:
        rig.clock.advance(20_000_000_000)
        return rig.clock.wall_ns()

    rig.ports[Protocol.ICMP]._wall_ns = late
    async with running(rig):
        await until(lambda: bool(rig.sent()) and rig.witness.grant.under_way == 0)
    assert ({"icmp": 1}, []) == (rig.sent(), rig.told)


async def test_private_addresses_are_never_pinged() -> None:
    """Refused and counted, whatever the collector says."""
    rig = Rig([answered(task("10.0.0.1"), task("192.168.1.1", "2")), answered(version="v2")])
    async with running(rig):
        await until(lambda: len(rig.asked) == 3)
    assert (2, {}, []) == (rig.witness.grant.refused["address"], rig.sent(), rig.told)


@pytest.mark.parametrize(
    "bad",
    [
        UplinkError("no answer within 40 s"),
        Response(status=404),
        Response(status=401),
        Response(status=500, body=b"{}"),
        Response(status=200, body=b"no plan"),
    ],
)
async def test_it_comes_again_after_anything(bad: Response | UplinkError) -> None:
    """A collector that is away, older, or something else costs pauses, and nothing more."""
    rig = Rig([bad, bad, answered(task()), Response(status=304), answered(task(), version="v2")])
    async with running(rig):
        await until(lambda: len(rig.asked) == 6)
        await until(lambda: bool(rig.told))
    assert [None, None, None, "v1", "v1", "v2"] == rig.asked
    assert 1 == len(rig.told)


async def test_a_failing_socket_is_nobodys_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error ends the work, for the daemon to count it and begin again."""

    def refuse(*_: object) -> FakePort:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Rig, "_open", refuse)
    rig = Rig([answered(task())])
    with pytest.raises(ExceptionGroup):
        await rig.witness.run()
    assert ([], 0) == (rig.told, rig.witness.grant.under_way)


def test_the_question_names_token_and_version() -> None:
    """As the collector's `GET /v1/plan` has it."""
    bearer = ("authorization", "Bearer t")
    assert (bearer,) == headers("t", None)
    assert (bearer, ("if-none-match", '"v1"')) == headers("t", "v1")
    assert "/v1/plan" == witness.TARGET
