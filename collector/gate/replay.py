"""Shell: the files of the journal as a start reads them, and lets them go.

Rules
- Files are read in the order of their numbers from the floor on; every intact batch is used.
- A tail that is torn is cut off the last file, durably, and counted. Everything else that is not
  a whole frame is said, with its file and offset.
- What another release wrote is no damage, and was acknowledged: a start that cannot read it is
  refused.
- A damaged file is never removed: what is below the floor is kept under the name `.damaged`.
"""

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from collector.errors import CorruptError, StoreError
from collector.gate import frames
from collector.gate.frames import Damage, Entry, Tail
from collector.gate.journal import file_name, numbers


@dataclass(slots=True)
class Replay:
    """The batches of all files from `floor` on, in order, and what was found besides.

    Iterate once; a torn tail of the last file is cut off on the way.
    """

    directory: Path
    floor: int
    frames: int = 0
    cut_octets: int = 0
    damage: list[CorruptError] = field(default_factory=list)

    def __iter__(self) -> Iterator[Entry]:
        """Yield each intact batch.

        Raises:
            StoreError: A file cannot be read, or is another release's.
        """
        there = [number for number in numbers(self.directory) if number >= self.floor]
        expected = self.floor
        if not there and self.floor > 1:
            self._miss(f"{file_name(self.floor)} is")
        for number in there:
            if number != expected:
                self._miss(f"{file_name(expected)} to {file_name(number - 1)} are")
            expected = number + 1
            yield from self._file(self.directory / file_name(number), last=number == there[-1])

    def _file(self, path: Path, *, last: bool) -> Iterator[Entry]:
        for found in scanned(path):
            match found:
                case Entry():
                    self.frames += 1
                    yield found
                case Tail() if last:
                    _cut(path, found.offset)
                    self.cut_octets += found.octets
                case Tail():
                    says = "the file ends within a frame, and another file follows"
                    self._report(path, Damage(offset=found.offset, octets=found.octets, says=says))
                case Damage(foreign=True):
                    raise StoreError(
                        f"replay {path}: {found.says}; what it holds was acknowledged: use the"
                        " release that wrote it, or a later one"
                    )
                case Damage():
                    self._report(path, found)

    def _miss(self, what: str) -> None:
        self.damage.append(
            CorruptError(
                f"replay the journal: {what} missing from {self.directory}; put that back and"
                " start again, or go on without the batches in it"
            )
        )

    def _report(self, path: Path, found: Damage) -> None:
        self.damage.append(
            CorruptError(
                f"replay {path}: from octet {found.offset} on, {found.says}; {found.octets} octets"
                " are not used, all other batches are; the file is kept as *.damaged after the"
                " next checkpoint: check this disk and compare with a copy"
            )
        )


def scanned(path: Path) -> Iterator[Entry | Tail | Damage]:
    """Yield what a journal file holds, in order.

    Raises:
        StoreError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                return
            with (
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
                memoryview(content) as view,
            ):
                yield from frames.scan(view)
    except OSError as error:
        raise StoreError(f"read the journal {path}: {error}; check the disk") from error


def whole(path: Path) -> bool:
    """Return whether a file holds frames and nothing else, but for a tail that is torn.

    Raises:
        StoreError: It cannot be read.
    """
    return not any(isinstance(found, Damage) for found in scanned(path))


def drop(directory: Path, floor: int) -> None:
    """Remove the files that no replay from `floor` on needs; damaged ones are kept aside.

    Raises:
        StoreError: A file cannot be read or removed; the next `drop` tries again.
    """
    for number in numbers(directory):
        if number >= floor:
            break
        path = directory / file_name(number)
        intact = all(isinstance(found, Entry) for found in scanned(path))
        try:
            if intact:
                path.unlink()
            else:
                path.rename(path.with_suffix(".damaged"))
        except OSError as error:
            raise StoreError(f"drop the journal {path}: {error}; check the directory") from error


def _cut(path: Path, length: int) -> None:
    """Cut the file to `length` octets, durably."""
    with path.open("r+b") as file:
        file.truncate(length)
        os.fsync(file.fileno())
