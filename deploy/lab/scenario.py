"""Words: one scenario of the lab, read strictly from a TOML file.

Rules
- An unknown key, a missing key, a wrong type or a dangling reference is a `ScenarioError` that
  names the file and the key; nothing is guessed.
- The words themselves stand in `world.py`; what they must obey, beyond their shape, in
  `checks.py`; the format is described in `scenarios/README.md`.
"""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from deploy.lab.checks import complaints
from deploy.lab.errors import ScenarioError
from deploy.lab.recipe import Recipe
from deploy.lab.world import Agent, Override, Scenario, Target
from deploy.lab.worlds import generate

__all__ = ["SCENARIOS", "Agent", "Override", "Scenario", "Target", "find", "load"]

SCENARIOS = Path(__file__).parent / "scenarios"
BASES = SCENARIOS / "base"

Kind = TypeVar("Kind", Scenario, Recipe)


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

    A file with a table `world` is a recipe: its scenario is drawn from its seed.

    Raises: ScenarioError, with the file and the key at fault.
    """
    path = find(str(scenario))
    document = _parse(path)
    if "world" in document:
        read = generate(_convert(path, document, Recipe))
    else:
        read = _convert(path, document, Scenario)
    for complaint in complaints(read):
        message = f"{path}: {complaint}"
        raise ScenarioError(message)
    return read


def _parse(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: cannot be read as TOML: {error}"
        raise ScenarioError(message) from error
    return _based(path, document)


def _based(path: Path, document: dict[str, Any]) -> dict[str, Any]:
    """Put the cities and networks of the base before the document's own."""
    about = document.get("scenario")
    base = about.get("base") if isinstance(about, dict) else None
    if base is None:
        return document
    known = sorted(file.stem for file in BASES.glob("*.toml"))
    if base not in known:
        message = f"{path}: scenario.base: no base {base!r}, only {', '.join(known)}"
        raise ScenarioError(message)
    shared = tomllib.loads((BASES / f"{base}.toml").read_text(encoding="utf-8"))
    return {**document, **{key: rows + document.get(key, []) for key, rows in shared.items()}}


def _convert(path: Path, document: dict[str, Any], kind: type[Kind]) -> Kind:
    try:
        return msgspec.convert(document, type=kind)
    except msgspec.ValidationError as error:
        message = f"{path}: {error}"
        raise ScenarioError(message) from error
