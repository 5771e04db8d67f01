"""The table of carriers: every group has a source, and no AS number stands twice."""

import re
from collections import Counter

import pytest

from collector import carriers

TABLE = carriers.load()


@pytest.mark.parametrize("carrier", TABLE, ids=[carrier.name for carrier in TABLE])
def test_each_row_has_status_source_and_date(carrier: carriers.Carrier) -> None:
    """A group was read of in a document with its address and day, or is openly recalled."""
    assert carrier.date == "2026-11-26"
    assert carrier.status in {"read", "recalled"}
    if carrier.status == "read":
        assert "https://" in carrier.source
        assert "read 2026-11-26" in carrier.source
    else:
        assert carrier.source == "from memory; no document opened"
        assert carrier.since == ""


@pytest.mark.parametrize("carrier", TABLE, ids=[carrier.name for carrier in TABLE])
def test_each_row_is_whole(carrier: carriers.Carrier) -> None:
    """Numbers, names and two countries; `since` is a year, a month or a day."""
    assert carrier.asns
    assert all(0 < asn < 1 << 32 for asn in carrier.asns)
    assert carrier.name
    assert carrier.group
    assert carrier.names_source
    for country in (carrier.registrant, carrier.group_country):
        assert re.fullmatch(r"[A-Z]{2}", country)
    assert re.fullmatch(r"(\d{4}(-\d{2}(-\d{2})?)?)?", carrier.since)


def test_a_number_belongs_to_one_carrier() -> None:
    """No AS number stands in two rows."""
    seen = Counter(asn for carrier in TABLE for asn in carrier.asns)
    assert [] == [asn for asn, times in seen.items() if times > 1]
