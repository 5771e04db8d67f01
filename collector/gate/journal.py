"""Shell: the journal, where a batch is made durable before anybody is told that it is stored.

Rules
- Group commit without a timer: what arrives while one group is being synced is the next group
  (measured: a timer of 5 ms halves the requests that a second can take).
- Checksums, writing and fdatasync happen in one thread, delivery in another: the event loop waits
  for no disk and for no kernel, and one group is delivered while the next is being written. The
  writer hands a group over itself, in the order of the file, and only when all of it is on the
  disk. A small group that nobody follows it delivers itself: no second thread has to wake up. A
  new file is begun between two groups, when all before it is delivered.
- Nothing is copied on its way to the file: the batches of a group are written from where they lie.
- A write or sync that fails takes back the whole group: the file is cut to its last durable
  length before anything else is written, and every waiter gets a `StoreError`. The journal
  recovers by itself when the disk does.
- Files are numbered, never reused: a start begins a new one, a checkpoint another. A checkpoint
  names the first number that a replay needs (the floor). `collector.gate.replay` reads the files.
"""

import asyncio
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from collector.errors import StoreError
from collector.files import sync_directory
from collector.gate import frames
from collector.gate.frames import Entry

_NAME: Final = re.compile(r"journal-(\d{6}|[1-9]\d{6,})\.bin", re.ASCII)
"""As `file_name` makes it: the millionth checkpoint comes, and its number has seven digits."""
_AT_A_TIME: Final = 8
"""Deliveries between two looks at who may be told."""

_PARTS_AT_ONCE: Final = os.sysconf("SC_IOV_MAX")

T = TypeVar("T")


class _Stored(asyncio.Future[None]):
    """Done once a batch is delivered: whoever is cancelled meanwhile learns it only then.

    A future that is no subclass would be cancelled together with the task that waits for it.
    """

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - the signature is asyncio's
        """Refuse: what began to be stored is stored."""
        return False


class _Waiter(NamedTuple):
    """One batch, what its delivery calls, and who waits for it."""

    entry: Entry
    deliver: Callable[[], None]
    stored: _Stored


def file_name(number: int) -> str:
    """Return the name of the journal file with this number."""
    return f"journal-{number:06d}.bin"


def numbers(directory: Path) -> list[int]:
    """Return the numbers of the journal files in `directory`, rising."""
    found = (_NAME.fullmatch(path.name) for path in directory.glob("journal-*.bin"))
    return sorted(int(name[1]) for name in found if name is not None)


def octets(directory: Path) -> int:
    """Return the octets of all journal files in `directory`: what a start would replay, about."""
    total = 0
    for number in numbers(directory):
        with suppress(FileNotFoundError):  # a checkpoint has just dropped it
            total += (directory / file_name(number)).stat().st_size
    return total


class _File:
    """One open journal file; all methods run in the writer's thread."""

    def __init__(self, directory: Path, number: int) -> None:
        self.number = number
        self.durable = 0
        self._clean = True
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._path = directory / file_name(number)
        self._descriptor = os.open(self._path, flags, 0o600)
        try:
            sync_directory(directory)
        except OSError:
            self._path.unlink()
            os.close(self._descriptor)
            raise

    def write(self, parts: Sequence[bytes]) -> None:
        """Append `parts` durably, or leave the file as it was and raise `StoreError`."""
        try:
            if not self._clean:
                self._take_back()
            self._clean = False
            for begin in range(0, len(parts), _PARTS_AT_ONCE):
                self._append(parts[begin : begin + _PARTS_AT_ONCE])
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._try_to_take_back()
            raise StoreError(
                f"write the journal {self._path}: {error}; nothing of it is kept, agents send the"
                " same batches again; make room or mend the disk"
            ) from error
        self.durable += sum(map(len, parts))
        self._clean = True

    def close(self) -> None:
        """Close the file; what is not durable goes."""
        if not self._clean:
            self._try_to_take_back()
        os.close(self._descriptor)

    def _append(self, parts: Sequence[bytes]) -> None:
        """Write all of `parts`; the kernel may take less at a time."""
        written = os.writev(self._descriptor, parts)
        if written < sum(map(len, parts)):
            left = memoryview(b"".join(parts))[written:]
            while left:
                left = left[os.write(self._descriptor, left) :]

    def _take_back(self) -> None:
        os.ftruncate(self._descriptor, self.durable)
        os.fdatasync(self._descriptor)
        self._clean = True

    def _try_to_take_back(self) -> None:
        try:
            self._take_back()
        except OSError:
            # Not forgotten: `_clean` stays false, so that the next write takes back first.
            self._clean = False


class Journal:
    """The open journal. Make it in a running event loop, `close` it in the same."""

    def __init__(self, directory: Path, floor: int = 1) -> None:
        """Begin a new file after all that are there, numbered `floor` at least.

        Raises:
            StoreError: The directory cannot be written.
        """
        self._directory = directory
        self._waiting: list[_Waiter] = []
        self._turns: list[tuple[Callable[[], object], asyncio.Future[Any]]] = []
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        self._idle.set()
        self._writer = ThreadPoolExecutor(1, "journal")
        self._deliverer = ThreadPoolExecutor(1, "deliver")
        self._handed = self._deliverer.submit(_nothing)
        """The last delivery that the writer handed over; all before it come first."""
        self._file = self._create(max([floor - 1, *numbers(directory)]) + 1)

    @property
    def number(self) -> int:
        """Return the number of the file that is written now."""
        return self._file.number

    @property
    def octets(self) -> int:
        """Return the durable length of that file."""
        return self._file.durable

    async def append(self, entry: Entry, deliver: Callable[[], None]) -> None:
        """Write `entry` durably; `deliver` is called once it is, in the order of the file.

        It is called in a thread of its own, never two at a time. A cancelled caller changes
        nothing: the batch is written and delivered all the same, and he is told afterwards.

        Raises:
            StoreError: It could not be written; `deliver` was not called and never will be.
        """
        stored = _Stored(loop=self._loop)
        self._waiting.append(_Waiter(entry, deliver, stored))
        self._wake()
        await stored

    async def rotate(self, take: Callable[[int], T]) -> T:
        """Begin a new file between two groups, and return what `take` makes of its number.

        `take` is called in the writer's thread, when everything in older files is delivered and
        nothing of the new one.

        Raises:
            StoreError: The new file cannot be made; `take` was not called, the old one goes on.
        """

        def turn() -> T:
            old = self._file
            self._file = self._create(old.number + 1)
            try:
                return take(self._file.number)
            finally:
                old.close()

        taken: asyncio.Future[T] = self._loop.create_future()
        self._turns.append((turn, taken))
        self._wake()
        return await taken

    async def close(self) -> None:
        """Write what waits, then close the file."""
        await self._idle.wait()
        await asyncio.wrap_future(self._handed)
        self._file.close()
        self._writer.shutdown()
        self._deliverer.shutdown()

    def _wake(self) -> None:
        """Let the writer begin, unless it is at work: it asks for more itself."""
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        """Give the writer what waits: a new file first, else all batches together."""
        if self._turns:
            self._writer.submit(self._work, partial(self._take, *self._turns.pop(0)))
        elif self._waiting:
            group, self._waiting = self._waiting, []
            self._writer.submit(self._work, partial(self._write, group))
        else:
            self._idle.set()

    def _work(self, work: Callable[[], None]) -> None:
        """Do it, then ask for more; in the writer's thread, as all that follows it here."""
        try:
            work()
        finally:
            self._loop.call_soon_threadsafe(self._next)

    def _take(self, turn: Callable[[], object], taken: asyncio.Future[Any]) -> None:
        """Take a turn between two groups; what goes wrong is its caller's."""
        self._handed.result()
        try:
            found = turn()
        except Exception as error:  # noqa: BLE001 - handed to the caller, who awaits it
            self._loop.call_soon_threadsafe(_settle, taken, None, error)
        else:
            self._loop.call_soon_threadsafe(_settle, taken, found)

    def _write(self, group: Sequence[_Waiter]) -> None:
        """Make a group durable and deliver it; where that fails each of its waiters is told."""
        try:
            self._file.write([part for waiter in group for part in frames.parts(waiter.entry)])
        except Exception as error:  # noqa: BLE001 - handed to every waiter
            self._tell(group, [error] * len(group))
            return
        if len(group) <= _AT_A_TIME and not self._waiting and self._handed.done():
            self._deliver(group)
        else:
            self._handed = self._deliverer.submit(self._deliver, group)

    def _deliver(self, group: Sequence[_Waiter]) -> None:
        """Deliver a durable group and tell its waiters, some at a time: they bring the next."""
        for begin in range(0, len(group), _AT_A_TIME):
            some = group[begin : begin + _AT_A_TIME]
            self._tell(some, [_error_of(waiter.deliver) for waiter in some])

    def _tell(self, waiters: Sequence[_Waiter], errors: Sequence[Exception | None]) -> None:
        """Let the event loop tell each waiter how it went; called in a thread."""
        self._loop.call_soon_threadsafe(_settle_all, waiters, errors)

    def _create(self, number: int) -> _File:
        try:
            return _File(self._directory, number)
        except OSError as error:
            raise StoreError(
                f"begin the journal {self._directory / file_name(number)}: {error}; check the"
                " directory's owner and the room on the disk"
            ) from error


def _nothing() -> None:
    """Be what comes after everything before."""


def _error_of(deliver: Callable[[], None]) -> Exception | None:
    """Deliver; return what went wrong, for the one who appended the batch."""
    try:
        deliver()
    except Exception as error:  # noqa: BLE001 - returned, not passed over
        return error
    return None


def _settle_all(waiters: Sequence[_Waiter], errors: Sequence[Exception | None]) -> None:
    for waiter, error in zip(waiters, errors, strict=True):
        _settle(waiter.stored, None, error)


def _settle(future: "asyncio.Future[T]", result: T, error: Exception | None = None) -> None:
    """Give the waiter its result or the error, unless it is gone."""
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
