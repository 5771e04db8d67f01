"""Bytes: programs of classic BPF that let the kernel drop what is not for us.

Each instruction is struct sock_filter (linux/filter.h): code u16, jump if true u8, jump if false
u8, operand u32; jumps count from the next instruction.
"""

import struct
from collections.abc import Iterable

from agent.icmp import NUMBERS
from agent.records import IPV4, Family

Instruction = tuple[int, int, int, int]

INSTRUCTION_OCTETS = 8
_INSTRUCTION = struct.Struct("@HBBI")


def answers(family: Family, identifier: int) -> bytes:
    """Let through echo replies with our identifier, and errors that quote it."""
    made = _over_ipv4(identifier) if family == IPV4 else _over_ipv6(identifier)
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in made)


def _over_ipv4(identifier: int) -> Iterable[Instruction]:
    """Read the packet from its IPv4 header on."""
    numbers = NUMBERS[4]
    return (
        (0xB1, 0, 0, 0),  # 0: x = octets of the outer header
        (0x50, 0, 0, 0),  # 1: a = ICMP type
        (0x15, 8, 0, numbers.reply),  # 2: -> 11
        (0x15, 1, 0, numbers.unreachable),  # 3: -> 5
        (0x15, 0, 8, numbers.exceeded),  # 4: neither -> 13
        (0x50, 0, 0, 8),  # 5: a = first octet of the quoted header
        (0x54, 0, 0, 0x0F),  # 6: a = its length in words
        (0x64, 0, 0, 2),  # 7: a = its octets
        (0x0C, 0, 0, 0),  # 8: a += x
        (0x04, 0, 0, 8),  # 9: a += the eight octets of the error
        (0x07, 0, 0, 0),  # 10: x = a: where the quoted ICMP header begins
        (0x48, 0, 0, 4),  # 11: a = identifier
        (0x15, 1, 0, identifier),  # 12: ours -> 14
        (0x06, 0, 0, 0),  # 13: drop
        (0x06, 0, 0, 0xFFFFFFFF),  # 14: keep
    )


def _over_ipv6(identifier: int) -> Iterable[Instruction]:
    """Read the packet from its ICMPv6 header on: raw sockets get no IPv6 header."""
    numbers = NUMBERS[6]
    return (
        (0x30, 0, 0, 0),  # 0: a = ICMP type
        (0x15, 6, 0, numbers.reply),  # 1: -> 8
        (0x15, 1, 0, numbers.unreachable),  # 2: -> 4
        (0x15, 0, 6, numbers.exceeded),  # 3: neither -> 10
        (0x30, 0, 0, 14),  # 4: a = next header of the quoted packet
        (0x15, 0, 4, numbers.protocol),  # 5: not ICMPv6 -> 10
        (0x28, 0, 0, 52),  # 6: a = quoted identifier
        (0x15, 3, 2, identifier),  # 7: ours -> 11, else -> 10
        (0x28, 0, 0, 4),  # 8: a = identifier
        (0x15, 1, 0, identifier),  # 9: ours -> 11
        (0x06, 0, 0, 0),  # 10: drop
        (0x06, 0, 0, 0xFFFFFFFF),  # 11: keep
    )
