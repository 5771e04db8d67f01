"""Shell: one question about windows, answered from segments and from what is in memory.

Rules
- What is asked for is taken at the coarsest level that fits (`collector.store.levels`).
- Windows that are in one part need no sketch: their summaries are read, which are a tenth of the
  octets. Where one comes in several parts all are read with their sketches and added up.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from collector.samples import packing, summaries
from collector.samples.columns import Columns, Summaries, concat
from collector.samples.quantiles import merge
from collector.store import levels, moments, segments
from collector.store.levels import Piece
from collector.store.listed import Segment

_S_NS: Final = 1_000_000_000


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

    def whole(self, step_ns: int | None) -> Columns:
        """Return the windows with their sketches, to be merged into steps; None: into one."""
        pieces = levels.pieces(self.listed, self.from_ns, self.to_ns, step_ns)
        return concat([*self._read(pieces), self.held])

    def told(self, step_ns: int) -> Summaries:
        """Return the windows merged into steps, sorted by (row, start), without sketches."""
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
        rest = merge(concat([*self._read(pieces), self.held]), step_ns)
        found = summaries.joined([*brief, summaries.summarised(rest)])
        return found or summaries.summarised(merge(self.whole(step_ns), step_ns))

    def worst(self) -> NDArray[np.int32]:
        """Return by row the bucket of the highest p99 of a minute; `packing.NOTHING` for none."""
        pieces = levels.pieces(self.listed, self.from_ns, self.to_ns, None)
        fresh = concat([*self._read([piece for piece in pieces if piece.raw]), self.held])
        minutes = merge(fresh, moments.LEVEL_S * _S_NS)
        minutes = minutes.take(np.flatnonzero(minutes.received))
        names = [segment.name for segment in self.listed if segment.kind == "moments"]
        row, bucket = moments.read(self.directory, names, self.from_ns, self.to_ns)
        return packing.worst(
            np.concatenate([row, minutes.row]),
            np.concatenate([bucket, packing.middle(minutes)[:, -1]]),
        )

    def _read(self, pieces: Sequence[Piece]) -> list[Columns]:
        return [
            segments.read_windows(
                self.directory,
                piece.names,
                rows=self.rows,
                from_ns=piece.from_ns,
                to_ns=piece.to_ns,
            )
            for piece in pieces
        ]
