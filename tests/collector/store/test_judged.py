"""Paths, verdicts and episodes in segments: the newest come first, every release's are read."""

from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from collector.errors import StoreError
from collector.store import judged, segmentfile
from tests.fakes.collector_samples import BASE_NS, S_NS, path_record


def kept_paths(directory: Path, *started_s: int, suffix: str = "1", agent: str = "paris") -> str:
    """Write paths that started these seconds after the base and return the file's name."""
    records = [path_record(agent=agent, started_ns=BASE_NS + s * S_NS) for s in started_s]
    segment, _ = judged.write_paths(directory, records, suffix)
    return segment.name


def seconds(records: list) -> list[int]:
    """Return the starts of paths as seconds after the base."""
    return [(record.judgement.started_ns - BASE_NS) // S_NS for record in records]


def test_a_paths_file_describes_itself_too(tmp_path: Path) -> None:
    """The catalogue can be rebuilt from the files of either kind."""
    name = kept_paths(tmp_path, 7, 3)
    found = segmentfile.describe(tmp_path, name)
    assert (name, "paths", 2) == (found.name, found.kind, found.rows)
    assert (BASE_NS + 3 * S_NS, BASE_NS + 7 * S_NS) == (found.first_ns, found.last_ns)


def test_paths_come_newest_first(tmp_path: Path) -> None:
    """Over files that overlap, in any order of names, the newest `limit` come."""
    names = [
        kept_paths(tmp_path, 10, 30, 50, suffix="1"),
        kept_paths(tmp_path, 20, 40, suffix="2"),
        kept_paths(tmp_path, 60, suffix="3"),
    ]
    assert [60, 50, 40, 30] == seconds(judged.read_paths(tmp_path, names, limit=4))
    everything = judged.read_paths(tmp_path, names, limit=99)
    assert [60, 50, 40, 30, 20, 10] == seconds(everything)
    assert [] == judged.read_paths(tmp_path, names, limit=0)


def test_paths_are_chosen_by_agent_and_target(tmp_path: Path) -> None:
    """None matches all; the limit counts what matches."""
    records = [
        path_record(agent, target, BASE_NS + place * S_NS)
        for place, (agent, target) in enumerate([("a", "x"), ("a", "y"), ("b", "x"), ("a", "x")])
    ]
    segment, _ = judged.write_paths(tmp_path, records, "1")
    names = [segment.name]
    assert records[::-1] == judged.read_paths(tmp_path, names, limit=9)
    assert [3, 0] == seconds(judged.read_paths(tmp_path, names, agent="a", target="x", limit=2))
    assert [3, 1] == seconds(judged.read_paths(tmp_path, names, agent="a", limit=2))
    assert [2] == seconds(judged.read_paths(tmp_path, names, agent="b", limit=2))
    assert [] == judged.read_paths(tmp_path, names, target="z", limit=2)


def test_older_files_of_paths_are_not_opened(tmp_path: Path) -> None:
    """Once the limit is met, a file that ends before the oldest found path stays closed."""
    old = kept_paths(tmp_path, 1, 2, suffix="1")
    new = kept_paths(tmp_path, 20, 30, suffix="2")
    (tmp_path / old).unlink()
    assert [30, 20] == seconds(judged.read_paths(tmp_path, [old, new], limit=2))
    with pytest.raises(StoreError, match=old):
        judged.read_paths(tmp_path, [old, new], limit=3)


def test_many_row_groups_of_paths_keep_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups are read from the last backwards, no more of them than the limit needs."""
    monkeypatch.setitem(judged.ROWS_PER_GROUP, "paths", 3)
    name = kept_paths(tmp_path, *range(10))
    assert [9, 8, 7, 6, 5] == seconds(judged.read_paths(tmp_path, [name], limit=5))


def test_paths_of_the_first_schema_are_read() -> None:
    """What the release before wrote is read: of IPv4, one flow, on territory alone."""
    folder = Path(__file__).parents[1] / "kept"
    (name,) = (file.name for file in folder.glob("paths-*.parquet"))
    assert 5 == segmentfile.describe(folder, name).rows
    found = judged.read_paths(folder, [name], agent="agent-0", target="marseille", limit=9)
    assert 4 == len(found)
    for record in found:
        said = record.judgement
        assert (4, (0,), ()) == (said.family, said.flows, said.unreached)
        assert ["FX", "EU", "EEA"] == [row.jurisdiction for row in said.verdicts]
        assert {(0,)} == {hop.flows for hop in said.hops}
    assert ["SUPPORTED_INSIDE", "SUPPORTED_OUTSIDE"] == [
        record.judgement.verdicts[0].verdict for record in found[:2]
    ]


def test_paths_are_written_in_the_second_schema(tmp_path: Path) -> None:
    """Family and both axes stand in columns of their own, for readers that know no JSON."""
    folder = Path(__file__).parents[1] / "kept"
    (name,) = (file.name for file in folder.glob("paths-*.parquet"))
    kept = judged.read_paths(folder, [name], limit=1)
    six = msgspec.structs.replace(
        kept[0], judgement=msgspec.structs.replace(kept[0].judgement, family=6)
    )
    segment, _ = judged.write_paths(tmp_path, [six], "1")
    table = pq.read_table(tmp_path / segment.name)
    assert b"2" == table.schema.metadata[b"borne.schema"]
    (row,) = table.select(["family", "verdict", "administration"]).to_pylist()
    assert (6, "SUPPORTED_OUTSIDE", "UNDETERMINED") == tuple(row.values())
    assert [six] == judged.read_paths(tmp_path, [segment.name], limit=1)
