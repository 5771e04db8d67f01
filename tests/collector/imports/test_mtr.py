"""mtr: real reports of 0.95, the older writing, hosts with and without an address."""

from typing import Any

import pytest

from tests.fakes import imports


def report(*hubs: dict[str, Any], dst: str = "198.18.3.2") -> dict[str, Any]:
    """Return a report with the hubs numbered."""
    rows = [{"count": count, **hub} for count, hub in enumerate(hubs, 1)]
    return {"report": {"mtr": {"src": "probe", "dst": dst}, "hubs": rows}}


def test_a_report_with_names_and_addresses() -> None:
    """`NAME (ADDRESS)` gives both; the name is not checked back; the target was reached."""
    (found,) = imports.paths(imports.real("mtr-both.json"))
    first = imports.reply(found, 1)
    assert ("198.18.1.2", "r1.example.net", None, 64_000) == (
        first.address,
        first.name,
        first.name_confirmed,
        first.rtt_ns,
    )
    assert {1: ["198.18.1.2"], 2: ["198.18.2.2"], 3: ["198.18.3.2"]} == imports.heard(found)
    assert ("mtr probe to 198.18.3.2", "198.18.3.2", True, None) == (
        found.id,
        found.address,
        found.reached,
        found.origin,
    )


def test_a_report_with_names_alone() -> None:
    """A hub without an address goes by its name: it answered, so it is not silent."""
    (found,) = imports.paths(imports.real("mtr-names.json"))
    assert ["r1.example.net"] == imports.heard(found)[1]
    assert imports.reply(found, 1).name == "r1.example.net"


def test_a_target_that_is_a_name() -> None:
    """The target was reached where a hub has its very name."""
    (found,) = imports.paths(imports.real("mtr-target-name.json"))
    assert ("target.example.net", True) == (found.target, found.reached)
    assert imports.heard(found)[3] == [found.address]


def test_a_target_that_did_not_answer() -> None:
    """A router's answer in its place is none; the coarsest time weighs for all."""
    (found,) = imports.paths(imports.real("mtr-addresses.json"))
    assert (False, 100_000) == (found.reached, found.rtt_resolution_ns)
    assert imports.reply(found, 3).rtt_ns == 1_522_600_000


def test_a_name_that_no_hub_has_is_not_reached() -> None:
    """Nobody knows the target's address then."""
    (found,) = imports.paths(report({"host": "198.18.1.2", "Best": 1.0}, dst="a.example"))
    assert (None, False) == (found.address, found.reached)


def test_silent_hubs() -> None:
    """`???` is a lost probe."""
    (found,) = imports.paths(report({"host": "???", "Best": 0.0}, {"host": "198.18.1.2"}))
    assert {1: [None], 2: ["198.18.1.2"]} == imports.heard(found)
    assert imports.reply(found, 2).rtt_ns is None


def test_the_older_writing() -> None:
    """0.93 writes counts as text and hundredths of a millisecond."""
    document = report({"host": "198.18.1.2", "Best": 12.34})
    document["report"]["hubs"][0]["count"] = "7"
    (found,) = imports.paths(document)
    assert {7: ["198.18.1.2"]} == imports.heard(found)
    assert found.rtt_resolution_ns == 10_000


@pytest.mark.parametrize(
    ("times_ms", "resolution_ns"),
    [
        ([0.064, 12.345], 1_000),
        ([0.5, 12.3], 100_000),
        ([3.0, 12.0], 1_000_000),
        ([123.45, 0.064], 10_000),
        ([1522.6, 0.064], 100_000),
        ([12345.0, 0.064], 1_000_000),
        ([], 1_000_000),
    ],
)
def test_resolution_is_what_the_coarsest_time_shows(
    times_ms: list[float], resolution_ns: int
) -> None:
    """Decimals, and the five significant digits of 0.95, bound the weight of the last digit."""
    (found,) = imports.paths(report(*({"host": "198.18.1.2", "Best": ms} for ms in times_ms)))
    assert resolution_ns == found.rtt_resolution_ns


@pytest.mark.parametrize("time_ms", [-1.0, 3_600_001, 1e300])
def test_an_impossible_time_is_no_time(time_ms: float) -> None:
    """The address stays, the time goes."""
    (found,) = imports.paths(report({"host": "198.18.1.2", "Best": time_ms}))
    assert ("198.18.1.2", None) == (imports.reply(found, 1).address, imports.reply(found, 1).rtt_ns)


def test_a_broken_parenthesis_is_part_of_a_name() -> None:
    """Long hosts are cut by mtr: half an address is none."""
    host = f"{'a' * 60}.example.net (198.18"
    (found,) = imports.paths(report({"host": host}))
    assert [host] == imports.heard(found)[1]


@pytest.mark.parametrize(
    ("count", "why"),
    [
        ("one", "count 'one' is no number; repair or remove the report"),
        (0, "hop 0 is none: a TTL goes from 1 to 255; repair or remove the path"),
        (
            None,
            (
                "is an mtr report, but wrong: Expected `int | str`, got `null` - at "
                "`$.hubs[0].count`; repair or remove it"
            ),
        ),
    ],
)
def test_wrong_counts_are_refused_in_words(count: object, why: str) -> None:
    """A hub that stands nowhere cannot be judged."""
    document = report({"host": "198.18.1.2"})
    document["report"]["hubs"][0]["count"] = count
    assert [("", why)] == imports.reasons(document)
