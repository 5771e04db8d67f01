"""A row of the worst is told as it was found."""

import pytest

from agent.records import Protocol, Series, SeriesId, Stamp
from collector.samples.worst import WorstRow

ROW = WorstRow(
    agent="paris",
    series=Series(
        id=SeriesId(1),
        zone="aws/eu-west-3",
        target="192.0.2.1",
        family=4,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL,
    ),
    p99_s=0.25,
)


def test_a_row_is_not_changed_on_its_way() -> None:
    """From the companion of an hour to whoever asked."""
    with pytest.raises(AttributeError):
        ROW.p99_s = 0.5  # type: ignore[misc]
