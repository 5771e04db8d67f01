"""Evidence of a demo is checked on "another machine": no compiler, no tables of addresses."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def statement() -> bytes:
    """Play a trombone until its crossing is confirmed, and return its evidence."""
    command = [sys.executable, "-m", "deploy.lab.demo", "--scenario", "trombone", "--for", "35"]
    played = subprocess.run(
        [*command, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=200
    )
    assert 0 == played.returncode, played.stderr
    (crossing,) = json.loads(played.stdout)["crossings"]
    digest = crossing["evidence"]
    return (ROOT / ".demo" / "run" / "store" / "evidence" / f"{digest}.json").read_bytes()


@pytest.fixture(name="elsewhere", scope="module")
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of both packages with the borders, which a proof names, and no other table."""
    there = tmp_path_factory.mktemp("elsewhere")
    for package in ("agent", "collector"):
        ignored = shutil.ignore_patterns("origin.atlas", "registrant.atlas", "__pycache__")
        shutil.copytree(ROOT / package, there / package, ignore=ignored)
    return there


def _verify(octets: bytes, elsewhere: Path) -> tuple[int, dict[str, Any]]:
    found = subprocess.run(
        [sys.executable, "-m", "collector.cli", "verify", "--json", "-"],
        input=octets,
        capture_output=True,
        cwd=elsewhere,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    assert b"" == found.stderr
    said: dict[str, Any] = json.loads(found.stdout)
    return found.returncode, said


def test_it_is_consistent(statement: bytes, elsewhere: Path) -> None:
    """Both rounds are judged again from the Statement's rows; the atlas could not be compared."""
    code, said = _verify(statement, elsewhere)
    assert (0, "consistent", []) == (code, said["result"], said["differences"])
    assert {"SUPPORTED_OUTSIDE", "PROVEN_OUTSIDE"} >= {
        row["verdict"] for one in said["rounds"] for row in one["verdicts"][:1]
    }
    (unchecked,) = [row["says"] for row in said["checks"] if row["agrees"] is None]
    assert "origin, registrant: rows are taken as stated" in unchecked


def test_a_changed_time_is_named(statement: bytes, elsewhere: Path) -> None:
    """One digit of one round-trip time of the first path."""
    head, name, paths = statement.partition(b'"paths":[')
    found = re.search(rb'"rtt_ns":(\d)', paths)
    assert found is not None
    at = found.start(1)
    changed = paths[:at] + (b"1" if found[1] != b"1" else b"2") + paths[at + 1 :]
    code, said = _verify(head + name + changed, elsewhere)
    assert (1, "inconsistent") == (code, said["result"])
    assert "subject[0].digest.sha256" in {row["path"] for row in said["differences"]}
