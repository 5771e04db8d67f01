"""`borne-collector backup` and `restore` as commands."""

import asyncio
from pathlib import Path

import pytest

from collector import cli
from tests.fakes.asked_store import filled


def test_backup_and_restore(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both say what they did; the store that comes out answers as the first one did."""
    store, kept, again = (str(tmp_path / name) for name in ("store", "backup", "again"))
    asyncio.run(_fill(tmp_path / "store"))
    assert 0 == cli.main(["backup", store, kept])
    files = sum(found.is_file() for found in (tmp_path / "backup").rglob("*")) - 1
    assert f"{kept}: {files} files, " in capsys.readouterr().out
    assert 0 == cli.main(["restore", kept, again])
    assert ", as acknowledged before 20" in capsys.readouterr().out
    printed = []
    for directory in (store, kept, again):
        assert 0 == cli.main(["query", "zones", "--store", directory, "--format", "csv"])
        printed.append(capsys.readouterr().out)
    assert 1 == len(set(printed))


async def _fill(directory: Path) -> None:
    async with filled(directory):
        """It ends with a checkpoint."""


def test_mistakes_are_usage_and_damage_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """2 where a directory is the wrong one, 1 where what is in it is damaged."""
    assert 2 == cli.main(["backup", str(tmp_path), str(tmp_path.parent / "new")])
    assert "that is no store" in capsys.readouterr().err
    assert 2 == cli.main(["restore", str(tmp_path), str(tmp_path / "new")])
    assert "it is no backup" in capsys.readouterr().err
    (tmp_path / "backup.json").write_bytes(b"{}")
    assert 1 == cli.main(["restore", str(tmp_path), str(tmp_path / "new")])
    assert "it is no manifest of a backup" in capsys.readouterr().err
