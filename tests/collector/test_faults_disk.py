"""Disks that are full or read-only: refused with 503, reads go on, nothing lost, healed alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes import full_disk_driver, read_only_driver, repetitions

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(repetitions.NOW.timeout_s)]


def play(driver: str, directory: Path) -> list[str]:
    """Return what a driver says on a small file system of its own, in a namespace of its own."""
    script = f'mount -t tmpfs -o size=1m none "$1" && exec "$2" {driver} "$1"'
    found = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script, "sh", str(directory), sys.executable],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    assert 0 == found.returncode, found.stderr
    return found.stdout.split()


def test_a_full_disk_refuses_and_heals(tmp_path: Path) -> None:
    """On a disk without room a batch gets 503 and a checkpoint fails; with room all is exact."""
    expected = ["503-store", "no-checkpoint", "healed", "exact"]
    for number in range(repetitions.NOW.kills):
        directory = tmp_path / str(number)
        directory.mkdir()
        assert expected == play(full_disk_driver.__file__, directory)


def test_a_disk_that_turns_read_only_is_survived(tmp_path: Path) -> None:
    """Checkpoints fail, batches and answers go on; a start on it is refused; then all is exact."""
    expected = ["no-checkpoint", "goes-on", "healed", "no-start", "exact"]
    for number in range(repetitions.NOW.kills):
        directory = tmp_path / str(number)
        directory.mkdir()
        assert expected == play(read_only_driver.__file__, directory)
