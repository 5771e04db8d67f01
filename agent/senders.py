"""Shell: the open sockets by what they send; each is opened when first asked for.

Every day all of them are changed, and with them identifiers and source ports: a firewall that
turned against one must not blind us for ever. Old ones are kept until nobody needs them.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from agent.clock import Clock
from agent.ports import OpenPort
from agent.records import Family, Protocol
from agent.sender import Land, Sender

LIFE_NS = 24 * 3600 * 1_000_000_000
"""After this time a socket is changed."""

STAMPS_BEGIN_S = 0.01
"""Kernels begin to stamp what comes in a moment after the first socket asked for it: `netstamp`
is switched on by a deferred work (Linux, net/core/dev.c). Who sends at once waits so long."""


class Purpose(NamedTuple):
    """What a socket sends: the echo requests of all flows, or the datagrams of one."""

    family: Family = 4
    protocol: Protocol = Protocol.ICMP
    flow: int = 0


def purpose(family: Family, protocol: Protocol, flow: int) -> Purpose:
    """Return what the socket of a flow is for."""
    return Purpose(family, protocol, flow if protocol is Protocol.UDP else 0)


def opener(
    clock: Clock, land: Land, open_socket: OpenPort, *, text: bytes, watch: Callable[[Sender], None]
) -> Callable[[Purpose], Sender]:
    """Return what opens the socket of a purpose, read by the event loop, and hands it to `watch`.

    `land` takes what becomes of its probes, each of which carries `text`.
    """

    def open_one(purpose: Purpose) -> Sender:
        sender = Sender(
            clock, land, open_socket, family=purpose.family, protocol=purpose.protocol, text=text
        )
        watch(sender)
        return sender

    return open_one


class Senders:
    """Sockets in use, and older ones in which something is still in the air."""

    def __init__(self, open_one: Callable[[Purpose], Sender]) -> None:
        """Open sockets with `open_one`, none yet. Then call `close`."""
        self._open_one = open_one
        self._current: dict[Purpose, Sender] = {}
        self._old: list[Sender] = []
        self._opened_ns = 0

    def of(self, purpose: Purpose) -> Sender:
        """Return the socket of a purpose. Raises: PrivilegeError where the kernel refuses it."""
        found = self._current.get(purpose)
        if found is None:
            found = self._current[purpose] = self._open_one(purpose)
        return found

    @property
    def current(self) -> Collection[Sender]:
        """Return the sockets that are in use for new probes."""
        return self._current.values()

    @property
    def all(self) -> list[Sender]:
        """Return every open socket."""
        return [*self._current.values(), *self._old]

    def renew(self, now_ns: int) -> None:
        """Change the sockets where they are a day old; call it often, from the first one on."""
        if not self._opened_ns:
            self._opened_ns = now_ns
        if now_ns - self._opened_ns > LIFE_NS:
            purposes = list(self._current)
            self._old.extend(self._current.values())
            self._current.clear()
            self._opened_ns = now_ns
            for each in purposes:
                self.of(each)

    def retire(self, needed: Collection[Sender]) -> None:
        """Close the old sockets that are not among those still needed."""
        for sender in [each for each in self._old if each not in needed]:
            self._old.remove(sender)
            sender.close()

    def close(self) -> None:
        """Close every socket."""
        for sender in self.all:
            sender.close()
        self._current.clear()
        self._old.clear()
