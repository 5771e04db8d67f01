"""What was near to whom travels whole."""

import msgspec

from collector.nearness import Nearness, Several
from tests.fakes.paths import FROM_PARIS


def test_a_pair_survives_a_checkpoint() -> None:
    """Encoded and decoded, both agents and all numbers are the same."""
    row = Nearness(agent="paris", origin=FROM_PARIS, rtt_ns=1, resolution_ns=1, started_ns=2)
    pair = Several(address="9.9.9.9", seen=(row, row), distance_km=458.2, reach_km=1.5)
    assert pair == msgspec.msgpack.decode(msgspec.msgpack.encode(pair), type=Several)
