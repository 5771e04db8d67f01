"""Shell: run a command inside a namespace of the lab: `python -m deploy.lab.enter`.

Rules
- The user namespace comes first, then the network namespace; descriptors pass through.
- The command is killed when whoever started it ends.
- `--uid` and `--gid` drop every privilege before the command starts.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from deploy.lab import kernel
from deploy.lab.errors import HostError

USAGE_EXIT = 2
NOT_FOUND_EXIT = 127


def main(arguments: list[str] | None = None) -> NoReturn:
    """Enter and become the command; exit 2 where the namespace cannot be entered."""
    parent = os.getppid()
    wanted = _parser().parse_args(arguments)
    try:
        kernel.die_with_parent(parent)
        _enter(wanted.netns, wanted.userns)
        _drop(wanted.uid, wanted.gid)
        kernel.die_with_parent(parent)
    except (HostError, OSError) as error:
        sys.stderr.write(f"deploy.lab.enter: cannot enter {wanted.netns}: {error}\n")
        sys.exit(USAGE_EXIT)
    _become(wanted.command)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.lab.enter",
        description="Run a command in the network namespace of an agent of the lab.",
    )
    parser.add_argument("--netns", required=True, help="path of the network namespace")
    parser.add_argument(
        "--userns", help="path of the user namespace that owns it, where it has one"
    )
    parser.add_argument("--uid", type=int, help="run as this user, without privileges")
    parser.add_argument("--gid", type=int, help="run as this group (default: the uid)")
    parser.add_argument("command", nargs="+", help="the command and its arguments, after --")
    return parser


def _enter(netns: str, userns: str | None) -> None:
    network = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    if userns is not None and not Path(userns).samefile("/proc/self/ns/user"):
        user = os.open(userns, os.O_RDONLY | os.O_CLOEXEC)
        kernel.setns(user, kernel.CLONE_NEWUSER)
        os.close(user)
    kernel.setns(network, kernel.CLONE_NEWNET)
    os.close(network)


def _drop(uid: int | None, gid: int | None) -> None:
    """Become `uid` and `gid` for good; the kernel takes the capabilities with uid 0."""
    if uid is None:
        return
    group = uid if gid is None else gid
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(uid, uid, uid)


def _become(command: list[str]) -> NoReturn:
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"deploy.lab.enter: cannot run {command[0]}: {error}\n")
        sys.exit(NOT_FOUND_EXIT)


if __name__ == "__main__":
    main()
