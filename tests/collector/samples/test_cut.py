"""A cut says what was sealed and what was open, whatever comes afterwards."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from collector.samples import columns as words
from collector.samples.columns import Columns
from collector.samples.cut import Cut
from collector.samples.sketch import Live
from collector.samples.windows import Windows

S_NS = 1_000_000_000
BASE_NS = 1_753_000_000 * S_NS
DUE_NS = BASE_NS + 40 * S_NS


def filled(windows: Windows, window: int, samples: int = 200) -> None:
    """Count samples of three series in one window: in logs, counters, and as losses alone."""
    at_ns = BASE_NS + window * windows.width_ns
    values = np.geomspace(0.001, 1, samples + 5)
    windows.add([9, 4], [0, samples, samples + 5], values, np.zeros(samples + 5), at_ns)
    windows.add_events([7], [0], [1], at_ns)


def octets(columns: Columns) -> list[bytes]:
    """Return columns in a form that can be compared."""
    return [getattr(columns, name).tobytes() for name in words.DTYPES]


def test_a_cut_is_what_a_seal_and_a_dump_would_have_been() -> None:
    """To the octet, however much is counted, sealed or cut before anybody asks."""
    one, other = Windows(), Windows()
    for window in (0, 3, 5):
        filled(one, window)
        filled(other, window)
    cut = one.cut(DUE_NS)
    filled(one, 0)
    filled(one, 3)
    one.cut(DUE_NS + 3_600 * S_NS)
    filled(one, 8)
    assert octets(other.seal(DUE_NS)) == octets(cut.sealed())
    assert other.dump() == cut.dump()
    assert 3 == len(cut)


def test_a_cut_without_anything_due_has_everything_open() -> None:
    """Nothing is sealed, nothing is gone."""
    windows = Windows()
    filled(windows, 3)
    cut = windows.cut(DUE_NS)
    assert (0, 0) == (len(cut), len(cut.sealed()))
    assert windows.dump() == cut.dump()


def test_what_stands_open_is_told_later_as_it_was() -> None:
    """Nothing is sealed by it; what comes afterwards is not in it, whatever was sealed since."""
    windows, same = Windows(), Windows()
    for window in (0, 3):
        filled(windows, window)
        filled(same, window)
    standing = windows.standing()
    filled(windows, 3)
    windows.seal(DUE_NS)
    filled(windows, 6)
    assert 0 == len(standing)
    assert octets(same.open()) == octets(standing.opened())


def test_who_asks_at_the_same_time_gets_the_same() -> None:
    """Threads that ask for both at once disturb neither one another nor what goes on."""
    windows = Windows()
    for window in range(4):
        filled(windows, window, 2_000)
    cut = windows.cut(DUE_NS)
    with ThreadPoolExecutor(4) as threads:
        sealed = list(threads.map(lambda _: octets(cut.sealed()), range(8)))
        dumps = list(threads.map(lambda _: cut.dump(), range(8)))
    assert 8 * sealed[:1] == sealed
    assert 8 * [windows.dump()] == dumps


def test_who_asks_while_it_is_settled_gets_what_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever settles it lets the memory go; whoever began to ask before has it still."""
    windows, same = Windows(), Windows()
    for one in (windows, same):
        filled(one, 0)
    settled = windows.cut(DUE_NS)
    original = Cut._exported

    def settles_first(self: Cut, live: Live | None, slots: NDArray[np.int64]) -> Columns:
        monkeypatch.undo()
        self.settle()
        return original(self, live, slots)

    monkeypatch.setattr(Cut, "_exported", settles_first)
    assert octets(same.open()) == octets(settled.sealed())


def test_a_settled_cut_keeps_what_is_sealed_alone() -> None:
    """It answers for that as before; asking for the rest is a bug."""
    windows = Windows()
    filled(windows, 0)
    filled(windows, 3)
    cut, same = windows.cut(DUE_NS), Windows()
    filled(same, 0)
    cut.settle()
    assert cut._live is None
    assert octets(same.open()) == octets(cut.sealed())
    with pytest.raises(AssertionError, match="settled"):
        cut.dump()
