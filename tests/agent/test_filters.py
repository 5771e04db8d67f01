"""Programs of classic BPF, run by an interpreter of their few instructions."""

import struct

import pytest

from agent import filters, icmp
from agent.records import Family
from tests.fakes.agent_probing import echo_reply, icmp_error, ipv4, ipv6

OURS, TOKEN = 4711, b"tokentok"
HERE = {4: "192.0.2.1", 6: "2001:db8::1"}


def kept(program: bytes, packet: bytes) -> bool:
    """Run a program over a packet: the oracle (the kernel's own is in test_sockets)."""
    code = [struct.unpack_from("@HBBI", program, at) for at in range(0, len(program), 8)]
    at = accumulator = index = 0
    while True:
        operation, yes, no, operand = code[at]
        at += 1
        match operation:
            case 0xB1:
                index = (packet[operand] & 0xF) * 4
            case 0x30 | 0x50:
                accumulator = packet[operand + (index if operation == 0x50 else 0)]
            case 0x28 | 0x48:
                start = operand + (index if operation == 0x48 else 0)
                accumulator = int.from_bytes(packet[start : start + 2], "big")
            case 0x15:
                at += yes if accumulator == operand else no
            case 0x54:
                accumulator &= operand
            case 0x64:
                accumulator <<= operand
            case 0x0C:
                accumulator += index
            case 0x04:
                accumulator += operand
            case 0x07:
                index = accumulator
            case 0x06:
                return bool(operand)
            case other:
                raise AssertionError(f"no instruction {other:#x}")


def seen(family: Family, message: bytes) -> bytes:
    """Return what the filter of a raw socket sees of a message: over IPv4 the header too."""
    return ipv4(HERE[4], HERE[4], 60, message) if family == 4 else message


def quoting(family: Family, probe: bytes, header: int = 58) -> bytes:
    """Quote a probe in a time exceeded."""
    if family == 4:
        return icmp_error(11, 0, ipv4(HERE[4], HERE[4], 1, probe))
    return icmp_error(3, 0, ipv6(HERE[6], HERE[6], 1, probe, header))


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("identifier", "expected"), [(OURS, True), (OURS + 1, False)])
def test_only_our_own_comes_through(family: Family, identifier: int, expected: bool) -> None:
    """Replies and errors with our identifier, no others, and no requests."""
    program = filters.answers(family, OURS)
    request = icmp.echo_request(identifier, 3, TOKEN, family=family)
    reply, error = echo_reply(request, family), quoting(family, request)
    assert expected == kept(program, seen(family, reply))
    assert expected == kept(program, seen(family, error))
    assert not kept(program, seen(family, request))


def test_errors_about_other_protocols_over_ipv6() -> None:
    """A UDP packet whose octets look like our identifier stays out."""
    request = icmp.echo_request(OURS, 3, TOKEN, family=6)
    assert not kept(filters.answers(6, OURS), quoting(6, request, header=17))
