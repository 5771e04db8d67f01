"""The arrays of open windows: what they hold when they grow, and when they are to shrink."""

import numpy as np
import pytest

from collector.samples import arena, sketch
from collector.samples.windows import Windows

S_NS = 1_000_000_000
BASE_NS = 1_753_000_000 * S_NS


def test_arrays_that_grow_keep_what_they_hold() -> None:
    """Whichever ran out, pages, index or slots, is four times as long and begins as it was."""
    live = arena.allot(2, 8)
    live.pages[:4] = np.arange(64)
    live.state[sketch.PAGES] = 4
    more = arena.grown(live)
    assert (32, 2, 4) == (len(more.pages), len(more.keys), more.slot_of.size)
    assert (more.pages[:4] == np.arange(64)).all()
    assert np.shares_memory(more.pages, more.cells)
    live.state[[sketch.SLOTS, sketch.OPEN]] = 2
    live.keys[:] = 5, 6
    more = arena.grown(live)
    assert (8, 8, 16) == (len(more.pages), len(more.keys), more.slot_of.size)
    assert [5, 6] == more.keys[:2].tolist()
    assert 2 == np.count_nonzero(more.slot_of)


def filled(windows: Windows, series: int, window: int) -> None:
    """Open a window of each of some series."""
    rows, offsets = np.arange(series), np.arange(series + 1)
    samples, dt_ms = np.full(series, 0.01), np.zeros(series)
    windows.add(rows, offsets, samples, dt_ms, BASE_NS + window * windows.width_ns)


def used(windows: Windows) -> list[int]:
    """Return how many slots and pages the arrays hold memory for."""
    return windows._live.state[[sketch.SLOTS, sketch.PAGES]].tolist()


def test_a_steady_flow_takes_no_new_memory() -> None:
    """Ten minutes of sealing and opening change neither the arrays nor what was used of them."""
    windows = Windows()
    for window in range(6):
        filled(windows, 3_000, window)
    before, at_first = windows._live, used(windows)
    for window in range(6, 66):
        due_ns = BASE_NS + (window - 5) * windows.width_ns + windows.grace_ns
        assert 3_000 == len(windows.seal(due_ns))
        filled(windows, 3_000, window)
    assert before is windows._live
    assert at_first == used(windows)


def test_memory_of_a_peak_is_given_back_at_the_second_seal() -> None:
    """The first seal finds it in use; the next one goes on in new arrays, with the same windows."""
    windows = Windows()
    filled(windows, 40_000, 0)
    filled(windows, 100, 9)
    assert 40_000 == len(windows.seal(BASE_NS + 60 * S_NS))
    assert [40_100, 40_101] == used(windows)
    before = windows.dump()
    assert 0 == len(windows.seal(BASE_NS + 60 * S_NS))
    assert [100, 101] == used(windows)
    assert before == windows.dump()


def test_a_seal_that_memory_runs_out_in_seals_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would have sealed is still there for the next one: it was acknowledged."""
    windows = Windows()
    for count, window in ((40_000, 0), (500, 1), (7, 9)):
        filled(windows, count, window)
    assert 40_000 == len(windows.seal(BASE_NS + 40 * S_NS))
    before = windows.dump()

    def nothing_left() -> sketch.Live:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(arena, "allot", nothing_left)
        with pytest.raises(MemoryError):
            windows.seal(BASE_NS + 60 * S_NS)
    assert before == windows.dump()
    assert 500 == len(windows.seal(BASE_NS + 60 * S_NS))
    assert 7 == len(windows)


def test_nothing_open_takes_no_memory() -> None:
    """A seal that leaves nothing open gives back all at once: nobody may send for a while."""
    windows = Windows()
    filled(windows, 40_000, 0)
    assert 40_000 == len(windows.seal(BASE_NS + 60 * S_NS))
    assert [0, 1] == used(windows)


def test_a_small_collector_keeps_its_arrays() -> None:
    """Making them anew would cost more than the memory is worth."""
    windows = Windows()
    filled(windows, 1_000, 0)
    before = windows._live
    assert 1_000 == len(windows.seal(BASE_NS + 60 * S_NS))
    assert 0 == len(windows.seal(BASE_NS + 60 * S_NS))
    assert before is windows._live
