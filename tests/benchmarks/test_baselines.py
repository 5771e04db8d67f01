"""The naive rules say what they are said to say, or the comparison would be unfair."""

from pathlib import Path as File

import pytest

from benchmarks import baselines
from collector.facts.regions import BY_NAME
from deploy.setup import atlas
from tests.fakes.paths import LOST, path, reply

FX, EU = BY_NAME["FX"], BY_NAME["EU"]
TRACE = path([reply("10.0.0.1")], [reply("8.8.8.8"), LOST], [reply("9.9.9.9"), reply("8.8.8.8")])


def test_addresses_are_the_routable_ones_once() -> None:
    """Private hops and silence are left out."""
    assert ["8.8.8.8", "9.9.9.9"] == baselines.addresses(TRACE)


@pytest.mark.parametrize(
    ("countries", "fx", "eu"),
    [
        ({"8.8.8.8": "FR", "9.9.9.9": "FR"}, False, False),
        ({"8.8.8.8": "FR", "9.9.9.9": "DE"}, True, False),
        ({"9.9.9.9": "US"}, True, True),
        ({"10.0.0.1": "US"}, False, False),
        ({}, False, False),
    ],
)
def test_one_foreign_address_is_an_exit(countries: dict[str, str], fx: bool, eu: bool) -> None:
    """An address that the table lacks, or that is private, says nothing."""
    found = [baselines.any_foreign(TRACE, countries, row) for row in (FX, EU)]
    assert [fx, eu] == found


@pytest.mark.parametrize(
    ("tables", "fx"),
    [
        ([{"8.8.8.8": "US"}, {"8.8.8.8": "US"}], True),
        ([{"8.8.8.8": "US"}, {"8.8.8.8": "DE"}], False),
        ([{"8.8.8.8": "US"}, {"9.9.9.9": "US"}], False),
        ([{"8.8.8.8": "FR"}, {"8.8.8.8": "FR"}], False),
    ],
)
def test_tables_must_agree_on_one_address(tables: list[dict[str, str]], fx: bool) -> None:
    """Two countries abroad, or a gap in one table, are no agreement."""
    assert fx == baselines.all_agree(TRACE, tables, FX)


def test_the_narrowest_row_holds(tmp_path: File) -> None:
    """Both ends are inside, families do not mix, and what no row holds is left out."""
    file = tmp_path / "rows.csv"
    file.write_text(
        "134744064,134744319,US\n134744072,134744072,FR\n134744320,134744321,DE\n3,4,\n"
    )
    asked = ["8.8.8.8", "8.8.8.0", "8.8.8.255", "8.8.9.1", "8.8.9.2", "0.0.0.3"]
    assert {"8.8.8.8": "FR", "8.8.8.0": "US", "8.8.8.255": "US", "8.8.9.1": "DE"} == (
        baselines.look_up(file, asked)
    )


def test_the_fetched_tables_are_pinned_and_never_compiled() -> None:
    """Each has a digest, and none is among the tables of the release."""
    pins = baselines.pins()
    assert ["geo-whois", "dbip"] == [table.name for table in pins]
    assert all(table.integrity.startswith("sha512-") for table in pins)
    assert baselines.CACHE.is_relative_to(atlas.ROOT / ".cache")
