"""Running a command where an agent lives."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.lab_process import NOBODY, ROOT, Lab, parent_of, running, wait_until_gone
from tests.fakes.lab_worlds import write_world

SHELL = "/bin/sh"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The small world, in the mode that this machine allows."""
    with running(str(write_world(tmp_path_factory.mktemp("world")))) as ready:
        yield ready


def test_the_exit_code_is_the_commands(lab: Lab) -> None:
    """Whoever entered sees how the command ended."""
    assert lab.run("one", SHELL, "-c", "exit 7").returncode == 7


def test_each_agent_has_its_own_namespace(lab: Lab) -> None:
    """Two agents live apart, and neither where the tests live."""
    inodes = {lab.run(agent, "readlink", "/proc/self/ns/net").stdout for agent in ("one", "two")}
    assert len(inodes) == 2
    assert f"{Path('/proc/self/ns/net').readlink()}\n" not in inodes


def test_descriptors_pass_through(lab: Lab) -> None:
    """A socket opened before entering still listens where it was opened."""
    code = "import socket, sys; print(socket.socket(fileno=int(sys.argv[1])).getsockname()[1])"
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.fileno()
        ended = subprocess.run(
            lab.enter("one", "/usr/bin/python3", "-c", code, str(number)),
            cwd=ROOT,
            pass_fds=[number],
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert ended.stdout.strip() == str(server.getsockname()[1]), ended.stderr


def test_dropping_privilege(lab: Lab) -> None:
    """`--uid` leaves neither the user nor a capability; where one is not root it is refused."""
    command = "id -u; id -g; grep CapEff /proc/self/status"
    ended = lab.run("one", SHELL, "-c", command, options=("--uid", str(NOBODY)))
    if os.geteuid() == 0:
        assert ended.stdout.split() == [str(NOBODY), str(NOBODY), "CapEff:", "0" * 16]
    else:
        assert ended.returncode == 2


def test_what_cannot_be_entered(lab: Lab) -> None:
    """A namespace that is not there, and a command that is not there, are told apart."""
    door = [sys.executable, "-m", "deploy.lab.enter", "--netns", "/proc/self/fd/999", "--", "true"]
    ended = subprocess.run(door, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 2
    assert "cannot enter /proc/self/fd/999" in ended.stderr
    missing = lab.run("one", "/no/such/program")
    assert missing.returncode == 127
    assert "cannot run /no/such/program" in missing.stderr


def test_the_command_dies_with_its_parent(lab: Lab) -> None:
    """When whoever entered is killed, the command inside ends at once."""
    command = lab.enter("one", SHELL, "-c", "echo here; exec sleep 60")
    parent, inside = parent_of(command)
    assert Path(f"/proc/{inside}").exists()
    parent.kill()
    parent.communicate()
    wait_until_gone(inside)
