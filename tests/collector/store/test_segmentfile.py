"""A segment is a draft until it is whole; its metadata say what the catalogue must know."""

import errno
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collector.errors import GoneError, StoreError
from collector.store import segmentfile, summed
from collector.store.segmentfile import Draft, Form

FORM = Form("crossings", "7", pa.schema([pa.field("n", pa.int64(), nullable=False)]))
TABLE = pa.table({"n": [1, 2]}, schema=FORM.schema)
S_NS = 1_000_000_000


def test_a_draft_has_no_name_before_it_is_finished(tmp_path: Path) -> None:
    """Until then there is a partial file, which a start removes; discarded, there is nothing."""
    draft = Draft(tmp_path, FORM, stage="day", suffix="c1")
    draft.write(TABLE, (5, 9))
    assert ["crossings-c1.partial"] == [path.name for path in tmp_path.iterdir()]
    draft.discard()
    assert [] == list(tmp_path.iterdir())


def test_a_finished_draft_says_what_it_holds(tmp_path: Path) -> None:
    """Rows, span, level and stage, in the file and in what the catalogue lists."""
    draft = Draft(tmp_path, FORM, level_s=60, stage="day", suffix="c1")
    draft.write(TABLE, (5 * S_NS, 9 * S_NS))
    draft.write(TABLE, (2 * S_NS, 7 * S_NS))
    segment = draft.finish()
    assert segment.name.startswith("crossings60-19700101T000002Z-19700101T000009Z-c1-")
    assert ("day", 60, 4, 2 * S_NS, 9 * S_NS) == (
        *(segment.stage, segment.level_s, segment.rows),
        *(segment.first_ns, segment.last_ns),
    )
    assert segment == segmentfile.describe(tmp_path, segment.name)
    with segmentfile.opened(tmp_path / segment.name, "crossings", {"7": FORM.schema}) as found:
        assert [1, 2, 1, 2] == found.file.read()["n"].to_pylist()
        assert ("7", None) == (found.version, found.series)


def test_a_file_that_is_gone_is_told_from_one_that_fails(tmp_path: Path) -> None:
    """A reader may ask for the list again."""
    name = "crossings-19700101T000002Z-19700101T000009Z-c1-00000000.parquet"
    with (
        pytest.raises(GoneError, match="No such file"),
        segmentfile.opened(tmp_path / name, "crossings", {}),
    ):
        pass


def test_a_directory_that_is_gone_is_said(tmp_path: Path) -> None:
    """The message names the directory."""
    with pytest.raises(StoreError, match=r"write a segment into .*away: No such file"):
        Draft(tmp_path / "away", FORM, stage="day", suffix="c1")


def test_only_columns_that_get_smaller_are_compressed(tmp_path: Path) -> None:
    """A form names them; where it names none, all are."""
    two = pa.schema([FORM.schema.field("n"), pa.field("m", pa.int64(), nullable=False)])
    chosen: dict[tuple[str, ...] | None, list[str]] = {
        None: ["ZSTD", "ZSTD"],
        ("m",): ["UNCOMPRESSED", "ZSTD"],
    }
    for compressed, expected in chosen.items():
        form = Form("crossings", "7", two, compressed=compressed)
        draft = Draft(tmp_path, form, stage="day", suffix="c1")
        draft.write(pa.table({"n": [1], "m": [2]}, schema=two), (5, 9))
        group = pq.read_metadata(tmp_path / draft.finish().name).row_group(0)
        assert expected == [group.column(place).compression for place in range(2)]


def test_what_fails_at_the_last_moment_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full when what was collected is handed over: said, and no file stays."""
    draft = Draft(tmp_path, FORM, stage="day", suffix="c1")
    draft.write(TABLE, (5, 9))

    def full(_: object, __: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(summed.Summed, "write", full)
    with pytest.raises(StoreError, match="No space left on device"):
        draft.finish()
    assert [] == list(tmp_path.iterdir())
