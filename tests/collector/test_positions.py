"""The words of a position: what a premise says, never more than was tested."""

import msgspec
import pytest

from collector.positions import UNTESTED, Position, Standing


@pytest.mark.parametrize(
    ("position", "says"),
    [
        (Position(), UNTESTED),
        (Position(by=("lyon",)), UNTESTED),
        (Position(state="unrefuted", by=("berlin", "lyon")), "unrefuted by 2"),
        (Position(state="refuted", by=("lyon",)), "refuted by 1"),
    ],
)
def test_a_premise_counts_who_tested(position: Position, says: str) -> None:
    """One that fewer than two have measured is untested, whoever the one was."""
    assert says == position.says


def test_a_standing_survives_a_checkpoint() -> None:
    """Encoded and decoded it is the same."""
    row = Standing(agent="paris", says="unrefuted by 2")
    assert row == msgspec.msgpack.decode(msgspec.msgpack.encode(row), type=Standing)
