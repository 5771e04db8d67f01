"""What becomes of a probe: every order of stamp and answer, every absurd time, every stranger."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import icmp
from agent.flight import STAMP_PATIENCE_NS, Answer, Doubt, Flight, Landing, Probe
from agent.ports import Message
from agent.records import Outcome, Stamp
from tests.fakes.agent_probing import FakeClock

US = 1_000
MS = 1_000_000
S = 1_000_000_000
OURS = 4711
TOKEN = b"tokentok"
TARGET = "192.0.2.1"
ROUTER = "198.51.100.9"


class Sky:
    """A flight with a clock; every probe is sent 5 us before its transmit stamp."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.flight = Flight(OURS, TOKEN)
        self.number = 0

    def launch(self, handle: object = "probe", timeout_ns: int = S) -> Probe:
        """Send one probe now."""
        probe = Probe(
            handle=handle,
            address=TARGET,
            sequence=self.flight.sequence(),
            number=self.number,
            sent=self.clock.instant(),
            timeout_ns=timeout_ns,
        )
        self.number += 1
        self.flight.launch(probe)
        return probe

    def stamp(self, probe: Probe, after_ns: int = 5 * US) -> Landing | None:
        """Tell when the probe left the kernel."""
        return self.flight.stamped(probe.number, probe.sent.wall_ns + after_ns)

    def answer(
        self,
        probe: Probe,
        *,
        stamp_ns: int | None,
        kind: int = 0,
        code: int = 0,
        source: str | None = None,
        identifier: int = OURS,
        payload: bytes = TOKEN + b"..and text",
        destination: str = TARGET,
    ) -> Landing | None:
        """Let an answer be read now; `stamp_ns` counts from the sending, None is no stamp."""
        message = icmp.Message(
            type=kind,
            code=code,
            identifier=identifier,
            sequence=probe.sequence,
            payload=payload,
            destination=destination if kind else None,
        )
        return self.flight.answered(
            Answer(
                message=message,
                source=source or (ROUTER if kind else TARGET),
                stamp_ns=None if stamp_ns is None else probe.sent.wall_ns + stamp_ns,
                ttl=60,
                read=self.clock.instant(),
            )
        )

    def strays(self) -> tuple[int, int, int]:
        """Return the counts of late, duplicate and foreign answers."""
        return self.flight.late, self.flight.duplicate, self.flight.foreign


def landed(probe: Probe, rtt_ns: int, stamp: Stamp) -> Landing:
    """Write down a good reply."""
    return Landing(
        handle="probe",
        address=TARGET,
        outcome=Outcome.REPLY,
        sent_wall_ns=probe.sent.wall_ns,
        rtt_ns=rtt_ns,
        stamp=stamp,
        source=TARGET,
        icmp=(0, 0),
        ttl=60,
    )


def test_two_kernel_stamps_make_the_rtt() -> None:
    """The RTT is receive stamp less transmit stamp, whenever the answer is read."""
    sky = Sky()
    probe = sky.launch()
    assert sky.stamp(probe) is None
    sky.clock.advance(300 * MS)
    found = sky.answer(probe, stamp_ns=5 * US + 12_345_678)
    assert landed(probe, 12_345_678, Stamp.KERNEL) == found
    assert len(sky.flight) == 0
    assert sky.flight.next_ns() is None


def test_a_stamp_may_come_after_the_answer() -> None:
    """The answer waits for it, and the quality is the same."""
    sky = Sky()
    probe = sky.launch()
    sky.clock.advance(30 * MS)
    assert sky.answer(probe, stamp_ns=5 * US + 20 * MS) is None
    assert landed(probe, 20 * MS, Stamp.KERNEL) == sky.stamp(probe)
    assert sky.flight.settle(sky.clock.monotonic_ns() + 10 * S) == []


def test_without_transmit_stamp_the_quality_is_lower() -> None:
    """After 20 ms the program's own sending time is used, and the label says so."""
    sky = Sky()
    probe = sky.launch()
    sky.clock.advance(30 * MS)
    assert sky.answer(probe, stamp_ns=25 * MS) is None
    due_ns = sky.flight.next_ns()
    assert sky.clock.monotonic_ns() + 20 * MS == due_ns
    assert sky.flight.settle(due_ns - 1) == []
    assert [landed(probe, 25 * MS, Stamp.KERNEL_RX)] == sky.flight.settle(due_ns)


@pytest.mark.parametrize("transmit", [True, False])
def test_without_receive_stamp_the_program_measured(transmit: bool) -> None:
    """A transmit stamp alone is worth nothing: it is not of the clock that read the answer."""
    sky = Sky()
    probe = sky.launch()
    if transmit:
        sky.stamp(probe)
    sky.clock.advance(30 * MS)
    assert landed(probe, 30 * MS, Stamp.USER) == sky.answer(probe, stamp_ns=None)


def test_without_answer_a_probe_is_lost_at_its_deadline() -> None:
    """Not a nanosecond earlier."""
    sky = Sky()
    probe = sky.launch(timeout_ns=200 * MS)
    sky.stamp(probe)
    deadline_ns = probe.sent.monotonic_ns + 200 * MS
    assert deadline_ns == sky.flight.next_ns()
    assert sky.flight.settle(deadline_ns - 1) == []
    expected = Landing(
        handle="probe", address=TARGET, outcome=Outcome.LOST, sent_wall_ns=probe.sent.wall_ns
    )
    assert [expected] == sky.flight.settle(deadline_ns)
    assert sky.flight.settle(deadline_ns + S) == []


@pytest.mark.parametrize(
    ("kind", "code", "outcome"),
    [
        (11, 0, Outcome.TTL_EXCEEDED),
        (3, 1, Outcome.UNREACHABLE),
        (3, 13, Outcome.PROHIBITED),
    ],
)
def test_an_error_lands_the_probe_it_quotes(kind: int, code: int, outcome: Outcome) -> None:
    """Who sent it, what it was, and how long it took."""
    sky = Sky()
    probe = sky.launch()
    sky.stamp(probe)
    sky.clock.advance(3 * MS)
    found = sky.answer(probe, stamp_ns=2 * MS, kind=kind, code=code, payload=b"")
    assert found is not None
    assert (outcome, ROUTER, (kind, code), 2 * MS - 5 * US) == (
        found.outcome,
        found.source,
        found.icmp,
        found.rtt_ns,
    )


@pytest.mark.parametrize("step_ns", [-3600 * S, -2 * MS, 2 * MS, 3600 * S])
def test_a_stepped_clock_rejects_the_sample(step_ns: int) -> None:
    """If the wall clock is set while the probe is in the air, its stamps mean nothing."""
    sky = Sky()
    probe = sky.launch()
    sky.stamp(probe)
    sky.clock.advance(50 * MS)
    sky.clock.step_wall(step_ns)
    found = sky.answer(probe, stamp_ns=20 * MS + step_ns)
    assert found is not None
    expected = (Outcome.REJECTED, None, None, TARGET)
    assert expected == (found.outcome, found.rtt_ns, found.stamp, found.source)


def test_a_stepped_clock_does_not_touch_the_monotonic_one() -> None:
    """Where the program itself measured, the wall clock played no part."""
    sky = Sky()
    probe = sky.launch()
    sky.clock.advance(30 * MS)
    sky.clock.step_wall(3600 * S)
    assert landed(probe, 30 * MS, Stamp.USER) == sky.answer(probe, stamp_ns=None)


def test_a_slewed_clock_is_no_step() -> None:
    """500 ppm, the most that adjtimex slews, passes: 2 ms in 4 s."""
    sky = Sky()
    probe = sky.launch(timeout_ns=10 * S)
    sky.stamp(probe)
    sky.clock.advance(4 * S)
    sky.clock.step_wall(2 * MS)
    found = sky.answer(probe, stamp_ns=20 * MS)
    assert found is not None
    assert found.outcome is Outcome.REPLY


@pytest.mark.parametrize("stamp_ns", [4 * US, 31 * MS])
def test_an_absurd_time_is_rejected(stamp_ns: int) -> None:
    """Below zero, or longer than from launch to reading."""
    sky = Sky()
    probe = sky.launch()
    sky.stamp(probe)
    sky.clock.advance(30 * MS)
    found = sky.answer(probe, stamp_ns=stamp_ns)
    assert found is not None
    assert (Outcome.REJECTED, None) == (found.outcome, found.rtt_ns)


def test_a_stamp_from_before_the_launch_is_not_its_own() -> None:
    """A number used before a failed send may come up once more with the old packet's stamp."""
    sky = Sky()
    probe = sky.launch()
    sky.stamp(probe, after_ns=-50 * MS)
    sky.clock.advance(30 * MS)
    assert sky.answer(probe, stamp_ns=20 * MS) is None
    found = sky.flight.settle(sky.clock.monotonic_ns() + STAMP_PATIENCE_NS)
    assert [Stamp.KERNEL_RX] == [landing.stamp for landing in found]


def test_a_reused_number_belongs_to_the_newer_probe() -> None:
    """After the count of stamps began anew, landing the old probe leaves the new one its stamp."""
    sky = Sky()
    old = sky.launch("old")
    sky.number = old.number
    new = sky.launch("new")
    sky.clock.advance(10 * MS)
    assert sky.answer(old, stamp_ns=None) is not None
    sky.stamp(new)
    found = sky.answer(new, stamp_ns=8 * MS)
    assert found is not None
    assert ("new", Stamp.KERNEL) == (found.handle, found.stamp)


@pytest.mark.parametrize(
    "stranger",
    [
        pytest.param({"identifier": OURS + 1}, id="identifier"),
        pytest.param({"payload": b"tokenXXX"}, id="token"),
        pytest.param({"payload": b"tokX"}, id="quoted token"),
        pytest.param({"source": "192.0.2.2"}, id="source of a reply"),
        pytest.param({"kind": 11, "destination": "192.0.2.2"}, id="destination of a quote"),
    ],
)
def test_a_foreign_answer_changes_nothing(stranger: dict[str, object]) -> None:
    """It is counted, and the probe stays in the air for its own answer."""
    sky = Sky()
    probe = sky.launch()
    sky.stamp(probe)
    sky.clock.advance(30 * MS)
    assert sky.answer(probe, stamp_ns=20 * MS, **stranger) is None  # type: ignore[arg-type]  # one field each
    assert (0, 0, 1) == sky.strays()
    assert sky.answer(probe, stamp_ns=20 * MS) is not None


def test_duplicates_are_counted_apart() -> None:
    """Before the stamp came, and after the landing."""
    sky = Sky()
    probe = sky.launch()
    sky.clock.advance(30 * MS)
    assert [None, None] == [sky.answer(probe, stamp_ns=20 * MS) for _ in range(2)]
    assert sky.stamp(probe) is not None
    assert sky.answer(probe, stamp_ns=21 * MS) is None
    assert (0, 2, 0) == sky.strays()


def test_late_answers_are_counted_apart_and_then_forgotten() -> None:
    """After the time-out `late`; more than ten seconds later nobody remembers: `foreign`."""
    sky = Sky()
    probe = sky.launch(timeout_ns=100 * MS)
    sky.clock.advance(100 * MS)
    sky.flight.settle(sky.clock.monotonic_ns())
    assert sky.answer(probe, stamp_ns=100 * MS) is None
    assert (1, 0, 0) == sky.strays()
    sky.clock.advance(11 * S)
    sky.flight.settle(sky.clock.monotonic_ns())
    assert sky.answer(probe, stamp_ns=100 * MS) is None
    assert (1, 0, 1) == sky.strays()
    assert ({}, 0) == (sky.flight._landed, len(sky.flight._forget))


def test_an_answer_beyond_the_timeout_is_lost_even_if_read_first() -> None:
    """Whether the timer or the reader was faster must not decide."""
    sky = Sky()
    probe = sky.launch(timeout_ns=100 * MS)
    sky.stamp(probe)
    sky.clock.advance(200 * MS)
    found = sky.answer(probe, stamp_ns=150 * MS)
    assert found is not None
    assert (Outcome.LOST, None, 1) == (found.outcome, found.source, sky.flight.late)


def test_an_answer_within_the_timeout_counts_however_late_it_is_read() -> None:
    """A busy program loses no sample."""
    sky = Sky()
    probe = sky.launch(timeout_ns=100 * MS)
    sky.stamp(probe)
    sky.clock.advance(5 * S)
    assert landed(probe, 50 * MS, Stamp.KERNEL) == sky.answer(probe, stamp_ns=50 * MS + 5 * US)


def test_sequences_in_the_air_are_not_reused() -> None:
    """After 65536 probes the count begins anew and jumps over those still in the air."""
    sky = Sky()
    staying = sky.launch(timeout_ns=3600 * S)
    for _ in range((1 << 16) - 1):
        probe = sky.launch()
        sky.answer(probe, stamp_ns=None)
    assert staying.sequence == 0
    assert sky.flight.sequence() == 1


def test_more_probes_than_sequences_is_a_bug() -> None:
    """The limits must have prevented it."""
    sky = Sky()
    for _ in range(1 << 16):
        sky.launch(timeout_ns=3600 * S)
    with pytest.raises(AssertionError, match="sequences"):
        sky.flight.sequence()


@given(st.permutations(list(itertools.product(range(6), ["stamp", "answer", "settle"]))))
def test_every_probe_lands_exactly_once(order: list[tuple[int, str]]) -> None:
    """Whatever the order of stamps, answers and deadlines is."""
    sky = Sky()
    probes = [sky.launch(handle) for handle in range(6)]
    found: list[Landing | None] = []
    for index, action in order:
        sky.clock.advance(90 * MS)
        if action == "stamp":
            found.append(sky.stamp(probes[index]))
        elif action == "answer":
            found.append(sky.answer(probes[index], stamp_ns=80 * MS))
        else:
            found += sky.flight.settle(sky.clock.monotonic_ns())
    found += sky.flight.settle(sky.clock.monotonic_ns() + 10 * S)
    assert list(range(6)) == sorted(int(str(f.handle)) for f in found if f is not None)
    assert (0, {}, {}, {}) == (
        len(sky.flight),
        sky.flight._by_number,
        sky.flight._stamps,
        sky.flight._held,
    )


def nameless(sky: Sky, probe: Probe) -> Landing | Doubt | None:
    """Let an error be read that quotes nothing of a probe but where it went."""
    cut = {"sequence": None, "payload": b"", "destination": TARGET}
    message = Message(type=11, code=0, identifier=OURS, **cut)
    read, stamp_ns = sky.clock.instant(), probe.sent.wall_ns + 2 * MS
    answer = Answer(message=message, source=ROUTER, stamp_ns=stamp_ns, ttl=60, read=read)
    return sky.flight.answered(answer)


def test_an_answer_without_a_name_is_about_the_only_probe() -> None:
    """With one probe in the air there is no doubt; with none it is late."""
    sky = Sky()
    probe = sky.launch()
    sky.stamp(probe)
    sky.clock.advance(3 * MS)
    found = nameless(sky, probe)
    assert isinstance(found, Landing)
    assert (Outcome.TTL_EXCEEDED, ROUTER) == (found.outcome, found.source)
    assert nameless(sky, probe) is None
    assert (1, 0, 0) == sky.strays()


def test_an_answer_without_a_name_is_a_doubt_among_several() -> None:
    """Nothing lands by guessing: the probes stay in the air, and their senders are told."""
    sky = Sky()
    probe = sky.launch("one")
    sky.launch("two")
    sky.clock.advance(3 * MS)
    assert Doubt(handles=("one", "two")) == nameless(sky, probe)
    assert len(sky.flight) == 2
