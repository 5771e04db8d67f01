"""What opens a crossing is the demand: several jurisdictions, proofs alone, lists of one's own."""

import msgspec
import pytest

from collector.episodes.crossings import Crossings
from collector.facts.regions import lists
from collector.records import Axis, Coverage, Judgement, Jurisdiction, PathVerdict, Verdict

T0 = 1_795_521_600_000_000_000
ROUND_NS = 10_000_000_000
SUPPORTED, PROVEN = Verdict.SUPPORTED_OUTSIDE, Verdict.PROVEN_OUTSIDE
COVERAGE = Coverage(
    hops_responding=1,
    hops_with_evidence=1,
    hops_silent=0,
    longest_silent_gap=0,
    rtt_min_s=0.01,
    samples=3,
)
OWN = Jurisdiction(
    name="HOME", territories=frozenset({"FR", "DE"}), as_of="2026-11-26", source="a test"
)
WORDS = {"s": SUPPORTED, "p": PROVEN, "i": Verdict.SUPPORTED_INSIDE}


def judgement(at: int, country: str = "DE", **words: str) -> Judgement:
    """Return round `at` with a letter for each jurisdiction."""
    return Judgement(
        id=f"t@{at}",
        agent="paris",
        target="t",
        zone="ovh/mrs",
        started_ns=T0 + at * ROUND_NS,
        reached=True,
        blind=False,
        countries=("FR", country),
        verdicts=tuple(
            PathVerdict(
                jurisdiction=name,
                axis=Axis.TERRITORY,
                verdict=WORDS[letter],
                coverage=COVERAGE,
                countries=("FR", country),
                reasons=(),
            )
            for name, letter in words.items()
        ),
        hops=(),
    )


def number(at_ns: int | None) -> int | None:
    """Return the number of the round that began then."""
    return None if at_ns is None else (at_ns - T0) // ROUND_NS


def test_each_demanded_jurisdiction_has_crossings_of_its_own() -> None:
    """One round opens both, and each ends by its own rounds."""
    crossings, demands = Crossings(), {"FX": SUPPORTED, "EU": SUPPORTED}
    for at, (fx, eu) in enumerate(["ss", "ss", "si", "si"]):
        crossings.observe(judgement(at, "GB", FX=fx, EU=eu), demands)
    ends = {row.jurisdiction: row.ended_ns for row in crossings.all()}
    assert {"FX": None, "EU": T0 + 2 * ROUND_NS} == ends


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("ssss", []),
        ("ssp", [(2, 2, None, 1)]),
        ("pss", [(0, 0, None, 3)]),
        ("psii", [(0, 0, 2, 2)]),
        ("piiss", [(0, 0, 1, 1)]),
    ],
)
def test_where_a_proof_is_asked_for_nothing_less_opens(
    letters: str, expected: list[tuple[int, int, int | None, int]]
) -> None:
    """What is supported opens nothing, and goes on with what a proof has opened."""
    crossings = Crossings()
    for at, letter in enumerate(letters):
        crossings.observe(judgement(at, FX=letter), {"FX": PROVEN})
    found = [
        (number(row.first_seen_ns), number(row.confirmed_ns), number(row.ended_ns), row.rounds)
        for row in crossings.all()
    ]
    assert expected == found


def test_a_suspicion_falls_with_a_stricter_demand() -> None:
    """Once a proof is asked for, what was suspected without one is dropped openly."""
    crossings = Crossings()
    crossings.observe(judgement(0, FX="s"), {"FX": SUPPORTED})
    (dropped,) = crossings.observe(judgement(1, FX="s"), {"FX": PROVEN})
    assert (None, T0 + ROUND_NS) == (dropped.confirmed_ns, dropped.ended_ns)
    assert () == crossings.all()


def test_a_list_of_ones_own_is_watched_as_others_are() -> None:
    """Countries outside it make rounds the same; what contains it is wider."""
    crossings = Crossings(lists([OWN]))
    for at, country in enumerate(["GB", "US", "US"]):
        crossings.observe(judgement(at, country, HOME="s", EU="s", FX="s"), {"HOME": SUPPORTED})
    (row,) = crossings.all()
    assert ("HOME", T0 + ROUND_NS, T0 + 2 * ROUND_NS) == (
        row.jurisdiction,
        row.first_seen_ns,
        row.confirmed_ns,
    )
    assert {"EU": SUPPORTED} == row.wider


def test_a_crossing_of_a_forgotten_list_is_held() -> None:
    """Without its list nobody can tell a return: the crossing goes on, and ends with the list."""
    crossings = Crossings(lists([OWN]))
    for at in range(2):
        crossings.observe(judgement(at, "GB", HOME="s"), {"HOME": SUPPORTED})
    without = Crossings.load(crossings.dump())
    for at in (2, 3):
        assert () == without.observe(judgement(at, HOME="i"), {})
    assert [None] == [row.ended_ns for row in without.all()]
    again = Crossings.load(without.dump(), lists([OWN]))
    for at in (4, 5):
        again.observe(judgement(at, HOME="i"), {})
    assert [T0 + 4 * ROUND_NS] == [row.ended_ns for row in again.all()]


def test_the_order_of_demands_never_matters() -> None:
    """The same rounds give the same episodes whichever jurisdiction is named first."""
    forth, back = Crossings(), Crossings()
    for at in range(3):
        one = judgement(at, "GB", FX="s", EU="s")
        changed = forth.observe(one, {"FX": SUPPORTED, "EU": SUPPORTED})
        assert changed == back.observe(one, {"EU": SUPPORTED, "FX": SUPPORTED})
    assert forth.all() == back.all()


def test_wider_verdicts_are_those_of_the_same_axis() -> None:
    """Who holds the equipment is not told as where the packets went."""
    crossings = Crossings()
    one = judgement(0, FX="s", EU="i")
    held = [
        msgspec.structs.replace(row, axis=Axis.ADMINISTRATION, verdict=SUPPORTED)
        for row in one.verdicts
    ]
    both = msgspec.structs.replace(one, verdicts=(*one.verdicts, *held))
    (opened,) = crossings.observe(both, {"FX": SUPPORTED})
    assert {"EU": Verdict.SUPPORTED_INSIDE} == opened.wider
