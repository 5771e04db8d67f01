"""NDJSON on a stream: whole lines, and a reader who stops reading stops nothing."""

import io
import json
import os
import threading

import pytest

from agent import lines as module
from agent.lines import Lines
from agent.records import Outcome, Stamp
from agent.targets import ProbeTarget

TARGET = ProbeTarget(target="t", zone="a/b", address=None, interval_ns=1, timeout_ns=1)
AT_NS = 1_700_000_000_000_000_001


def test_probes_are_lines_of_json() -> None:
    """Each probe is one object; a loss has no time and no stamp."""
    stream = io.BytesIO()
    lines = Lines(stream, lambda: None)
    lines.probe(TARGET, "192.0.2.1", AT_NS, Outcome.REPLY, rtt_ns=5, stamp=Stamp.KERNEL)
    lines.probe(TARGET, None, AT_NS, Outcome.UNRESOLVED)
    lines.close()
    common = {
        "at": "2023-11-14T22:13:20.000000001Z",
        "zone": "a/b",
        "target": "t",
        "protocol": "icmp",
    }
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {**common, "address": "192.0.2.1", "rtt_ns": 5, "outcome": "reply", "stamp": "kernel"},
        {**common, "address": None, "rtt_ns": None, "outcome": "unresolved", "stamp": None},
    ]


def test_a_reader_that_is_gone_is_told() -> None:
    """A closed pipe ends the thread and calls back."""
    reading, writing = os.pipe()
    os.close(reading)
    gone = threading.Event()
    lines = Lines(os.fdopen(writing, "wb", buffering=0), gone.set)
    lines.probe(TARGET, None, AT_NS, Outcome.LOST)
    assert gone.wait(5)
    lines.close()
    lines._stream.close()


def test_a_slow_reader_costs_lines_not_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Beyond the bound lines are dropped; it is said when it begins and at the end."""
    monkeypatch.setattr(module, "MAX_LINES", 2)
    monkeypatch.setattr(module, "CLOSE_S", 5.0)
    free = threading.Event()

    class Slow(io.BytesIO):
        def write(self, text: bytes) -> int:  # type: ignore[override]
            free.wait(5)
            return super().write(text)

    stream = Slow()
    lines = Lines(stream, lambda: None)
    for _ in range(10):
        lines.probe(TARGET, None, AT_NS, Outcome.LOST)
    free.set()
    lines.close()
    kept = len(stream.getvalue().splitlines())
    assert kept in {2, 3}
    assert [record.getMessage() for record in caplog.records] == [
        "the reader of the JSON lines is slow: lines are dropped",
        f"the reader of the JSON lines was slow: {10 - kept} were dropped",
    ]
