"""Look-ups of arrays, and every edge of the real tables."""

from ipaddress import ip_address
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from collector.facts import atlas, lookup, rangetree
from collector.facts.atlas import BITS, Family
from tests.fakes import atlas_tables
from tests.oracles import ranges as oracle

LOW = (1 << 64) - 1


def ask(family: Family, version: int, addresses: list[int]) -> NDArray[np.int32]:
    """Return the rows of addresses of one family."""
    if version == 4:
        return lookup.rows_4(family, np.array(addresses, dtype=np.uint32))
    high = np.array([address >> 64 for address in addresses], dtype=np.uint64)
    low = np.array([address & LOW for address in addresses], dtype=np.uint64)
    return lookup.rows_6(family, high, low)


def rows_of(family: Family, version: int) -> list[tuple[int, int]]:
    """Return the rows as they are stored beside the tree."""
    width, octets = BITS[version] // 8, family.edges.tobytes()
    edges = [int.from_bytes(octets[at : at + width]) for at in range(0, len(octets), width)]
    return list(zip(edges[::2], edges[1::2], strict=True))


def test_rows_and_labels_of_arrays(tmp_path: Path) -> None:
    """Rows of both families, -1 where there is none, and the labels of rows."""
    family = atlas_tables.opened(tmp_path).tables["origin"].families
    texts = ["192.0.2.0", "192.0.2.99", "192.0.2.100", "192.0.3.255", "192.0.4.0", "198.51.100.7"]
    rows = ask(family[4], 4, [int(ip_address(text)) for text in texts])
    assert [0, 0, 1, 1, -1, 2] == rows.tolist()
    assert [0, 0, 1, 1, -1, 0] == lookup.labels(family[4], rows).tolist()
    sixes = [int(ip_address(text)) for text in ("2001:db8::ffff", "2001:db8::1:0", "::")]
    assert [0, -1, -1] == ask(family[6], 6, sixes).tolist()


def test_columns_need_not_be_contiguous(tmp_path: Path) -> None:
    """Every second element of an array is looked up as a copy of it would be."""
    family = atlas_tables.opened(tmp_path).tables["origin"].families[4]
    wide = np.repeat(np.array([int(ip_address("192.0.2.5")), 0], dtype=np.uint32), 2)
    assert [0, -1] == lookup.rows_4(family, wide[::2]).tolist()


def test_a_table_without_rows_has_no_labels() -> None:
    """An empty family answers -1, and -1 has no label."""
    empty = Family(rangetree.grow([], 32), memoryview(b""), memoryview(b"").cast("I"))
    rows = lookup.rows_4(empty, np.array([0, 5], dtype=np.uint32))
    assert ([-1, -1], [-1, -1]) == (rows.tolist(), lookup.labels(empty, rows).tolist())


@pytest.mark.parametrize("name", atlas.TABLES)
@pytest.mark.parametrize("version", BITS)
def test_every_edge_of_the_real_tables(name: str, version: int) -> None:
    """First, last, before and after of every range of the published tables, by array and alone."""
    found = atlas.load()
    assert () == found.missing, "the tables were not built: run `make atlas` (it needs npm once)"
    family = found.tables[name].families[version]
    rows = rows_of(family, version)
    assert len(rows) > 60_000
    expected = np.empty((len(rows), 4), dtype=np.int32)
    for n, (first, last) in enumerate(rows):
        before = n - 1 if n and rows[n - 1][1] == first - 1 else -1
        after = n + 1 if n + 1 < len(rows) and rows[n + 1][0] == last + 1 else -1
        expected[n] = (
            n,
            n,
            n if first == 0 else before,
            n if not ~last % 2 ** BITS[version] else after,
        )
    asked = list(oracle.edges(rows, BITS[version]))
    assert (expected.ravel() == ask(family, version, asked)).all()
    some = slice(None, None, 97)
    alone = [rangetree.find(family.tree, address, BITS[version]) for address in asked[some]]
    assert expected.ravel()[some].tolist() == alone
    naive = list(islice(asked, 0, None, len(asked) // 20))
    assert [oracle.find(rows, address) for address in naive] == ask(family, version, naive).tolist()
