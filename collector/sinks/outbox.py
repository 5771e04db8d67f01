"""Decider: where one database stands in the list of sealed segments.

    serial   1 .. cursor | cursor + 1 .. sent | sent + 1 ..
             released    | kept               | waiting

Rules
- An acceptance is a promise that a server may break: VictoriaMetrics loses what came in its last
  seconds when it is killed. What was accepted is kept for a lag, and released only if the server
  that is asked after the lag still is the one that was asked before the sending.
- A server started again if it says of itself that it started at another time (some say whole
  seconds), or may have if a connection was refused or broken. That is the only sign where it says
  nothing. An answer that comes late or is an error is none: who only is slow would for ever get
  again what it has.
- A server that started again gets everything again that was not released. Sending twice is
  harmless, as series and time of a point are its name; counts are taken at the first time alone.
- The cursor is durable and never goes back: a collector that starts again begins behind it.

| event | from | to |
| --- | --- | --- |
| `done` | waiting | kept |
| `meet`, another server | kept | waiting |
| `release`, after the lag | kept | released |
"""

from collections import deque


class Outbox:
    """The place of one database."""

    def __init__(self, cursor: int, lag_ns: int) -> None:
        """Begin behind `cursor`; what was accepted is kept for `lag_ns`."""
        self.sent = cursor
        """Serial of the last segment that needs no sending now."""
        self._cursor = cursor
        self._furthest = cursor
        self._lag_ns = lag_ns
        self._kept: deque[tuple[int, int]] = deque()
        self._started_s: float | None = None
        self._broken = False

    @property
    def keeps(self) -> bool:
        """Return whether anything accepted was not released yet."""
        return bool(self._kept)

    def meet(self, started_s: float | None) -> bool:
        """Note when the server says that it started; return whether all is sent again from here.

        Call it before anything is sent, and before `release`.
        """
        known, self._started_s = self._started_s, started_s
        another = known is not None and started_s is not None and started_s != known
        again = bool(self._kept) and (another or self._broken)
        self._broken = False
        if again:
            self.sent = self._cursor
            self._kept.clear()
        return again

    def broken(self) -> None:
        """Note that a connection to the server was refused or broken."""
        self._broken = True

    def done(self, serial: int, now_ns: int) -> bool:
        """Note that a segment was accepted, or given up; return whether that is the first time."""
        self.sent = serial
        self._kept.append((serial, now_ns))
        first = serial > self._furthest
        self._furthest = max(self._furthest, serial)
        return first

    def release(self, met_ns: int) -> int | None:
        """Return the cursor that is durable from now on, None where it stands.

        `met_ns` is when the server was asked who it is, and it was the same: see `meet`.
        """
        released = None
        while self._kept and met_ns - self._kept[0][1] >= self._lag_ns:
            released, _ = self._kept.popleft()
        if released is not None:
            self._cursor = released
        return released
