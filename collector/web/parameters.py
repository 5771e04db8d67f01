"""Bytes: the parameters of a request, declared as a table and read strictly.

Rules
- An unknown parameter, a parameter given twice and a value out of range are refused with the
  parameter, what was found and what is allowed; nothing is corrected silently.
- The same rows describe the parameters in the OpenAPI document: what is read and what is said of
  it cannot part.
- A time is RFC 3339 in UTC or seconds since the epoch, as Prometheus users type it.
"""

import difflib
import re
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from collector.errors import RefusedError
from collector.wall import wall_ns

NS_PER_S: Final = 1_000_000_000
MOST_QUANTILES: Final = 20
PPM: Final = 1_000_000

TIME_PATTERN: Final = (
    r"^(\d{1,10}(\.\d{1,9})?|\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|\+00:00))$"
)
"""What a time looks like, for the document: not every match is one."""
QUANTILES_PATTERN: Final = r"^(0(\.\d{1,6})?|1(\.0{1,6})?)(,(0(\.\d{1,6})?|1(\.0{1,6})?))*$"
"""The same for quantiles."""

_SECONDS: Final = re.compile(r"\d{1,10}(?:\.\d{1,9})?", re.ASCII)
_INTEGER: Final = re.compile(r"\d{1,9}", re.ASCII)
_QUANTILE: Final = re.compile(r"0(?:\.\d{1,6})?|1(?:\.0{1,6})?", re.ASCII)

Pairs = Iterable[tuple[str, str]]
"""The query of a request: names and values in the order in which they were sent."""

Kind = Literal["text", "word", "integer", "time", "quantiles"]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a question."""

    name: str
    kind: Kind
    says: str
    """What it is for, for the document."""
    words: tuple[str, ...] = ()
    """All values that a `word` may have."""
    minimum: int = 0
    maximum: int = 999_999_999
    example: str | None = None


class Given:
    """The parameters of one request, each known and given once."""

    def __init__(self, pairs: Pairs, known: Iterable[Parameter]) -> None:
        """Take the request's `pairs`.

        Raises: RefusedError 400 for what is unknown or given twice.
        """
        self._known = {row.name: row for row in known}
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if name not in self._known:
                raise RefusedError(400, "parameter", _unknown(name, tuple(self._known)))
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

    def word(self, name: str) -> str | None:
        """Return one of the words of a parameter, None where it is absent."""
        value, words = self.text(name), self._known[name].words
        if value is not None and value not in words:
            raise refusal(name, f"must be one of {', '.join(words)}, not {value[:80]!r}")
        return value

    def integer(
        self, name: str, default: int, minimum: int | None = None, maximum: int | None = None
    ) -> int:
        """Return a whole number within the bounds given here, else within those of the row."""
        row, value = self._known[name], self._values.get(name)
        least = row.minimum if minimum is None else minimum
        most = row.maximum if maximum is None else maximum
        if value is None:
            return default
        if not _INTEGER.fullmatch(value) or not least <= int(value) <= most:
            raise refusal(
                name, f"must be a whole number from {least} to {most}, not {value[:80]!r}"
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

    def quantiles_ppm(self, name: str) -> tuple[int, ...]:
        """Return quantiles such as `0.5,0.999` in parts per million, rising, each once."""
        value = self.text(name)
        if value is None:
            return ()
        texts = value.split(",", MOST_QUANTILES)
        if len(texts) > MOST_QUANTILES:
            raise refusal(name, f"holds more than {MOST_QUANTILES} quantiles; ask in parts")
        for text in texts:
            if not _QUANTILE.fullmatch(text):
                raise refusal(
                    name,
                    "must be numbers from 0 to 1 with six digits at most and commas between "
                    f"them, such as 0.5,0.99,0.999, not {value[:80]!r}",
                )
        return tuple(sorted({_ppm(text) for text in texts}))


def quantile_text(rank_ppm: int) -> str:
    """Return a quantile as people write it: 999,000 is `0.999`."""
    whole, rest = divmod(rank_ppm, PPM)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def refusal(parameter: str, message: str) -> RefusedError:
    """Make the 400 that names the parameter."""
    return RefusedError(400, "parameter", f"{parameter}: {message}")


def _ppm(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * PPM + int(fraction.ljust(6, "0"))


def _unknown(name: str, known: tuple[str, ...]) -> str:
    """Return the sentence about an unknown parameter with the nearest known one."""
    found = f'unknown parameter "{name[:80]}"'
    if not known:
        return f"{found}; this question takes none"
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f'did you mean "{close[0]}"?' if close else f"known here: {', '.join(known)}"
    return f"{found}; {hint}"
