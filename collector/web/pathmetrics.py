"""Bytes: the metrics of judged paths, the many among them: 41 samples of each newest path.

    samples of a path     family
    9 a jurisdiction      borne_path_verdict: six states on territory, three on administration
    1 a jurisdiction      borne_path_evidence_coverage_ratio
    1                     borne_path_verdict_timestamp_seconds

Rules
- All states of a verdict are there, as OpenMetrics has it for state sets: an alert sees 0 become 1.
- Paths of a family whose verdicts (or numbers of hops) are equal share a mould; of a path itself
  only its labels are filled in.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from agent.records import Family
from collector.judgement import sentences
from collector.records import Axis, Judgement, Verdict
from collector.web.exposition import Exposition, Mould, line, mould
from collector.web.metricrows import COVERAGE, VERDICT, VERDICT_TIMESTAMP

NS_PER_S: Final = 1_000_000_000
STATES: Final = {
    Axis.TERRITORY: tuple(Verdict),
    Axis.ADMINISTRATION: tuple(sentences.HOLDING),
}
"""The verdicts that an axis can have."""

FAMILIES: Final = (VERDICT, VERDICT_TIMESTAMP, COVERAGE)
_MOULDS_KEPT: Final = 1024
"""Different sets of verdicts: the mould of one takes 5 kB."""


def add(to: Exposition, judged: Sequence[Judgement]) -> None:
    """Add the verdicts of the newest paths, and their ground."""
    to.stream(VERDICT, map(_verdicts, judged))
    to.stream(VERDICT_TIMESTAMP, map(_time, judged))
    to.stream(COVERAGE, map(_coverage, judged))


def _verdicts(judged: Judgement) -> bytes:
    told = tuple([(found.jurisdiction, found.axis, found.verdict) for found in judged.verdicts])
    if not told:
        return b""
    return _states(judged.family, told).filled(judged.agent, judged.zone, judged.target)


@lru_cache(_MOULDS_KEPT)
def _states(family: Family, told: Sequence[tuple[str, Axis, Verdict]]) -> Mould:
    """Return the mould of verdicts: (jurisdiction, axis, verdict)."""
    return mould(
        VERDICT,
        [
            ((str(family), jurisdiction, axis, state.value.lower()), state is verdict)
            for jurisdiction, axis, verdict in told
            for state in STATES[axis]
        ],
    )


def _time(judged: Judgement) -> bytes:
    about = (judged.agent, judged.zone, judged.target, str(judged.family))
    return line(VERDICT_TIMESTAMP, judged.started_ns / NS_PER_S, *about)


def _coverage(judged: Judgement) -> bytes:
    told = []
    for found in judged.verdicts:
        hops = found.coverage.hops_responding + found.coverage.hops_silent
        if found.axis is Axis.TERRITORY and hops:
            told.append((found.jurisdiction, found.coverage.hops_with_evidence, hops))
    if not told:
        return b""
    return _ratios(judged.family, tuple(told)).filled(judged.agent, judged.zone, judged.target)


@lru_cache(_MOULDS_KEPT)
def _ratios(family: Family, told: Sequence[tuple[str, int, int]]) -> Mould:
    """Return the mould of coverage: (jurisdiction, hops with evidence, all hops)."""
    return mould(
        COVERAGE,
        [((str(family), name), with_evidence / hops) for name, with_evidence, hops in told],
    )
