"""The words of the sockets: frozen, and real ports and fakes have every method."""

import pytest

from agent.icmp import EchoDialect
from agent.ports import Datagram, DatagramPort, Dialect, Rung, TransmitStamp
from agent.sockets import _Absent, _Port
from agent.udp import UdpDialect
from tests.fakes.agent_probing import FakePort

MEMBERS = {name for name in vars(DatagramPort) if not name.startswith("_")}


def test_rungs_are_the_words_of_the_metric() -> None:
    """They are labels."""
    assert {"raw", "ping", "udp"} == set(Rung)


@pytest.mark.parametrize("kind", [_Port, _Absent, FakePort])
def test_every_port_is_whole(kind: type) -> None:
    """What probing asks of a port is there."""
    instance = {"rung", "identifier"} if kind is not _Port else set()
    assert set() == MEMBERS - set(dir(kind)) - instance


@pytest.mark.parametrize("kind", [EchoDialect, UdpDialect])
def test_every_dialect_is_whole(kind: type) -> None:
    """What a sender asks of a dialect is there."""
    assert set() == {name for name in vars(Dialect) if not name.startswith("_")} - set(dir(kind))


@pytest.mark.parametrize(
    "word",
    [
        Datagram(octets=b"", source="192.0.2.1", stamp_ns=None, ttl=None),
        TransmitStamp(number=0, stamp_ns=1),
    ],
)
def test_words_are_frozen(word: object) -> None:
    """What came in is not changed."""
    with pytest.raises(AttributeError):
        word.stamp_ns = 2  # type: ignore[attr-defined]  # frozen: that is the point
