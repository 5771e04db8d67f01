"""What a wheel holds of the compiled tables."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("built", [True, False])
def test_a_wheel_has_the_tables_that_were_built_before_it(tmp_path: Path, *, built: bool) -> None:
    """No repository keeps them, and a wheel has them where they were; it is built without them."""
    checkout = tmp_path / "checkout"
    for package in ("agent", "collector"):
        ignored = shutil.ignore_patterns("*.atlas", "__pycache__")
        shutil.copytree(ROOT / package, checkout / package, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, checkout)
    if built:
        (checkout / "collector" / "tables" / "origin.atlas").write_bytes(b"a table")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "collector/tables/atlas.toml" in names
    assert built == ("collector/tables/origin.atlas" in names)
