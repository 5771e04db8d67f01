"""Bytes: ranges of addresses as a tree of bitmaps: grown once, then asked for one address.

The tree cuts all addresses of a family into runs with one answer each (Asai and Ohara: Poptrie,
SIGCOMM 2015). An address is read as 18 bits, then 6 bits at a time, with 4 zeros at its end.

    root    2^18 words: one for each value of the first 18 bits
    pairs   u64, two for each node: a bitmap of its 64 slots, one for each value of the next 6 bits
            (bit set = a run begins here), and how many runs come before those of the node
    runs    words: one for each run of each node

    word    u32: number of the row + 1; 0 for no row; NODE + number of the node that tells

Rules
- The run of a slot is the one that begins last before or at it: the runs before the node, plus
  the bits set up to its own, minus one. A run begins at slot 0 of each node.
- A node stands for one slot. It exists where an edge lies inside that slot, so the full 128 bits
  of an IPv6 address count.
- Octets are little-endian. `facts.treekernels` walks the same tree for arrays of addresses.
"""

from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

ROOT_BITS: Final = 18
NODE_BITS: Final = 6
PAD_BITS: Final = 4
"""Zeros behind the last bit, so that steps of 6 bits end there: for 32 bits as for 128."""
NODE: Final = 1 << 31
_SLOTS: Final = 1 << NODE_BITS
_LAST: Final = _SLOTS - 1
_FULL: Final = (1 << _SLOTS) - 1

Words: TypeAlias = "array[int]"
Edges: TypeAlias = tuple[list[int], list[int]]
"""Where each run begins, rising from 0, and its word."""


class Tree(NamedTuple):
    """A tree as it is stored."""

    root: "Words | memoryview[int]"
    pairs: "Words | memoryview[int]"
    runs: "Words | memoryview[int]"


class _Part(NamedTuple):
    """The root or a node: which edges lie in it, and how wide its slots are."""

    base: int
    begin: int
    end: int
    shift: int


def grow(ranges: Sequence[tuple[int, int]], bits: int) -> Tree:
    """Return the tree over (first, last) rows of addresses of `bits` bits.

    Raises:
        ValueError: The rows are not rising, overlap, or leave the family.
    """
    edges = _edges(ranges, bits)
    root, pairs, runs, nodes = array("I"), array("Q"), array("I"), 0
    waiting = deque([_Part(0, 0, len(edges[0]), bits + PAD_BITS - ROOT_BITS)])
    while waiting:
        size = 1 << ROOT_BITS if not root else _SLOTS
        slots, words = [], array("I")
        for slot, word, inner in _runs(edges, waiting.popleft(), size):
            slots.append(slot)
            words.append(word if inner is None else NODE + nodes)
            if inner is not None:
                nodes += 1
                waiting.append(inner)
        if not root:
            for word, begin, end in zip(words, slots, [*slots[1:], size], strict=True):
                root.extend(array("I", [word]) * (end - begin))
        else:
            pairs.extend((sum(1 << slot for slot in slots), len(runs)))
            runs.extend(words)
    return Tree(root, pairs, runs)


def find(tree: Tree, address: int, bits: int) -> int:
    """Return the number of the row that holds `address`, -1 where none does."""
    root, pairs, runs = tree
    shift = bits + PAD_BITS - ROOT_BITS
    padded = address << PAD_BITS
    word = root[padded >> shift]
    while word >= NODE:
        shift -= NODE_BITS
        pair = 2 * (word - NODE)
        begun = pairs[pair] << (_LAST - (padded >> shift & _LAST)) & _FULL
        word = runs[pairs[pair + 1] + begun.bit_count() - 1]
    return word - 1


def _edges(ranges: Sequence[tuple[int, int]], bits: int) -> Edges:
    starts, words, free = [], [], 0
    for number, (first, last) in enumerate(ranges):
        if not free <= first <= last < 1 << bits:
            raise ValueError(f"grow a tree: row {number} ({first} to {last}) comes after {free}")
        if free < first:
            starts.append(free << PAD_BITS)
            words.append(0)
        starts.append(first << PAD_BITS)
        words.append(number + 1)
        free = last + 1
    if free < 1 << bits:
        starts.append(free << PAD_BITS)
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
