"""Shell: the sealed windows that sinks are owed, read from the store's own segments.

Rules
- Nothing is copied: a sink has a cursor over the list of the catalogue, by serial. Upkeep keeps
  its hands off what a sink is owed, until the sink's bound is passed.
- A window may have come in parts, when late samples came: each part has it read whole, from all
  segments that hold some of it. A database that has the first part gets the whole in its place.
- Its methods read the disk and take locks: call them in a thread.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from agent.records import Series
from collector.errors import CorruptError, StoreError
from collector.listed import HOUR_NS, SEALED_S, Segment
from collector.samples.columns import Columns, concat
from collector.samples.quantiles import merge
from collector.store import segments

_S_NS: Final = 1_000_000_000
_WIDTH_NS: Final = SEALED_S * _S_NS
_LOG: Final = logging.getLogger(__name__)


class Listing(Protocol):
    """What the catalogue does for sinks; `collector.store.catalog.Catalog` is the one that runs."""

    def cursor(self, sink: str) -> int:
        """Return the serial up to which `sink` needs nothing any more; 0 for one that is new."""
        ...

    def overflow(self, sink: str) -> int:
        """Return how many windows were taken from under the cursor of `sink`, ever."""
        ...

    def advance(self, sink: str, serial: int) -> None:
        """Note durably that `sink` needs nothing up to `serial`."""
        ...

    def segments_after(self, serial: int) -> list[Segment]:
        """Return the sealed segments of windows with a later serial, in their order."""
        ...

    def overlapping(self, from_ns: int, to_ns: int) -> list[Segment]:
        """Return the segments of sealed windows with rows that may start in [from_ns, to_ns)."""
        ...


class Backlog:
    """What all sinks of a collector are owed."""

    def __init__(
        self, listing: Listing, directory: Path, named: Callable[[int], tuple[str, Series]]
    ) -> None:
        """Read segments from `directory`; `named` gives agent and series of a row."""
        self.listing = listing
        self.named = named
        self._directory = directory

    def sealed_ns(self, segment: Segment) -> int:
        """Return when a segment was written.

        Raises:
            StoreError: It is not there.
        """
        path = self._directory / segment.name
        try:
            return path.stat().st_mtime_ns
        except OSError as error:
            raise StoreError(f"look at segment {path}: {error.strerror}") from error

    def windows(self, segment: Segment) -> Columns:
        """Return the windows of which a segment holds some, whole, one row each.

        Raises:
            StoreError: A segment cannot be read; the message names it.
        """
        own = self._read(segment, None, segment.first_ns, segment.last_ns + _WIDTH_NS)
        number = own.start_ns // HOUR_NS
        hours = np.unique(number)
        listed = self._beside(segment, hours)
        return concat(
            [
                self._whole(own.take(np.flatnonzero(number == hour)), listed)
                for hour in hours.tolist()
            ]
        )

    def _whole(self, own: Columns, listed: list[Segment]) -> Columns:
        """Return windows of one hour with their parts in other segments."""
        from_ns = int(own.start_ns.min())
        to_ns = int(own.start_ns.max()) + _WIDTH_NS
        parts = [own]
        for other in listed:
            if other.first_ns >= to_ns or other.last_ns < from_ns:
                continue
            try:
                parts.append(self._read(other, np.unique(own.row).tolist(), from_ns, to_ns))
            except CorruptError as error:
                _LOG.error(
                    "%s; what it held is missing from windows that are sent",
                    error,
                    extra={"event": "sink_part_missing"},
                )
        together = concat(parts)
        return merge(together.take(_shared(together, own)), _WIDTH_NS)

    def _beside(self, segment: Segment, hours: NDArray[np.int64]) -> list[Segment]:
        """Return the other segments that may hold parts of windows of these hours."""
        return [
            other
            for other in self.listing.overlapping(
                int(hours[0]) * HOUR_NS, (int(hours[-1]) + 1) * HOUR_NS
            )
            if other.serial != segment.serial
        ]

    def _read(self, segment: Segment, rows: list[int] | None, from_ns: int, to_ns: int) -> Columns:
        return segments.read_windows(
            self._directory, [segment.name], rows=rows, from_ns=from_ns, to_ns=to_ns
        )


def _shared(together: Columns, own: Columns) -> NDArray[np.int64]:
    """Return the places of the windows of which `own` holds a part."""
    if len(together) == len(own):
        return np.arange(len(own))
    begin_ns = int(together.start_ns.min())
    all_keys, own_keys = (
        (columns.row.astype(np.int64) << 32) + (columns.start_ns - begin_ns) // _WIDTH_NS
        for columns in (together, own)
    )
    return np.flatnonzero(np.isin(all_keys, own_keys))
