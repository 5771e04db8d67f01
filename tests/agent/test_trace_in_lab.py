"""Traces and sender through the internet in a box: hops exact, times the kernel's, both rungs."""

import json
import statistics
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.lab.scenario import load
from deploy.lab.truth import Hop, expected_hops
from tests.fakes.lab_process import Lab, running

SCENARIO = "trombone"
TARGETS = ("13.36.40.20", "51.158.40.20", "3.121.10.20")
NOWHERE = "192.0.2.99"
ALLOW_PING_SOCKETS = 'open("/proc/sys/net/ipv4/ping_group_range", "w").write("0 0")'
WITHOUT_RAW = ("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw")
TRACE = """
import asyncio, sys
from agent import sockets, trace
port = sockets.open_port(1)
print(port.rung, file=sys.stderr)
port.close()
options = trace.Options(target=sys.argv[1], json=True)
raise SystemExit(asyncio.run(trace.run(options)))
"""
PING = """
import asyncio, sys
from agent import ping
options = ping.Options(targets=tuple(sys.argv[1:]), count=11, interval_s=0.06, json=True)
raise SystemExit(asyncio.run(ping.run(options)))
"""
PREFIXES = {"raw": (), "ping": WITHOUT_RAW}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Play a scenario; let ping sockets be opened where the agents live."""
    with running(SCENARIO) as playing:
        done = playing.run("paris", sys.executable, "-c", ALLOW_PING_SOCKETS)
        assert done.returncode == 0, done.stderr
        yield playing


def truth(target: str) -> list[Hop]:
    """Say what the scenario says."""
    return expected_hops(load(SCENARIO), "paris", target)


def traced(lab: Lab, rung: str, target: str) -> dict[str, Any]:
    """Trace from Paris on one rung."""
    done = lab.run("paris", *PREFIXES[rung], sys.executable, "-c", TRACE, target)
    assert (0, rung) == (done.returncode, done.stderr.strip())
    path: dict[str, Any] = json.loads(done.stdout)
    return path


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rung", PREFIXES)
def test_hops_are_exactly_those_of_the_scenario(lab: Lab, rung: str, target: str) -> None:
    """Every address in its place, by kernel stamps, never faster than delay less jitter."""
    path = traced(lab, rung, target)
    answers = [next(r for r in hop["replies"] if not r.get("lost")) for hop in path["hops"]]
    expected = truth(target)
    assert [hop.address for hop in expected] == [answer["address"] for answer in answers]
    assert path["reached"]
    assert {"kernel"} == {answer["stamp"] for answer in answers}
    assert [[11, 0]] * (len(expected) - 1) + [[0, 0]] == [answer["icmp"] for answer in answers]
    early = [a["rtt_ns"] / 1e6 - h.rtt_ms for a, h in zip(answers, expected, strict=True)]
    assert min(early) > -0.3
    assert all(1 <= answer["reply_ttl"] <= 255 for answer in answers)


@pytest.mark.parametrize("rung", PREFIXES)
def test_a_refusal_ends_the_path(lab: Lab, rung: str) -> None:
    """No route beyond the first router: it says so, and the target was not reached."""
    path = traced(lab, rung, NOWHERE)
    assert not path["reached"]
    *_, last = path["hops"]
    assert 3 == last["replies"][-1]["icmp"][0]


@pytest.mark.parametrize("rung", PREFIXES)
def test_echo_times_are_those_of_the_scenario(lab: Lab, rung: str) -> None:
    """The median of three targets within 0.3 ms; refusals are told as what they are."""
    command = (*PREFIXES[rung], sys.executable, "-c", PING, *TARGETS, NOWHERE)
    done = lab.run("paris", *command)
    assert (0, "") == (done.returncode, done.stderr)
    *lines, _ = [json.loads(line) for line in done.stdout.splitlines()]
    for target in TARGETS:
        times_ms = [x["rtt_ns"] / 1e6 for x in lines if x["target"] == target and x["rtt_ns"]]
        assert abs(statistics.median(times_ms) - truth(target)[-1].rtt_ms) <= 0.3
    assert {"unreachable"} == {x["outcome"] for x in lines if x["target"] == NOWHERE}
    assert {"kernel", None} == {x["stamp"] for x in lines}
