"""Shell: pings an address by TCP: one SYN, and the time of the SYN-ACK or the RST that answers it.

Rules
- The kernel shakes hands, no privilege is needed. A handshake that succeeds is ended by a reset at
  once: nothing is half open anywhere, and nobody's connection is kept (`sockets.open_stream`).
- One SYN alone: who waits is told LOST before the kernel would send a second one.
- The time is an upper bound: `tcp_info` for a SYN-ACK; for an RST that of this program (`user`),
  which begins before the SYN leaves and ends after the RST came in.
"""

import asyncio
import errno
import socket
from contextlib import suppress

from agent import tcp
from agent.clock import Clock
from agent.flight import Landing
from agent.records import Outcome, Stamp
from agent.sockets import open_stream, tcp_info
from agent.targets import Instant, family_of

FIRST_RETRY_NS = 1_000_000_000
"""After a second Linux sends a SYN again (TCP_TIMEOUT_INIT; RFC 6298 section 2)."""
_PATIENCE_NS = FIRST_RETRY_NS * 9 // 10
_NS_PER_S = 1_000_000_000


async def shake(clock: Clock, address: str, timeout_ns: int) -> Landing:
    """Ping an address by one SYN, and return what became of it."""
    try:
        stream = open_stream(family_of(address))
    except OSError:
        return _landing(address, clock.instant(), Outcome.SEND_FAILED)
    with stream:
        sent = clock.instant()
        error = stream.connect_ex((address, tcp.PORT))
        read: Instant | None = clock.instant()
        if error == errno.EINPROGRESS:
            read = await _ended(stream, clock, min(timeout_ns, _PATIENCE_NS))
            error = stream.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        elif error not in {0, errno.ECONNREFUSED}:
            return _landing(address, sent, Outcome.SEND_FAILED)
        if read is None:
            return _landing(address, sent, Outcome.LOST)
        return _judge(address, sent, read, error, tcp.parse(tcp_info(stream)))


async def _ended(stream: socket.socket, clock: Clock, patience_ns: int) -> Instant | None:
    """Wait until a handshake has ended, and return when that was; None where it did not."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Instant] = loop.create_future()

    def ready() -> None:
        if not ended.done():
            ended.set_result(clock.instant())

    loop.add_writer(stream.fileno(), ready)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_ns / _NS_PER_S):
                return await ended
    finally:
        loop.remove_writer(stream.fileno())
    return None


def _judge(address: str, sent: Instant, read: Instant, error: int, info: tcp.Info) -> Landing:
    """Say what the end of a handshake means, and how long it took."""
    outcome = tcp.outcome_of(error, info)
    if outcome is not Outcome.REPLY:
        return _landing(address, sent, outcome)
    bracket_ns = read.monotonic_ns - sent.monotonic_ns
    if error:
        return _landing(address, sent, outcome, bracket_ns, Stamp.USER)
    if info.rtt_ns is None or info.rtt_ns > bracket_ns:
        return _landing(address, sent, Outcome.REJECTED)
    return _landing(address, sent, outcome, info.rtt_ns, Stamp.TCP_INFO)


def _landing(
    address: str,
    sent: Instant,
    outcome: Outcome,
    rtt_ns: int | None = None,
    stamp: Stamp | None = None,
) -> Landing:
    return Landing(
        handle=None,
        address=address,
        outcome=outcome,
        sent_wall_ns=sent.wall_ns,
        rtt_ns=rtt_ns,
        stamp=stamp,
        source=None if rtt_ns is None else address,
    )
