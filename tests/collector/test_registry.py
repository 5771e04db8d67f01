"""Series keep their row for ever; an agent's own numbers are aliases of its spool."""

import msgspec

from agent.records import Series, Stamp
from collector.registry import MISSING, Registry
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
