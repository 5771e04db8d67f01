"""The log: one line an event, with a word that stays."""

import ast
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import collector
from collector.logfmt import LogfmtFormatter

LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def line(message: str, *, function: str = "_work", **more: object) -> str:
    """Return the line of a record."""
    record = logging.LogRecord(
        "collector.server", logging.WARNING, "f.py", 1, message, (), None, function
    )
    record.created = 1_795_532_551.25
    record.__dict__.update(more)
    return LogfmtFormatter().format(record)


def test_an_event_is_one_line() -> None:
    """Time, level, event, logger and sentence; what could break the line is escaped."""
    expected = (
        "ts=2026-11-24T15:02:31.250Z level=warning event=sink_down logger=collector.server"
        ' msg="a \\"b\\"\\nc é"'
    )
    assert expected == line('a "b"\nc é', event="sink_down")


def test_without_a_word_the_function_stands_in() -> None:
    """Every line has an event."""
    assert " event=work " in line("x")
    assert " event=module " in line("x", function="<module>")


def test_a_traceback_stays_on_the_line() -> None:
    """A bug is one line, too."""
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        found = line("x", exc_info=sys.exc_info())
    assert "ZeroDivisionError" in found
    assert "\n" not in found


def calls(path: Path) -> Iterator[ast.Call]:
    """Yield the calls of a module that log."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name("_LOG"), attr=name)) if name in LEVELS:
                yield node


def test_every_line_of_the_collector_has_a_word_of_its_own() -> None:
    """A function may be renamed; what alerts go by may not change with it."""
    (home,) = collector.__path__
    found = [(path, call) for path in sorted(Path(home).rglob("*.py")) for call in calls(path)]
    without = [
        f"{path.name}:{call.lineno}"
        for path, call in found
        if "event" not in ast.unparse(next((k for k in call.keywords if k.arg == "extra"), call))
    ]
    assert [] == without
    assert len(found) > 20
