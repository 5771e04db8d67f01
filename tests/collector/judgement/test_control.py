"""Findings of administration as they are kept and handed on, those of earlier releases too."""

import msgspec
import pytest

from collector.judgement.control import ForeignGroup, HolderFinding

HELD = HolderFinding(
    id="77aa",
    agent="paris",
    target="192.0.2.1",
    family=6,
    zone="aws/eu-west-3",
    jurisdiction="EU",
    groups=(ForeignGroup(name="Example Holding", country="US", on_soil=True),),
    reasons=("hop 1 (2001:db8::1) is held by a group outside EU: a test",),
    path="192.0.2.1@1",
    first_seen_ns=1,
    confirmed_ns=2,
    ended_ns=None,
    rounds=2,
    evidence="ab" * 32,
)


def test_it_comes_back_as_it_was_kept() -> None:
    """A checkpoint writes it as MessagePack, the API as JSON."""
    kept = msgspec.msgpack.encode(HELD)
    assert HELD == msgspec.msgpack.decode(kept, type=HolderFinding)
    assert HELD == msgspec.json.decode(msgspec.json.encode(HELD), type=HolderFinding)


def test_one_of_an_earlier_release_has_no_statement() -> None:
    """It was confirmed before findings had one, and none can be made any more."""
    earlier = msgspec.to_builtins(HELD)
    del earlier["evidence"]
    assert None is msgspec.convert(earlier, HolderFinding).evidence


@pytest.mark.parametrize("lost", ["groups", "reasons", "path", "jurisdiction"])
def test_what_it_rests_on_is_never_left_out(lost: str) -> None:
    """A finding without its groups or reasons is none."""
    broken = msgspec.to_builtins(HELD)
    del broken[lost]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(broken, HolderFinding)


def test_it_changes_no_more() -> None:
    """The newest round makes another one."""
    with pytest.raises(AttributeError):
        HELD.rounds = 3  # type: ignore[misc]  # the point of the test
    grown = msgspec.structs.replace(HELD, rounds=3)
    assert (2, 3, HELD.id) == (HELD.rounds, grown.rounds, grown.id)
