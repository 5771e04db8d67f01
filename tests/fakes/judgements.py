"""Rounds as judgements, one letter each, for tests of what follows from them."""

from collector.records import (
    Axis,
    Coverage,
    HopJudgement,
    HopWord,
    Judgement,
    PathVerdict,
    Verdict,
)

COVERAGE = Coverage(
    hops_responding=1,
    hops_with_evidence=1,
    hops_silent=0,
    longest_silent_gap=0,
    rtt_min_s=0.01,
    samples=3,
)
T0 = 1_795_521_600_000_000_000
ROUND_NS = 10_000_000_000

# A round in one letter: who it is, for FX. (verdict, countries, blind)
LETTERS: dict[str, tuple[Verdict, tuple[str, ...], bool]] = {
    "D": (Verdict.SUPPORTED_OUTSIDE, ("FR", "DE", "FR"), False),
    "G": (Verdict.SUPPORTED_OUTSIDE, ("FR", "GB", "FR"), False),
    "B": (Verdict.SUPPORTED_OUTSIDE, ("FR", "DE", "GB", "FR"), True),
    "P": (Verdict.PROVEN_OUTSIDE, ("FR", "DE"), False),
    "Q": (Verdict.PROVEN_OUTSIDE, ("FR", "GB"), False),
    "i": (Verdict.SUPPORTED_INSIDE, ("FR",), False),
    "u": (Verdict.UNDETERMINED, ("FR",), False),
    "x": (Verdict.UNDETERMINED, ("FR",), True),
    "c": (Verdict.CONTRADICTORY, ("FR",), False),
    "n": (Verdict.UNDETERMINED, ("FR",), False),
}
ABROAD: dict[str, HopWord] = {"D": "outside", "n": "unknown"}
"""Rounds that show the router in Frankfurt: with its name, and while names are missing."""


def judgement(
    letter: str, at: int, *, agent: str = "paris", target: str = "mrs", ns: int | None = None
) -> Judgement:
    """Return round number `at` (from 0) of a target."""
    said, countries, blind = LETTERS[letter]
    other = Verdict.SUPPORTED_OUTSIDE if "GB" in countries else Verdict.UNDETERMINED
    return Judgement(
        id=f"{target}@{at}",
        agent=agent,
        target=target,
        zone="ovh/mrs",
        started_ns=T0 + at * ROUND_NS if ns is None else ns,
        reached=not blind,
        blind=blind,
        countries=countries,
        verdicts=tuple(
            PathVerdict(
                jurisdiction=name,
                axis=Axis.TERRITORY,
                verdict=word,
                coverage=COVERAGE,
                countries=countries,
                reasons=("because",),
            )
            for name, word in (("FX", said), ("EU", other), ("EEA", other))
        ),
        hops=(
            HopJudgement(
                ttl=3,
                address="193.251.241.22" if letter in ABROAD else "62.115.125.171",
                name=None,
                rtt_min_ns=None,
                candidates=(),
                verdicts={"FX": ABROAD.get(letter, "unknown")},
                asn=None,
                operator=None,
                evidence=(),
            ),
        ),
    )
