"""`questions.md` names what can be asked, and the limits that hold."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from collector.commands import queryoptions
from collector.settings.answerlimits import AnswerLimits
from collector.web import questions

PAGE = Path(__file__).parents[2] / "deploy" / "docs" / "questions.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("question", questions.QUESTIONS, ids=lambda row: row.name)
def test_every_question_stands_with_its_parameters(question: questions.Question) -> None:
    """A row of the table has the address and every parameter, and no other."""
    path = question.path.replace("{sha256}", "SHA256")
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{path}` |")]
    named = re.findall(r"`([a-z_]+)`", row.split("|")[3])
    assert [parameter.name for parameter in question.parameters] == named


def test_the_limits_are_the_defaults() -> None:
    """What the page says is what holds without settings."""
    block = TEXT.partition("```toml\n")[2].partition("```")[0]
    assert msgspec.to_builtins(AnswerLimits()) == tomllib.loads(block)["limits"]


def test_the_command_names_every_question_and_form() -> None:
    """The usage of the page is that of the command."""
    assert f"borne-collector query {'|'.join(queryoptions.TAKES)} " in TEXT
    assert f"[--format {'|'.join(queryoptions.FORMS)}]" in TEXT
