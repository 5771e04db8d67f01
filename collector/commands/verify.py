"""Shell: `borne-collector verify`: recomputes Statements from themselves, without a network.

Rules
- Exit codes: 0 every Statement is consistent, 1 one is not, 2 one could not be read or follows
  rules that this release does not judge by. One bad file never hides the others.
- Patterns of names come from the Statement, and a stranger may write one that never ends: judging
  is given up after `PATIENCE_S`.
- The compiled tables of addresses may be absent: the rows in a Statement are enough. Borders that
  a Statement names must be there: no row holds them.
"""

import contextlib
import secrets
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path as File
from textwrap import fill
from typing import Final, NoReturn

from collector.audit import canonical, stated, verification
from collector.audit.findings import Verification
from collector.audit.redaction import SALT_OCTETS, Redactor
from collector.commands import auditlines
from collector.errors import StoreError, UnreadableError
from collector.facts import atlas, knowledge
from collector.facts.knowledge import Knowledge
from collector.facts.soil import Soil

STDIN: Final = "-"
PATIENCE_S: Final = 60.0
_COLUMNS: Final = 100
_EXITS: Final = {"consistent": 0, "inconsistent": 1, "other rules": 2}


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked."""

    files: Sequence[str]
    as_json: bool
    redact: bool


def run(asked: Request) -> int:
    """Print what became of every Statement; return the exit code."""
    release = _release()
    version = metadata.version("borne")
    redactor = Redactor(secrets.token_bytes(SALT_OCTETS), release.networks)
    code = 0
    for name in asked.files:
        try:
            octets = _octets(name)
            with _patience():
                found = verification.verify(octets, release, version=version, named=File(name).stem)
        except UnreadableError as error:
            sys.stderr.write(f"borne-collector: {name}: {error}\n")
            code = 2
            continue
        if asked.redact:
            found = _redacted(found, octets, redactor)
        _show(name, found, as_json=asked.as_json)
        code = max(code, _EXITS[found.result])
    if not asked.as_json:
        sys.stdout.write(f"{fill(auditlines.SHOWS, _COLUMNS)}\n")
    return code


def _release() -> Knowledge:
    """Return the tables of this release; a damaged atlas is left out, and that is said."""
    try:
        return knowledge.load(atlas=atlas.load(), soil=Soil.open(atlas.BESIDE))
    except StoreError as error:
        sys.stderr.write(f"borne-collector: goes on without the compiled tables: {error}\n")
        return knowledge.load()


def _octets(name: str) -> bytes:
    """Return what a file holds.

    Raises: UnreadableError.
    """
    try:
        return sys.stdin.buffer.read() if name == STDIN else File(name).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"cannot be read: {why}; give a file, or - for stdin") from error


def _show(name: str, found: Verification, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(f"{auditlines.encode(name, found).decode()}\n")
        return
    for line in auditlines.lines(name, found):
        sys.stdout.write(f"{line.rstrip()}\n")
    sys.stdout.write("\n")


def _redacted(found: Verification, octets: bytes, redactor: Redactor) -> Verification:
    try:
        inputs = stated.read(canonical.read(octets).value["predicate"])
    except UnreadableError:
        return redactor.verification(found, None)
    return redactor.verification(found, inputs)


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """Give up what takes too long; a timer that somebody else set goes on afterwards."""

    def late(*_: object) -> NoReturn:
        raise UnreadableError(
            f"was not judged within {PATIENCE_S:g} s: one of its patterns of names may never end"
        )

    before = signal.signal(signal.SIGALRM, late)
    rest_s, again_s = signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, rest_s, again_s)
        signal.signal(signal.SIGALRM, before)
