"""A collector that is killed forgets nothing that it owes to a database."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from collector.chain import Chain
from tests.fakes import repetitions, sink_driver
from tests.fakes.collector_durable import NOW_NS, S_NS, StoppedClock, send_all, totals
from tests.fakes.lineserver import LineServer
from tests.fakes.sinks import until
from tests.fakes.timeseries import free_port

DRIVER = Path(sink_driver.__file__)
ROOT = DRIVER.parents[2]

KILLS = repetitions.NOW.kills

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(repetitions.NOW.timeout_s)]


def _run_and_kill(directory: Path, url: str, following: int, after_s: float) -> int:
    """Run the driver, kill it some time after it was ready; return the next sequence."""
    process = subprocess.Popen(
        [sys.executable, str(DRIVER), str(directory), url, str(following)],
        bufsize=0,  # what `readline` reads beyond its line `communicate` would not see
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert b"ready\n" == process.stdout.readline()
    time.sleep(after_s)
    assert None is process.poll(), process.communicate()
    process.kill()
    output, errors = process.communicate()
    assert b"Traceback" not in errors, errors.decode()
    lines = output.rpartition(b"\n")[0].splitlines()
    return max([following, *(int(line) + 1 for line in lines)])


def _read(line: bytes) -> tuple[tuple[str, str, int], int]:
    """Return agent, target and begin of a line without escapes, and its replies."""
    tags, fields, start_ns = line.decode().split(" ")
    labels = dict(tag.split("=") for tag in tags.split(",")[1:])
    values = dict(field.split("=") for field in fields.split(","))
    key = (labels["agent"], labels["target"], int(start_ns))
    return key, int(values["probes_received"].removesuffix("i"))


async def test_a_collector_that_is_killed_again_and_again_owes_nothing_in_the_end(
    tmp_path: Path,
) -> None:
    """The last point of each window holds all of it, though each may have come several times."""
    following = 0
    async with LineServer(free_port()) as database:
        for kill in range(KILLS):
            following = await asyncio.to_thread(
                _run_and_kill, tmp_path, database.url, following, 0.3 + 0.5 * (kill % 5)
            )
        clock = StoppedClock(NOW_NS + following * S_NS)
        settings = sink_driver.settings(tmp_path, database.url)
        async with Chain(settings, clock=clock) as chain:
            await send_all(chain, range(following + 1))
            clock.at_ns = NOW_NS + (following + 200) * S_NS
            await chain.checkpoint()
            counts = chain.counts.sinks["database"]
            listing = chain._catalog
            await until(lambda: not listing.segments_after(chain._sinks[0]._outbox.sent))
            stored = totals(chain)
            await until(lambda: not listing.segments_after(listing.cursor("database")))
        received = dict(map(_read, database.lines))
    assert following > 50
    expected = {key[:3]: number for key, number in stored.items() if key[3] == "received"}
    assert expected == received
    assert Counter() == counts.dropped
