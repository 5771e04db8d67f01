"""Segments exist whole or not at all, say what they hold, and are never trusted unproved."""

import os
import zlib
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.columns import DTYPES, Columns, empty
from collector.errors import CorruptError, StoreError
from collector.quantiles import to_quantiles
from collector.store import segments
from tests.fakes.collector_samples import BASE_NS, S_NS, named, path_record, sealed_windows

EVER = {"from_ns": 0, "to_ns": 1 << 62}
IN_ONE_FOLDER = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)


def kept(directory: Path, columns: Columns, suffix: str = "1") -> str:
    """Write windows and return the file's name."""
    segment = segments.write_windows(directory, columns, named(columns), suffix)
    assert segment is not None
    return segment.name


def kept_paths(directory: Path, *started_s: int, suffix: str = "1", agent: str = "paris") -> str:
    """Write paths that started these seconds after the base and return the file's name."""
    records = [path_record(agent=agent, started_ns=BASE_NS + s * S_NS) for s in started_s]
    segment = segments.write_paths(directory, records, suffix)
    assert segment is not None
    return segment.name


def seconds(records: list) -> list[int]:
    """Return the starts of paths as seconds after the base."""
    return [(record.judgement.started_ns - BASE_NS) // S_NS for record in records]


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
    segment = segments.write_windows(tmp_path, columns, named(columns), "000042")
    assert segment is not None
    octets = (tmp_path / segment.name).read_bytes()
    checksum = f"{zlib.crc32(octets):08x}"
    assert f"windows-20250720T082640Z-20250720T082710Z-000042-{checksum}.parquet" == segment.name
    assert (13, len(octets)) == (segment.rows, segment.octets)
    assert (BASE_NS, BASE_NS + 30 * S_NS) == (segment.first_ns, segment.last_ns)
    assert segment == segments.describe(tmp_path, segment.name)


def test_a_paths_file_describes_itself_too(tmp_path: Path) -> None:
    """The catalogue can be rebuilt from the files of either kind."""
    name = kept_paths(tmp_path, 7, 3)
    found = segments.describe(tmp_path, name)
    assert (name, "paths", 2) == (found.name, found.kind, found.rows)
    assert (BASE_NS + 3 * S_NS, BASE_NS + 7 * S_NS) == (found.first_ns, found.last_ns)


def test_nothing_makes_no_file(tmp_path: Path) -> None:
    """A checkpoint without sealed data leaves the directory as it was."""
    assert segments.write_windows(tmp_path, empty(), {}, "1") is None
    assert segments.write_paths(tmp_path, [], "1") is None
    assert [] == list(tmp_path.iterdir())


def test_any_parquet_reader_reads_it(tmp_path: Path) -> None:
    """Plain pyarrow finds the columns, the kind, the schema version and the transforms."""
    file = pq.ParquetFile(tmp_path / kept(tmp_path, sealed_windows()))
    notes = file.schema_arrow.metadata
    assert (b"windows", b"1") == (notes[b"borne.kind"], notes[b"borne.schema"])
    assert notes[b"borne.transforms"].startswith(b"bucket_gaps: OpenTelemetry bucket index")
    assert "2025-07-20 08:26:40+00:00" == str(file.read()["start"][0].as_py())


def test_a_file_answers_a_reader_that_knows_nothing_else(tmp_path: Path) -> None:
    """Names, quantiles, extremes and losses stand in each row, equal to what the API says."""
    columns = sealed_windows()
    rows = pq.read_table(tmp_path / kept(tmp_path, columns)).to_pylist()
    for row, said in zip(rows, to_quantiles(columns), strict=True):
        for name in ("p50_s", "p90_s", "p99_s", "min_s", "max_s"):
            expected = getattr(said, name)
            assert row[name] == (None if expected is None else np.float32(expected)), name
        assert (said.received, said.lost) == (row["received"], row["lost"])
    labels = ("agent", "zone", "target", "family", "protocol", "stamp")
    assert ("lyon", "cloud/south", "target-9", 4, "icmp", "kernel", 1, None) == tuple(
        rows[0][name] for name in (*labels, "lost", "p50_s")
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
    monkeypatch.setitem(segments._ROWS_PER_GROUP, "windows", 40)
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
    with pytest.raises(StoreError, match=r"write segment .*windows-.*: No space left"):
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
    column = pq.ParquetFile(tmp_path / name).metadata.row_group(0).column(12)
    octets[column.data_page_offset + column.total_compressed_size - 5] ^= 1
    (tmp_path / name).write_bytes(octets)
    monkeypatch.setattr(segments, "_prove", lambda *_: None)
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
    """A file of schema 2 is not corrupt: it needs a later collector."""
    name = rewritten(tmp_path, schema="2")
    with pytest.raises(StoreError, match="schema 2 is none of 1; use a later collector") as caught:
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


def test_paths_come_newest_first(tmp_path: Path) -> None:
    """Over files that overlap, in any order of names, the newest `limit` come."""
    names = [
        kept_paths(tmp_path, 10, 30, 50, suffix="1"),
        kept_paths(tmp_path, 20, 40, suffix="2"),
        kept_paths(tmp_path, 60, suffix="3"),
    ]
    assert [60, 50, 40, 30] == seconds(segments.read_paths(tmp_path, names, limit=4))
    everything = segments.read_paths(tmp_path, names, limit=99)
    assert [60, 50, 40, 30, 20, 10] == seconds(everything)
    assert [] == segments.read_paths(tmp_path, names, limit=0)


def test_paths_are_chosen_by_agent_and_target(tmp_path: Path) -> None:
    """None matches all; the limit counts what matches."""
    records = [
        path_record(agent, target, BASE_NS + place * S_NS)
        for place, (agent, target) in enumerate([("a", "x"), ("a", "y"), ("b", "x"), ("a", "x")])
    ]
    segment = segments.write_paths(tmp_path, records, "1")
    assert segment is not None
    names = [segment.name]
    assert records[::-1] == segments.read_paths(tmp_path, names, limit=9)
    assert [3, 0] == seconds(segments.read_paths(tmp_path, names, agent="a", target="x", limit=2))
    assert [3, 1] == seconds(segments.read_paths(tmp_path, names, agent="a", limit=2))
    assert [2] == seconds(segments.read_paths(tmp_path, names, agent="b", limit=2))
    assert [] == segments.read_paths(tmp_path, names, target="z", limit=2)


def test_older_files_of_paths_are_not_opened(tmp_path: Path) -> None:
    """Once the limit is met, a file that ends before the oldest found path stays closed."""
    old = kept_paths(tmp_path, 1, 2, suffix="1")
    new = kept_paths(tmp_path, 20, 30, suffix="2")
    (tmp_path / old).unlink()
    assert [30, 20] == seconds(segments.read_paths(tmp_path, [old, new], limit=2))
    with pytest.raises(StoreError, match=old):
        segments.read_paths(tmp_path, [old, new], limit=3)


def test_many_row_groups_of_paths_keep_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups are read from the last backwards, no more of them than the limit needs."""
    monkeypatch.setitem(segments._ROWS_PER_GROUP, "paths", 3)
    name = kept_paths(tmp_path, *range(10))
    assert [9, 8, 7, 6, 5] == seconds(segments.read_paths(tmp_path, [name], limit=5))


def test_paths_of_the_first_schema_are_read() -> None:
    """What the release before wrote is read: of IPv4, one flow, on territory alone."""
    folder = Path(__file__).parent / "kept"
    (name,) = (file.name for file in folder.glob("paths-*.parquet"))
    assert 5 == segments.describe(folder, name).rows
    found = segments.read_paths(folder, [name], agent="agent-0", target="marseille", limit=9)
    assert 4 == len(found)
    for record in found:
        judged = record.judgement
        assert (4, (0,), ()) == (judged.family, judged.flows, judged.unreached)
        assert ["FX", "EU", "EEA"] == [row.jurisdiction for row in judged.verdicts]
        assert {(0,)} == {hop.flows for hop in judged.hops}
    assert ["SUPPORTED_INSIDE", "SUPPORTED_OUTSIDE"] == [
        record.judgement.verdicts[0].verdict for record in found[:2]
    ]


def test_paths_are_written_in_the_second_schema(tmp_path: Path) -> None:
    """Family and both axes stand in columns of their own, for readers that know no JSON."""
    folder = Path(__file__).parent / "kept"
    (name,) = (file.name for file in folder.glob("paths-*.parquet"))
    kept = segments.read_paths(folder, [name], limit=1)
    six = msgspec.structs.replace(
        kept[0], judgement=msgspec.structs.replace(kept[0].judgement, family=6)
    )
    segment = segments.write_paths(tmp_path, [six], "1")
    assert segment is not None
    table = pq.read_table(tmp_path / segment.name)
    assert b"2" == table.schema.metadata[b"borne.schema"]
    (row,) = table.select(["family", "verdict", "administration"]).to_pylist()
    assert (6, "SUPPORTED_OUTSIDE", "UNDETERMINED") == tuple(row.values())
    assert [six] == segments.read_paths(tmp_path, [segment.name], limit=1)
