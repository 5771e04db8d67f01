"""Rows are compared with the tables of this release where both are the same, and nowhere else."""

import copy
import json
from typing import Any

import pytest

from collector.audit import stated, tablecheck
from collector.audit.findings import Check, Difference
from collector.audit.restatement import restate
from collector.audit.verification import verify
from collector.facts import knowledge
from tests.collector.audit.test_verification import resealed
from tests.fakes.statements import real

RELEASE = knowledge.load()
STATEMENT: dict[str, Any] = json.loads(real())
PREDICATE = STATEMENT["predicate"]


def compared(predicate: dict[str, Any]) -> tuple[list[Difference], list[Check]]:
    """Compare the rows of a predicate with the tables of this checkout, without compiled ones."""
    inputs = stated.read(PREDICATE)
    return tablecheck.compare(predicate, inputs, restate(inputs), RELEASE)


def altered(**changes: object) -> dict[str, Any]:
    """Return the predicate with other members of `rows` or `tables`, by the names of both."""
    value = copy.deepcopy(PREDICATE)
    for place, change in changes.items():
        group, _, name = place.partition("__")
        value[group][name] = change
    return value


def test_the_rows_of_this_release_are_its_own() -> None:
    """All tables that are no compiled ones can be compared."""
    found, (check, *others) = compared(PREDICATE)
    assert ([], True) == (found, check.agrees)
    assert {"carriers", "names", "places", "special"} <= set(check.says.replace(",", "").split())
    assert [None] * len(others) == [row.agrees for row in others]


@pytest.mark.parametrize("table", ["carriers", "places", "special"])
def test_a_row_that_no_table_holds_is_found(table: str) -> None:
    """Under the digest of this release's table it must be this release's row."""
    rows = copy.deepcopy(PREDICATE["rows"][table])
    rows[0]["date"] = "1999-01-01"
    found, (check, *_) = compared(altered(**{f"rows__{table}": rows}))
    assert any(row.path.startswith(f"predicate.rows.{table}") for row in found)
    assert check.agrees is False


def test_rows_of_another_release_are_taken_as_stated() -> None:
    """Its digest is another one: nobody here can say whether they are true, and that is said."""
    rows = copy.deepcopy(PREDICATE["rows"]["carriers"])
    rows[0]["date"] = "1999-01-01"
    told = altered(rows__carriers=rows, tables__carriers="0" * 64)
    found, checks = compared(told)
    assert [] == found
    (other,) = [row for row in checks if "carriers" in row.says and row.agrees is None]
    assert "rows are taken as stated" in other.says


def test_lists_of_territories_are_their_own_table() -> None:
    """They have no other one: the digest of the rows is that of the table, in any release."""
    rows = copy.deepcopy(PREDICATE["rows"]["jurisdictions"])
    rows[0]["territories"] = ["AA"]
    found, _ = compared(altered(rows__jurisdictions=rows))
    assert "predicate.rows.jurisdictions" in {row.path for row in found if row.kind == "digest"}


@pytest.mark.parametrize("name", sorted(PREDICATE["rows"]))
def test_a_list_that_is_missing_is_found_and_no_crash(name: str) -> None:
    """Also one that earlier software did not write."""
    value = copy.deepcopy(STATEMENT)
    del value["predicate"]["rows"][name]
    found = verify(resealed(value), RELEASE, version="0.1.0")
    assert "inconsistent" == found.result
    assert any(row.path in {"predicate", f"predicate.rows.{name}"} for row in found.differences)
