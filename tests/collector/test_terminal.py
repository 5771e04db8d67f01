"""What is drawn: plain in a pipe, in the terminal's own width and colours on a terminal."""

import os
import pty
import subprocess
import sys

import pytest
from rich.text import Text

from collector import terminal

PROGRAM = """
from rich.text import Text
from collector import terminal
terminal.show(Text("abroad", style="bold red"))
print(terminal.columns())
"""


def test_plain_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred columns, no colour, no blanks at the end; markup of strangers stays text."""
    terminal.show(Text("abroad   ", style="bold red"))
    terminal.show("[red]x[/red] :smile:")
    assert "abroad\n[red]x[/red] :smile:\n" == capsys.readouterr().out
    assert 100 == terminal.columns()


def test_color_on_a_terminal() -> None:
    """On a terminal of 72 columns the width is 72 and red is red."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "72"}
    environment.pop("NO_COLOR", None)
    subprocess.run([sys.executable, "-c", PROGRAM], stdout=theirs, env=environment, check=True)
    os.close(theirs)
    text = os.read(ours, 4096).decode()
    os.close(ours)
    assert "\x1b[1;31mabroad\x1b[0m" in text
    assert "72" == text.split()[-1]
