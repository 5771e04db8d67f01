"""The open sockets: opened once a purpose, changed once a day, closed when nobody needs them."""

import pytest

from agent.records import Protocol
from agent.senders import LIFE_NS, Purpose, Senders, purpose


class Opened:
    """Stands in for a sender."""

    def __init__(self, purpose: Purpose) -> None:
        self.purpose = purpose
        self.closed = False

    def close(self) -> None:
        """Be closed."""
        self.closed = True


@pytest.fixture
def senders() -> Senders:
    """Open what tells its purpose."""
    return Senders(Opened)  # type: ignore[arg-type]  # it needs nothing but `close`


def test_echo_requests_of_all_flows_share_a_socket() -> None:
    """Datagrams do not: their source port is the flow."""
    assert purpose(4, Protocol.ICMP, 3) == purpose(4, Protocol.ICMP, 0) == Purpose()
    assert purpose(6, Protocol.UDP, 3) == Purpose(6, Protocol.UDP, 3)


def test_each_purpose_is_opened_once(senders: Senders) -> None:
    """When it is first asked for."""
    one, six = senders.of(Purpose()), senders.of(Purpose(6))
    assert one is senders.of(Purpose())
    assert [one, six] == senders.all


def test_old_sockets_wait_for_those_who_need_them(senders: Senders) -> None:
    """A day later each is another one; the old one is closed when it is no longer needed."""
    old = senders.of(Purpose())
    senders.renew(5)
    senders.renew(5 + LIFE_NS)
    assert old is senders.of(Purpose())
    senders.renew(6 + LIFE_NS)
    new = senders.of(Purpose())
    assert new is not old
    senders.retire([old])
    assert not old.closed
    senders.retire([])
    assert (True, False) == (old.closed, new.closed)
    assert [new] == senders.all


def test_close_closes_all(senders: Senders) -> None:
    """Those in use and the old ones."""
    old = senders.of(Purpose())
    senders.renew(1)
    senders.renew(2 + LIFE_NS)
    new = senders.of(Purpose())
    senders.close()
    assert (True, True, []) == (old.closed, new.closed, senders.all)
