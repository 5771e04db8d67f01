"""Where watches stand survives a restart, and an upgrade from the first version."""

import msgspec
import pytest

from collector.episodes.watches import Dump, State, Watch, Way, decode

WATCH = Watch(
    state=State.ENDING,
    episode="e1",
    returned_ns=7,
    ways={0: Way(abroad=("a",), around={3: ("b",)}, reached=False)},
)


def test_a_dump_comes_back() -> None:
    """Of the present version, with the family of each watch."""
    kept = Dump(
        crossings=[],
        watches=[("paris", "target", 6, "FX", WATCH)],
        newest_ns=[("paris", "target", 6, 9)],
    )
    assert kept == decode(msgspec.msgpack.encode(kept))


def test_the_first_version_is_read() -> None:
    """It knew one flow, which was the first, and family 4 alone."""
    old = {
        "version": 1,
        "crossings": [],
        "watches": [
            (
                *("paris", "target", "FX"),
                {
                    "state": "ending",
                    "episode": "e1",
                    "returned_ns": 7,
                    "way": {"abroad": ["a"], "around": {3: ["b"]}, "reached": False},
                },
            )
        ],
        "newest_ns": [("paris", "target", 9)],
    }
    found = decode(msgspec.msgpack.encode(old))
    assert [("paris", "target", 4, "FX", WATCH)] == found.watches
    assert [("paris", "target", 4, 9)] == found.newest_ns


@pytest.mark.parametrize("octets", [b"", b"\xc1", msgspec.msgpack.encode({"version": 3})])
def test_what_is_no_dump_is_refused(octets: bytes) -> None:
    """Cut, damaged, or of a later version."""
    with pytest.raises(msgspec.DecodeError):
        decode(octets)
