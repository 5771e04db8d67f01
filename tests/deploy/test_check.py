"""The runner of all checks: what it counts, in which order it answers, and that it never lies."""

import sys
from pathlib import Path

import pytest

from deploy.setup import check
from deploy.setup.check import Phase

REPORT = (
    '<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite '
    'name="pytest" errors="1" failures="2" skipped="3" tests="20" time="0.1"><testcase/>'
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the runner a cache of its own, and nothing to start but this interpreter."""
    monkeypatch.setattr(check, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


def python(name: str, program: str, **environment: str) -> Phase:
    """Describe a phase that runs a line of Python."""
    return Phase(name, Path(sys.executable).name, ("-c", program), tuple(environment.items()))


def play(monkeypatch: pytest.MonkeyPatch, lint: list[Phase], tests: list[Phase], word: str) -> int:
    """Run the command with other phases."""
    monkeypatch.setattr(check, "LINT", tuple(lint))
    monkeypatch.setattr(check, "TESTS", tuple(tests))
    monkeypatch.setattr(sys, "argv", ["check", word])
    return check.main()


def test_counts_come_from_the_report() -> None:
    """Errors count as failed, and what neither failed nor was skipped passed."""
    assert check.counts_of(REPORT) == "14 passed, 3 failed, 3 skipped"


def test_a_report_without_a_suite_has_no_counts() -> None:
    """A run that broke before its first test claims nothing."""
    assert check.counts_of("<testsuites/>") == ""


@pytest.mark.usefixtures("cache")
def test_a_failed_phase_is_named_and_the_next_still_runs(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One failure makes the whole fail, and later phases are not hidden by it."""
    phases = [python("bad", "raise SystemExit(3)"), python("good", "print('still here')")]
    assert play(monkeypatch, phases, [], "lint") == 1
    output = capfd.readouterr().out
    assert "still here" in output
    assert ["bad FAILED (exit 3)", "good ok"] == [
        " ".join(line.split()[:-2]) for line in output.partition("== summary\n")[2].splitlines()
    ]


@pytest.mark.usefixtures("cache")
def test_lint_comes_first_and_tests_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`lint` starts no test; `all` starts lint, then tests; both exit 0 when all holds."""
    lint, tests = [python("quick", "print('L')")], [python("late", "print('T')")]
    assert play(monkeypatch, lint, tests, "lint") == 0
    assert "T" not in capfd.readouterr().out
    assert play(monkeypatch, lint, tests, "all") == 0
    output = capfd.readouterr().out
    assert output.index("L\n") < output.index("T\n")


def test_soak_repeats_the_faults_alone() -> None:
    """The long run takes the tests that are marked so, and tells them to take their time."""
    (phase,) = check.SOAK
    assert (("BORNE_FAULTS", "soak"),) == phase.environment
    assert ("-m", "fault") == phase.arguments[-2:]


def test_counts_and_environment_of_a_phase(cache: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A phase gets its variables; its report is read, and one of an earlier run is not."""
    cache.mkdir()
    (cache / "stale.xml").write_text(REPORT)
    program = "import os; print(os.environ['NUMBA_DISABLE_JIT'])"
    assert check.run(python("stale", program, NUMBA_DISABLE_JIT="1")).counts == ""
    assert "1\n" in capfd.readouterr().out
    program = f"open({str(cache / 'new.xml')!r}, 'w').write({REPORT!r})"
    assert check.run(python("new", program)).counts == "14 passed, 3 failed, 3 skipped"


def test_old_coverage_is_forgotten(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage of an earlier run is not counted again."""
    cache.mkdir()
    (cache / "coverage.data").write_text("old")
    assert play(monkeypatch, [], [], "all") == 0
    assert not (cache / "coverage.data").exists()


def test_an_unknown_word_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 and the usage on stderr."""
    assert play(monkeypatch, [], [], "some") == 2
    assert capsys.readouterr() == ("", "usage: python -m deploy.setup.check all|lint|soak\n")


def test_kernels_are_tested_with_and_without_the_compiler() -> None:
    """One phase disables the JIT, and the files that it names exist."""
    (phase,) = [p for p in check.TESTS if ("NUMBA_DISABLE_JIT", "1") in p.environment]
    files = [word for word in phase.arguments if word.startswith("tests/")]
    assert files
    assert [] == [name for name in files if not (check.ROOT / name).exists()]
