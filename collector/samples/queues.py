"""Decider: what waits at one place of the collector: how much, since when, and what was refused.

    event                              before      after
    enter, take within the limit       any         counted
    take past the limit                any         RefusedError 503, counted as refused
    leave                              counted     gone with all that it took

Rules
- The limit holds before the memory is taken: whoever wants room asks first.
- What is alone always gets room: a limit below one item would stop all work for ever.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from collector.errors import RefusedError

_NS_PER_S = 1_000_000_000


class Queue:
    """One queue; changed on the event loop alone, read from any thread."""

    def __init__(self, name: str, limit: int, *, unit: str = "octets") -> None:
        """Let `limit` of `unit` wait at the most."""
        self.name = name
        self.limit = limit
        self.unit = unit
        self.refused = 0
        """What found no room since the start."""
        self.size = 0
        """What waits now, in `unit`."""
        self._since_ns: dict[object, int] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._since_ns)

    @contextmanager
    def place(self, now_ns: int) -> Iterator["Place"]:
        """Give a place in the queue that is left at the end."""
        place = Place(self)
        self._since_ns[place] = now_ns
        try:
            yield place
        finally:
            del self._since_ns[place]
            self.size -= place.size

    def age_s(self, now_ns: int) -> float:
        """Return how long the oldest has waited; 0 where nothing waits."""
        first = next(iter(list(self._since_ns.values())), now_ns)
        return max(0, now_ns - first) / _NS_PER_S


class Place:
    """The place of one item, and how much it took."""

    def __init__(self, queue: Queue) -> None:
        """Begin with nothing taken."""
        self._queue = queue
        self.size = 0

    def take(self, amount: int) -> None:
        """Take more of the queue's unit.

        Raises:
            RefusedError: 503 `backlog`: there is no room now; come again.
        """
        queue = self._queue
        if queue.size + amount > queue.limit and queue.size > self.size:
            queue.refused += 1
            raise RefusedError(
                503,
                "backlog",
                f"{queue.size} {queue.unit} wait in the queue {queue.name}, {queue.limit} may:"
                " come again later",
            )
        queue.size += amount
        self.size += amount
