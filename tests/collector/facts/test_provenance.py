"""The tables of facts: how many rows are known in which way."""

import msgspec
import pytest

from collector.facts import provenance

SOME = provenance.tables()["exchanges"][0]


def test_the_counts_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Every table has a line with its counts, and few rows rest on memory."""
    with capsys.disabled():
        print("", *provenance.lines(), sep="\n")  # noqa: T201 - the counts are for people to see
    tables = provenance.tables()
    assert [*tables] == [line.partition(":")[0] for line in provenance.lines()]
    for name, rows in tables.items():
        counted = provenance.count(rows)
        assert len(rows) == sum(counted.values()) > 0
        assert counted["recalled"] / len(rows) < 0.15, name


def test_a_line_names_each_status() -> None:
    """A table without recalled rows says so with a zero."""
    (line,) = [line for line in provenance.lines() if line.startswith("special:")]
    rows = len(provenance.tables()["special"])
    assert line == f"special: {rows} rows, 0 observed, {rows} read, 0 recalled"


@pytest.mark.parametrize("lack", [{"source": ""}, {"source": " "}, {"date": ""}, {"status": "?"}])
def test_a_row_without_source_or_date_is_refused(lack: dict[str, str]) -> None:
    """Nobody adds a fact and leaves out how it is known."""
    with pytest.raises(AssertionError, match="lacks status, source or date"):
        provenance.count([msgspec.structs.replace(SOME, **lack)])


def test_rows_whose_source_nobody_can_look_up_are_counted() -> None:
    """They were seen, and their address was not written down: the line says how many."""
    (line,) = [line for line in provenance.lines() if line.startswith("names:")]
    rows = provenance.tables()["names"]
    lost = [row for row in rows if "not kept" in row.source and "https://" not in row.source]
    assert line.endswith(f" recalled; of {len(lost)} the source has no address")
    (special,) = [line for line in provenance.lines() if line.startswith("special:")]
    assert special.endswith(" recalled")
