"""Bytes: ranges of addresses as a tree of bitmaps: grown once, then asked for one address.

The tree cuts all addresses of a family into runs with one answer each (after Asai and Ohara:
Poptrie, SIGCOMM 2015).

    pairs   u64: a bitmap of 64 slots (bit set = a run begins here), and how many runs come before
            2^18 pairs   the root: one slot for each value of the first 24 bits
            4 pairs      each node: one slot for each value of the next octet; one line of cache
    runs    u32: number of the row + 1; 0 for no row; NODE + number of the node that tells

Rules
- The run of a slot is the one that begins last before or at it: the runs before its pair, plus
  the bits set up to its own, minus one. A run begins at slot 0 of the root and of each node.
- A node stands for one slot. It exists where an edge lies inside that slot, so the full 128 bits
  of an IPv6 address count.
- Octets are little-endian. `collector.treekernels` walks the same tree for arrays of addresses.
"""

from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple, TypeAlias

ROOT_BITS: Final = 24
NODE_BITS: Final = 8
PAIR_SLOTS: Final = 64
ROOT_WORDS: Final = 2 << ROOT_BITS - 6
"""Words (u64) of the root in `pairs`; the nodes follow."""
NODE_WORDS: Final = 2 << NODE_BITS - 6
NODE: Final = 1 << 31
_ALL: Final = (1 << PAIR_SLOTS) - 1

Words: TypeAlias = "array[int]"
Edges: TypeAlias = tuple[list[int], list[int]]
"""Where each run begins, rising from 0, and its word in `runs`."""


class Tree(NamedTuple):
    """A tree as it is stored."""

    pairs: "Words | memoryview[int]"
    runs: "Words | memoryview[int]"


class _Part(NamedTuple):
    """The root or a node: which edges lie in it, and how wide its slots are."""

    base: int
    begin: int
    end: int
    shift: int


def grow(ranges: Sequence[tuple[int, int]], bits: int) -> tuple[Words, Words]:
    """Return `pairs` and `runs` over (first, last) rows of addresses of `bits` bits.

    Raises:
        ValueError: The rows are not rising, overlap, or leave the family.
    """
    edges = _edges(ranges, bits)
    pairs, runs, nodes = array("Q"), array("I"), 0
    waiting = deque([_Part(0, 0, len(edges[0]), bits - ROOT_BITS)])
    while waiting:
        part = waiting.popleft()
        size, before = 1 << (NODE_BITS if pairs else ROOT_BITS), len(runs)
        slots = []
        for slot, word, inner in _runs(edges, part, size):
            slots.append(slot)
            runs.append(word if inner is None else NODE + nodes)
            if inner is not None:
                nodes += 1
                waiting.append(inner)
        pairs.extend(_pairs(slots, size, before))
    return pairs, runs


def find(tree: Tree, address: int, bits: int) -> int:
    """Return the number of the row that holds `address`, -1 where none does."""
    pairs, runs = tree
    shift = bits - ROOT_BITS
    slot, node = address >> shift, 0
    while True:
        pair = node + (slot // PAIR_SLOTS) * 2
        begun = pairs[pair] << (_ALL.bit_length() - 1 - slot % PAIR_SLOTS) & _ALL
        word = runs[pairs[pair + 1] + begun.bit_count() - 1]
        if word < NODE:
            return word - 1
        node = ROOT_WORDS + (word - NODE) * NODE_WORDS
        shift -= NODE_BITS
        slot = address >> shift & (1 << NODE_BITS) - 1


def _edges(ranges: Sequence[tuple[int, int]], bits: int) -> Edges:
    starts, words, free = [], [], 0
    for number, (first, last) in enumerate(ranges):
        if not free <= first <= last < 1 << bits:
            raise ValueError(f"grow a tree: row {number} ({first} to {last}) comes after {free}")
        if free < first:
            starts.append(free)
            words.append(0)
        starts.append(first)
        words.append(number + 1)
        free = last + 1
    if free < 1 << bits:
        starts.append(free)
        words.append(0)
    return starts, words


def _runs(edges: Edges, part: _Part, size: int) -> Iterator[tuple[int, int, _Part | None]]:
    """Yield the slot, the word and, in place of the word, the node of each run of a part."""
    starts, words = edges
    base, at, end, shift = part
    free = 0  # where a run must begin if no edge is there
    while at < end:
        slot = (starts[at] - base) >> shift
        begin, stop = base + (slot << shift), at + 1
        while stop < end and starts[stop] < begin + (1 << shift):
            stop += 1
        if free < slot:
            yield free, words[at - 1], None
        if stop == at + 1 and starts[at] == begin:
            yield slot, words[at], None
            free = size
        else:
            yield slot, 0, _Part(begin, at, stop, shift - NODE_BITS)
            free = slot + 1
        at = stop
    if free < size:
        yield free, words[end - 1], None


def _pairs(slots: Sequence[int], size: int, before: int) -> Words:
    bitmaps = [0] * (size // PAIR_SLOTS)
    for slot in slots:
        bitmaps[slot // PAIR_SLOTS] |= 1 << slot % PAIR_SLOTS
    pairs = array("Q", bytes(16)) * len(bitmaps)
    pairs[0::2] = array("Q", bitmaps)
    counts = accumulate(map(int.bit_count, bitmaps[:-1]), initial=before)
    pairs[1::2] = array("Q", counts)
    return pairs
