"""Shell: one question about windows, answered from segments and from what is in memory.

Rules
- What is asked for is taken at the coarsest level that fits (`collector.store.levels`).
- Windows that are in one part need no sketch: their summaries are read, which are a tenth of the
  octets. Where one comes in several parts all are read with their sketches and added up.
- The worst are told by companions; in an hour with late rows, their series by their windows.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collector.listed import HOUR_NS, Segment
from collector.samples import packing, summaries
from collector.samples.columns import Columns, Summaries
from collector.samples.sums import Sums, TooManyError
from collector.store import levels, moments, segments
from collector.store.levels import Piece

_S_NS: Final = 1_000_000_000
_MINUTE_NS: Final = moments.LEVEL_S * _S_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Windows that start in [from_ns, to_ns). Its methods raise as `segments.read_windows`."""

    directory: Path
    listed: Sequence[Segment]
    """All segments of now."""
    held: Columns
    """The windows that are in memory alone, those asked for."""
    rows: Collection[int] | None
    """The series that are asked for; None: all."""
    from_ns: int
    to_ns: int

    def whole(self, sums: Sums) -> Columns:
        """Return the windows with their sketches, added up in `sums`.

        Raises: TooManyError besides.
        """
        pieces = levels.pieces(self.listed, self.from_ns, self.to_ns, sums.step_ns)
        return self._added(pieces, sums)

    def told(self, step_ns: int, most: int | None = None) -> Summaries:
        """Return the windows merged into steps, sorted by (row, start), without sketches.

        Raises: TooManyError besides where there are more than `most`.
        """
        brief: list[Summaries] = []
        pieces: list[Piece] = []
        for piece in levels.pieces(self.listed, self.from_ns, self.to_ns, step_ns):
            if piece.raw or piece.level_s * _S_NS != step_ns:
                pieces.append(piece)
            else:
                span = {"from_ns": piece.from_ns, "to_ns": piece.to_ns}
                brief += segments.read_summaries(
                    self.directory, piece.names, rows=self.rows, **span
                )
        rest = self._added(pieces, Sums(step_ns, most=most))
        found = summaries.joined([*brief, summaries.summarised(rest)])
        if found is None:
            found = summaries.summarised(self.whole(Sums(step_ns, most=most)))
        if most is not None and len(found) > most:
            raise TooManyError(np.unique(found.row).size, len(found))
        return found

    def worst(self) -> NDArray[np.int32]:
        """Return by row the bucket of the highest p99 of a minute; `packing.NOTHING` for none."""
        pieces = levels.pieces(self.listed, self.from_ns, self.to_ns, None)
        minutes = self._added([piece for piece in pieces if piece.raw], Sums(_MINUTE_NS))
        minutes = minutes.take(np.flatnonzero(minutes.received))
        hour = minutes.start_ns // HOUR_NS
        companions = [segment for segment in self.listed if segment.kind == "moments"]
        late = {segment.first_ns // HOUR_NS for segment in companions}.intersection(hour.tolist())
        fresh = ~np.isin(hour, list(late))
        timely = [segment for segment in companions if segment.first_ns // HOUR_NS not in late]
        parts = [
            (minutes.row[fresh], packing.middle(minutes)[fresh, -1]),
            moments.read(self.directory, timely, self.from_ns, self.to_ns),
        ]
        for segment in companions:
            number = segment.first_ns // HOUR_NS
            if number in late:
                parts.append(self._amended(segment, np.unique(minutes.row[hour == number])))
        row, bucket = (np.concatenate(column) for column in zip(*parts, strict=True))
        return packing.worst(row, bucket)

    def _amended(
        self, companion: Segment, late: NDArray[np.uint32]
    ) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
        """Return rows and buckets of an hour whose series `late` have more than its companion."""
        row, bucket = moments.read(self.directory, [companion], self.from_ns, self.to_ns)
        timely = ~np.isin(row, late)
        begin_ns = companion.first_ns // HOUR_NS * HOUR_NS
        of_hour = (self.held.start_ns // HOUR_NS == begin_ns // HOUR_NS) & np.isin(
            self.held.row, late
        )
        hour = replace(
            self,
            rows=late.tolist(),
            held=self.held.take(np.flatnonzero(of_hour)),
            from_ns=max(self.from_ns, begin_ns),
            to_ns=min(self.to_ns, begin_ns + HOUR_NS),
        ).told(_MINUTE_NS)
        hour = hour.take(np.flatnonzero(hour.received))
        return (
            np.concatenate([row[timely], hour.row]),
            np.concatenate([bucket[timely], hour.middle[:, -1]]),
        )

    def _added(self, pieces: Iterable[Piece], sums: Sums) -> Columns:
        """Return the sums of all windows of the pieces and of those in memory, read in parts."""
        sums.add(self.held)
        for piece in pieces:
            span = {"from_ns": piece.from_ns, "to_ns": piece.to_ns}
            for part in segments.windows(self.directory, piece.names, rows=self.rows, **span):
                sums.add(part)
        return sums.result()
