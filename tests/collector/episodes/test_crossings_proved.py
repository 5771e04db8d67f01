"""A round that is judged again because a witness has answered: only a proof counts, and once."""

import pytest

from collector.episodes.crossings import Crossings
from collector.records import Crossing, Verdict
from tests.fakes.judgements import ROUND_NS, T0, judgement

FX = {"FX": Verdict.SUPPORTED_OUTSIDE}


def again(letters: str, proof: str = "P") -> tuple[Crossings, tuple[Crossing, ...]]:
    """Play rounds, then judge the last one again: it is proved now."""
    crossings = Crossings()
    for at, letter in enumerate(letters):
        crossings.observe(judgement(letter, at), FX)
    at = len(letters) - 1
    changed = crossings.prove(judgement(letters[-1], at), judgement(proof, at), FX)
    return crossings, changed


@pytest.mark.parametrize(
    ("letters", "first", "rounds"),
    [
        pytest.param("u", 0, 1, id="nothing was suspected"),
        pytest.param("D", 0, 1, id="suspected by this very round"),
        pytest.param("GD", 1, 1, id="suspected through another country before"),
        pytest.param("Dx", 0, 2, id="suspected, and this round was blind"),
        pytest.param("DD", 0, 2, id="confirmed by this round"),
        pytest.param("DDx", 0, 3, id="confirmed, and this round was blind"),
        pytest.param("DDi", 0, 3, id="confirmed, and this round had returned"),
    ],
)
def test_a_round_that_is_proved_later_counts_once(letters: str, first: int, rounds: int) -> None:
    """It confirms what it confirms, proves what was confirmed, and is no round more."""
    crossings, changed = again(letters)
    (proved,) = [row for row in changed if row.ended_ns is None]
    assert (Verdict.PROVEN_OUTSIDE, T0 + first * ROUND_NS, rounds) == (
        proved.verdict,
        proved.first_seen_ns,
        proved.rounds,
    )
    assert proved.confirmed_ns is not None
    assert (proved,) == crossings.all()


def test_only_a_proof_counts_again() -> None:
    """A round that is no proof now, was one before, or is not the newest, changes nothing."""
    assert () == again("D", proof="D")[1]
    assert () == again("P")[1]
    crossings, _ = again("D", proof="D")
    assert () == crossings.prove(judgement("D", 1), judgement("P", 1), FX)
    assert () == Crossings().prove(judgement("u", 0), judgement("P", 0), {})
    assert () == again("u", proof="i")[1]


def test_a_round_that_proves_nothing_leaves_no_watch() -> None:
    """A state that is clear is none."""
    crossings, _ = again("u", proof="u")
    assert {} == crossings._watches


def test_a_proof_ends_a_return() -> None:
    """One returned round, then a proof of that very round: the episode goes on."""
    crossings, _ = again("DDi")
    crossings.observe(judgement("i", 3), FX)
    assert [None] == [row.ended_ns for row in crossings.all()]
