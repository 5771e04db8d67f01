"""A benchmark's figures are medians of one run, and `holds` compares with the goal of that run."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from benchmarks import results
from benchmarks.run import CLAIMS, line, main


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where results are kept in this test."""
    monkeypatch.setattr(results, "FILE", tmp_path / "results.json")
    return tmp_path / "results.json"


def test_a_budget_holds_at_its_goal_and_not_above() -> None:
    """The median decides, the outlier shows in the spread alone."""
    kept = results.alone("x", "ms", [9.0, 60.0, 61.0], at_most=60)
    missed = results.alone("x", "ms", [61.0], at_most=60)

    assert (kept.ours, kept.holds, kept.spread) == (60.0, True, "9 to 61")
    assert (missed.holds, missed.ratio, missed.peer_name) == (False, None, None)


def test_a_ratio_is_the_median_of_pairs() -> None:
    """Two tools that ran in turn are compared pair by pair, so a slow minute harms no one."""
    result = results.faster("x", "1/s", [10.0, 2.0, 12.0], [5.0, 1.0, 4.0], "peer", 2.0)

    assert (result.ratio, result.holds, result.goal) == (2.0, True, ">= 2x")


def test_less_is_better_where_costs_are_compared() -> None:
    """A ratio above 1 says that ours is better, whichever way the goal is written."""
    result = results.less("x", "ms", [2.0, 4.0], [8.0, 8.0], "peer", 0.5)

    assert (result.ratio, result.holds, result.goal) == (3.0, True, "<= 0.5x")
    assert not results.less("x", "ms", [3.0], [4.0], "peer", 0.5).holds


def test_results_replace_those_of_the_same_claim(file: Path) -> None:
    """A claim stands once in the file, with its newest figure."""
    results.keep([results.alone("b", "s", [1.0], at_most=5)])
    results.keep([results.alone("a", "s", [2.0], at_most=5)])
    results.keep([results.alone("b", "s", [3.0], at_most=5)])

    rows = msgspec.json.decode(file.read_bytes())
    assert [(row["claim"], row["ours"]) for row in rows] == [("a", 2.0), ("b", 3.0)]


def test_a_missed_goal_is_said() -> None:
    """The line for people does not soften a goal that was not reached."""
    missed = results.faster("x", "1/s", [1.0], [1.0], "peer", 2.0)

    assert line(missed) == (
        "x: 1 1/s against 1 (peer), 1.00x; goal >= 2x: NOT REACHED (spread 1 to 1)"
    )


def test_what_fails_leaves_the_others_as_they_are() -> None:
    """All that can be measured is told; then the failures are raised, all of them."""

    def fails() -> list[results.Result]:
        raise ValueError("an answer is wrong")

    rows = [results.alone(name, "s", [1.0], at_most=5) for name in "ab"]
    told = results.each(lambda: rows[:1], fails, lambda: rows[1:], fails)

    assert [next(told), next(told)] == rows
    with pytest.raises(ExceptionGroup, match="could not be measured") as caught:
        next(told)
    assert [str(error) for error in caught.value.exceptions] == ["an answer is wrong"] * 2


def test_a_claim_that_fails_is_said_and_the_next_one_measured(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was measured before the failure is kept, and so is what comes after; exit 1."""

    def fails() -> Iterator[results.Result]:
        yield results.alone("first", "s", [1.0], at_most=5)
        raise ValueError("an answer is wrong")

    modules = {
        "benchmarks.bench_start": fails,
        "benchmarks.bench_store": lambda: [results.alone("last", "s", [1.0], at_most=5)],
    }
    monkeypatch.setattr(
        "benchmarks.run.importlib.import_module",
        lambda name: SimpleNamespace(measure=modules[name]),
    )

    assert main(["start", "store"]) == 1
    said = capsys.readouterr()
    assert "ValueError: an answer is wrong" in said.err
    assert "start: took 0 s\n" in said.out
    rows = msgspec.json.decode(file.read_bytes())
    assert [row["claim"] for row in rows] == ["first", "last"]


def test_an_unknown_claim_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A typing mistake measures nothing and names the claims that exist."""
    assert main(["sped"]) == 2
    assert ", ".join(CLAIMS) in capsys.readouterr().err
