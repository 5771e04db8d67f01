"""Shell: what is drawn for people, on a terminal in its width and colours, elsewhere plainly.

Rules
- Without a terminal: a hundred columns, no colour, no blanks at the ends of lines. A `wide` table
  is as wide as its rows there: other programs cut it.
"""

import sys

from rich.console import Console, RenderableType

_PIPED_COLUMNS = 100
_WIDE_COLUMNS = 10_000


def columns() -> int:
    """Return how wide the output is."""
    return _console().width


def show(drawn: RenderableType, *, wide: bool = False) -> None:
    """Print what was drawn."""
    sys.stdout.write(_text(_console(_WIDE_COLUMNS if wide else _PIPED_COLUMNS), drawn))


def text(drawn: RenderableType) -> str:
    """Return what was drawn as lines for a file: plain, and as wide as they are."""
    return _text(Console(width=_WIDE_COLUMNS, markup=False, highlight=False, no_color=True), drawn)


def _text(console: Console, drawn: RenderableType) -> str:
    with console.capture() as captured:
        console.print(drawn)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _console(piped_columns: int = _PIPED_COLUMNS) -> Console:
    width = None if sys.stdout.isatty() else piped_columns
    return Console(width=width, markup=False, highlight=False, emoji=False)
