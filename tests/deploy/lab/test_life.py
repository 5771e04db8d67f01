"""How the lab begins, plays its events, sleeps and ends, and what it leaves behind: nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.lab_process import ROOT, can_tun, parent_of, running, wait_until_gone
from tests.fakes.lab_worlds import write_world

pytestmark = pytest.mark.slow

MODES = ("tun", "veth") if can_tun() else ("veth",)


def references(inode: str) -> list[str]:
    """Every process that lives in the network namespace `inode` or holds it open."""
    found = []
    for link in (*Path("/proc").glob("[0-9]*/ns/net"), *Path("/proc").glob("[0-9]*/fd/*")):
        try:
            if str(link.readlink()) == inode:
                found.append(str(link))
        except OSError:
            continue  # the process ended while we looked
    return found


def test_the_announcement(tmp_path: Path) -> None:
    """The first line says everything that others need; SIGTERM ends with statistics."""
    with running(str(write_world(tmp_path)), "--start-delay", "5") as lab:
        ready = lab.ready
        assert (ready["scenario"], ready["resolver"]) == ("small", "192.0.2.53")
        assert set(ready["namespaces"]) == {"one", "two"}
        assert ready["namespaces"]["one"]["address"] == "192.0.2.10"
        assert 3e9 < ready["began_monotonic_ns"] - time.monotonic_ns() < 5e9
        assert ready["began_at"].endswith("Z")
        statistics = lab.end()
    assert statistics["packets"] == statistics["handed_on"] == 0
    assert isinstance(statistics["real_time"], bool)


def test_sigint_ends_too(tmp_path: Path) -> None:
    """Ctrl-C is a request to end, not an accident."""
    with running(str(write_world(tmp_path))) as lab:
        lab.child.send_signal(signal.SIGINT)
        assert lab.child.wait(5) == 0


def test_statistics_on_request(tmp_path: Path) -> None:
    """SIGUSR1 asks how late the lab is so far; it plays on, and says so again at the end."""
    with running(str(write_world(tmp_path)), "--start-delay", "60") as lab:
        lab.child.send_signal(signal.SIGUSR1)
        sofar = json.loads(lab.line())
        assert sofar["late_ratio"] == 0.0
        assert lab.end() == sofar


def test_events_happen_at_their_time(tmp_path: Path) -> None:
    """Each event is announced at its time, within 50 ms, and not before."""
    with running(str(write_world(tmp_path))) as lab:
        events = [json.loads(lab.line()) for _ in range(2)]
    assert [event["event"]["up"] for event in events] == [False, True]
    lateness_s = [event["at_s"] - due_s for event, due_s in zip(events, (0.6, 1.2), strict=True)]
    assert all(0 <= late_s < 0.05 for late_s in lateness_s)


def ticks_of(pid: int) -> int:
    """Processor time of a process so far, in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_an_idle_lab_sleeps(tmp_path: Path) -> None:
    """With nothing in the air the lab uses no processor time."""
    with running(str(write_world(tmp_path, "at_s = 1.2", "at_s = 9.0"))) as lab:
        lab.line()  # the first event has happened
        before = ticks_of(lab.child.pid)
        time.sleep(1)
        assert ticks_of(lab.child.pid) - before <= 2


@pytest.mark.parametrize("mode", MODES)
def test_a_device_that_goes_down_costs_nothing(mode: str) -> None:
    """An agent's host that takes its device down loses packets; the lab sleeps on, and recovers.

    The lab may go before every other program: without this it would take a core for itself.
    """
    change = "ip link set borne0 down; sleep 0.3; ip link set borne0 up; ip route add default dev"
    ping = ("ping", "-n", "-q", "-c", "5", "-i", "0.02", "129.151.225.20")
    with running("inside", "--mode", mode) as lab:
        shaken = f"ping -n -q -c 40 -i 0.01 129.151.225.20 & sleep 0.1; {change} borne0; wait"
        lab.run("paris", "sh", "-c", shaken)
        before = ticks_of(lab.child.pid)
        time.sleep(1)
        assert ticks_of(lab.child.pid) - before <= 5
        assert "5 received" in lab.run("paris", *ping).stdout
        assert lab.end()["packets"] > 5


def test_root_without_the_capabilities_goes_the_way_of_a_user(tmp_path: Path) -> None:
    """Root of a container that may not make namespaces plays on veth in a user namespace."""
    lacking = ("setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin")
    command = [*lacking, sys.executable, "-m", "deploy.lab", str(write_world(tmp_path))]
    command = command if os.geteuid() == 0 else command[len(lacking) :]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        ready = json.loads(lab.stdout.readline())
        lab.terminate()
        lab.stdout.read()
    assert (ready["mode"], lab.returncode) == ("veth", 0)


def test_kill_leaves_nothing(tmp_path: Path) -> None:
    """After kill -9 no process lives in the lab's namespaces and none holds them open."""
    with running(str(write_world(tmp_path))) as lab:
        homes = [home["netns"] for home in lab.ready["namespaces"].values()]
        inodes = [str(Path(home).readlink()) for home in homes]
        assert all(inode.startswith("net:[") for inode in inodes)
        assert all(references(inode) for inode in inodes)
        lab.child.kill()
        lab.child.wait(5)
    assert [references(inode) for inode in inodes] == [[], []]


def test_the_lab_dies_with_its_parent(tmp_path: Path) -> None:
    """When the program that started the lab is killed, the lab ends at once."""
    command = [sys.executable, "-m", "deploy.lab", str(write_world(tmp_path))]
    parent, lab = parent_of(command)
    parent.kill()
    parent.communicate()
    wait_until_gone(lab)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nowhere",), 2, "no scenario 'nowhere'"),
        (("inside", "--mode", "radio"), 2, "invalid choice: 'radio'"),
        ((), 2, "the following arguments are required: scenario"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], code: int, says: str) -> None:
    """A wrong command line or scenario ends with 2 and a reason."""
    command = [sys.executable, "-m", "deploy.lab", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert says in ended.stderr
