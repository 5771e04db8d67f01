"""Shell: how near reported RTTs are to the wire, all cores busy, beside ping(8).

Truth is a packet tap on the prober's own device with the kernel's stamps. `borne-agent ping` and
ping probe the same target through the lab in turn, while a busy loop runs on every core; each
probe is matched with its packets by (identifier, sequence). The tap's stamp of a sent packet is
made a few microseconds before the driver call, so no RTT can agree to the microsecond.
"""

import contextlib
import multiprocessing
import os
import re
import socket
import statistics
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks.results import Result, alone, faster
from deploy.lab.scenario import load

ROOT = Path(__file__).resolve().parents[1]
PASSES = 3
PROBES = 300
INTERVAL_S = 0.02
ETH_P_ALL = 3
"""Only a tap for all protocols sees what is sent."""
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
ROOM_OCTETS = 1 << 23
ECHO_REPLY, ECHO_REQUEST = 0, 8
PING_LINE = re.compile(r"icmp_seq=(\d+) .* time=([\d.]+) ms")

Key = tuple[int, int]
"""Identifier and sequence of an echo."""


class Errors(msgspec.Struct, frozen=True):
    """Median and p99 of |reported - tap| in microseconds of one pass."""

    median_us: float
    p99_us: float


def measure() -> list[Result]:
    """Return our error at the median and at p99, and ping's median error against ours."""
    target = load("inside").targets[0].address
    lab = subprocess.Popen(
        [sys.executable, "-m", "deploy.lab", "inside", "--mode", "veth"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    if lab.stdout is None:
        raise AssertionError
    with lab.stdout, _ended(lab), _busy_cores():
        ready = msgspec.json.decode(lab.stdout.readline())
        home = ready["namespaces"]["paris"]
        userns = [] if home["userns"] is None else ["--userns", home["userns"]]
        enter = ["deploy.lab.enter", "--netns", home["netns"], *userns, "--"]
        done = subprocess.run(  # noqa: S603 - ourselves, inside the namespace
            [sys.executable, "-m", *enter, sys.executable, "-m", __name__, target],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            check=True,
        )
    ours, peers = msgspec.json.decode(done.stdout, type=tuple[list[Errors], list[Errors]])
    nearer = faster(
        "rtt_error_against_ping",
        "per ms",
        [1000 / one.median_us for one in ours],
        [1000 / one.median_us for one in peers],
        "ping (iputils)",
        2.5,
    )
    return [
        alone("rtt_error_median", "us", [one.median_us for one in ours], at_most=5),
        alone("rtt_error_p99", "us", [one.p99_us for one in ours], at_most=15),
        nearer,
    ]


def _inside(target: str) -> None:
    """Probe in turn inside the namespace and print the errors of both tools."""
    ours, peers = [], []
    for _ in range(PASSES):
        ours.append(_pass(_borne_ping(target)))
        peers.append(_pass(_ping(target)))
    sys.stdout.buffer.write(msgspec.json.encode((ours, peers)))


def _borne_ping(target: str) -> tuple[list[str], str]:
    options = ["--count", str(PROBES), "--interval", str(INTERVAL_S), "--json"]
    return [sys.executable, "-m", "agent.cli", "ping", target, *options], "json"


def _ping(target: str) -> tuple[list[str], str]:
    return ["ping", "-n", "-c", str(PROBES), "-i", str(INTERVAL_S), target], "text"


def _pass(tool: tuple[list[str], str]) -> Errors:
    """Run one tool beside the tap and return how far its figures are from the wire's."""
    command, form = tool
    with _tap() as stamps:
        done = subprocess.run(  # noqa: S603 - the two tools above
            command, stdout=subprocess.PIPE, text=True, check=True
        )
    reported_us = _from_json(done.stdout) if form == "json" else _from_text(done.stdout)
    wire_us = _wire_us(stamps)
    if len(wire_us) != len(reported_us) or len(wire_us) < PROBES * 0.9:
        raise AssertionError(f"{len(wire_us)} echoes on the wire, {len(reported_us)} reported")
    errors = sorted(abs(mine - true) for mine, true in zip(reported_us, wire_us, strict=True))
    return Errors(statistics.median(errors), errors[int(len(errors) * 0.99)])


def _from_json(text: str) -> list[float]:
    lines = [msgspec.json.decode(line) for line in text.splitlines()]
    probes = sorted((row["seq"], row["rtt_ns"]) for row in lines if row.get("rtt_ns"))
    return [rtt_ns / 1000 for _, rtt_ns in probes]


def _from_text(text: str) -> list[float]:
    probes = sorted((int(seq), float(rtt_ms)) for seq, rtt_ms in PING_LINE.findall(text))
    return [rtt_ms * 1000 for _, rtt_ms in probes]


def _wire_us(stamps: Sequence[tuple[int, Key, int]]) -> list[float]:
    """Return the RTT of each answered echo on the wire, in the order of sending."""
    sent = {key: at_ns for kind, key, at_ns in stamps if kind == ECHO_REQUEST}
    answered = {key: at_ns for kind, key, at_ns in stamps if kind == ECHO_REPLY}
    return [(answered[key] - at_ns) / 1000 for key, at_ns in sent.items() if key in answered]


@contextlib.contextmanager
def _tap() -> Iterator[list[tuple[int, Key, int]]]:
    """Collect (ICMP type, key, kernel stamp in ns) of every echo on the device.

    The tap is read when the context ends: a reader that waits would be woken between the tap's
    stamp and the driver's, and that alone would add ten microseconds to the difference.
    """
    stamps: list[tuple[int, Key, int]] = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM_OCTETS)
        tap.bind(("borne0", ETH_P_ALL))
        tap.setblocking(False)  # noqa: FBT003 - the library's own signature
        yield stamps
        with contextlib.suppress(BlockingIOError):
            while True:
                stamps.extend(_echo(*tap.recvmsg(2048, 64)[:2]))


def _echo(packet: bytes, control: list[tuple[int, int, bytes]]) -> Iterator[tuple[int, Key, int]]:
    """Yield the echo that a tapped packet is, if it is one."""
    header = (packet[0] & 0x0F) * 4
    kind, _, _, identifier, sequence = struct.unpack_from("!BBHHH", packet, header)
    if packet[9] == socket.IPPROTO_ICMP and kind in {ECHO_REQUEST, ECHO_REPLY}:
        seconds, fraction_ns = struct.unpack("qq", control[0][2])
        yield kind, (identifier, sequence), seconds * 1_000_000_000 + fraction_ns


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        child.terminate()
        child.wait()


@contextlib.contextmanager
def _busy_cores() -> Iterator[None]:
    """Keep every core busy, each loop pinned to its own."""
    loops = [
        multiprocessing.Process(target=_spin, args=(core,), daemon=True)
        for core in os.sched_getaffinity(0)
    ]
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.terminate()
            loop.join()


def _spin(core: int) -> None:
    os.sched_setaffinity(0, {core})
    while True:
        pass


if __name__ == "__main__":
    _inside(sys.argv[1])
