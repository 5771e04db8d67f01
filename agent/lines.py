"""Shell: prints results as NDJSON, one object a line, without ever holding the probing up.

Rules
- Lines are written by a thread. Where the reader is slower than the results, new lines
  are dropped; that is said on the log when it begins, and with the count at the end.
"""

import logging
import queue
import threading
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from agent.clock import rfc3339
from agent.records import Outcome, Path, Protocol, Stamp
from agent.targets import ProbeTarget

MAX_LINES = 100_000
CLOSE_S = 2.0

_log = logging.getLogger(__name__)


class ProbeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One probe; a trace is printed as its `borne-path/1` object."""

    at: str
    """When it was sent (RFC 3339 UTC)."""
    zone: str
    target: str
    address: str | None
    protocol: Protocol
    rtt_ns: int | None
    outcome: str
    """The name of the outcome in small letters; `reply` for an answer."""
    stamp: Stamp | None


class Lines:
    """A queue of lines and the thread that writes them."""

    def __init__(self, stream: BinaryIO, gone: Callable[[], None]) -> None:
        """Start the thread; `gone` is called in it when nobody reads any more."""
        self._stream = stream
        self._gone = gone
        self._encoder = msgspec.json.Encoder()
        self._queue = queue.SimpleQueue[bytes | None]()
        self._dropped = 0
        # A daemon: a reader that stopped reading must not keep the program from ending.
        self._thread = threading.Thread(target=self._write_all, name="lines", daemon=True)
        self._thread.start()

    def probe(
        self,
        target: ProbeTarget,
        address: str | None,
        at_wall_ns: int,
        outcome: Outcome,
        *,
        rtt_ns: int | None = None,
        stamp: Stamp | None = None,
    ) -> None:
        """Print what came of a probe."""
        self._put(
            ProbeLine(
                at=rfc3339(at_wall_ns),
                zone=target.zone,
                target=target.target,
                address=address,
                protocol=Protocol.ICMP,
                rtt_ns=rtt_ns,
                outcome=outcome.name.lower(),
                stamp=stamp,
            )
        )

    def path(self, path: Path) -> None:
        """Print a trace."""
        self._put(path)

    def close(self) -> None:
        """Write what is queued, if the reader takes it within two seconds."""
        self._queue.put(None)
        self._thread.join(CLOSE_S)
        if self._dropped:
            _log.warning("the reader of the JSON lines was slow: %d were dropped", self._dropped)

    def _put(self, line: ProbeLine | Path) -> None:
        if self._queue.qsize() >= MAX_LINES:
            if not self._dropped:
                _log.warning("the reader of the JSON lines is slow: lines are dropped")
            self._dropped += 1
        else:
            self._queue.put(self._encoder.encode(line) + b"\n")

    def _write_all(self) -> None:
        try:
            while (line := self._queue.get()) is not None:
                self._stream.write(line)
                if self._queue.empty():
                    self._stream.flush()
        except (OSError, ValueError):  # a closed pipe, a closed file
            self._gone()
