"""A stand that cannot start says which part failed and shows that part's last words."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.lab.errors import StandError
from deploy.lab.scenario import load
from deploy.lab.stand import Stand

ROOT = Path(__file__).parents[2]


async def test_a_part_that_fails_is_named_with_its_last_words(tmp_path: Path) -> None:
    """A lab that refuses its scenario ends the stand with the lab's own sentence."""
    with pytest.raises(StandError, match=r"(?s)lab ended by itself with code 2;.*no scenario"):
        async with Stand(load("inside"), "no-such-scenario", tmp_path):
            pass


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--scenario", "nowhere"], "demo: no scenario 'nowhere': neither a file nor one of"),
        (["--for", "soon"], "FOR='soon': expected a number of seconds above 0"),
        (["--for", "-1"], "FOR='-1': expected a number of seconds above 0"),
        (["--for", "nan"], "FOR='nan': expected a number of seconds above 0"),
    ],
)
def test_wrong_options_end_with_one_sentence(arguments: list[str], expected: str) -> None:
    """A wrong option starts nothing: exit code 2, the mistake on stderr, stdout empty."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.lab.demo", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (2, "") == (done.returncode, done.stdout)
    assert expected in done.stderr
