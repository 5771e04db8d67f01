"""Each result reaches everybody who wants it; names never hold the probing up."""

import asyncio

import msgspec
import pytest

from agent.batches import Batches, Identity, SeriesBook
from agent.metrics import Condition, Metrics
from agent.records import AgentId, Outcome, Path, Protocol, SpoolId, Stamp
from agent.results import Results
from agent.targets import Instant, ProbeTarget
from tests.fakes.agent_probing import EPOCH_NS, FakeClock

TARGET = ProbeTarget(target="t", zone="a/b", address=None, interval_ns=1, timeout_ns=1)
TRACE = Path(
    id="x",
    tool="borne-agent",
    origin=None,
    rtt_resolution_ns=1,
    target="t",
    address="192.0.2.99",
    zone="a/b",
    family=4,
    protocol=Protocol.ICMP,
    reached=True,
    started_at="2023-11-14T22:13:20.000000000Z",
    hops=(),
)


class Told:
    """Stands for the outbox and the lines: remembers what it was told."""

    def __init__(self) -> None:
        self.pokes = 0
        self.lines: list[object] = []

    def poke(self) -> None:
        """Count."""
        self.pokes += 1

    def probe(self, *line: object, **more: object) -> None:
        """Remember a probe."""
        self.lines.append((*line, more))

    def path(self, path: Path) -> None:
        """Remember a path."""
        self.lines.append(path)

    def condition(self) -> Condition:
        """Stand for the daemon, too."""
        return Condition(rung=None, restarts={})


async def mark(path: Path) -> Path:
    """Name a path after a moment."""
    await asyncio.sleep(0)
    return msgspec.structs.replace(path, tool="named")


def made(told: Told, name_path: object = None) -> tuple[Results, Batches]:
    """Return results whose takers all remember."""
    clock = FakeClock()
    metrics = Metrics("x", "1", [TARGET], told)
    results = Results([TARGET], clock, metrics, name_path=name_path, lines=told)
    identity = Identity(agent_id=AgentId(b"a" * 16), boot_id=b"b" * 16, spool_id=SpoolId(b"s" * 16))
    gathering = Batches([TARGET], identity, SeriesBook(()), interval_ns=1, now_ns=0)
    results.upload(gathering, told)
    return results, gathering


async def test_everybody_gets_replies_events_and_paths() -> None:
    """Metrics, batches and lines get each result; only a path is urgent."""
    told = Told()
    results, gathering = made(told)
    results.address(0, EPOCH_NS, "192.0.2.7")
    results.reply(0, EPOCH_NS, 5, Stamp.KERNEL)
    results.event(0, EPOCH_NS, Outcome.LOST)
    urgent = told.pokes
    results.path(TRACE)
    (batch,) = gathering.close(Instant(10, EPOCH_NS), -1)
    assert (len(batch.rtt_s), len(batch.event_series), batch.descriptors.paths) == (1, 1, (TRACE,))
    assert [change.address for change in batch.descriptors.addresses] == ["192.0.2.7"]
    assert (urgent, told.pokes) == (0, 1)
    assert told.lines == [
        (TARGET, "192.0.2.7", EPOCH_NS, Outcome.REPLY, {"rtt_ns": 5, "stamp": Stamp.KERNEL}),
        (TARGET, "192.0.2.7", EPOCH_NS, Outcome.LOST, {}),
        TRACE,
    ]


async def test_a_path_waits_for_its_names() -> None:
    """A path goes on named, and the call that brought it does not wait."""
    told = Told()
    results, _ = made(told, mark)
    results.path(TRACE)
    before = len(told.lines)
    await results.settled()
    assert (before, told.lines) == (0, [msgspec.structs.replace(TRACE, tool="named")])


async def test_too_many_paths_go_without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue of paths that wait for names is bounded."""
    monkeypatch.setattr("agent.results.MAX_NAMING", 1)
    told = Told()
    results, _ = made(told, mark)
    results.path(TRACE)
    results.path(TRACE)
    at_once = list(told.lines)
    await results.settled()
    assert (at_once, len(told.lines)) == ([TRACE], 2)


async def test_a_bug_in_naming_costs_no_path() -> None:
    """A path whose naming fails goes on without names."""

    async def broken(_: Path) -> Path:
        raise AssertionError("a bug")

    told = Told()
    results, _ = made(told, broken)
    results.path(TRACE)
    (task,) = results._naming
    await results.settled()
    assert (told.lines, str(task.exception())) == ([TRACE], "a bug")
