"""Words: one scenario of the lab, read strictly from a TOML file.

Rules
- An unknown key, a missing key, a wrong type or a dangling reference is a `ScenarioError` that
  names the file and the key; nothing is guessed.
- The words themselves stand in `world.py`; what they must obey, beyond their shape, in
  `checks.py`; the format is described in `scenarios/README.md`.
"""

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from deploy.lab.checks import complaints
from deploy.lab.errors import ScenarioError
from deploy.lab.world import Agent, Override, Scenario, Target

__all__ = ["SCENARIOS", "Agent", "Override", "Scenario", "Target", "find", "load"]

SCENARIOS = Path(__file__).parent / "scenarios"


def find(scenario: str) -> Path:
    """Return the file of `scenario`: a name in the scenarios folder, or a path that exists.

    Raises: ScenarioError.
    """
    for candidate in (SCENARIOS / f"{scenario}.toml", Path(scenario)):
        if candidate.is_file():
            return candidate
    known = ", ".join(sorted(file.stem for file in SCENARIOS.glob("*.toml")))
    message = f"no scenario {scenario!r}: neither a file nor one of {known}"
    raise ScenarioError(message)


def load(scenario: str | Path) -> Scenario:
    """Read a scenario by path, or by its name in the scenarios folder, and check all of it.

    Raises: ScenarioError, with the file and the key at fault.
    """
    path = find(str(scenario))
    read = _convert(path, _parse(path))
    for complaint in complaints(read):
        message = f"{path}: {complaint}"
        raise ScenarioError(message)
    return read


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: cannot be read as TOML: {error}"
        raise ScenarioError(message) from error


def _convert(path: Path, document: dict[str, Any]) -> Scenario:
    try:
        return msgspec.convert(document, type=Scenario)
    except msgspec.ValidationError as error:
        message = f"{path}: {error}"
        raise ScenarioError(message) from error
