"""Twins: the same batch is known however it is described, another one is told apart."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import wire
from agent.records import Batch, Descriptors
from collector.gate.twins import REMEMBERED, SPOOLS, Print, Twins, print_of
from tests.fakes.collector_durable import batch


def printed(one: Batch) -> Print:
    """Return the print of a batch as it travels."""
    content = wire.encode(one)
    return print_of(content, wire.decode(content))


def test_descriptors_make_no_difference() -> None:
    """What was measured is what counts."""
    bare = msgspec.structs.replace(batch(5), descriptors=Descriptors())
    assert printed(batch(5)) == printed(bare)


@pytest.mark.parametrize(
    "changes",
    [
        {"rtt_s": [0.5] * 9},
        {"base_ns": 1},
        {"boot_id": b"c" * 16},
        {"reply_dt_ms": [1] * 9},
        {"event_dt_ms": [6] * 3},
        {"sequence": 4},
        {"clock_error_ns": -1},
    ],
)
def test_every_measurement_makes_a_difference(changes: dict[str, object]) -> None:
    """Another value anywhere before the descriptors is another batch."""
    original = batch(11)
    given = {
        name: value[: len(getattr(original, name))] if isinstance(value, list) else value
        for name, value in changes.items()
    }
    assert printed(original) != printed(msgspec.structs.replace(original, **given))


def test_long_batches_are_told_apart_by_their_times() -> None:
    """However long the columns before the times are, some times are read."""
    series = range(5000)
    times = [0.01 + 1e-6 * number for number in series]
    long = msgspec.structs.replace(
        batch(1),
        series_ids=series,
        offsets=range(5001),
        rtt_s=times,
        reply_dt_ms=[0] * 5000,
    )
    other = msgspec.structs.replace(long, rtt_s=[2 * time_s for time_s in times])
    assert printed(long) != printed(other)


def test_only_what_is_remembered_differs() -> None:
    """An unknown sequence is nobody's twin; the last ones of the last spools are remembered."""
    twins = Twins()
    other = Print(0, 0, 0)
    assert not twins.differs(batch(1), other)
    for sequence in range(REMEMBERED + 1):
        twins.remember(batch(sequence), printed(batch(sequence)))
    told = [twins.differs(batch(sequence), other) for sequence in (0, 1, REMEMBERED)]
    assert [False, True, True] == told
    assert not twins.differs(batch(1), printed(batch(1)))
    for spool in range(SPOOLS):
        one = batch(1, spool=bytes([spool]) * 16)
        twins.remember(one, printed(one))
    assert not twins.differs(batch(1), other)
    assert [1] == [len(spools) // SPOOLS for spools in twins._spools.values()]


def test_a_spool_that_was_set_back_is_a_twin() -> None:
    """A machine from a snapshot measures today under old numbers; a repetition is as old as they.

    Such a batch was never stored: to answer it as stored would lose it.
    """
    twins = Twins()
    for sequence in range(100, 101 + REMEMBERED):
        twins.remember(batch(sequence), printed(batch(sequence)))
    old, now_ns = batch(3), batch(200).base_ns
    assert not twins.differs(old, printed(old))
    anew = msgspec.structs.replace(old, base_ns=now_ns)
    assert twins.differs(anew, printed(anew))


def test_a_number_that_was_left_out_is_stored_nowhere() -> None:
    """Its spool had dropped that batch: what comes under its number is another's."""
    twins = Twins()
    for sequence in (5, 7):
        twins.remember(batch(sequence), printed(batch(sequence)))
    assert [False, False, True] == [twins.differs(batch(n), printed(batch(n))) for n in (4, 5, 6)]


def test_what_is_remembered_outlives_the_program() -> None:
    """A dump gives it back, and what comes again out of the journal changes nothing."""
    twins = Twins()
    for sequence in (5, 6, 9):
        twins.remember(batch(sequence), printed(batch(sequence)))
    again = Twins.load(twins.dump())
    again.remember(batch(6), printed(batch(6)))
    other = Print(0, 0, 0)
    expected = [False, True, True, True, True, True]
    assert expected == [again.differs(batch(sequence), other) for sequence in range(4, 10)]
    assert not again.differs(batch(9), printed(batch(9)))
    assert twins.dump() == again.dump()


@given(st.data())
def test_a_changed_dump_is_refused(data: st.DataObject) -> None:
    """No print is made of a damaged file."""
    twins = Twins()
    twins.remember(batch(5), printed(batch(5)))
    octets = bytearray(twins.dump())
    at = data.draw(st.integers(0, len(octets) - 1))
    octets[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="checksum"):
        Twins.load(bytes(octets))
    with pytest.raises(ValueError, match=r"checksum|truncated"):
        Twins.load(bytes(octets[:at]))
