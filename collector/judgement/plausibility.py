"""Decider: whether a traceroute could have given a path; what could not is left out of its batch.

Rules
- An agent chooses every number and name in a path. Each is within what its field can be on the
  wire of IP, so that nothing later (columns of 32 bits, canonical JSON) can fail on it.
- What one path and one batch may have is bounded: newest paths stay in memory, and each is judged
  before the next batch is.
"""

import ipaddress
from typing import Final

from agent.records import EARLIEST_NS, Hop, Path, PathReply
from collector.wall import wall_ns

MAX_PATHS: Final = 1000
"""Of one batch: five times what an agent puts into one."""
MAX_REPLIES: Final = 4096
"""Of one path: an agent's 16 flows over 32 hops, each asked three times, give 1,536."""
MAX_NAME: Final = 1024
"""Characters of any text: a DNS name with every octet escaped has 1,004."""
SHARE_OCTETS: Final = 128 * 1024
"""What a target may take in memory: three times a path of 12 hops, each asked three times."""
_REPLY_OCTETS: Final = 400
_ADDRESS_OCTETS: Final = 3600
_ENTRY_OCTETS: Final = 150
_AHEAD_NS: Final = 3_600_000_000_000
"""A path starts before its batch is cut; a clock may have been set back between both."""
_MAX_OCTET: Final = 255
_MAX_RTT_NS: Final = 3_600_000_000_000
_MAX_FLOWS: Final = 64
"""Far more than an agent's settings allow."""
_MAX_FLOW: Final = 0xFFFF
_MAX_STACK: Final = 16
_MAX_ENTRY: Final = ((1 << 20) - 1, 7, 1, _MAX_OCTET)
"""Label, traffic class, bottom of stack, TTL (RFC 3032 section 2.1)."""


def plausible(path: Path, base_ns: int) -> bool:
    """Return whether a traceroute could have given this path; `base_ns` is its batch's time."""
    started_ns = wall_ns(path.started_at)
    return (
        started_ns is not None
        and EARLIEST_NS <= started_ns <= base_ns + _AHEAD_NS
        and (path.target or path.address) is not None
        and (path.address is None or _is_address(path.address))
        and 0 <= path.rtt_resolution_ns <= _MAX_RTT_NS
        and all(
            len(text or "") <= MAX_NAME for text in (path.id, path.tool, path.target, path.zone)
        )
        and _is_bounded(path)
        and all(map(_plausible_hop, path.hops))
    )


def _is_bounded(path: Path) -> bool:
    """Return whether there are no more replies, flows and links than a round can have."""
    return (
        len(path.hops) <= _MAX_OCTET
        and sum(len(hop.replies) for hop in path.hops) <= MAX_REPLIES
        and len({reply.flow for hop in path.hops for reply in hop.replies}) <= _MAX_FLOWS
        and len(path.links) <= MAX_REPLIES
        and all(len(end) <= MAX_NAME for link in path.links for end in link)
    )


def shares(path: Path) -> int:
    """Return how many targets' room in memory a judged path takes: 1, but for absurdly long ones.

    Measured: 0.4 kB a reply and 3.6 kB more for an address that is seen first, beside its texts.
    """
    replies = [reply for hop in path.hops for reply in hop.replies]
    addresses = {reply.address for reply in replies}
    texts = sum(len(reply.name or "") + _ENTRY_OCTETS * len(reply.mpls) for reply in replies)
    texts += sum(_ENTRY_OCTETS + sum(map(len, link)) for link in path.links)
    octets = _REPLY_OCTETS * len(replies) + _ADDRESS_OCTETS * len(addresses) + texts
    return 1 + octets // SHARE_OCTETS


def _plausible_hop(hop: Hop) -> bool:
    return 1 <= hop.ttl <= _MAX_OCTET and all(map(_plausible_reply, hop.replies))


def _plausible_reply(reply: PathReply) -> bool:
    return (
        (reply.address is None or _is_address(reply.address))
        and (reply.rtt_ns is None or 0 <= reply.rtt_ns <= _MAX_RTT_NS)
        and 0 <= reply.flow <= _MAX_FLOW
        and len(reply.name or "") <= MAX_NAME
        and all(0 <= octet <= _MAX_OCTET for octet in (reply.reply_ttl or 0, *(reply.icmp or ())))
        and len(reply.mpls) <= _MAX_STACK
        and all(
            0 <= number <= most
            for entry in reply.mpls
            for number, most in zip(entry, _MAX_ENTRY, strict=True)
        )
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return len(text) <= MAX_NAME
