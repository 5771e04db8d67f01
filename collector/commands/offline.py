"""Shell: the tables that commands judge by: those of the release, and what the user adds to them.

Rules
- `--config.file` brings the operator's own rows: holders, lists, the directory of compiled tables
  and the imported files. `--import` adds a file for this run. Zones and agents take no part, and
  need not be there.
- What is missing is said once, on stderr: without compiled tables an address belongs to nobody, and
  a name that nobody checked cannot count; without borders nothing is proven. So is what is left out
  of an imported file.
- What is damaged is not gone on without: a verdict would rest on less than its reader thinks.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from collector.errors import ConfigError, StoreError
from collector.facts import atlas, importing, knowledge
from collector.facts.atlas import Atlas
from collector.facts.imported import Import
from collector.facts.knowledge import Knowledge
from collector.facts.regions import BY_NAME, lists
from collector.facts.soil import Soil
from collector.records import Jurisdiction, NetworkOverride


@dataclass(frozen=True, slots=True)
class Given:
    """What the user adds to the tables of the release."""

    networks: Sequence[NetworkOverride] = ()
    imports: Sequence[Import] = ()
    directory: Path | None = None
    """Of the compiled tables; None: those beside the package."""
    lists: Mapping[str, Jurisdiction] = field(default_factory=lambda: BY_NAME)
    """All jurisdictions that may be asked for, by name."""
    own: Sequence[Jurisdiction] = ()
    """The user's own lists."""


NOTHING = Given()


def given(settings: Path | None, files: Sequence[Path]) -> Given:
    """Return what the options of a command add.

    Raises:
        ConfigError: the settings are wrong, or a file cannot be read.
    """
    by_hand = tuple(importing.by_hand(path) for path in files)
    if settings is None:
        return Given(imports=by_hand)
    from collector.settings import config  # noqa: PLC0415 - most runs have none

    found = config.load(settings, serves=False)
    return Given(
        networks=found.networks,
        imports=(*found.imports, *by_hand),
        directory=found.atlas,
        lists=lists(found.jurisdictions),
        own=found.jurisdictions,
    )


def tables(added: Given = NOTHING) -> Knowledge:
    """Return the tables of the release with the compiled ones, and what was added.

    Raises:
        ConfigError: a table is damaged, or an imported file cannot be used; says what to do.
    """
    compiled, borders = _compiled(added.directory)
    for said in _missing(compiled, borders):
        sys.stderr.write(
            f"borne-collector: goes on without {said}; run `make atlas` in a checkout\n"
        )
    files = importing.open_all(added.imports)
    for said in files.reports:
        sys.stderr.write(f"borne-collector: {said}\n")
    return knowledge.load(added.networks, compiled, borders, added.own, files)


def _compiled(directory: Path | None) -> tuple[Atlas, Soil | None]:
    try:
        return atlas.load(directory), Soil.open(directory or atlas.BESIDE)
    except StoreError as error:
        raise ConfigError(f"open the compiled tables: {error}") from error


def _missing(compiled: Atlas, borders: Soil | None) -> Iterator[str]:
    if compiled.missing:
        names = " and ".join(compiled.missing)
        yield f"{names} of addresses: the tables were not built"
    if borders is None:
        yield "borders: the table was not built, and nothing can be proven"
