"""Bytes: the numbers and addresses that every program prints in its own way, read in one way.

Rules
- Programs print milliseconds; a time is kept as whole nanoseconds. What is no possible time of a
  round trip (negative, longer than an hour, not a number) is no time: the address stays.
- A number that must be right for the path to mean anything (an address, a TTL) is checked here:
  a path that breaks it is refused as a whole, never mended.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from agent.records import Hop, PathReply, Protocol
from collector.errors import UnreadableError
from collector.facts.networks import parse
from collector.wall import wall_text

LOST: Final = PathReply(lost=True)
MICROSECOND_NS: Final = 1000
HIGHEST_TTL: Final = 255
LONGEST_NS: Final = 3_600_000_000_000
"""No round trip takes longer than an hour."""
_SHOWN: Final = 60
_SIX: Final = 6


def nanoseconds(milliseconds: float | None) -> int | None:
    """Return a time in nanoseconds, None where it can be that of no round trip."""
    if milliseconds is None or not 0 <= milliseconds * 1e6 <= LONGEST_NS:
        return None
    return round(milliseconds * 1e6)


def address(text: str) -> str:
    """Return `text` where it is an IP address.

    Raises: UnreadableError.
    """
    if parse(text) is None:
        raise UnreadableError(f"{text[:_SHOWN]!r} is no IP address; repair or remove the path")
    return text


def family(addresses: Iterable[str | None]) -> Literal[4, 6]:
    """Return the family of the first address that is one, 4 where none is."""
    for text in addresses:
        parsed = None if text is None else parse(text)
        if parsed is not None:
            return 6 if parsed.version == _SIX else 4
    return 4


def protocol(text: str) -> Protocol:
    """Return the protocol that a program's word begins with (`udp-paris`, `ICMP`).

    Words that Borne has no protocol for count as ICMP: no verdict depends on it, and nothing shows
    it.
    """
    word = text.lower()
    return next((row for row in Protocol if word.startswith(row.value)), Protocol.ICMP)


def started(seconds: float | None) -> str:
    """Return the RFC 3339 text of a Unix time; empty where it is unknown or impossible."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return ""
    try:
        return wall_text(round(seconds * 1e6) * MICROSECOND_NS)
    except (OverflowError, ValueError):
        return ""


def hops(replies: Mapping[int, Sequence[PathReply]]) -> tuple[Hop, ...]:
    """Return the hops of a path in the order of TTL.

    Raises:
        UnreadableError: a TTL is none.
    """
    wrong = [ttl for ttl in replies if not 1 <= ttl <= HIGHEST_TTL]
    if wrong:
        raise UnreadableError(
            f"hop {wrong[0]} is none: a TTL goes from 1 to {HIGHEST_TTL}; repair or remove the path"
        )
    return tuple(Hop(ttl=ttl, replies=tuple(replies[ttl])) for ttl in sorted(replies))


def answered(target: str | None, found: Iterable[Hop]) -> bool:
    """Say whether `target`, an address, answered itself; False where it is unknown."""
    wanted = None if target is None else parse(target)
    return wanted is not None and any(
        reply.address is not None and parse(reply.address) == wanted
        for hop in found
        for reply in hop.replies
    )
