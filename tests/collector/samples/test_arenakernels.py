"""Slots and pages are handed out and come back; the index finds every key meanwhile."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.samples import arena, arenakernels, sketch

pytestmark = pytest.mark.kernel

NUMBERS = st.lists(st.integers(0, 2**31 - 1), unique=True, max_size=60)


def key_of(number: int) -> int:
    """Return a key of few rows, so that they collide."""
    return (number << 32) | (number % 7)


def slot_of(key: int, live: sketch.Live) -> int:
    """Return the slot that the index has for a key, -1 for none."""
    return int(live.slot_of[arenakernels.found(key, live)]) - 1


@settings(deadline=None)
@given(NUMBERS)
def test_every_key_keeps_its_slot_when_the_index_grows(numbers: list[int]) -> None:
    """Slots are given in order of arrival; growing moves none, and a second search finds it."""
    live = arena.allot(1, 64)
    keys = list(map(key_of, numbers))
    for slot, key in enumerate(keys):
        while (found := arenakernels.taken_slot(key, live)) < 0:
            live = arena.grown(live)
        assert slot == found
    assert list(range(len(keys))) == [arenakernels.taken_slot(key, live) for key in keys]


@settings(deadline=None)
@given(NUMBERS, st.randoms(use_true_random=False))
def test_what_came_back_is_gone_and_the_rest_is_found(
    numbers: list[int], dice: random.Random
) -> None:
    """After any release the index holds exactly the other keys, wherever they had been placed."""
    live = arena.allot(64, 64)
    slots = {key: arenakernels.taken_slot(key, live) for key in map(key_of, numbers)}
    gone = dice.sample(sorted(slots), dice.randint(0, len(slots)))
    arenakernels.release(np.array([slots[key] for key in gone], dtype=np.int64), live)
    expected = {key: -1 if key in gone else slot for key, slot in slots.items()}
    assert expected == {key: slot_of(key, live) for key in slots}
    assert len(slots) - len(gone) == live.state[sketch.OPEN]
    assert np.count_nonzero(live.slot_of) == live.state[sketch.OPEN]


def test_slots_come_again_in_the_order_of_their_release() -> None:
    """The first slot that is released is the first that is handed out, empty, before new ones."""
    live = arena.allot(8, 64)
    for key in range(4):
        slot = arenakernels.taken_slot(key, live)
        live.counts[slot] = 9
        live.stats_s[slot] = 9.0
    arenakernels.release(np.array([2, 0]), live)
    assert [2, 0, 4] == [arenakernels.taken_slot(key, live) for key in (10, 11, 12)]
    assert not live.counts[[2, 0, 4]].any()
    assert [0.0, np.inf, -np.inf] == live.stats_s[2].tolist()


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, sketch.CELLS - 1), max_size=200), max_size=3))
def test_pages_come_back_and_are_handed_out_before_new_ones(cells: list[list[int]]) -> None:
    """A log, its counts and their table all return; the same work again takes no new page."""
    live = arena.allot(8, 128)
    most = []
    for _ in range(2):
        for key, mine in enumerate(cells):
            slot = arenakernels.taken_slot(key, live)
            for cell in mine:
                assert arenakernels.has_log(slot, live)
                live.cells[live.heads[slot, sketch.LOG], live.heads[slot, sketch.LOGGED]] = cell
                live.heads[slot, sketch.LOGGED] += 1
        counted = sum(
            int(live.pages[page].sum())
            for slot in range(len(cells))
            if (table := live.heads[slot, sketch.TABLE])
            for page in live.pages[table, : sketch.OCTAVES]
            if page
        )
        assert sum(len(mine) > 128 for mine in cells) * sketch.LOG_CELLS == counted
        most.append(int(live.state[sketch.PAGES]))
        arenakernels.release(np.arange(len(cells)), live)
        assert 1 == arena.pages_in_use(live)
    assert most[0] == most[1]


def test_a_log_that_cannot_be_counted_stays_as_it_is() -> None:
    """Where pages might not suffice nothing changes and there is no room; grown, there is."""
    live = arena.allot(8, 28)
    slot = arenakernels.taken_slot(1, live)
    assert arenakernels.has_log(slot, live)
    live.heads[slot, sketch.LOGGED] = sketch.LOG_CELLS
    live.cells[live.heads[slot, sketch.LOG]] = 77
    assert not arenakernels.has_log(slot, live)
    assert [1, sketch.LOG_CELLS, 0] == live.heads[slot].tolist()
    live = arena.grown(live)
    assert arenakernels.has_log(slot, live)
    table = live.heads[slot, sketch.TABLE]
    assert sketch.LOG_CELLS == live.pages[live.pages[table, 1], 77 - 64]
    assert 0 == live.heads[slot, sketch.LOGGED]


def test_without_any_page_there_is_no_log() -> None:
    """A slot whose log finds no page has none, and gets it once there are more."""
    live = arena.allot(8, 1)
    slot = arenakernels.taken_slot(1, live)
    assert not arenakernels.has_log(slot, live)
    live = arena.grown(live)
    assert arenakernels.has_log(slot, live)
