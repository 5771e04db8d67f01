"""Shell: what is drawn for people, on a terminal in its width and colours, elsewhere plainly.

Rules
- Without a terminal: a hundred columns, no colour, no blanks at the ends of lines.
"""

import sys

from rich.console import Console, RenderableType

_PIPED_COLUMNS = 100


def columns() -> int:
    """Return how wide the output is."""
    return _console().width


def show(drawn: RenderableType) -> None:
    """Print what was drawn."""
    console = _console()
    with console.capture() as captured:
        console.print(drawn)
    for line in captured.get().splitlines():
        sys.stdout.write(f"{line.rstrip()}\n")


def _console() -> Console:
    width = None if sys.stdout.isatty() else _PIPED_COLUMNS
    return Console(width=width, markup=False, highlight=False, emoji=False)
