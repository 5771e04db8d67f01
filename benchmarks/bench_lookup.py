"""Shell: the row of each address of an array, in the published table of origins, beside its peers.

Addresses of IPv4 repeat as hops do (rank r of 200,000 with weight 1/r); those of IPv6 lie in
random rows. They come in no order, and every answer stands where its address stood.

- numpy searches the sorted edges of the same table and takes the row. For IPv6 it searches the
  upper halves and steps back where the lower ones say so: as exact as searching keys of 16 octets,
  and faster.
- polars joins as of the same edges, with all its threads. Its join wants queries in order: it
  sorts them first, and numpy puts the answers back, which is faster than a second sort of polars'.
- MaxMind's C reader is asked for one text at a time, as its users do.

In each run every peer's rows must be ours.
"""

import tempfile
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

import maxminddb
import mmdb_writer
import netaddr
import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.results import Result, faster
from collector.facts import atlas, lookup
from collector.facts.atlas import BITS, Family

QUERIES = 4_000_000
DISTINCT = 200_000
TEXTS = 20_000
RUNS = 5
ROUNDS = 5
"""How often ours is asked in one run: it is over before a clock is sure of it."""
GOALS = {"numpy_4": 30.0, "polars_4": 15.0, "numpy_6": 5.0, "maxminddb_4": 100.0}
LOW = (1 << 64) - 1

Rows = NDArray[np.int32]
Asked = Callable[[], Rows]


def measure() -> list[Result]:
    """Return millions of addresses per second of each peer against ours."""
    families = atlas.load().tables["origin"].families
    generator = np.random.default_rng(11)
    return [*_four(families[4], generator), _six(families[6], generator)]


def _four(family: Family, generator: np.random.Generator) -> list[Result]:
    starts, rows = _edges(family, 4)
    first, row = starts.astype(np.uint32), rows
    weights = np.cumsum(1 / np.arange(1, DISTINCT + 1))
    drawn = np.searchsorted(weights / weights[-1], generator.random(QUERIES))
    hops = generator.integers(1 << 24, 224 << 24, DISTINCT, dtype=np.uint32)
    asked = hops[drawn]
    table = pl.DataFrame({"address": first, "row": row}).set_sorted("address")
    queries = pl.DataFrame({"address": asked})

    def ours() -> Rows:
        return lookup.rows_4(family, asked)

    def numpy() -> Rows:
        return row[np.searchsorted(first, asked, side="right") - 1]

    def polars() -> Rows:
        joined = queries.with_row_index("at").sort("address").join_asof(table, on="address")
        found = np.empty(QUERIES, dtype=np.int32)
        found[joined["at"].to_numpy()] = joined["row"].to_numpy()
        return found

    return [
        _against("lookup_4_numpy", ours, numpy, "numpy searchsorted", GOALS["numpy_4"]),
        _against("lookup_4_polars", ours, polars, "polars join_asof", GOALS["polars_4"]),
        _against_reader(family, hops[:TEXTS]),
    ]


def _six(family: Family, generator: np.random.Generator) -> Result:
    _, rows = _edges(family, 6)
    high, low = _halves(_starts(family, 6)[0])
    width = BITS[6] // 8
    edges = family.edges.tobytes()
    ends = [int.from_bytes(edges[at : at + width]) for at in range(0, len(edges), width)]
    picked = generator.integers(0, len(ends) // 2, DISTINCT)
    parts = generator.random(DISTINCT)
    hops = [
        ends[2 * n] + int(part * (ends[2 * n + 1] - ends[2 * n]))
        for n, part in zip(picked.tolist(), parts.tolist(), strict=True)
    ]
    upper, lower = (half[generator.integers(0, DISTINCT, QUERIES)] for half in _halves(hops))

    def ours() -> Rows:
        return lookup.rows_6(family, upper, lower)

    def numpy() -> Rows:
        at = np.searchsorted(high, upper, side="right") - 1
        while (beyond := (high[at] == upper) & (low[at] > lower)).any():
            at -= beyond
        return rows[at]

    return _against("lookup_6_numpy", ours, numpy, "numpy searchsorted", GOALS["numpy_6"])


def _against(claim: str, ours: Asked, peer: Asked, name: str, goal: float) -> Result:
    """Ask both in turn; what they answer must be equal."""
    ours()
    mine, theirs = [], []
    for _ in range(RUNS):
        began = time.perf_counter()
        for _ in range(ROUNDS):
            found = ours()
        middle = time.perf_counter()
        expected = peer()
        ended = time.perf_counter()
        if not np.array_equal(found, expected):
            raise AssertionError(f"{claim}: the rows differ")
        mine.append(ROUNDS * QUERIES / (middle - began) / 1e6)
        theirs.append(QUERIES / (ended - middle) / 1e6)
    return faster(claim, "M addresses/s", mine, theirs, name, goal)


def _against_reader(family: Family, hops: NDArray[np.uint32]) -> Result:
    """Ask MaxMind's reader for addresses as texts, of a file with just the rows that hold them."""
    expected = lookup.rows_4(family, hops)
    texts = [str(IPv4Address(hop)) for hop in hops.tolist()]
    mine, theirs = [], []
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "origin.mmdb"
        _write(family, set(expected[expected >= 0].tolist()), path)
        with maxminddb.open_database(path, maxminddb.MODE_MMAP_EXT) as reader:
            for _ in range(RUNS):
                began = time.perf_counter()
                for _ in range(ROUNDS):
                    found = lookup.rows_4(family, hops)
                middle = time.perf_counter()
                told = [reader.get(text) for text in texts]
                ended = time.perf_counter()
                rows = [row["row"] if isinstance(row, dict) else -1 for row in told]
                if not rows == expected.tolist() == found.tolist():
                    raise AssertionError("lookup_4_maxminddb: the rows differ")
                mine.append(ROUNDS * TEXTS / (middle - began) / 1e6)
                theirs.append(TEXTS / (ended - middle) / 1e6)
    name = "maxminddb (C, one text at a time)"
    goal = GOALS["maxminddb_4"]
    return faster("lookup_4_maxminddb", "M addresses/s", mine, theirs, name, goal)


def _write(family: Family, rows: set[int], path: Path) -> None:
    writer = mmdb_writer.MMDBWriter(ip_version=4, database_type="borne-benchmark")
    for row in sorted(rows):
        first, last = (int.from_bytes(family.edges[8 * row + at :][:4]) for at in (0, 4))
        ranges = netaddr.iprange_to_cidrs(netaddr.IPAddress(first), netaddr.IPAddress(last))
        writer.insert_network(netaddr.IPSet(ranges), {"row": row})
    writer.to_db_file(str(path))


def _starts(family: Family, version: int) -> tuple[list[int], list[int]]:
    """Return where each run of addresses begins, and its row: -1 for the gaps between rows."""
    width = BITS[version] // 8
    octets = family.edges.tobytes()
    edges = [int.from_bytes(octets[at : at + width]) for at in range(0, len(octets), width)]
    starts, rows, free = [], [], 0
    for row, (first, last) in enumerate(zip(edges[::2], edges[1::2], strict=True)):
        if free < first:
            starts.append(free)
            rows.append(-1)
        starts.append(first)
        rows.append(row)
        free = last + 1
    return [*starts, free], [*rows, -1]


def _edges(family: Family, version: int) -> tuple[NDArray[np.object_], Rows]:
    starts, rows = _starts(family, version)
    return np.array(starts, dtype=object), np.array(rows, dtype=np.int32)


def _halves(addresses: list[int]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    high = np.array([address >> 64 for address in addresses], dtype=np.uint64)
    return high, np.array([address & LOW for address in addresses], dtype=np.uint64)
