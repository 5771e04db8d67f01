"""Bytes: the limits of the door, read from the table `[limits]` of `collector.toml`.

Rules
- Memory at the door is bounded by them: what is received and what waits for the disk is
  `backlog_octets` each at most, and what is inflated just now `inflated_octets` for each of a few
  threads. Past the backlog an agent is told 503 and comes again; nothing acknowledged is dropped.
"""

import msgspec

from agent.settings import Table

_KIB = 1024
_GIB = 1024**3
RATIO_FROM_OCTETS = 1024 * 1024
"""Content up to this size may have been packed as tightly as it will."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the collector refuses."""

    body_octets: int = 8 * 1024 * 1024
    """Largest body as it travels."""
    inflated_octets: int = 32 * 1024 * 1024
    """Largest body after decompression."""
    inflated_ratio: int = 250
    """How many times larger than its body content beyond 1 MiB may be."""
    skew_s: int = 300
    """How far ahead of the collector's clock a batch may be dated; the past has no limit."""
    backlog_octets: int = 64 * 1024 * 1024
    """How much may be on its way in, and how much may wait for the disk."""
    descriptors_octets: int = 8 * 1024 * 1024
    """Largest description in a batch: names and paths take many times their size in memory."""
    journal_octets: int = 256 * 1024 * 1024
    """A checkpoint is taken as soon as the journal is longer: what is open, and what a start has to
    replay, is bounded by it."""
    questions: int = 64
    """How many questions may wait for an answer."""
    series: int = 100_000
    """How many series are kept, of all agents together; samples of further ones are left out."""
    targets: int = 20_000
    """Of how many (agent, target, family) paths are kept; those of further ones are left out. One
    that takes more than 128 KiB in memory counts as several."""


def limits(table: Table) -> Limits:
    """Return the limits; the bounds keep a batch within memory and above one sample.

    Raises: ConfigError.
    """
    default = Limits()

    def octets(key: str, given: int, minimum: int = _KIB) -> int:
        return table.integer(key, given, minimum=minimum, maximum=_GIB)

    found = Limits(
        body_octets=octets("body_octets", default.body_octets),
        inflated_octets=octets("inflated_octets", default.inflated_octets),
        inflated_ratio=table.integer(
            "inflated_ratio", default.inflated_ratio, minimum=2, maximum=1_000_000
        ),
        skew_s=table.integer("skew_s", default.skew_s, minimum=0, maximum=86400),
        backlog_octets=octets("backlog_octets", default.backlog_octets),
        descriptors_octets=octets("descriptors_octets", default.descriptors_octets),
        journal_octets=octets("journal_octets", default.journal_octets),
        questions=table.integer("questions", default.questions, minimum=1, maximum=100_000),
        series=table.integer("series", default.series, minimum=1, maximum=10_000_000),
        targets=table.integer("targets", default.targets, minimum=1, maximum=10_000_000),
    )
    largest = max(found.body_octets, found.inflated_octets)
    if found.backlog_octets < largest:
        raise table.wrong(
            "backlog_octets", f"must be {largest} at least: one batch within the limits must pass"
        )
    return found
