"""Shell: settings that are checked and not used: what is wrong stops, what is odd is said.

Rules
- What the check of positions needs is imported where there are borders alone: it takes a while.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from collector.errors import StoreError
from collector.facts import atlas
from collector.gate import tls
from collector.settings.config import Config


def run(file: Path, config: Config) -> int:
    """Say on stdout that the settings are fine, and on stderr what is odd; return 0.

    Raises:
        ConfigError: a certificate cannot be used.
    """
    if config.tls is not None:
        tls.context(config.tls)
    for said in _odd(config):
        sys.stderr.write(f"borne-collector: {said}\n")
    sys.stdout.write(f"{file}: fine\n")
    return 0


def _odd(config: Config) -> Iterator[str]:
    directory = config.atlas or atlas.BESIDE
    if not (directory / "soil.atlas").exists():
        return
    from collector.facts.soil import Soil  # noqa: PLC0415 - see the rules
    from collector.judgement import declared  # noqa: PLC0415 - see the rules

    try:
        soil = Soil(directory / "soil.atlas")
    except StoreError as error:
        yield str(error)
    else:
        yield from declared.doubts(config.agents, config.zones, soil)
