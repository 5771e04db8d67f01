"""The words of `borne-collector redact`; what they start is `redact`'s own."""

import argparse
from unittest import mock

import pytest

from collector.commands import redactoptions


def parsed(*words: str) -> argparse.Namespace:
    """Return what the words mean."""
    parser = argparse.ArgumentParser(exit_on_error=False)
    redactoptions.describe(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["-"], ("-", None)), (["a.json", "--salt-file", "salt"], ("a.json", "salt"))],
)
def test_a_file_and_a_salt(words: list[str], expected: tuple[str, str | None]) -> None:
    """They are handed on, and the exit code comes back."""
    with mock.patch("collector.commands.redact.run", return_value=2) as run:
        assert 2 == redactoptions.run(parsed(*words))
    run.assert_called_once_with(*expected)


def test_the_help_tells_the_exit_codes() -> None:
    """And that nothing is asked of a network."""
    parser = argparse.ArgumentParser()
    redactoptions.describe(parser)
    text = " ".join(parser.format_help().split())
    assert "0 written to stdout, 2 it cannot be read" in text
    assert "Nothing is asked of a network" in text
