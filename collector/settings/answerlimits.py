"""Bytes: how much one answer may hold: keys of `[limits]` in `collector.toml`.

Rules
- A question past a limit is refused with the limit's name and what to ask instead; an answer is
  never cut off silently.
"""

from typing import Final

import msgspec

from agent.settings import Table

_DAY_S: Final = 86_400


class AnswerLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a question may ask for."""

    answer_points: int = 500_000
    """Windows of all series of an answer: about 100 MB of JSON."""
    answer_steps: int = 11_000
    """Steps of one series: what Prometheus allows as well."""
    answer_range_s: int = 366 * _DAY_S
    """Longest range of one question: a year; what is old is read from rollups."""


def read(table: Table) -> AnswerLimits:
    """Read the keys of the table `[limits]` that are about answers.

    Raises: ConfigError.
    """
    default = AnswerLimits()
    return AnswerLimits(
        answer_points=table.integer(
            "answer_points", default.answer_points, minimum=1000, maximum=10_000_000
        ),
        answer_steps=table.integer(
            "answer_steps", default.answer_steps, minimum=100, maximum=1_000_000
        ),
        answer_range_s=table.integer(
            "answer_range_s", default.answer_range_s, minimum=3600, maximum=3660 * _DAY_S
        ),
    )
