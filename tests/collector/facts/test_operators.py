"""The table of operators: every row says how it is known."""

import pytest

from collector.facts import operators

CODES = [
    (rule.id, row) for operator in operators.load() for rule in operator.rules for row in rule.codes
]


@pytest.mark.parametrize(("rule", "row"), CODES, ids=[f"{rule}-{row.code}" for rule, row in CODES])
def test_each_code_has_status_source_and_date(rule: str, row: operators.CodeRow) -> None:
    """A code is observed with a name or the seed table, read somewhere, or openly recalled."""
    assert row.date in {"2026-11-24", "2026-11-26"}, rule
    assert row.code == row.code.lower()
    match row.status:
        case "observed":
            assert "public trace T" in row.source or "published traceroute" in row.source
        case "read":
            assert f"read {row.date}" in row.source
        case "recalled":
            assert row.source == "from memory; no trace or list opened"


def test_rule_ids_are_unique() -> None:
    """A rule id in a reason leads to one rule."""
    ids = [rule.id for operator in operators.load() for rule in operator.rules]
    assert len(set(ids)) == len(ids)


def test_more_than_thirty_operators_are_known() -> None:
    """The table is not empty by accident: most rows were seen, and few come from memory."""
    assert len(operators.load()) > 30
    seen = sum(row.status == "observed" for _, row in CODES)
    recalled = sum(row.status == "recalled" for _, row in CODES)
    assert seen / len(CODES) > 0.6
    assert recalled / len(CODES) < 0.1


def test_every_operator_says_which_numbers_are_its_own() -> None:
    """A name counts where the address is its operator's, so the AS numbers stand beside it."""
    assert [] == [row.id for row in operators.load() if not row.asns]
