"""The windows of a file come in parts, in the order of its places, and nothing stays open."""

import gc
import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from collector.errors import CorruptError
from collector.samples.columns import Columns, concat
from collector.samples.registry import ranks
from collector.store import segmentfile, segments, streams
from collector.store.merging import Part
from tests.fakes.collector_days import assert_same, named, registered, spans, windows

ROWS = registered(20)
PLACES = ranks(ROWS)


def kept(directory: Path, columns: Columns, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a file of small row groups and return its name."""
    monkeypatch.setitem(segments.ROWS_PER_GROUP, "sealed", 18)
    (segment,) = segments.write_windows(directory, columns, named(ROWS), "1", places=PLACES)
    return segment.name


def readers() -> set[int]:
    """Return what there is in memory of files that are read."""
    gc.collect()
    kinds = (pq.ParquetFile, pq.FileMetaData)
    return {id(one) for one in gc.get_objects() if isinstance(one, kinds)}


def whole(parts: Sequence[Part]) -> Columns:
    """Return all windows of parts, each decoded in two pieces."""
    found = []
    for part in parts:
        middle = part.place.size // 3
        found += [part.decoded(0, middle), part.decoded(middle, part.place.size)]
    return concat(found)


def test_parts_are_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many row groups at a time as are allowed, one at least; numbered by place."""
    columns = windows(list(spans([0])), series=range(20))
    name = kept(tmp_path, columns, monkeypatch)
    expected = columns.grouped(PLACES[columns.row])
    expected = expected.take(np.lexsort((expected.start_ns, expected.row)).astype(np.int64))
    told = pq.read_metadata(tmp_path / name)
    sizes = [told.row_group(group).num_rows for group in range(told.num_row_groups)]
    for most in (1, 38, 1000):
        parts = list(streams.parts(tmp_path, name, PLACES, most))
        found = [part.place.size for part in parts]
        assert max(found) <= max(most, *sizes)
        assert all(one + other > most for one, other in itertools.pairwise(found))
        assert_same(expected, whole(parts))
    assert len(sizes) > 4


def test_nothing_is_open_between_two_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the file nor what it says of its row groups is in memory, here or in the cache."""
    name = kept(tmp_path, windows(list(spans([0])), series=range(20)), monkeypatch)
    before = readers()
    found = streams.parts(tmp_path, name, PLACES, 1)
    next(found)
    assert before == readers()
    keys = list(segmentfile._REMEMBERED._found)
    assert tmp_path / name not in {path for path, *_ in keys}


def test_a_file_of_the_first_schema_comes_as_a_whole() -> None:
    """Sorted by place, whatever its own order is."""
    folder = Path(__file__).parents[1] / "kept" / "store-1" / "segments"
    name = min(path.name for path in folder.glob("windows-*"))
    places = np.arange(6, dtype=np.uint32)[::-1].copy()
    (part,) = streams.parts(folder, name, places, 1)
    assert sorted(part.place.tolist()) == part.place.tolist()
    assert 12 == part.place.size == len(part.decoded(0, 12))


def test_damage_between_two_parts_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes meanwhile is proved again before more of it is read."""
    name = kept(tmp_path, windows(list(spans([0])), series=range(20)), monkeypatch)
    found = streams.parts(tmp_path, name, PLACES, 1)
    next(found)
    octets = bytearray((tmp_path / name).read_bytes())
    octets[len(octets) // 2] ^= 1
    (tmp_path / name).write_bytes(octets)
    with pytest.raises(CorruptError, match=name):
        next(found)
