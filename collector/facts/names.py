"""Bytes: reads what a router's name claims about its place, by its operator's own rules.

Rules
- The domain is compared on label boundaries: `notopentransit.net` is not `opentransit.net`. The
  longest known domain wins, so `twelve99-cust.net` (customers) never meets `twelve99.net`.
- A pattern must match everything left of the domain; there is no search for city names in text.
- Case and one trailing dot do not matter. Names that are not plain DNS names (not ASCII, empty
  labels, longer than RFC 1035 section 3.1 allows) say nothing. No input raises.
- A name is a claim: whoever holds an address writes its PTR record. Whether the claim counts is
  decided by `claims`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.facts.operators import CodeRow, NameRule, Operator

_LONGEST_NAME: Final = 253
"""Characters of a DNS name as text, RFC 1035 section 3.1."""
_LABEL: Final = re.compile(r"[a-z0-9_-]{1,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one rule reads in a name."""

    operator: Operator
    rule: NameRule
    row: CodeRow


@dataclass(frozen=True, slots=True)
class _Compiled:
    operator: Operator
    rule: NameRule
    pattern: re.Pattern[str]
    codes: dict[str, CodeRow]


class NameReader:
    """The rules of all operators, ready to be asked."""

    def __init__(self, operators: Sequence[Operator]) -> None:
        """Compile the rules; two operators that claim one domain are a bug in the table."""
        self._operators: dict[str, Operator] = {}
        self._rules: dict[str, tuple[_Compiled, ...]] = {}
        for operator in operators:
            compiled = tuple(_compile(operator, rule) for rule in operator.rules)
            for domain in operator.domains:
                if domain in self._operators:
                    raise AssertionError(f"two operators claim {domain}")
                self._operators[domain] = operator
                self._rules[domain] = compiled

    def operator(self, name: str) -> Operator | None:
        """Return the operator under whose domain `name` stands, None where none is known."""
        split = self._split(name)
        return None if split is None else self._operators[split[1]]

    def read(self, name: str) -> tuple[Reading, ...]:
        """Return what the rules read in `name`, in the order of the table; empty for nothing."""
        split = self._split(name)
        if split is None:
            return ()
        left, domain = split
        found = (_apply(compiled, left) for compiled in self._rules[domain])
        return tuple(reading for reading in found if reading is not None)

    def _split(self, name: str) -> tuple[str, str] | None:
        """Return (left part, domain) of the longest known domain, None where there is none."""
        labels = _labels(name)
        for cut in range(1, len(labels)):
            domain = ".".join(labels[cut:])
            if domain in self._operators:
                return ".".join(labels[:cut]), domain
        return None


def _labels(name: str) -> list[str]:
    """Return the labels of a plain DNS name in lower case, an empty list for anything else."""
    if not name.isascii() or len(name) > _LONGEST_NAME + 1:
        return []
    labels = name.lower().removesuffix(".").split(".")
    return labels if all(_LABEL.fullmatch(label) for label in labels) else []


def _compile(operator: Operator, rule: NameRule) -> _Compiled:
    pattern = re.compile(rule.pattern, re.ASCII)
    codes = {row.code: row for row in rule.codes}
    if "code" not in pattern.groupindex or len(codes) != len(rule.codes):
        raise AssertionError(f"rule {rule.id} has no group `code`, or lists a code twice")
    return _Compiled(operator=operator, rule=rule, pattern=pattern, codes=codes)


def _apply(compiled: _Compiled, left: str) -> Reading | None:
    match = compiled.pattern.fullmatch(left)
    row = None if match is None else compiled.codes.get(match["code"] or "")
    return None if row is None else Reading(compiled.operator, compiled.rule, row)
