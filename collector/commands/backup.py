"""Shell: `borne-collector backup`: a consistent copy of a store, also of one that is at work.

Rules
- It holds what was acknowledged before it began, each sample once: the catalogue of one moment
  (SQLite's backup), the segments and the evidence that this catalogue names, and the journal from
  the catalogue's floor on, which is opened right after it: what is dropped from then on is read
  all the same.
- The collector is not asked and does not wait. Where it replaced or dropped a file meanwhile, the
  backup begins again with the catalogue of now, and keeps what it has of the rest.
- The manifest is written last: a directory without one is no backup. What fails leaves nothing.
- A segment whose octets do not match its name is not taken over as if it were whole.
- The salt of what is shown redacted goes along, so that the hashes stay the same.
"""

import re
import sqlite3
import zlib
from collections.abc import Collection
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from collector.clock import WallClock
from collector.errors import ConfigError, CorruptError, StoreError
from collector.files import publish, sync_directory
from collector.gate import journal
from collector.gate.replay import whole
from collector.listed import Segment
from collector.recovery import Rooms
from collector.store import checkpoints, copying, manifest
from collector.store.manifest import File, Manifest
from collector.wall import wall_text
from collector.web.redactedview import SALT_FILE

_ATTEMPTS: Final = 20
_COPIES: Final = 3
_CHECKED: Final = re.compile(r".*-([0-9a-f]{8})\.parquet")


class _ReplacedError(Exception):
    """A file that the catalogue named went away: it is another catalogue now."""


@dataclass(slots=True)
class Backup:
    """What was taken over so far."""

    source: Rooms
    target: Rooms
    copies: bool
    taken: dict[str, File] = field(default_factory=dict)
    floor: int = 0
    attempts: int = 0

    def take(self) -> None:
        """Take over the catalogue and all that belongs to it.

        Raises:
            StoreError: Something is missing or damaged, or cannot be written.
        """
        while True:
            self.attempts += 1
            try:
                self._take_once()
            except _ReplacedError as error:
                if self.attempts == _ATTEMPTS:
                    raise StoreError(
                        f"back up {self.source.home}: it changed faster than it could be copied,"
                        f" {_ATTEMPTS} times ({error}); try again when it has less to do"
                    ) from error
            else:
                return

    def _take_once(self) -> None:
        names, self.floor = self._catalog()
        with ExitStack() as opened:
            parts = [
                (number, opened.enter_context(self._part(number))) for number in self._numbers()
            ]
            wanted = self._beside(names)
            for number, part in parts:
                wanted.add(f"journal/{journal.file_name(number)}")
                self._journal(number, part)
        for unwanted in set(self.taken) - wanted:
            (self.target.home / unwanted).unlink()
            del self.taken[unwanted]

    def _beside(self, names: Collection[str]) -> set[str]:
        """Take over all but the journal; return the paths of what belongs to this catalogue."""
        wanted = {checkpoints.FILE_NAME, *(f"segments/{name}" for name in names)}
        for name in names:
            self._segment(name)
        for path in sorted(self.source.evidence.glob("*.json")):
            if self._statement(path):
                wanted.add(f"evidence/{path.name}")
        self._check_archive(names)
        if (self.source.home / SALT_FILE).exists():
            wanted.add(SALT_FILE)
            self._immutable(self.source.home / SALT_FILE, self.target.home / SALT_FILE, SALT_FILE)
        return wanted

    def _catalog(self) -> tuple[list[str], int]:
        """Take over the catalogue; return the names of its segments and its floor."""
        path = self.target.home / checkpoints.FILE_NAME
        path.unlink(missing_ok=True)
        with (
            checkpoints.peek(self.source.home) as database,
            closing(sqlite3.connect(path)) as copy,
        ):
            database.backup(copy)
            names = [segment.name for segment in checkpoints.segments(copy, "TRUE")]
            floor = checkpoints.load(copy).floor
        path.chmod(0o600)
        self.taken[checkpoints.FILE_NAME] = copying.describe(path, checkpoints.FILE_NAME)
        return names, floor

    def _segment(self, name: str) -> None:
        path = self.source.segments / name
        try:
            self._immutable(path, self.target.segments / name, f"segments/{name}")
        except FileNotFoundError as error:
            self._missing(path, name, error)
        _prove(self.target.segments / name)

    def _statement(self, path: Path) -> bool:
        """Take over a Statement; return whether it was there still."""
        name = f"evidence/{path.name}"
        try:
            self._immutable(path, self.target.evidence / path.name, name)
        except FileNotFoundError:
            return False
        if self.taken[name].sha256 != path.stem:
            raise CorruptError(
                f"back up the evidence {path}: its octets do not match its name; take it from an"
                " earlier backup"
            )
        return True

    def _check_archive(self, names: Collection[str]) -> None:
        """Begin again where Statements moved into a segment that is listed since.

        Their files were there when the catalogue was taken, and went before their turn.
        """
        for segment in self._listed():
            if segment.kind == "evidence" and segment.name not in names:
                raise _ReplacedError(f"{segment.name} took the place of Statements")

    def _listed(self) -> list[Segment]:
        with checkpoints.peek(self.source.home) as database:
            return checkpoints.segments(database, "TRUE")

    def _missing(self, path: Path, name: str, error: OSError) -> NoReturn:
        """Say whether a segment that is not there was replaced, or is missing."""
        if name not in {segment.name for segment in self._listed()}:
            raise _ReplacedError(f"{name} was replaced") from error
        raise StoreError(
            f"back up {path}: the catalogue lists it and it is missing; put it back from an earlier"
            " backup: until then questions about its time are not answered either"
        ) from error

    def _immutable(self, source: Path, target: Path, path: str) -> None:
        if path not in self.taken:
            take = copying.copy if self.copies else copying.link
            self.taken[path] = take(source, target, path)

    def _numbers(self) -> list[int]:
        """Return the numbers of the journal files from the floor on."""
        there = [row for row in journal.numbers(self.source.journal) if row >= self.floor]
        if there != list(range(self.floor, self.floor + len(there))) or not there:
            self._gap(f"journal files from {self.floor} on")
        return there

    def _part(self, number: int) -> BinaryIO:
        """Open a journal file."""
        name = journal.file_name(number)
        try:
            return (self.source.journal / name).open("rb")
        except FileNotFoundError:
            self._gap(name)

    def _journal(self, number: int, part: BinaryIO) -> None:
        """Take over a journal file; once more where a write that failed was taken back meanwhile.

        A file that is damaged in the store as well is taken as it is: the start says so.
        """
        name = journal.file_name(number)
        target = self.target.journal / name
        for _ in range(_COPIES):
            target.unlink(missing_ok=True)
            found = copying.copy_opened(part, target, f"journal/{name}")
            self.taken[found.path] = found
            if whole(target):
                return

    def _gap(self, what: str) -> NoReturn:
        """Say whether journal files that are not there were dropped, or are missing."""
        if checkpoints.glance(self.source.home).floor != self.floor:
            raise _ReplacedError(f"{what} were dropped")
        raise StoreError(
            f"back up {self.source.journal}: {what} are missing; put them back, or start the"
            " collector, which goes on without them and says so"
        )


def _prove(segment: Path) -> None:
    """Hold a segment against the checksum in its name."""
    named = _CHECKED.fullmatch(segment.name)
    if named is None:
        return
    checksum = 0
    with segment.open("rb") as file:
        while chunk := file.read(1 << 20):
            checksum = zlib.crc32(chunk, checksum)
    if checksum != int(named[1], 16):
        raise CorruptError(
            f"back up segment {segment.name}: its checksum {checksum:08x} is not its name's; take"
            " it from an earlier backup"
        )


def run(source: Path, target: Path, *, copies: bool) -> Manifest:
    """Back `source` up into `target`, which is empty or not there; return what it holds.

    Segments and evidence are hard-linked where both are on one file system, unless `copies`.

    Raises:
        ConfigError: `target` is not empty, or lies within `source`.
        StoreError: The store cannot be read, or the backup not be written: nothing is left of it.
    """
    began_at = wall_text(WallClock().now_ns())
    _check(source, target)
    made = Backup(Rooms(source), Rooms(target), copies=copies)
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        made.target.make()
        made.take()
        written = Manifest(
            program=metadata.version("borne"),
            began_at=began_at,
            floor=made.floor,
            files=tuple(made.taken[path] for path in sorted(made.taken)),
        )
        for directory in (made.target.segments, made.target.evidence, made.target.journal, target):
            sync_directory(directory)
        publish(target / manifest.FILE_NAME, manifest.encode(written))
    except OSError as error:
        copying.clear(target)
        raise StoreError(
            f"back up {source} into {target}: {error}; nothing of it is left"
        ) from error
    except BaseException:
        copying.clear(target)
        raise
    return written


def _check(source: Path, target: Path) -> None:
    if target.resolve().is_relative_to(source.resolve()):
        raise ConfigError(f"back up into {target}: that is within the store; name another place")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f"back up into {target}: it is not empty; name a new directory")
    if not (source / checkpoints.FILE_NAME).is_file():
        raise ConfigError(f"back up {source}: that is no store; name [store] directory")
