"""Shell: the tables that commands without settings judge by: those of the release.

Rules
- What is missing is said once, on stderr: without compiled tables an address belongs to nobody, and
  a name that nobody checked cannot count; without borders nothing is proven.
- What is damaged is not gone on without: a verdict would rest on less than its reader thinks.
"""

import sys

from collector import atlas, knowledge
from collector.errors import ConfigError, StoreError
from collector.knowledge import Knowledge
from collector.soil import Soil


def tables() -> Knowledge:
    """Return the tables of the release with the compiled ones beside the package.

    Raises:
        ConfigError: a compiled table is damaged; the message says how to build it again.
    """
    try:
        compiled, borders = atlas.load(), Soil.open(atlas.BESIDE)
    except StoreError as error:
        raise ConfigError(f"open the compiled tables: {error}") from error
    if compiled.missing:
        sys.stderr.write(
            f"borne-collector: goes on without {' and '.join(compiled.missing)} of addresses: the "
            "tables were not built; run `make atlas` in a checkout\n"
        )
    if borders is None:
        sys.stderr.write(
            "borne-collector: goes on without borders: the table was not built, and nothing can be "
            "proven; run `make atlas` in a checkout\n"
        )
    return knowledge.load(atlas=compiled, soil=borders)
