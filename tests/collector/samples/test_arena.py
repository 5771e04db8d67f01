"""The arrays of open windows: what they hold when they grow, and when they are to shrink."""

import numpy as np

from collector.samples import arena, sketch
from collector.samples.windows import Windows

S_NS = 1_000_000_000
BASE_NS = 1_753_000_000 * S_NS


def test_arrays_that_grow_keep_what_they_hold() -> None:
    """Whichever ran out, slots or pages, is four times as long and begins as it was."""
    live = arena.allot(2, 8)
    live.pages[:4] = np.arange(64)
    live.state[sketch.PAGES] = 4
    more = arena.grown(live)
    assert (32, 2) == (len(more.pages), len(more.keys))
    assert (more.pages[:4] == np.arange(64)).all()
    assert np.shares_memory(more.pages, more.cells)
    live.state[[sketch.SLOTS, sketch.OPEN]] = 2
    live.keys[:] = 5, 6
    more = arena.grown(live)
    assert (8, 8) == (len(more.pages), len(more.keys))
    assert [5, 6] == more.keys[:2].tolist()
    assert (16, 2) == (more.slot_of.size, np.count_nonzero(more.slot_of))


def filled(windows: Windows, series: int, window: int) -> None:
    """Open a window of each of some series."""
    rows, offsets = np.arange(series), np.arange(series + 1)
    samples, dt_ms = np.full(series, 0.01), np.zeros(series)
    windows.add(rows, offsets, samples, dt_ms, BASE_NS + window * windows.width_ns)


def octets(windows: Windows) -> int:
    """Return how much the arrays take, at most."""
    return sum(array.nbytes for array in windows._live._replace(cells=windows._live.pages[:0]))


def test_a_steady_flow_takes_no_new_memory() -> None:
    """Ten minutes of sealing and opening change neither the arrays nor what was used of them."""
    windows = Windows()
    for window in range(6):
        filled(windows, 3_000, window)
    before, used = windows._live, windows._live.state[[sketch.SLOTS, sketch.PAGES]].tolist()
    for window in range(6, 66):
        due_ns = BASE_NS + (window - 5) * windows.width_ns + windows.grace_ns
        assert 3_000 == len(windows.seal(due_ns))
        filled(windows, 3_000, window)
    assert before is windows._live
    assert used == windows._live.state[[sketch.SLOTS, sketch.PAGES]].tolist()


def test_memory_of_a_peak_is_given_back_at_the_second_seal() -> None:
    """The first seal finds it in use; at the next one, what goes on is held in small arrays."""
    windows, small = Windows(), octets(Windows())
    filled(windows, 40_000, 0)
    filled(windows, 100, 9)
    at_peak = octets(windows)
    assert 40_000 == len(windows.seal(BASE_NS + 60 * S_NS))
    assert at_peak == octets(windows)
    before = windows.dump()
    assert 0 == len(windows.seal(BASE_NS + 60 * S_NS))
    assert small == octets(windows)
    assert before == windows.dump()


def test_nothing_open_takes_no_memory() -> None:
    """A seal that leaves nothing open gives back all at once: nobody may send for a while."""
    windows, small = Windows(), octets(Windows())
    filled(windows, 40_000, 0)
    assert 40_000 == len(windows.seal(BASE_NS + 60 * S_NS))
    assert small == octets(windows)
