"""Shell: how true the internet in a box is to its scenario, and how much it carries.

A sender inside a namespace of the lab paces echo requests to targets whose ways have neither loss
nor jitter, and a packet tap on its device, with the kernel's stamps, says when each request and
each reply crossed the wire. No peer: these are budgets. Set-up and pacing are the sender's; the
lab has the one process that it always has.
"""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

import msgspec

from benchmarks.results import Result, alone
from deploy.lab import icmp
from deploy.lab.scenario import load
from deploy.lab.truth import expected_hops

ROOT = Path(__file__).resolve().parents[1]
SCENARIO, AGENT = "inside", "paris"
TARGETS = ("13.36.40.20", "51.158.40.20")
PASSES = 3
USUAL_PER_S, USUAL_S = 1000, 8
MOST_PER_S, MOST_S = 8000, 5
BURST = 20
"""A sender that fell behind catches up in steps: a burst would be another load."""
SENDERS_NICENESS = -10
"""The sender stands for many hosts, none of which shares this machine's cores."""
TAIL_S = 0.2
SLICE_S = 0.0004
ETH_P_ALL = 3
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
ROOM_OCTETS = 1 << 26
"""The tap is read when all is over: reading would take the sender's time."""
ECHO_REPLY, ECHO_REQUEST = 0, 8

Key = tuple[bytes, bytes]
"""The target, and identifier with sequence, of an echo."""


class Load(msgspec.Struct, frozen=True):
    """What one pass sent and got: requests, seconds they took, and |RTT - scenario| in us."""

    sent: int
    took_s: float
    errors_us: list[float]


class Lateness(msgspec.Struct, frozen=True):
    """What the lab says of itself at the end."""

    late_p50_us: float
    late_p99_us: float
    late_ratio: float


def measure() -> list[Result]:
    """Return the error at the median and p99 at 1,000 packets/s, and what 8,000/s come to."""
    usual = [_pass(USUAL_PER_S, USUAL_S) for _ in range(PASSES)]
    most = [_pass(MOST_PER_S, MOST_S) for _ in range(PASSES)]
    answered = [len(one.errors_us) / one.took_s for one, _ in most]
    return [
        alone("lab_error_us", "us", [_quantile(one, 0.5) for one, _ in usual], at_most=60),
        alone("lab_error_p99_us", "us", [_quantile(one, 0.99) for one, _ in usual], at_most=300),
        alone("lab_packets_per_s", "packets/s", answered, at_least=MOST_PER_S * 0.99),
        alone("lab_late_ratio", "ratio", [own.late_ratio for _, own in most], at_most=0.01),
    ]


def _quantile(one: Load, ratio: float) -> float:
    return sorted(one.errors_us)[int(len(one.errors_us) * ratio)]


def _pass(per_s: int, lasts_s: int) -> tuple[Load, Lateness]:
    """Play the lab under one load."""
    lab = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "deploy.lab", SCENARIO], stdout=subprocess.PIPE, cwd=ROOT
    )
    if lab.stdout is None:
        raise AssertionError
    with lab.stdout:
        try:
            home = msgspec.json.decode(lab.stdout.readline())["namespaces"][AGENT]
            userns = [] if home["userns"] is None else ["--userns", home["userns"]]
            enter = ["deploy.lab.enter", "--netns", home["netns"], *userns, "--"]
            done = subprocess.run(  # noqa: S603 - ourselves, inside the namespace
                [
                    sys.executable,
                    "-m",
                    *enter,
                    sys.executable,
                    "-m",
                    __name__,
                    f"{per_s}",
                    f"{lasts_s}",
                ],
                stdout=subprocess.PIPE,
                cwd=ROOT,
                check=True,
            )
        finally:
            lab.send_signal(signal.SIGTERM)
        last = lab.stdout.read().splitlines()[-1]
        lab.wait()
    own = msgspec.json.decode(last, type=Lateness)
    return msgspec.json.decode(done.stdout, type=Load), own


def _inside(per_s: int, lasts_s: int) -> None:
    """Send `per_s` requests a second for `lasts_s`, and print what became of them."""
    scenario = load(SCENARIO)
    source = ip_address(scenario.agent(AGENT).address).packed
    expected_us = {
        ip_address(target).packed: expected_hops(scenario, AGENT, target)[-1].rtt_ms * 1000
        for target in TARGETS
    }
    ends = list(expected_us)
    packets = [
        icmp.echo_request(source, ends[n % len(ends)], 64, n.to_bytes(4, "big"), bytes(32))
        for n in range(per_s * lasts_s)
    ]
    with contextlib.suppress(PermissionError):
        os.nice(SENDERS_NICENESS)
    tap, stamps = _tap(), dict[tuple[int, Key], int]()
    with tap, socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sender:
        took_s = _send(sender, packets, per_s)
        time.sleep(TAIL_S)
        _read(tap, stamps)
    errors_us = [
        abs((stamps[ECHO_REPLY, key] - sent_ns) / 1000 - expected_us[key[0]])
        for (kind, key), sent_ns in stamps.items()
        if kind == ECHO_REQUEST and (ECHO_REPLY, key) in stamps
    ]
    sys.stdout.buffer.write(msgspec.json.encode(Load(len(packets), took_s, errors_us)))


def _send(sender: socket.socket, packets: Sequence[bytes], per_s: int) -> float:
    """Send the packets at their pace; return how long that took in seconds."""
    began_s, sent = time.monotonic(), 0
    while sent < len(packets):
        due = min(len(packets), sent + BURST, int((time.monotonic() - began_s) * per_s) + 1)
        for packet in packets[sent:due]:
            sender.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))
        sent = due
        time.sleep(SLICE_S)
    return time.monotonic() - began_s


def _tap() -> socket.socket:
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM_OCTETS)
    tap.bind(("borne0", ETH_P_ALL))
    tap.settimeout(0)
    return tap


def _read(tap: socket.socket, stamps: dict[tuple[int, Key], int]) -> None:
    """Take what the tap saw: the kernel's stamp of each request and reply, by its key."""
    with contextlib.suppress(BlockingIOError):
        while True:
            packet, control, _, _ = tap.recvmsg(64, 64)
            kind = packet[20]
            target = packet[16:20] if kind == ECHO_REQUEST else packet[12:16]
            seconds, fraction_ns = struct.unpack("qq", control[0][2])
            stamps[kind, (target, packet[24:28])] = seconds * 1_000_000_000 + fraction_ns


if __name__ == "__main__":
    _inside(int(sys.argv[1]), int(sys.argv[2]))
