"""What a checkpoint keeps of the routes: it comes back, compressed, and never changes meanwhile."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import routememory
from collector.facts import knowledge
from collector.routes import Routes
from tests.fakes.collector_durable import NOW_NS, S_NS, ZONE, path, vantage

KNOWLEDGE = knowledge.load()
PATHS = 40


def played(*, rounds: int = 2) -> Routes:
    """Return routes with suspicions, episodes and drafts."""
    routes = Routes(KNOWLEDGE, [ZONE], None)
    for second in range(rounds):
        for agent in range(PATHS):
            at_ns = NOW_NS + second * S_NS
            one = path(at_ns, abroad=second < 1 + agent % 2)
            assert {} == routes.add(vantage(agent), [one], at_ns, at_ns)
    return routes


KEPT = played().kept()
PACKED = routememory.pack(KEPT)


def test_what_is_kept_comes_back() -> None:
    """Newest paths, rounds and drafts each in their order; as the release before wrote it, too."""
    assert (PATHS, PATHS // 2) == (len(KEPT.newest), len(KEPT.drafts))
    assert KEPT.rounds
    assert KEPT == routememory.unpack(PACKED)
    before = msgspec.msgpack.encode(KEPT)
    assert KEPT == routememory.unpack(before)
    assert len(PACKED) < len(before) / 5


def test_what_is_kept_never_changes() -> None:
    """It may be written while the next batches are applied, without a lock."""
    routes = played(rounds=1)
    kept = routes.kept()
    before = routememory.pack(kept)
    at_ns = NOW_NS + S_NS
    for agent in range(PATHS):
        routes.add(vantage(agent), [path(at_ns, abroad=True)], at_ns, at_ns)
    assert before == routememory.pack(kept) != routes.dump()


@given(st.data())
def test_damage_raises_only_its_documented_error(data: st.DataObject) -> None:
    """A stream that was cut or changed is refused, or reads as one that could have been kept."""
    octets = bytearray(PACKED)
    at = data.draw(st.integers(0, len(octets) - 1))
    with pytest.raises(ValueError):  # noqa: PT011 - the sentence depends on where
        routememory.unpack(bytes(octets[:at]))
    octets[at] ^= data.draw(st.integers(1, 255))
    try:
        routememory.unpack(bytes(octets))
    except ValueError:
        return
