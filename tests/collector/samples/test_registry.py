"""Series keep their row for ever; an agent's own numbers are aliases of its spool."""

import msgspec
import pytest

from agent.records import Series, Stamp
from collector.samples.registry import MISSING, Registry
from collector.settings.limits import Limits
from tests.fakes.collector_durable import agent_id, series

FIRST, SECOND = b"1" * 16, b"2" * 16


def _rows(registry: Registry, spool: bytes, *ids: int) -> list[int]:
    return registry.rows_of(agent_id(0), spool, ids).tolist()


def _described(*described: Series, spool: bytes = FIRST, into: Registry | None = None) -> Registry:
    registry = into or Registry()
    registry.describe(agent_id(0), "agent-0", spool, described)
    return registry


def test_a_new_spool_finds_the_same_series() -> None:
    """The row belongs to the series, not to the number that a spool gives it."""
    registry = _described(series(1), series(2, "second"))
    _described(series(1, "second"), series(9), spool=SECOND, into=registry)
    assert [0, 1] == _rows(registry, FIRST, 1, 2)
    assert [1, 0] == _rows(registry, SECOND, 1, 9)
    assert 2 == len(registry.rows)


def test_every_part_of_a_series_makes_another_one() -> None:
    """Agent, zone, target, family, protocol and stamp tell series apart."""
    base = series(1)
    others = [
        msgspec.structs.replace(base, zone="aws/eu-west-3"),
        msgspec.structs.replace(base, target="other"),
        msgspec.structs.replace(base, family=6),
        msgspec.structs.replace(base, stamp=Stamp.USER),
    ]
    registry = _described(base, *others)
    registry.describe(agent_id(1), "agent-1", FIRST, [base])
    assert 6 == len(registry.rows)


def test_unknown_ids_are_named_rising_and_once() -> None:
    """Only this spool's descriptions count."""
    registry = _described(series(1))
    assert [3, 7] == registry.unknown(agent_id(0), FIRST, [7, 1, 3, 7])
    assert [1] == registry.unknown(agent_id(0), SECOND, [1])
    assert [0, MISSING] == _rows(registry, FIRST, 1, 2)


def test_a_second_description_moves_the_alias_alone() -> None:
    """A number described anew means the new series from then on; the old row stays."""
    registry = _described(series(1))
    _described(series(1, "moved"), into=registry)
    assert [1] == _rows(registry, FIRST, 1)
    assert ["marseille", "moved"] == [known.series.target for known in registry.rows]


def test_what_was_kept_is_found_again() -> None:
    """A registry from kept rows and aliases answers the same and numbers on."""
    registry = _described(series(1), series(2, "second"), series(1, "moved"))
    again = Registry(registry.rows, registry.aliases)
    for one in (registry, again):
        _described(series(3, "third"), into=one)
    assert registry.rows == again.rows
    assert registry.aliases == again.aliases
    assert [2, 1, 3] == _rows(again, FIRST, 1, 2, 3)


def test_repeated_descriptions_add_nothing() -> None:
    """An agent may describe its series in every batch."""
    registry = _described(series(1))
    _described(series(1), into=registry)
    assert (1, 1) == (len(registry.rows), len(registry.aliases))


def many(begin: int, end: int) -> list[Series]:
    """Return descriptions of as many series, each under its own number."""
    return [series(number, f"target-{number}") for number in range(begin, end)]


def test_beyond_the_limit_a_series_has_no_row_and_is_not_asked_for() -> None:
    """Those that were there before go on; the memory holds no more than the limit."""
    registry = Registry(limit=3)
    registry.describe(agent_id(0), "agent-0", FIRST, many(0, 5))
    assert (True, 3) == (registry.is_full, len(registry.rows))
    assert [0, 1, 2, MISSING, MISSING] == _rows(registry, FIRST, *range(5))
    assert [7] == registry.unknown(agent_id(0), FIRST, [*range(5), 7])
    registry.describe(agent_id(0), "agent-0", SECOND, many(2, 4))
    assert [2, MISSING] == _rows(registry, SECOND, 2, 3)


@pytest.mark.parametrize("key", ["target", "zone"])
def test_what_is_too_long_for_a_name_gets_no_row(key: str) -> None:
    """An agent cannot fill the memory by long names; the longest that may be passes."""
    registry = Registry()
    for number, octets in ((1, 1024), (2, 1025)):
        named = msgspec.structs.replace(series(number), **{key: "x" * octets})
        registry.describe(agent_id(0), "agent-0", FIRST, [named])
    assert [0, MISSING] == _rows(registry, FIRST, 1, 2)
    assert (1, []) == (len(registry.rows), registry.unknown(agent_id(0), FIRST, [1, 2]))


@pytest.mark.slow
@pytest.mark.fault
def test_a_million_series_cost_no_more_than_the_limit() -> None:
    """Of a million that are offered the limit's 100,000 are kept, and eight numbers for each."""
    registry = Registry(limit=Limits().series)
    for begin in range(0, 1_000_000, 10_000):
        registry.describe(agent_id(0), "agent-0", FIRST, many(begin, begin + 10_000))
    assert (100_000, 800_000) == (len(registry.rows), len(registry.aliases))
    assert [99_999, MISSING, MISSING] == _rows(registry, FIRST, 99_999, 100_000, 999_999)


def test_numbers_are_bounded_as_well() -> None:
    """Beyond eight for each series nothing is kept and nothing asked for."""
    registry = Registry(limit=10)
    for begin in range(0, 1000, 100):
        registry.describe(agent_id(0), "agent-0", FIRST, many(begin, begin + 100))
    assert (10, 80) == (len(registry.rows), len(registry.aliases))
    assert [] == registry.unknown(agent_id(0), SECOND, [1, 2, 3])
    assert [*range(10), MISSING] == _rows(registry, FIRST, *range(10), 999)


@pytest.mark.parametrize("size", [3, 24])
def test_a_number_that_stands_for_something_else_never_counts_for_the_old(size: int) -> None:
    """Described anew as a series beyond the limit: its samples are nobody's."""
    registry = Registry(limit=3)
    registry.describe(agent_id(0), "agent-0", FIRST, many(0, size))
    registry.describe(agent_id(0), "agent-0", FIRST, [series(1, "new")])
    assert [0, MISSING, 2] == _rows(registry, FIRST, 0, 1, 2)


@pytest.mark.parametrize(("limit", "asked"), [(3, []), (4, [3, 4])])
def test_a_raised_limit_asks_again_after_a_restart(limit: int, asked: list[int]) -> None:
    """What had no room is unknown then; under the same limit it is as before."""
    before = Registry(limit=3)
    before.describe(agent_id(0), "agent-0", FIRST, many(0, 5))
    after = Registry(before.rows, before.aliases, limit=limit)
    assert asked == after.unknown(agent_id(0), FIRST, range(5))
    after.describe(agent_id(0), "agent-0", FIRST, many(3, 5))
    assert [0, 1, 2] == _rows(after, FIRST, 0, 1, 2)
    assert ([3] if asked else [MISSING]) == _rows(after, FIRST, 3)
