"""How often the faults are repeated: a few times in `make test`, many times in `make soak`."""

import os
from typing import NamedTuple


class Repetitions(NamedTuple):
    """Counts, and how long one test may take."""

    kills: int
    damages: int
    timeout_s: int


SHORT = Repetitions(kills=5, damages=200, timeout_s=180)
LONG = Repetitions(kills=100, damages=1000, timeout_s=3600)
NOW = LONG if os.environ.get("BORNE_FAULTS") == "soak" else SHORT
