"""The tree of ranges answers as a look at every row does."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.facts import rangetree
from tests.oracles import ranges as oracle

BITS = (32, 128)


@pytest.mark.parametrize("bits", BITS)
@given(data=st.data())
def test_every_edge_is_found_on_its_side(bits: int, data: st.DataObject) -> None:
    """First, last, before and after of every row, and any address, in both families."""
    rows = data.draw(oracle.rows(bits))
    tree = rangetree.grow(rows, bits)
    asked = [*oracle.edges(rows, bits), *oracle.beyond(rows, bits)]
    asked += data.draw(st.lists(oracle.points(bits), max_size=20))
    expected = [oracle.find(rows, address) for address in asked]
    assert expected == [rangetree.find(tree, address, bits) for address in asked]


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(
    "rows", [[], [(0, 0)], [("end", "end")], [(0, "end")], [(0, 0), (1, 1), (2, "end")]]
)
def test_the_ends_of_the_family(bits: int, rows: list[tuple[int | str, int | str]]) -> None:
    """No row at all, one that is everything, and rows of one address at either end."""
    end = (1 << bits) - 1
    numbers = [tuple(end if edge == "end" else int(edge) for edge in row) for row in rows]
    pairs = [(first, last) for first, last in numbers]
    tree = rangetree.grow(pairs, bits)
    asked = [0, 1, 2, end // 2, end - 1, end]
    expected = [oracle.find(pairs, address) for address in asked]
    assert expected == [rangetree.find(tree, address, bits) for address in asked]


def test_an_edge_at_the_last_bit_of_ipv6_needs_every_level() -> None:
    """One address alone among 2^128 costs nineteen nodes, and only it is found."""
    address = 0x2A01_CFC4_0123_4567_89AB_CDEF_0123_4567
    tree = rangetree.grow([(address, address)], 128)
    found = [rangetree.find(tree, address + step, 128) for step in (-1, 0, 1)]
    assert (2 * 19, [-1, 0, -1]) == (len(tree.pairs), found)


@pytest.mark.parametrize(
    ("rows", "row"),
    [
        ([(5, 4)], 0),
        ([(-1, 4)], 0),
        ([(0, 1 << 32)], 0),
        ([(0, 9), (9, 10)], 1),
        ([(9, 10), (0, 8)], 1),
    ],
)
def test_rows_out_of_order_are_refused(rows: list[tuple[int, int]], row: int) -> None:
    """Reversed, overlapping, sinking rows and those beyond the family grow no tree."""
    with pytest.raises(ValueError, match=rf"^grow a tree: row {row} \("):
        rangetree.grow(rows, 32)


@given(oracle.rows(32))
@example([(0, 255), (256, 256), (258, 511)])
def test_a_node_exists_only_where_an_edge_lies_inside(rows: list[tuple[int, int]]) -> None:
    """Each /18, /24 and /30 with an edge inside costs one node of 16 octets, nothing else does."""
    tree = rangetree.grow(rows, 32)
    cuts = {first for first, _ in rows} | {last + 1 for _, last in rows} - {1 << 32}
    inside = [{cut >> wide for cut in cuts if cut % (1 << wide)} for wide in (14, 8, 2)]
    assert (1 << 18, sum(map(len, inside))) == (len(tree.root), len(tree.pairs) // 2)
