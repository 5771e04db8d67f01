"""The options of `query`: those of the API, and of nothing heavy."""

import argparse
import subprocess
import sys

import pytest

from agent.records import Protocol
from collector.commands import queryoptions
from collector.web import questions, tabular

INTERNAL = {"format", "cursor"}
"""What the command itself asks for."""


def parsed(*arguments: str) -> argparse.Namespace:
    """Return the options as the command reads them."""
    parser = argparse.ArgumentParser()
    queryoptions.describe(parser)
    return parser.parse_args(arguments)


def test_the_options_are_the_parameters_of_the_api() -> None:
    """Each question of rows can be asked with everything that the API takes."""
    assert set(tabular.FLAT) == set(queryoptions.TAKES)
    for question, names in queryoptions.TAKES.items():
        known = {row.name for row in questions.PARAMETERS[question]}
        assert known - INTERNAL == set(names)


def test_the_usage_names_every_protocol() -> None:
    """Without importing where they are declared."""
    parser = argparse.ArgumentParser()
    queryoptions.describe(parser)
    subparsers = next(row for row in parser._actions if isinstance(row.choices, dict))
    usage = " ".join(subparsers.choices["series"].format_help().split())
    assert f"of this protocol alone: {', '.join(Protocol)}" in usage


def test_dashes_stand_for_underscores() -> None:
    """`--step-s` is `step_s`."""
    found = parsed("series", "--step-s", "60", "--range-s", "3600")
    assert ("60", "3600", None) == (found.step_s, found.range_s, found.agent)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("colours",),
        ("zones", "--agent", "paris"),
        ("zones", "--url", "http://x", "--store", "y"),
        ("zones", "--format", "xml"),
    ],
)
def test_what_makes_no_sense_is_a_mistake_of_usage(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, before anybody is asked."""
    with pytest.raises(SystemExit) as caught:
        parsed(*arguments)
    assert 2 == caught.value.code
    assert "error" in capsys.readouterr().err


def test_nothing_heavy_is_imported_for_a_usage() -> None:
    """`--help` answers at once."""
    program = (
        "import sys; from collector.commands import queryoptions; "
        "print({'numpy', 'pyarrow', 'aiohttp', 'rich', 'msgspec'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "set()\n" == done.stdout
