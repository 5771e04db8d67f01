"""Shell: the tables that commands without settings judge by: those of the release.

Rules
- What is missing is said once, on stderr: without compiled tables an address belongs to nobody, and
  a name that nobody checked cannot count.
- What is damaged is not gone on without: a verdict would rest on less than its reader thinks.
"""

import sys

from collector import atlas, knowledge
from collector.errors import ConfigError, StoreError
from collector.knowledge import Knowledge


def tables() -> Knowledge:
    """Return the tables of the release with the compiled ones beside the package.

    Raises:
        ConfigError: a compiled table is damaged; the message says how to build it again.
    """
    try:
        compiled = atlas.load()
    except StoreError as error:
        raise ConfigError(f"open the tables of addresses: {error}") from error
    if compiled.missing:
        sys.stderr.write(
            f"borne-collector: goes on without {' and '.join(compiled.missing)} of addresses: the "
            "tables were not built; run `make atlas` in a checkout\n"
        )
    return knowledge.load(atlas=compiled)
