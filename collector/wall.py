"""Words: wall times as evidence and people write them, RFC 3339 in UTC with nanoseconds.

Rules
- Nothing here reads a clock; text and integers of nanoseconds since the epoch are converted.
- Canonical JSON holds no integer of 2^53 or more, and nanoseconds since the epoch are larger:
  a wall time is always a string there.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_SECOND_NS: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)", re.ASCII
)


def wall_ns(text: str) -> int | None:
    """Return nanoseconds since the epoch of an RFC 3339 UTC time, None where `text` is none.

    Up to nine digits of a second are read; a time before the epoch or with an offset is None.
    """
    match = _RFC3339.fullmatch(text.upper())
    if match is None:
        return None
    try:
        whole = datetime.fromisoformat(f"{match[1]}+00:00")
    except ValueError:
        return None
    since = whole - _EPOCH
    seconds = since.days * 86_400 + since.seconds
    if seconds < 0:
        return None
    return seconds * _SECOND_NS + int((match[2] or "0").ljust(9, "0"))


def wall_text(at_ns: int) -> str:
    """Return `at_ns` as RFC 3339 with nine digits of a second, for example for evidence.

    Raises:
        OverflowError: `at_ns` lies beyond the year 9999.
    """
    seconds, rest_ns = divmod(at_ns, _SECOND_NS)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment.isoformat()[:19]}.{rest_ns:09d}Z"
