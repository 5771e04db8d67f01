"""The table of carriers: every group has a source, and no AS number stands twice."""

import re
from collections import Counter

import pytest

from collector.facts import carriers

TABLE = carriers.load()


@pytest.mark.parametrize("carrier", TABLE, ids=[carrier.name for carrier in TABLE])
def test_each_row_has_status_source_and_date(carrier: carriers.Carrier) -> None:
    """A group was seen in a table, read of in a document with its address, or is recalled."""
    assert carrier.date == "2026-11-26"
    match carrier.status:
        case "observed":
            assert "registered in" in carrier.source
            assert "opened 2026-11-26" in carrier.source
        case "read":
            assert "https://" in carrier.source
            assert "read 2026-11-26" in carrier.source
        case "recalled":
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


def test_thirty_groups_rest_on_documents() -> None:
    """The table serves: most of its rows may decide."""
    known = [carrier for carrier in TABLE if carrier.status != "recalled"]
    assert len(known) >= 30
    assert len(known) / len(TABLE) > 0.8


def test_a_registrant_is_not_the_group() -> None:
    """Networks registered in one country and controlled from another keep both countries."""
    apart = {
        c.name: (c.registrant, c.group_country) for c in TABLE if c.registrant != c.group_country
    }
    assert apart["Zayo France (Neo Telecoms until 2014)"] == ("FR", "US")
    assert apart["China Mobile International"] == ("HK", "CN")
