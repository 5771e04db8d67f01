"""The state: the same batches give the same state, once each, with or without a restart."""

import msgspec
import numpy as np
import pytest

from agent.records import Batch
from collector.errors import CorruptError
from collector.facts import knowledge
from collector.samples import quantiles
from collector.settings.limits import Limits
from collector.state import Checkpoint, Snapshot, State
from tests.fakes.collector_durable import NOW_NS, S_NS, ZONE, agent_id, batch, path, vantage

KNOWLEDGE = knowledge.load()
WIDTH_NS = 10 * S_NS
GRACE_NS = 30 * S_NS


def _state(checkpoint: Checkpoint | None = None) -> State:
    return State(
        KNOWLEDGE, (ZONE,), checkpoint or Checkpoint(), width_ns=WIDTH_NS, grace_ns=GRACE_NS
    )


def _checkpoint(snapshot: Snapshot) -> Checkpoint:
    """Return what a start finds after this snapshot was kept."""
    return Checkpoint(
        floor=snapshot.floor,
        marks=snapshot.marks,
        arrivals=snapshot.arrivals,
        rows=snapshot.rows,
        aliases=snapshot.aliases,
        windows=snapshot.windows,
        routes=snapshot.routes,
    )


def _apply(state: State, sent: Batch) -> dict[str, int]:
    return dict(state.apply(vantage(sent.agent_id[0]), sent, NOW_NS))


def _received(state: State) -> int:
    return int(state.unsegmented().received.sum())


def test_a_batch_counts_once() -> None:
    """At or below the mark nothing changes, whatever it holds."""
    state = _state()
    for sequence in (1, 4):
        assert {} == _apply(state, batch(sequence))
    before = state.snapshot(0, 1)
    for sequence in (4, 1, 2, 0):
        assert state.has(batch(sequence))
        assert {} == _apply(state, batch(sequence, paths=[path(NOW_NS, abroad=True)]))
    after = state.snapshot(0, 1)
    assert (before.windows, before.memory, before.marks) == (
        after.windows,
        after.memory,
        after.marks,
    )
    assert not state.has(batch(5))


@pytest.mark.parametrize("cut", [1, 7, 19])
def test_a_restart_between_batches_changes_nothing(cut: int) -> None:
    """A state from a checkpoint goes on as the one that was never stopped, to the octet."""
    batches = [
        batch(n, agent=n % 3, paths=[path(NOW_NS + n * S_NS, abroad=n % 8 < 4)]) for n in range(20)
    ]
    through = _state()
    for one in batches:
        _apply(through, one)
    stopped = _state()
    for one in batches[:cut]:
        _apply(stopped, one)
    resumed = _state(_checkpoint(stopped.snapshot(0, 2)))
    for one in batches[cut:]:
        _apply(resumed, one)
    expected, found = through.snapshot(0, 1), resumed.snapshot(0, 1)
    for part in ("windows", "routes", "marks", "arrivals", "rows", "aliases"):
        assert getattr(expected, part) == getattr(found, part), part


def test_the_mark_is_set_before_anything_can_break(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in counting cannot make a batch count twice."""
    state = _state()

    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(state.routes, "add", breaks)
    with pytest.raises(ZeroDivisionError):
        _apply(state, batch(0))
    monkeypatch.undo()
    received = _received(state)
    _apply(state, batch(0))
    assert received == _received(state)


def test_what_is_sealed_stays_readable_until_it_is_kept() -> None:
    """A snapshot takes nothing from the readers; `kept` takes exactly what it wrote."""
    state = _state()
    _apply(state, batch(0, paths=[path(NOW_NS, abroad=False)]))
    everything = _received(state)
    first = state.snapshot(NOW_NS + WIDTH_NS + GRACE_NS, 2)
    assert (everything, 1) == (int(first.sealed.received.sum()), len(first.fresh))
    assert everything == _received(state)
    late = batch(1, paths=[path(NOW_NS + S_NS, abroad=False)])
    _apply(state, late)
    second = state.snapshot(NOW_NS + WIDTH_NS + GRACE_NS, 3)
    assert 2 == len(second.fresh)
    assert len(second.sealed) == 2 * len(first.sealed)
    state.kept(first)
    assert _received(state) == int(second.sealed.received.sum()) - everything
    assert [NOW_NS + S_NS] == [record.judgement.started_ns for record in state.routes.fresh]


def test_windows_are_sealed_when_their_grace_is_over() -> None:
    """One nanosecond before, nothing is due."""
    state = _state()
    _apply(state, batch(0))
    end_ns = NOW_NS + WIDTH_NS + GRACE_NS
    assert 0 == len(state.snapshot(end_ns - 1, 1).sealed)
    assert 2 == len(state.snapshot(end_ns, 1).sealed)
    assert not state.idle()
    state.kept(state.snapshot(end_ns, 1))
    assert state.idle()


def test_samples_without_a_descriptor_are_counted_not_guessed() -> None:
    """After a damaged journal a batch may use what nobody described: the rest of it stands."""
    state = _state()
    odd = msgspec.structs.replace(batch(7), series_ids=(5, 2), event_series=[2, 5, 2])
    lost = odd.offsets[1]
    assert {"series": lost + 1} == _apply(state, odd)
    columns = quantiles.merge(state.unsegmented(), by_row=False)
    assert (len(odd.rtt_s) - lost, 2) == (int(columns.received[0]), int(columns.lost[0]))


def test_samples_beyond_the_limit_of_series_are_left_out_by_their_reason() -> None:
    """The batch stands, with all that has room."""
    whole = _state()
    assert {} == _apply(whole, batch(3))
    small = State(
        KNOWLEDGE,
        (ZONE,),
        Checkpoint(),
        width_ns=WIDTH_NS,
        grace_ns=GRACE_NS,
        limits=Limits(series=1),
    )
    left_out = _apply(small, batch(3))
    assert {"series_limit"} == {reason for reason, count in left_out.items() if count}
    received, lost = (
        [int(getattr(one.unsegmented(), name).sum()) for one in (whole, small)]
        for name in ("received", "lost")
    )
    assert left_out["series_limit"] == received[0] - received[1] + lost[0] - lost[1]
    assert 0 < received[1] < received[0]
    assert [] == small.unknown(batch(4, described=False)), "nobody is asked for them again"


def test_unknown_series_count_descriptors_of_the_batch_itself() -> None:
    """A batch that brings its descriptors needs nothing else."""
    state = _state()
    assert [] == state.unknown(batch(0))
    assert [1, 2] == state.unknown(batch(0, described=False))
    _apply(state, batch(0))
    assert [] == state.unknown(batch(1, described=False))
    assert [1, 2] == state.unknown(batch(1, agent=1, described=False))


def test_an_empty_batch_only_moves_the_mark() -> None:
    """An agent that has nothing to say is still heard."""
    state = _state()
    nothing = msgspec.structs.replace(
        batch(3, described=False),
        series_ids=np.zeros(0, np.uint32),
        offsets=(0,),
        rtt_s=(),
        reply_dt_ms=(),
        event_series=(),
        event_dt_ms=(),
        event_outcome=(),
    )
    assert {} == _apply(state, nothing)
    assert {(agent_id(0), nothing.spool_id): 3} == state.marks.all()
    assert {agent_id(0): NOW_NS} == state.arrivals


def test_a_checkpoint_of_others_is_refused() -> None:
    """Windows that no checkpoint wrote are reported."""
    with pytest.raises(CorruptError):
        _state(Checkpoint(windows=b"garbage"))
