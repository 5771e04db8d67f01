"""Bytes: the parameters of a request to the API, read strictly into words.

Rules
- An unknown parameter, a parameter given twice and a value out of range are refused with the
  parameter, what was found and what is allowed; nothing is corrected silently.
- A time is RFC 3339 in UTC or seconds since the epoch, as Prometheus users type it; a range is
  half open: [from, to).
"""

import difflib
import re
from collections.abc import Iterable

import msgspec

from collector.errors import RefusedError
from collector.records import SeriesQuery
from collector.wall import wall_ns

NS_PER_S = 1_000_000_000
MAX_RANGE_S = 31 * 86_400
"""Longest range of one question about zones."""
DEFAULT_ZONES_RANGE_S = 60
DEFAULT_SERIES_RANGE_S = 3600
MAX_STEPS = 11_000
"""Most windows of one series in an answer: what Prometheus allows as well."""
DEFAULT_STEPS = 1000
DEFAULT_PATHS = 100
MAX_PATHS = 1000

_SECONDS = re.compile(r"\d{1,10}(?:\.\d{1,9})?", re.ASCII)
_INTEGER = re.compile(r"\d{1,9}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")

Pairs = Iterable[tuple[str, str]]
"""The query of a request: names and values in the order in which they were sent."""


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """A half-open range of wall time."""

    from_ns: int
    to_ns: int


class PathsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which paths to read; None means all."""

    agent: str | None
    target: str | None
    limit: int


def zones_query(pairs: Pairs, now_ns: int) -> Range:
    """Read `range_s` (the last so many seconds), or `from` and `to` (default: now).

    Raises: RefusedError 400.
    """
    given = _Parameters(pairs, ("range_s", "from", "to"))
    return _range(given, now_ns, DEFAULT_ZONES_RANGE_S)


def series_query(pairs: Pairs, now_ns: int, window_s: int) -> SeriesQuery:
    """Read the filters, the range and `step_s`, a multiple of `window_s`.

    Without `step_s`, it is the smallest that needs at most `DEFAULT_STEPS` steps.

    Raises: RefusedError 400.
    """
    known = ("agent", "zone", "target", "from", "to", "range_s", "step_s")
    given = _Parameters(pairs, known)
    found = _range(given, now_ns, DEFAULT_SERIES_RANGE_S)
    window_ns = window_s * NS_PER_S
    range_ns = found.to_ns - found.from_ns
    smallest_s = window_s * max(1, -(-range_ns // (window_ns * DEFAULT_STEPS)))
    step_s = given.integer("step_s", smallest_s, window_s, MAX_RANGE_S)
    if step_s % window_s:
        raise refusal("step_s", f"must be a multiple of the window of {window_s} s, not {step_s}")
    if range_ns > step_s * NS_PER_S * MAX_STEPS:
        needed_s = window_s * -(-range_ns // (window_ns * MAX_STEPS))
        raise refusal(
            "step_s",
            f"{step_s} cuts this range into more than {MAX_STEPS} steps; ask for {needed_s} or "
            "more, or for a shorter range",
        )
    return SeriesQuery(
        from_ns=found.from_ns,
        to_ns=found.to_ns,
        step_ns=step_s * NS_PER_S,
        agent=given.text("agent"),
        zone=given.text("zone"),
        target=given.text("target"),
    )


def paths_query(pairs: Pairs) -> PathsQuery:
    """Read the filters `agent` and `target`, and `limit`.

    Raises: RefusedError 400.
    """
    given = _Parameters(pairs, ("agent", "target", "limit"))
    return PathsQuery(
        agent=given.text("agent"),
        target=given.text("target"),
        limit=given.integer("limit", DEFAULT_PATHS, 1, MAX_PATHS),
    )


def no_query(pairs: Pairs) -> None:
    """Refuse every parameter.

    Raises: RefusedError 400.
    """
    _Parameters(pairs, ())


def digest(text: str) -> str:
    """Return `text` if it is a SHA-256 digest in hex, as evidence is named.

    Raises: RefusedError 400.
    """
    if not _DIGEST.fullmatch(text):
        raise refusal("sha256", f"must be 64 hex digits in lower case, not {text[:80]!r}")
    return text


def too_many(series: int, windows: int, asked: SeriesQuery) -> RefusedError:
    """Make the 400 that says how to ask for less."""
    return RefusedError(
        400,
        "parameter",
        f"{series} series match with {windows} windows, and an answer holds at most "
        f"{asked.most_windows}: name an agent, a zone or a target, or ask for a larger step_s",
    )


def refusal(parameter: str, message: str) -> RefusedError:
    """Make the 400 that names the parameter."""
    return RefusedError(400, "parameter", f"{parameter}: {message}")


class _Parameters:
    """The parameters of one request, each known and given once."""

    def __init__(self, pairs: Pairs, known: tuple[str, ...]) -> None:
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if name not in known:
                raise RefusedError(400, "parameter", _unknown(name, known))
            if name in self._values:
                raise refusal(name, "is given twice")
            self._values[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        """Return the text of a filter, None where it is absent."""
        value = self._values.get(name)
        if value is not None and not value:
            raise refusal(name, "is empty; leave it out to ask for all")
        return value

    def integer(self, name: str, default: int, minimum: int, maximum: int) -> int:
        """Return a whole number from `minimum` to `maximum`."""
        value = self._values.get(name)
        if value is None:
            return default
        if not _INTEGER.fullmatch(value) or not minimum <= int(value) <= maximum:
            raise refusal(
                name, f"must be a whole number from {minimum} to {maximum}, not {value[:80]!r}"
            )
        return int(value)

    def time_ns(self, name: str, default_ns: int) -> int:
        """Return a time of day as ns since the epoch."""
        value = self._values.get(name)
        if value is None:
            return default_ns
        if _SECONDS.fullmatch(value):
            whole, _, fraction = value.partition(".")
            return int(whole) * NS_PER_S + int(fraction.ljust(9, "0"))
        found = wall_ns(value)
        if found is None:
            raise refusal(
                name,
                "must be a time such as 2026-01-31T12:00:00Z (RFC 3339, UTC) or seconds since "
                f"the epoch, not {value[:80]!r}",
            )
        return found


def _range(given: _Parameters, now_ns: int, default_s: int) -> Range:
    """Return the range that `range_s`, or `from` and `to`, ask for; it ends now by default."""
    if "range_s" in given and ("from" in given or "to" in given):
        raise refusal("range_s", "cannot stand together with from or to")
    range_ns = given.integer("range_s", default_s, 1, MAX_RANGE_S) * NS_PER_S
    to_ns = given.time_ns("to", now_ns)
    from_ns = given.time_ns("from", max(0, to_ns - range_ns))
    if from_ns >= to_ns:
        raise refusal("from", "must be earlier than to (which is now where it is absent)")
    if to_ns - from_ns > MAX_RANGE_S * NS_PER_S:
        raise refusal("from", f"lies more than {MAX_RANGE_S} s before to; ask in parts")
    return Range(from_ns=from_ns, to_ns=to_ns)


def _unknown(name: str, known: tuple[str, ...]) -> str:
    """Return the sentence about an unknown parameter with the nearest known one."""
    found = f'unknown parameter "{name[:80]}"'
    if not known:
        return f"{found}; this question takes none"
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f'did you mean "{close[0]}"?' if close else f"known here: {', '.join(known)}"
    return f"{found}; {hint}"
