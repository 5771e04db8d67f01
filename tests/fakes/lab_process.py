"""The real lab as a child process of a test, and commands inside its namespaces."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import dns
import h11
import msgspec
import pyroute2

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
DEBIAN_PYTHON = "/usr/bin/python3"
_PARENT = """
import subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def can_tun() -> bool:
    """Tell whether this machine lets the tests make TUN devices."""
    return os.geteuid() == 0 and os.access("/dev/net/tun", os.R_OK | os.W_OK)


def require(program: str, package: str) -> str:
    """Return the path of a real program; fail with the command that installs it."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    cure = f"apt-get install --no-install-recommends {package}"
    assert found is not None, f"{program} is missing: {cure}"
    return found


class User(NamedTuple):
    """Somebody who runs the lab: how to start Python as that user, and where."""

    python: list[str]
    folder: Path


class Lab:
    """A lab that is ready, with its announcement in `ready`."""

    def __init__(self, child: subprocess.Popen[str], user: User) -> None:
        self.child = child
        self.user = user
        self.ready: dict[str, Any] = json.loads(self.line())

    def line(self) -> str:
        """Return the next line that the lab prints."""
        assert self.child.stdout is not None
        return self.child.stdout.readline()

    def enter(self, agent: str, *command: str, options: tuple[str, ...] = ()) -> list[str]:
        """Return the command line that runs `command` where `agent` lives."""
        home = self.ready["namespaces"][agent]
        userns = ("--userns", home["userns"]) if home["userns"] else ()
        door = [*self.user.python, "-m", "deploy.lab.enter", "--netns", home["netns"], *userns]
        return [*door, *options, "--", *command]

    def run(
        self, agent: str, *command: str, options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` where `agent` lives, for 25 s at most."""
        return subprocess.run(
            self.enter(agent, *command, options=options),
            cwd=self.user.folder,
            capture_output=True,
            text=True,
            timeout=25,
        )

    def end(self) -> dict[str, Any]:
        """Tell the lab to end; return its statistics."""
        self.child.send_signal(signal.SIGTERM)
        out, _ = self.child.communicate(timeout=10)
        assert self.child.returncode == 0
        statistics: dict[str, Any] = json.loads(out.splitlines()[-1])
        return statistics


@contextlib.contextmanager
def running(scenario: str, *options: str, nobody: bool = False) -> Iterator[Lab]:
    """Run the lab as this user, or as nobody where `nobody` says so and this user is root."""
    with somebody(nobody=nobody) as user:
        command = [*user.python, "-m", "deploy.lab", scenario, *options]
        child = subprocess.Popen(
            command, cwd=user.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        try:
            yield Lab(child, user)
        finally:
            child.kill()
            child.communicate()


@contextlib.contextmanager
def somebody(*, nobody: bool) -> Iterator[User]:
    """Be this user, or nobody where `nobody` says so and this user is root."""
    if nobody and os.geteuid() == 0:
        with _public_copy() as copy:
            yield _as_nobody(copy)
    else:
        yield User([sys.executable], ROOT)


def parent_of(command: list[str]) -> tuple[subprocess.Popen[str], int]:
    """Start `command` by a parent of its own; return the parent and the command's id.

    The command must print a line when it is at work.
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def wait_until_gone(pid: int) -> None:
    """Wait, for 5 s at most, until no process has this id, or only its remains.

    A process that stays is ended, so that a failing test leaves nothing behind.
    """
    deadline_s = time.monotonic() + 5
    status = Path(f"/proc/{pid}/stat")
    while time.monotonic() < deadline_s:
        try:
            if status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError(f"process {pid} was still there")


def _as_nobody(copy: Path) -> User:
    """Be nobody with Debian's Python; the tests' own Python may be closed to others."""
    assert Path(DEBIAN_PYTHON).exists(), "apt-get install --no-install-recommends python3"
    drop = [require("setpriv", "util-linux"), f"--reuid={NOBODY}", f"--regid={NOBODY}"]
    surroundings = ["env", f"PYTHONPATH={copy}", "PYTHONDONTWRITEBYTECODE=1"]
    return User([*drop, "--clear-groups", *surroundings, DEBIAN_PYTHON], copy)


@contextlib.contextmanager
def _public_copy() -> Iterator[Path]:
    """Copy the lab and the packages it needs to where every user may read them."""
    with tempfile.TemporaryDirectory(prefix="borne-lab-") as folder:
        copy = Path(folder)
        copy.chmod(0o755)
        shutil.copytree(ROOT / "deploy" / "lab", copy / "deploy" / "lab")
        for package in (dns, h11, msgspec, pyroute2):
            source = Path(str(package.__file__)).parent
            shutil.copytree(
                source, copy / source.name, ignore=shutil.ignore_patterns("__pycache__")
            )
        for path in copy.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield copy
