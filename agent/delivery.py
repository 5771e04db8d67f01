"""Decider: what the collector's answer means for a batch, when to try again, and what to say.

answer                     meaning     what happens to the batch
204 (or 200)               ACCEPTED    deleted from the spool
409 with unknown series    UNKNOWN     sent again at once, with their descriptors
400, 413, 422              REFUSED     set aside: it could never be accepted
422 for its date           MISDATED    set aside if its date is wrong by our own clock too,
                                       else kept; tried again: the collector's clock may be behind
400 for its version        LATER       kept; tried again: an older collector may be upgraded
401, 403                   DENIED      kept; tried again: the operator may mend the token
anything else, or silence  LATER       kept; tried again
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from http import HTTPStatus

import msgspec

from agent.records import EARLIEST_NS

NS_PER_S = 1_000_000_000
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0


class Meaning(StrEnum):
    """What an answer means."""

    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    MISDATED = "misdated"
    DENIED = "denied"
    LATER = "later"


_MEANINGS: Mapping[int, Meaning] = {
    HTTPStatus.OK: Meaning.ACCEPTED,
    HTTPStatus.NO_CONTENT: Meaning.ACCEPTED,
    HTTPStatus.CONFLICT: Meaning.UNKNOWN,
    HTTPStatus.BAD_REQUEST: Meaning.REFUSED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Meaning.REFUSED,
    HTTPStatus.UNPROCESSABLE_ENTITY: Meaning.REFUSED,
    HTTPStatus.UNAUTHORIZED: Meaning.DENIED,
    HTTPStatus.FORBIDDEN: Meaning.DENIED,
}


def meaning_of(status: int, body: bytes = b"") -> Meaning:
    """Return what the HTTP `status` and the `body` beside it mean for the batch."""
    meaning = _MEANINGS.get(status, Meaning.LATER)
    if meaning is not Meaning.REFUSED:
        return meaning
    match _objection(body).reason:
        case "version":
            return Meaning.LATER
        case "clock":
            return Meaning.MISDATED
        case _:
            return Meaning.REFUSED


def is_dated_well(base_ns: int, now_ns: int) -> bool:
    """Tell whether a batch of `base_ns` may be right by our own time of day, `now_ns`."""
    return EARLIEST_NS <= base_ns <= now_ns


class Complaint(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a 409: the series that the collector has never heard of."""

    unknown_series: tuple[int, ...]


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a refusal: a word for machines and a sentence for people."""

    error: str = ""
    reason: str = ""


def unknown_series(body: bytes) -> tuple[int, ...]:
    """Return the ids that a 409 names; none where its body is something else."""
    try:
        return msgspec.json.decode(body, type=Complaint).unknown_series
    except (msgspec.MsgspecError, ValueError):
        return ()


def objection(body: bytes) -> str:
    """Return what a refusal says, in one line that is safe to print."""
    found = _objection(body)
    text = ": ".join(part for part in (found.reason, found.error) if part)
    return "".join(char if char.isprintable() else " " for char in text[:200]).strip()


def _objection(body: bytes) -> Objection:
    try:
        return msgspec.json.decode(body, type=Objection)
    except (msgspec.MsgspecError, ValueError):
        return Objection(error=body[:200].decode("utf-8", "replace"))


class Backoff:
    """Delays that double from half a second to thirty, each shortened by chance to half at most.

    Chance keeps a fleet apart: agents that lost their collector together come back one by one.
    """

    def __init__(self, chance: Callable[[], float]) -> None:
        """Take the source of chance: a number from 0 (included) to 1 (not included)."""
        self._chance = chance
        self._next_s = FIRST_DELAY_S

    def delay_s(self) -> float:
        """Return how long to wait now; the next wait is longer."""
        delay_s, self._next_s = self._next_s, min(2 * self._next_s, LONGEST_DELAY_S)
        return delay_s * (1 - self._chance() / 2)

    def reset(self) -> None:
        """Begin anew after a success."""
        self._next_s = FIRST_DELAY_S


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """A time without a collector that is over."""

    duration_s: float
    failures: int


class Standing:
    """Whether the collector takes batches, and what has been said of it.

    state    failed                    succeeded
    unknown  down, said                up, said
    up       down, said                up
    down     said if another reason    up, said with its duration and count
    """

    def __init__(self) -> None:
        """Begin without knowing."""
        self.up: bool | None = None
        self._since_ns = 0
        self._failures = 0
        self._said = ""

    def failed(self, kind: str, now_ns: int) -> bool:
        """Note a failure of a `kind` (a few words without numbers); return whether to say it."""
        if self.up is not False:
            self.up, self._since_ns, self._failures, self._said = False, now_ns, 0, ""
        self._failures += 1
        news = kind != self._said
        self._said = kind
        return news

    def succeeded(self, now_ns: int) -> Outage | None:
        """Note a success; return what to say: None where the collector was there before."""
        if self.up:
            return None
        known, self.up = self.up is False, True
        duration_s = (now_ns - self._since_ns) / NS_PER_S if known else 0.0
        failures, self._failures = self._failures, 0
        return Outage(duration_s=duration_s, failures=failures)
