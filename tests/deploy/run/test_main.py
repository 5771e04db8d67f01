"""The command line of `make run`: its options become wishes, and nothing is started here."""

import argparse
import io
from collections.abc import Coroutine
from typing import Any

import pytest
from rich.console import Console

from collector.facts import zones
from deploy.lab.errors import StandError
from deploy.run import __main__ as run
from deploy.run.standing import Standing


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Standing()),
        (["--at", "48.85,2.35,10"], Standing(latitude=48.85, longitude=2.35, radius_km=10.0)),
        (["--country", "FR"], Standing(territory="FR")),
    ],
)
def test_position_and_country_are_declared_apart(words: list[str], expected: Standing) -> None:
    """Each option lifts its own premise alone."""
    assert run._wishes(run._parser().parse_args(words)).standing == expected


def test_the_other_wishes() -> None:
    """Contact and resolver arrive; packets are rare unless asked for."""
    words = ["--contact", "noc@example.net", "--resolver", "::1", "--round", "60"]
    found = run._wishes(run._parser().parse_args(words))
    assert (found.contact, found.resolver, found.interval_s, found.round_s) == (
        "noc@example.net",
        "::1",
        5.0,
        60.0,
    )


def test_it_says_what_it_does_and_what_was_not_declared() -> None:
    """How many zones and names, how many not, and each premise in a line of its own."""
    console = Console(file=io.StringIO(), width=100)
    rows = zones.load()
    run._greet(console, rows, Standing(territory="FR"))
    assert isinstance(console.file, io.StringIO)
    first, *rest = console.file.getvalue().splitlines()
    probed = sum(row.probed for row in rows)
    assert first.startswith(f"{probed} zones with ")
    assert f"{len(rows) - probed} more of the catalogue are not" in first
    assert rest == ["no position was declared (AT=LAT,LON,RADIUS_KM): no distance is used"]


def test_a_part_that_fails_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence of the error goes to stderr, behind the name of the verb."""

    def fail(work: Coroutine[Any, Any, int]) -> int:
        work.close()
        raise StandError("agent ended by itself")

    monkeypatch.setattr(run, "die_with_parent", lambda *_: None)
    monkeypatch.setattr(run.asyncio, "run", fail)
    assert (run.main([]), capsys.readouterr()) == (1, ("", "run: agent ended by itself\n"))


@pytest.mark.parametrize("text", ["soon", "-1", "0", "nan"])
def test_wrong_seconds(text: str) -> None:
    """A time is a number above zero."""
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number of seconds above 0"):
        run._checked(run._seconds)(text)
