"""Real ping and traceroute inside the lab agree with the scenario, in both modes.

As root the lab runs on TUN in namespaces of the machine, and once more as nobody, on veth pairs
inside a user namespace. Where TUN is not allowed, that it is refused with words is asserted.
"""

import re
import statistics
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.message
import pytest

from deploy.lab.scenario import load
from deploy.lab.truth import expected_hops
from tests.fakes.lab_process import Lab, can_tun, require, running, somebody

MARSEILLE = "129.151.225.20"
MODES = ("tun", "veth") if can_tun() else ("veth",)


@pytest.fixture(params=MODES, scope="module")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The scenario `inside`: on TUN as root, on veth as an ordinary user."""
    with running("inside", "--mode", request.param, nobody=request.param == "veth") as ready:
        yield ready


def test_mode_and_user_namespace(lab: Lab) -> None:
    """TUN needs no user namespace; veth as an ordinary user lives in one."""
    homes = lab.ready["namespaces"].values()
    in_user_namespace = {home["userns"] is not None for home in homes}
    assert in_user_namespace == {lab.ready["mode"] == "veth"}


def test_tun_without_privilege(tmp_path: Path) -> None:
    """An ordinary user may use TUN where the device is open to all; else words say what to do."""
    with somebody(nobody=True) as user:
        command = [*user.python, "-m", "deploy.lab", "inside", "--mode", "tun"]
        tried = "test -r /dev/net/tun -a -w /dev/net/tun"
        allowed = subprocess.run([*user.python[:-1], "sh", "-c", tried]).returncode == 0
        with (tmp_path / "words").open("w+") as words:
            lab = subprocess.Popen(
                command, cwd=user.folder, stdout=subprocess.PIPE, stderr=words, text=True
            )
            assert lab.stdout is not None
            announced = lab.stdout.readline()
            lab.terminate()
            lab.communicate(timeout=10)
    refusal = (tmp_path / "words").read_text()
    assert (allowed, not allowed) == (bool(announced), "be root, or use --mode veth" in refusal)
    assert lab.returncode == (0 if allowed else 1)


def best_of_three(measure: Callable[[], float], expected_ms: float) -> float:
    """Return the smallest error in ms: other programs may hold both cores during one pass."""
    errors = []
    for _ in range(3):
        errors.append(abs(measure() - expected_ms))
        if errors[-1] <= 0.3:
            break
    return min(errors)


@pytest.mark.parametrize("destination", ["192.168.1.1", "62.115.118.58", MARSEILLE, "192.0.2.53"])
def test_ping_agrees(lab: Lab, destination: str) -> None:
    """The median RTT of twenty pings is the scenario's within 0.3 ms; nothing is lost."""
    expected_ms = expected_hops(load("inside"), "paris", destination)[-1].rtt_ms
    command = (require("ping", "iputils-ping"), "-n", "-c", "20", "-i", "0.02", destination)

    def median_ms() -> float:
        out = lab.run("paris", *command).stdout
        times = [float(found) for found in re.findall(r"time=([\d.]+) ms", out)]
        assert len(times) == 20
        return statistics.median(times)

    assert best_of_three(median_ms, expected_ms) <= 0.3


@pytest.mark.parametrize(
    ("agent", "destination"),
    [
        ("paris", MARSEILLE),
        ("paris", "37.187.40.20"),
        ("frankfurt", "13.36.40.20"),
        ("london", "192.0.2.10"),
    ],
)
def test_traceroute_agrees(lab: Lab, agent: str, destination: str) -> None:
    """Traceroute sees exactly the hops of the scenario; the last RTT within 0.3 ms."""
    expected = expected_hops(load("inside"), agent, destination)
    command = (require("traceroute", "traceroute"), "-I", "-n", "-q", "3", "-N", "1", destination)

    def last_median_ms() -> float:
        lines = lab.run(agent, *command).stdout.splitlines()[1:]
        hops = [re.findall(r"\d+\.\d+\.\d+\.\d+", line) for line in lines]
        assert hops == [[hop.address] for hop in expected]
        times = [float(found) for found in re.findall(r"([\d.]+) ms", lines[-1])]
        assert len(times) == 3
        return statistics.median(times)

    assert best_of_three(last_median_ms, expected[-1].rtt_ms) <= 0.3


def test_unknown_destination(lab: Lab) -> None:
    """What is nobody's address is net unreachable, says the site's gateway."""
    out = lab.run("london", require("ping", "iputils-ping"), "-n", "-c", "1", "8.8.8.8").stdout
    assert "From 192.168.3.1 icmp_seq=1 Destination Net Unreachable" in out


def test_names_are_served(lab: Lab) -> None:
    """The emulated resolver gives the PTR and the A record of a router over the wire."""
    question = """
import socket, sys
for query in sys.argv[1:]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.sendto(bytes.fromhex(query), ("192.0.2.53", 53))
        print(asking.recv(1500).hex())
"""
    router = "be12266.ccr42.par01.atlas.cogentco.com."
    queries = [
        dns.message.make_query("174.56.54.154.in-addr.arpa", "PTR"),
        dns.message.make_query(router, "A"),
    ]
    packed = [query.to_wire().hex() for query in queries]
    ended = lab.run("frankfurt", "/usr/bin/python3", "-c", question, *packed)
    answers = [dns.message.from_wire(bytes.fromhex(line)) for line in ended.stdout.split()]
    texts = [answer.answer[0][0].to_text() for answer in answers]
    assert texts == [router, "154.54.56.174"]
