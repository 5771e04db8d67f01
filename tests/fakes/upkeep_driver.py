"""A program to be killed: the upkeep of a store, which ends itself by SIGKILL at one of its steps.

`python upkeep_driver.py DIRECTORY NOW_NS STEP`: the step is the number of the file that it opens,
renames or removes among the segments, or the begin or end of a transaction. Prints "done N" with
the number of steps where it came to its end.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from collector.store.catalog import Catalog
from tests.fakes.upkept import Upkept

_EVENTS = frozenset({"open", "os.rename", "os.remove"})


def run(directory: Path, now_ns: int, last: int) -> None:
    """Do everything that is due, up to a step."""
    store = Upkept(directory)
    store.tidy()
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EVENTS and str(store.segments) in str(arguments[0]):
            step()

    replace = Catalog.replace

    def replaced(*arguments: Any) -> Any:  # noqa: ANN401 - as the method itself
        step()
        listed = replace(*arguments)
        step()
        return listed

    sys.addaudithook(heard)
    Catalog.replace = replaced  # type: ignore[method-assign]
    store.work(now_ns)
    os.write(1, b"done %d\n" % count)


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
