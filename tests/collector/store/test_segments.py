"""Segments exist whole or not at all, say what they hold, and are never trusted unproved."""

import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.errors import CorruptError, StoreError
from collector.listed import Segment
from collector.samples.columns import DTYPES, Columns, concat, empty
from collector.samples.quantiles import to_quantiles
from collector.store import judged, segmentfile, segments
from tests.fakes.collector_samples import BASE_NS, S_NS, named, sealed_windows

EVER = {"from_ns": 0, "to_ns": 1 << 62}
IN_ONE_FOLDER = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)


def kept(directory: Path, columns: Columns, suffix: str = "1") -> str:
    """Write windows of one hour and return the file's name."""
    (segment,) = segments.write_windows(directory, columns, named(columns), suffix)
    return segment.name


def renamed(directory: Path, octets: bytes, span: str = "20250720T082640Z") -> str:
    """Write octets under the name that their checksum gives them."""
    name = f"windows-{span}-{span}-x-{zlib.crc32(octets):08x}.parquet"
    (directory / name).write_bytes(octets)
    return name


def test_windows_come_back_exactly(tmp_path: Path) -> None:
    """What is read is what was sealed, sorted by (row, start), whatever the order before."""
    columns = sealed_windows()
    shuffled = columns.take(np.random.default_rng(2).permutation(len(columns)))
    found = segments.read_windows(tmp_path, [kept(tmp_path, shuffled)], **EVER)
    for name in DTYPES:
        np.testing.assert_array_equal(getattr(columns, name), getattr(found, name), name)


def test_the_name_says_what_the_file_holds(tmp_path: Path) -> None:
    """Kind, first and last second, the caller's suffix, the checksum of the octets."""
    columns = sealed_windows()
    (segment,) = segments.write_windows(tmp_path, columns, named(columns), "000042")
    octets = (tmp_path / segment.name).read_bytes()
    checksum = f"{zlib.crc32(octets):08x}"
    assert f"windows-20250720T082640Z-20250720T082710Z-000042-{checksum}.parquet" == segment.name
    assert (13, len(octets)) == (segment.rows, segment.octets)
    assert (BASE_NS, BASE_NS + 30 * S_NS) == (segment.first_ns, segment.last_ns)
    assert ("sealed", 10) == (segment.stage, segment.level_s)
    assert segment == segmentfile.describe(tmp_path, segment.name)


def test_nothing_makes_no_file(tmp_path: Path) -> None:
    """A checkpoint without sealed data leaves the directory as it was."""
    assert [] == segments.write_windows(tmp_path, empty(), {}, "1")
    assert [] == judged.write_paths(tmp_path, [], "1")
    assert [] == judged.write_crossings(tmp_path, [], "1")
    assert [] == list(tmp_path.iterdir())


def test_any_parquet_reader_reads_it(tmp_path: Path) -> None:
    """Plain pyarrow finds the columns, the kind, the schema version and the transforms."""
    file = pq.ParquetFile(tmp_path / kept(tmp_path, sealed_windows()))
    notes = file.metadata.metadata
    assert (b"windows", b"2") == (notes[b"borne.kind"], notes[b"borne.schema"])
    assert (b"10", b"sealed") == (notes[b"borne.level_s"], notes[b"borne.stage"])
    assert notes[b"borne.transforms"].startswith(b"buckets are OpenTelemetry's at scale 6")
    assert "2025-07-20 08:26:40+00:00" == str(file.read()["start"][0].as_py())


def test_a_file_answers_a_reader_that_knows_nothing_else(tmp_path: Path) -> None:
    """Names, extremes and losses stand in each row, and quantiles within the sketch's bound."""
    columns = sealed_windows()
    rows = pq.read_table(tmp_path / kept(tmp_path, columns)).to_pylist()
    for row, said in zip(rows, to_quantiles(columns), strict=True):
        for name in ("min_s", "max_s"):
            expected = getattr(said, name)
            assert row[name] == (None if expected is None else np.float32(expected)), name
        if said.p50_s is not None:
            assert abs(said.p50_s / 2 ** ((row["p50"] + 0.5) / 64) - 1) < 0.00542
        assert (said.received, said.lost) == (row["received"], row["lost"])
    labels = ("agent", "zone", "target", "family", "protocol", "stamp")
    assert ("lyon", "cloud/south", "target-9", 4, "icmp", "kernel", 1, None) == tuple(
        rows[0][name] for name in (*labels, "lost", "p50")
    )
    assert ("paris", "target-10") == (rows[1]["agent"], rows[1]["target"])


def test_rows_and_times_are_chosen(tmp_path: Path) -> None:
    """[from, to) by the window's start; only the rows that were asked for."""
    name = kept(tmp_path, sealed_windows())
    found = segments.read_windows(
        tmp_path, [name], rows=[12, 10, 99], from_ns=BASE_NS + 1, to_ns=BASE_NS + 20 * S_NS
    )
    assert [10, 12] == found.row.tolist()
    assert [BASE_NS + 10 * S_NS] * 2 == found.start_ns.tolist()
    assert 0 == len(segments.read_windows(tmp_path, [name], rows=[], **EVER))


def test_files_outside_the_range_are_not_opened(tmp_path: Path) -> None:
    """A file whose name lies outside need not even exist; at its edge it is read."""
    name = kept(tmp_path, sealed_windows())
    (tmp_path / name).rename(tmp_path / "away")
    end_ns = BASE_NS + 31 * S_NS
    assert 0 == len(segments.read_windows(tmp_path, [name], from_ns=0, to_ns=BASE_NS))
    assert 0 == len(segments.read_windows(tmp_path, [name], from_ns=end_ns, to_ns=1 << 62))
    with pytest.raises(StoreError, match="No such file"):
        segments.read_windows(tmp_path, [name], from_ns=end_ns - 1, to_ns=1 << 62)


def test_row_groups_without_the_series_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One series of many is found by the statistics of the row groups."""
    monkeypatch.setitem(segments.ROWS_PER_GROUP, "sealed", 40)
    name = kept(tmp_path, sealed_windows(series=100, windows=4))
    read: list[int] = []
    whole = pq.ParquetFile.read_row_group

    def counted(file: pq.ParquetFile, group: int, **options: object) -> pa.Table:
        read.append(group)
        return whole(file, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    found = segments.read_windows(tmp_path, [name], rows=[60], **EVER)
    assert [60] * 4 == found.row.tolist()
    assert [5] == read


def test_several_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    """A late row of the same (row, start) comes beside the first, for `merge` to add up."""
    names = [kept(tmp_path, sealed_windows(seed=seed), str(seed)) for seed in (1, 2)]
    found = segments.read_windows(tmp_path, names, rows=[10], from_ns=BASE_NS, to_ns=BASE_NS + 1)
    assert [BASE_NS, BASE_NS] == found.start_ns.tolist()


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk at the sync: `StoreError` names the file, and no part of it stays."""

    def full(handle: int) -> None:
        raise OSError(28, f"No space left on device ({handle})")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"write a segment into .*: No space left"):
        kept(tmp_path, sealed_windows())
    assert [] == list(tmp_path.iterdir())


def test_a_directory_that_is_none_is_reported(tmp_path: Path) -> None:
    """The directory is the operator's: a missing one is named, not made."""
    with pytest.raises(StoreError, match="No such file or directory"):
        kept(tmp_path / "missing", sealed_windows())


def test_a_suffix_with_other_characters_is_a_bug(tmp_path: Path) -> None:
    """A suffix cannot leave the directory nor break the name's form."""
    with pytest.raises(AssertionError, match="letters and digits"):
        kept(tmp_path, sealed_windows(), "../1")
    assert [] == list(tmp_path.iterdir())


@IN_ONE_FOLDER
@given(data=st.data())
def test_a_changed_file_is_never_returned_as_data(tmp_path: Path, data: st.DataObject) -> None:
    """Any flipped bit and any cut raise `CorruptError` with the file's name."""
    name = kept(tmp_path, sealed_windows())
    octets = bytearray((tmp_path / name).read_bytes())
    place = data.draw(st.integers(0, len(octets) - 1))
    if data.draw(st.booleans()):
        octets = octets[:place]
    else:
        octets[place] ^= 1 << data.draw(st.integers(0, 7))
    (tmp_path / name).write_bytes(octets)
    with pytest.raises(CorruptError, match=name):
        segments.read_windows(tmp_path, [name], **EVER)


def test_rot_after_the_proof_is_found_by_page_checksums(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the whole file's checksum was proved before, a page that changes is still refused."""
    name = kept(tmp_path, sealed_windows())
    octets = bytearray((tmp_path / name).read_bytes())
    column = pq.ParquetFile(tmp_path / name).metadata.row_group(0).column(21)
    octets[column.data_page_offset + column.total_compressed_size - 5] ^= 1
    (tmp_path / name).write_bytes(octets)
    monkeypatch.setattr(segmentfile, "prove", lambda *_: None)
    with pytest.raises(CorruptError, match=name):
        segments.read_windows(tmp_path, [name], **EVER)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(octets=st.binary(max_size=200))
def test_octets_that_are_no_parquet_are_corrupt(tmp_path: Path, octets: bytes) -> None:
    """Garbage under a name whose checksum holds raises `CorruptError` and nothing else."""
    name = renamed(tmp_path, octets)
    with pytest.raises(CorruptError, match=name):
        segments.read_windows(tmp_path, [name], **EVER)


def rewritten(directory: Path, **notes: str | None) -> str:
    """Write sealed windows with other metadata under a name whose checksum holds."""
    table = pq.read_table(directory / kept(directory, sealed_windows()))
    known = {key.decode(): value for key, value in table.schema.metadata.items()}
    changed = known | {f"borne.{key}": value for key, value in notes.items()}
    sink = pa.BufferOutputStream()
    kept_notes = {key: value for key, value in changed.items() if value is not None}
    pq.write_table(table.replace_schema_metadata(kept_notes), sink)
    return renamed(directory, sink.getvalue().to_pybytes())


def test_a_later_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """A file of schema 3 is not corrupt: it needs a later collector."""
    name = rewritten(tmp_path, schema="3")
    with pytest.raises(StoreError, match="schema 3 is none of 1, 2; use a later") as caught:
        segments.read_windows(tmp_path, [name], **EVER)
    assert not isinstance(caught.value, CorruptError)


@pytest.mark.parametrize("kind", ["paths", None])
def test_a_file_of_another_kind_is_corrupt(tmp_path: Path, kind: str | None) -> None:
    """The metadata must say what the name says."""
    name = rewritten(tmp_path, kind=kind)
    with pytest.raises(CorruptError, match="do not say that it holds windows"):
        segments.read_windows(tmp_path, [name], **EVER)


def test_a_file_of_other_columns_is_corrupt(tmp_path: Path) -> None:
    """Right metadata over other columns is no segment."""
    sink = pa.BufferOutputStream()
    notes = {"borne.kind": "windows", "borne.schema": "1"}
    pq.write_table(pa.table({"row": [1]}).replace_schema_metadata(notes), sink)
    name = renamed(tmp_path, sink.getvalue().to_pybytes())
    with pytest.raises(CorruptError, match="not those of windows"):
        segments.read_windows(tmp_path, [name], **EVER)


@pytest.mark.parametrize("name", ["../etc/passwd", "windows-1-2-3-4.parquet", ""])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    """Only names that a segment can have are opened."""
    with pytest.raises(StoreError, match="not a segment's name"):
        segments.read_windows(tmp_path, [name], **EVER)


def test_neighbours_stand_side_by_side(tmp_path: Path) -> None:
    """Series come in the order of their places, whatever their numbers; each can be found."""
    columns = sealed_windows(series=6, windows=2)
    places = np.arange(20, dtype=np.uint32)[::-1].copy()
    (segment,) = segments.write_windows(tmp_path, columns, named(columns), "1", places=places)
    found = segments.read_windows(tmp_path, [segment.name], **EVER)
    assert [15, 14, 13, 12, 11, 10, 9] == found.row[
        np.flatnonzero(np.diff(found.row, prepend=0))
    ].tolist()
    for row in (9, 12, 15):
        one = segments.read_windows(tmp_path, [segment.name], rows=[row], **EVER)
        assert {row} == set(one.row.tolist())
        assert (columns.row == row).sum() == len(one)


def test_windows_in_any_order_are_put_into_theirs(tmp_path: Path) -> None:
    """Those that do not come in the order of time make the very same file."""
    columns = sealed_windows()
    backwards = columns.take(np.arange(len(columns))[::-1].copy())
    (one,), (other,) = (
        segments.write_windows(tmp_path, some, named(columns), "1") for some in (columns, backwards)
    )
    assert one.name == other.name


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([], []),
        ([7], [(0, 1)]),
        ([1, 1, 2, 2, 3], [(0, 4), (4, 5)]),
        ([1, 1, 1, 1, 1, 1, 2], [(0, 6), (6, 7)]),
        ([5, 6, 6, 6, 6, 4], [(0, 1), (1, 5), (5, 6)]),
    ],
)
def test_a_row_group_ends_with_a_series(row: list[int], expected: list[tuple[int, int]]) -> None:
    """As many whole series as there is room for, four rows here; a larger one stands alone."""
    found = segments.groups(np.array(row, np.uint32), 4)
    assert expected == [(group.start, group.stop) for group in found]


def test_each_hour_has_a_file_of_its_own(tmp_path: Path) -> None:
    """Late windows of other hours do not tie a file to several compactions."""
    columns = sealed_windows()
    later = replace(columns, start_ns=columns.start_ns + 2 * 3600 * S_NS)
    both = concat([later, columns])
    written = segments.write_windows(tmp_path, both, named(both), "1")
    assert [13, 13] == [segment.rows for segment in written]
    assert [0, 2] == [(s.first_ns - BASE_NS) // (3600 * S_NS) for s in written]
    found = segments.read_windows(tmp_path, [s.name for s in written], **EVER)
    assert len(both) == len(found)


def test_a_checkpoint_writes_few_files(tmp_path: Path) -> None:
    """Where weeks are replayed the hours with most rows have their files, the rest share one."""
    columns = sealed_windows()
    hours = [replace(columns, start_ns=columns.start_ns + h * 3600 * S_NS) for h in range(300)]
    both = concat([*hours[:-1], *[hours[-1]] * 2])
    written = segments.write_windows(tmp_path, both, named(both), "1")
    assert segments.APART + 1 == len(written)
    assert 26 == max(segment.rows for segment in written[:-1])
    rest = written[-1]
    assert (len(both) - sum(s.rows for s in written[:-1])) == rest.rows
    begin_ns, end_ns = segmentfile.span_ns(rest.name)
    assert begin_ns <= rest.first_ns < rest.last_ns < end_ns
    span = {"from_ns": hours[150].start_ns[0], "to_ns": hours[150].start_ns[-1] + 1}
    found = segments.read_windows(tmp_path, [s.name for s in written], **span)
    assert 13 == len(found)


def test_where_one_hour_fails_none_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint has all its files or none of them."""
    columns = sealed_windows()
    both = concat([columns, replace(columns, start_ns=columns.start_ns + 3600 * S_NS)])
    finish, calls = segmentfile.Draft.finish, []

    def second_fails(draft: segmentfile.Draft, index: bytes | None = None) -> Segment:
        calls.append(draft)
        if len(calls) == 2:
            draft.discard()
            raise StoreError("the disk is gone")
        return finish(draft, index)

    monkeypatch.setattr(segmentfile.Draft, "finish", second_fails)
    with pytest.raises(StoreError, match="the disk is gone"):
        segments.write_windows(tmp_path, both, named(both), "1")
    assert [] == list(tmp_path.iterdir())


def test_summaries_say_the_same_as_windows(tmp_path: Path) -> None:
    """Without sketches: the same rows in the same range."""
    columns = sealed_windows(series=30)
    name = kept(tmp_path, columns)
    asked = {"rows": [9, 12, 30], "from_ns": BASE_NS, "to_ns": BASE_NS + 20 * S_NS}
    whole = segments.read_windows(tmp_path, [name], **asked)
    parts = segments.read_summaries(tmp_path, [name], **asked)
    for field in ("row", "start_ns", "received", "lost", "sum_s"):
        found = np.concatenate([getattr(part, field) for part in parts])
        np.testing.assert_array_equal(getattr(whole, field), found, field)


def test_windows_of_the_first_schema_are_read() -> None:
    """What the release before wrote is read, by series and time, and described as loose."""
    folder = Path(__file__).parents[1] / "kept" / "store-1" / "segments"
    names = sorted(path.name for path in folder.glob("windows-*"))
    assert [("loose", 12), ("loose", 4)] == [
        (found.stage, found.rows) for found in (segmentfile.describe(folder, n) for n in names)
    ]
    every = segments.read_windows(folder, names, **EVER)
    assert 16 == len(every)
    (one,) = {int(every.row[0])}
    found = segments.read_windows(folder, names, rows=[one], **EVER)
    assert (every.row == one).sum() == len(found)
