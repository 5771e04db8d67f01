"""A program on a small disk: fills it, lets upkeep fail, makes room, and lets it succeed.

`python full_store_driver.py DIRECTORY`: says a word on stdout for each thing that was as it must
be; a broken promise is a traceback.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from collector.errors import StoreError
from collector.listed import HOUR_NS
from tests.fakes.collector_days import DAY0_NS, S_NS
from tests.fakes.upkept import Upkept, filled


def _tell(word: str) -> None:
    os.write(1, f"{word}\n".encode())


def run(directory: Path) -> None:
    """Fill the disk to the last octet, and then give some of it back."""
    store = Upkept(directory)
    held = filled(store, (0, 1))
    now_ns = DAY0_NS + 2 * HOUR_NS + 300 * S_NS
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for octets in (65_536, 4096, 1):
            with suppress(OSError):
                while file.write(bytes(octets)):
                    pass
    with pytest.raises(StoreError, match="No space left on device; make room"):
        store.work(now_ns)
    _tell("refused")
    assert {s.name for s in store.listed} == {path.name for path in store.segments.iterdir()}
    store.assert_holds(held)
    _tell("as-before")
    ballast.unlink()
    assert 2 == store.work(now_ns)
    store.assert_holds(held)
    _tell("healed")


if __name__ == "__main__":
    run(Path(sys.argv[1]))
