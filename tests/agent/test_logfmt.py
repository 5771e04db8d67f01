"""A log line is one line, whatever it says."""

import logging
import sys

from agent.logfmt import LogfmtFormatter


def line(message: str, *, failed: bool = False) -> str:
    """Return a formatted record."""
    info = None
    if failed:
        try:
            int("two\nlines")
        except ValueError:
            info = sys.exc_info()
    record = logging.LogRecord("agent.x", logging.WARNING, "f", 1, message, (), info)
    record.created = 1_700_000_000.25
    return LogfmtFormatter().format(record)


def test_a_record_is_a_line_of_logfmt() -> None:
    """Time, level, logger and message stand in this order; quotes and line ends are escaped."""
    assert line('a "b"\nc\x1b') == (
        'ts=2023-11-14T22:13:20.250Z level=warning logger=agent.x msg="a \\"b\\"\\nc\\u001b"'
    )


def test_a_traceback_stays_on_the_line() -> None:
    """The traceback is a value of the same line."""
    text = line("x", failed=True)
    assert ("\n" in text, "ValueError: invalid literal" in text) == (False, True)
