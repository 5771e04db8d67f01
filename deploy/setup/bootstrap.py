"""Shell: make a checkout ready to work: Debian packages, namespaces, the Python environment.

Usage: `python3 deploy/setup/bootstrap.py demo|run|test|lint|bench|atlas`. It needs the standard
library alone, and it speaks on stderr alone. Exit 0: ready. Exit 2: something is missing that it
cannot install; the message says what, and which command installs it.

Rules
- A checkout that is ready is recognised by one stamp and by looking for programs: far below 1 s.
- As root, missing Debian packages are installed and no daemon of theirs is started or enabled.
- This file parses on Python 3.7, so that an old interpreter gets a sentence, not a syntax error.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
OLDEST_PYTHON = (3, 11)
SYSTEM_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")
POLICY = Path("/usr/sbin/policy-rc.d")
NETWORK_RULER = 1 << 21 | 1 << 12  # CAP_SYS_ADMIN and CAP_NET_ADMIN (capabilities(7))
DENIED = 101  # what policy-rc.d answers to forbid an action (Debian's invoke-rc.d)


class Package(NamedTuple):
    """One Debian package: the programs that show it is there, and the services it would run."""

    name: str
    programs: tuple[str, ...]
    profiles: tuple[str, ...]
    services: tuple[str, ...] = ()


PROFILES = ("demo", "run", "test", "lint", "bench", "atlas")
# `ensurepip` is no program but a module of this interpreter: see `is_present`.
PACKAGES = (
    Package("python3-venv", ("ensurepip",), PROFILES),
    Package("util-linux", ("unshare", "nsenter"), ("demo", "test", "bench")),
    Package("iproute2", ("ip",), ("test",)),
    Package("iputils-ping", ("ping",), ("test", "bench")),
    Package("openssl", ("openssl",), ("demo", "test")),
    Package("traceroute", ("traceroute",), ("test",)),
    Package("fping", ("fping",), ("test",)),
    Package("faketime", ("faketime",), ("test",)),
    Package("mtr-tiny", ("mtr",), ("test",)),
    Package("scamper", ("scamper",), ("test",)),
    Package("prometheus", ("prometheus", "promtool"), ("test",), ("prometheus",)),
    Package(
        "prometheus-alertmanager",
        ("prometheus-alertmanager", "amtool"),
        ("test",),
        ("prometheus-alertmanager",),
    ),
    Package("chromium", ("chromium",), ("test",)),
    Package("victoria-metrics", ("victoria-metrics",), ("bench", "test"), ("victoria-metrics",)),
)
ATLAS_PROFILES = ("demo", "run", "test", "bench", "atlas")


class SetupError(Exception):
    """The checkout cannot be made ready; the message says what the operator can do."""


def say(text: str) -> None:
    """Print one line of progress on stderr."""
    print(text, file=sys.stderr, flush=True)


def run(
    command: Sequence[str], *, quiet: bool, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `command` without input; `quiet` keeps its output for the caller, else it is shown.

    The exit code is the caller's to judge.
    """
    return subprocess.run(
        command,
        check=False,
        text=True,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else sys.stderr,
        stderr=subprocess.PIPE if quiet else None,
    )


# --- Debian packages ------------------------------------------------------------------------------


def is_present(program: str) -> bool:
    """Tell whether `program` can be started, also from the folders only root has on its PATH."""
    if program == "ensurepip":
        importlib.invalidate_caches()
        return importlib.util.find_spec("ensurepip") is not None
    path = os.pathsep.join((os.environ.get("PATH", ""), *SYSTEM_PATH))
    return shutil.which(program, path=path) is not None


def missing_packages(profile: str, present: Callable[[str], bool] = is_present) -> list[Package]:
    """List the packages of `profile` of which a program is not `present`."""
    wanted = [package for package in PACKAGES if profile in package.profiles]
    return [package for package in wanted if not all(map(present, package.programs))]


def install_command(packages: Sequence[Package]) -> str:
    """Write the command with which an administrator installs `packages`."""
    names = " ".join(package.name for package in packages)
    return f"apt-get update && apt-get install -y --no-install-recommends {names}"


def ensure_packages(
    profile: str,
    *,
    present: Callable[[str], bool] = is_present,
    is_root: bool | None = None,
    install: Callable[[Sequence[Package]], None] | None = None,
) -> None:
    """Install what `profile` misses, when root.

    Raises:
        SetupError: packages are missing and cannot be installed here; names them and the command.
    """
    missing = missing_packages(profile, present)
    if not missing:
        return
    if is_root is None:
        is_root = os.geteuid() == 0
    if is_root and shutil.which("apt-get"):
        (install or apt_install)(missing)
        missing = missing_packages(profile, present)
    if missing:
        rows = "\n".join(f"  {p.name:24} for {', '.join(p.programs)}" for p in missing)
        raise SetupError(
            f"make {profile} needs Debian packages that are missing:\n{rows}\n"
            f"Install them as root with:\n  {install_command(missing)}"
        )


def apt_install(packages: Sequence[Package]) -> None:
    """Install `packages` with apt; none of their services is started, now or at the next boot.

    Raises:
        SetupError: apt-get failed.
    """
    names = [package.name for package in packages]
    say(f"installing Debian packages: {' '.join(names)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300"]
    with services_denied():
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *names]):
            done = run([*apt, *arguments], quiet=False, environment=environment)
            if done.returncode:
                raise SetupError(
                    f"apt-get {arguments[0]} failed with exit code {done.returncode} (its output "
                    f"is above). Is the network there? By hand: {install_command(packages)}"
                )
        for service in (service for package in packages for service in package.services):
            disable_service(service)


def disable_service(service: str) -> None:
    """Keep `service`, which was just installed for the tests, from starting at the next boot."""
    for command in (["systemctl", "disable", service], ["update-rc.d", service, "disable"]):
        if shutil.which(command[0]):
            run(command, quiet=True)


@contextmanager
def services_denied(policy: Path = POLICY) -> Iterator[None]:
    """Forbid every service start by package scripts; restore the former policy whatever happens.

    A policy that was there before waits under another name. If this program is killed, the next
    call finds that name and restores it.
    """
    former = policy.with_name(policy.name + ".before-borne")
    if not former.exists() and policy.exists():
        policy.rename(former)
    policy.write_text(f"#!/bin/sh\n# written by Borne's set-up, which removes it\nexit {DENIED}\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()
        if former.exists():
            former.rename(policy)


# --- namespaces ----------------------------------------------------------------------------------


def rules_networks(status: Path = Path("/proc/self/status")) -> bool:
    """Tell whether this process may make network namespaces and devices without further ado."""
    (effective,) = (
        int(line.split()[1], 16)
        for line in status.read_text().splitlines()
        if line.startswith("CapEff:")
    )
    return effective & NETWORK_RULER == NETWORK_RULER


def ensure_namespaces(profile: str) -> None:
    """See that the internet in a box can stand here; it takes 10 ms.

    Raises:
        SetupError: this host refuses network namespaces to this user; says what would allow them.
    """
    if profile in {"lint", "atlas", "run"} or rules_networks():
        return
    done = run(["unshare", "--user", "--map-root-user", "--net", "true"], quiet=True)
    if done.returncode:
        raise SetupError(
            f"make {profile} needs network namespaces: {last_line(done.stderr)}\n"
            "Run it as root with CAP_SYS_ADMIN and CAP_NET_ADMIN (a container: --privileged), or\n"
            "allow them to users, whichever of these settings the kernel has:\n"
            "  sysctl -w user.max_user_namespaces=15000\n"
            "  sysctl -w kernel.unprivileged_userns_clone=1\n"
            "  sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        )


# --- the Python environment -----------------------------------------------------------------------


def stamp_of(root: Path) -> str:
    """Digest everything on which the environment in `root` depends."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {root}\n".encode())
    for name in ("constraints.txt", "pyproject.toml"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def ensure_environment(root: Path = ROOT) -> None:
    """Make `root/.venv` hold every pinned distribution and Borne itself, editable.

    Raises:
        SetupError: the environment cannot be made, or pip could not install.
    """
    venv, stamp = root / ".venv", stamp_of(root)
    stamp_file = venv / "borne-stamp"
    python = venv / "bin" / "python"
    if stamp_file.exists() and stamp_file.read_text() == stamp and is_usable(python):
        return
    stamp_file.unlink(missing_ok=True)
    make_environment(venv)
    say("installing the pinned Python packages into .venv")
    # The file is the whole closure. Asked for dependencies too, pip takes the newest release of a
    # distribution that one row names and another needs with an extra, and finds no hash for it.
    pip(python, "install", "--no-deps", "--require-hashes", "-r", str(root / "constraints.txt"))
    pip(python, "install", "--no-deps", "--no-build-isolation", "-e", str(root))
    stamp_file.write_text(stamp)


def ensure_peers(root: Path = ROOT) -> None:
    """Add the peers of the benchmarks to the environment: nothing else needs them.

    Raises:
        SetupError: pip could not install.
    """
    wanted = root / "benchmarks" / "constraints.txt"
    stamp, stamp_file = stamp_of(root) + wanted.read_text(), root / ".venv" / "borne-peers-stamp"
    if stamp_file.exists() and stamp_file.read_text() == stamp:
        return
    say("installing the peers of the benchmarks into .venv")
    python = root / ".venv" / "bin" / "python"
    pip(python, "install", "--no-deps", "--require-hashes", "-r", str(wanted))
    stamp_file.write_text(stamp)


def ensure_atlas(profile: str, root: Path = ROOT) -> int:
    """Have the tables about addresses compiled; return 0, or 2 where `profile` needs them."""
    command = [str(root / ".venv" / "bin" / "python"), "-m", "deploy.setup.atlas", profile]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    return run(command, quiet=False, environment=environment).returncode


def is_usable(program: Path) -> bool:
    """Tell whether this user can start `program`; another user's environment often cannot be."""
    return os.access(program, os.X_OK)


def make_environment(venv: Path) -> None:
    """Create the virtual environment, or keep the one whose interpreter is still this version.

    Raises:
        SetupError: Python's venv module failed.
    """
    version = "{}.{}".format(*sys.version_info)
    if is_usable(venv / "bin" / f"python{version}") and is_usable(venv / "bin" / "pip"):
        return
    say(f"making .venv with Python {version}")
    done = run([sys.executable, "-m", "venv", "--clear", str(venv)], quiet=True)
    if done.returncode:
        raise SetupError(
            f"cannot make {venv} with {sys.executable}: {last_line(done.stdout + done.stderr)}\n"
            "Install Python's venv module:\n  apt-get install -y --no-install-recommends "
            "python3-venv"
        )


def pip(python: Path, *arguments: str) -> None:
    """Run pip quietly.

    Raises:
        SetupError: pip failed; carries the errors it printed.
    """
    command = [str(python), "-m", "pip", "--quiet", "--no-input", "--retries", "2", *arguments]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = run(command, quiet=True, environment=environment)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise SetupError(
            "pip could not install the pinned packages:\n"
            + "\n".join(f"  {line}" for line in lines or [last_line(done.stderr)])
            + "\nA package index must be reachable once (network, proxy, pip configuration)."
        )


def last_line(text: str) -> str:
    """Give the last line of `text` that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"


# --- the command ----------------------------------------------------------------------------------


def check_python() -> None:
    """Refuse an interpreter that is too old.

    Raises:
        SetupError: names the version found and what to do.
    """
    if sys.version_info[:2] < OLDEST_PYTHON:
        found = "{}.{}".format(*sys.version_info)
        raise SetupError(
            f"Borne needs Python 3.11 or newer; {sys.executable} is {found}. Install it, or name "
            "one: make PYTHON=/path/to/python3.11 ..."
        )


@contextmanager
def one_at_a_time(root: Path) -> Iterator[None]:
    """Let a second set-up of the same checkout wait for the first."""
    cache = root / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def stop(number: int, _frame: object) -> None:
    """Turn a signal into an orderly exit, so that every `finally` runs."""
    sys.exit(128 + number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the checkout ready for the profile named in `arguments`; see the module's text."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if len(words) != 1 or words[0] not in PROFILES:
        say(f"usage: bootstrap.py {'|'.join(PROFILES)}")
        return 2
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        check_python()
        with one_at_a_time(ROOT):
            ensure_packages(words[0])
            ensure_namespaces(words[0])
            ensure_environment()
            if words[0] == "bench":
                ensure_peers()
            if words[0] in ATLAS_PROFILES:
                return ensure_atlas(words[0])
    except SetupError as error:
        say(f"borne set-up: {error}")
        return 2
    except OSError as error:
        say(f"borne set-up: {error}. Is {ROOT} writable, and is there space left?")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
