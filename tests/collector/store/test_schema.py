"""The catalogue's schema: a catalogue of the version before becomes one of this version."""

import shutil
from pathlib import Path

import pytest

from collector.errors import StoreError
from collector.store import schema
from collector.store.catalog import Catalog

KEPT = Path(__file__).parents[1] / "kept" / "store-1"


def test_a_catalogue_of_the_first_version_is_read(tmp_path: Path) -> None:
    """Its windows were handed to the sinks: loose, owed to none; everything else is as it was."""
    shutil.copytree(KEPT, tmp_path / "store")
    catalog = Catalog(tmp_path / "store")
    kept = catalog.load()
    catalog.close()
    assert [
        (1, "windows", 10, "loose"),
        (2, "windows", 10, "loose"),
        (3, "paths", 0, "sealed"),
    ] == [(s.serial, s.kind, s.level_s, s.stage) for s in kept.segments]
    assert {segment.name for segment in kept.segments} == {
        path.name for path in (KEPT / "segments").iterdir()
    }
    assert (3, 6, 8) == (kept.floor, len(kept.rows), len(kept.aliases))
    again = Catalog(tmp_path / "store")
    assert kept == again.load()
    again.close()


def test_a_migration_that_fails_leaves_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that breaks is undone with those before it, and can be tried again."""
    shutil.copytree(KEPT, tmp_path / "store")
    script = schema.SCRIPTS[1].replace("COMMIT", "SELECT broken; COMMIT")
    with monkeypatch.context() as patch:
        patch.setitem(schema.SCRIPTS, 1, script)
        with pytest.raises(StoreError, match="no such column: broken"):
            Catalog(tmp_path / "store")
    Catalog(tmp_path / "store").close()
