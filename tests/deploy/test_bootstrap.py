"""Set-up: what is missing is named with its command, and a host is left as it was found."""

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.setup import bootstrap
from deploy.setup.bootstrap import Package, SetupError

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy" / "setup" / "bootstrap.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a folder that looks like a checkout to the set-up."""
    for name in ("constraints.txt", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_an_ordinary_user_is_told_what_is_missing_and_the_command() -> None:
    """Without root, the message lists packages, their programs, and one command."""
    with pytest.raises(SetupError) as caught:
        bootstrap.ensure_packages(
            "test", present=lambda name: name not in {"promtool", "traceroute"}, is_root=False
        )
    assert str(caught.value).splitlines() == [
        "make test needs Debian packages that are missing:",
        "  traceroute               for traceroute",
        "  prometheus               for prometheus, promtool",
        "Install them as root with:",
        "  apt-get update && apt-get install -y --no-install-recommends traceroute prometheus",
    ]


def test_root_installs_what_is_missing_and_nothing_else() -> None:
    """Root's missing packages are handed to the installer, and looked for once more."""
    installed: set[str] = set()

    def present(program: str) -> bool:
        return program != "traceroute" or "traceroute" in installed

    def install(packages: Sequence[Package]) -> None:
        installed.update(package.name for package in packages)

    bootstrap.ensure_packages("test", present=present, is_root=True, install=install)
    assert {"traceroute"} == installed


def test_an_installation_that_changed_nothing_is_reported() -> None:
    """A program that is still missing after apt ran is an error, not a surprise later."""
    with pytest.raises(SetupError, match=r"make demo needs .*\n  util-linux .* unshare"):
        bootstrap.ensure_packages(
            "demo",
            present=lambda name: name != "unshare",
            is_root=True,
            install=lambda _packages: None,
        )


def test_a_complete_host_installs_nothing() -> None:
    """Where every program is found, the installer is not called."""
    calls: list[Sequence[Package]] = []
    bootstrap.ensure_packages("test", present=lambda _n: True, is_root=True, install=calls.append)
    assert [] == calls


def test_the_demo_needs_fewer_packages_than_the_tests() -> None:
    """What only tests use is not asked of somebody who looks at the demo."""
    nothing = {
        profile: {p.name for p in bootstrap.missing_packages(profile, lambda _name: False)}
        for profile in bootstrap.PROFILES
    }
    assert nothing["lint"] < nothing["demo"] < nothing["test"]
    assert "prometheus" not in nothing["demo"]


def test_a_bare_host_makes_the_command_exit_2(tmp_path: Path) -> None:
    """The program itself: no package present, an ordinary user, exit 2, nothing on stdout."""
    program = (
        "import sys\n"
        "from deploy.setup import bootstrap\n"
        "bootstrap.SYSTEM_PATH = ()\n"
        "bootstrap.os.geteuid = lambda: 1000\n"
        "sys.exit(bootstrap.main(['test']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": str(tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (2, "") == (done.returncode, done.stdout)
    assert "apt-get install -y --no-install-recommends" in done.stderr
    assert "prometheus-alertmanager" in done.stderr


FORBIDDEN = "echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set -all"
"""Shell words, in a user namespace of one's own: nobody inside may make namespaces any more."""


def test_a_host_that_refuses_namespaces_is_named() -> None:
    """Where neither capabilities nor user namespaces are allowed: exit 2, and what allows them."""
    program = f"{FORBIDDEN} --inh-caps -all {sys.executable} {SCRIPT} demo"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (2, "") == (done.returncode, done.stdout)
    assert "make demo needs network namespaces: unshare: unshare failed: " in done.stderr
    assert "sysctl -w user.max_user_namespaces=15000" in done.stderr


@pytest.mark.parametrize(
    ("effective", "expected"),
    [("0000000000201000", True), ("0000000000200000", False), ("0000000000001000", False)],
)
def test_both_capabilities_are_asked_for(tmp_path: Path, effective: str, *, expected: bool) -> None:
    """CAP_SYS_ADMIN makes namespaces, CAP_NET_ADMIN devices; one without the other is no use."""
    (tmp_path / "status").write_text(f"Name:\tx\nCapEff:\t{effective}\nCapBnd:\t0\n")
    assert expected == bootstrap.rules_networks(tmp_path / "status")


def test_lint_needs_no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is asked of the kernel for the linters."""
    monkeypatch.setattr(bootstrap, "run", None)
    monkeypatch.setattr(bootstrap, "rules_networks", lambda: False)
    bootstrap.ensure_namespaces("lint")


def test_an_old_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.10 gets a sentence that says which version was found and how to name another."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 12))
    with pytest.raises(SetupError, match=r"3\.11 or newer; .* is 3\.10.*make PYTHON="):
        bootstrap.check_python()


@pytest.mark.parametrize("words", [[], ["all"], ["demo", "test"]])
def test_a_wrong_profile_is_a_usage_error(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown profile exits 2 with the usage on stderr."""
    assert bootstrap.main(words) == 2
    assert capsys.readouterr() == ("", "usage: bootstrap.py demo|run|test|lint|bench|atlas\n")


def test_services_are_denied_and_the_former_policy_comes_back(tmp_path: Path) -> None:
    """While packages are installed every start is refused; afterwards the host is as before."""
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n")
    policy.chmod(0o700)
    with bootstrap.services_denied(policy):
        assert subprocess.run([policy, "prometheus", "start"]).returncode == 101
    assert ["policy-rc.d"] == [path.name for path in tmp_path.iterdir()]
    assert (policy.read_text(), policy.stat().st_mode & 0o777) == ("#!/bin/sh\nexit 0\n", 0o700)


def test_a_host_without_a_policy_has_none_afterwards(tmp_path: Path) -> None:
    """Our own policy is removed again."""
    with bootstrap.services_denied(tmp_path / "policy-rc.d"):
        assert ["policy-rc.d"] == [path.name for path in tmp_path.iterdir()]
    assert [] == list(tmp_path.iterdir())


def test_a_killed_set_up_is_repaired_by_the_next(tmp_path: Path) -> None:
    """A kill -9 in the middle leaves the former policy aside; the next call restores it."""
    policy, former = tmp_path / "policy-rc.d", tmp_path / "policy-rc.d.before-borne"
    policy.write_text("#!/bin/sh\nexit 101\n")
    former.write_text("#!/bin/sh\nexit 0\n")
    with bootstrap.services_denied(policy):
        assert former.exists()
    assert ("#!/bin/sh\nexit 0\n", False) == (policy.read_text(), former.exists())


class Commands:
    """Stands for the starting of programs: keeps what was started; `fails` names what fails."""

    def __init__(self, fails: str = "") -> None:
        self.started: list[str] = []
        self.fails = fails

    def __call__(
        self, command: Sequence[str], **_options: object
    ) -> subprocess.CompletedProcess[str]:
        """Note the command and give its exit code."""
        self.started.append(" ".join(command))
        code = int(bool(self.fails) and self.fails in self.started[-1])
        return subprocess.CompletedProcess(command, code, "", "")


@pytest.fixture
def quiet_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the installer a policy file in a folder of the test."""
    policy = tmp_path / "policy-rc.d"
    denied = bootstrap.services_denied
    monkeypatch.setattr(bootstrap, "services_denied", lambda: denied(policy))
    return policy


@pytest.mark.usefixtures("quiet_host")
def test_installed_services_start_neither_now_nor_at_boot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Apt updates, installs without recommendations, and the new service is disabled."""
    commands = Commands()
    monkeypatch.setattr(bootstrap, "run", commands)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    bootstrap.apt_install([p for p in bootstrap.PACKAGES if p.name in {"prometheus", "traceroute"}])
    apt = "apt-get -q -o DPkg::Lock::Timeout=300"
    assert commands.started == [
        f"{apt} update",
        f"{apt} install -y --no-install-recommends traceroute prometheus",
        "systemctl disable prometheus",
        "update-rc.d prometheus disable",
    ]


@pytest.mark.parametrize("step", ["update", "install"])
def test_a_failed_apt_is_reported_and_the_policy_restored(
    step: str, quiet_host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failed step is named, with the command to repeat by hand; nothing is left behind."""
    monkeypatch.setattr(bootstrap, "run", Commands(fails=step))
    with pytest.raises(SetupError, match=f"apt-get {step} failed with exit code 1.*By hand: apt"):
        bootstrap.apt_install(bootstrap.PACKAGES[:1])
    assert not quiet_host.exists()


def test_a_usable_environment_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is made once; with interpreter and pip in place it is not made again."""
    commands = Commands()
    monkeypatch.setattr(bootstrap, "run", commands)
    bootstrap.make_environment(tmp_path)
    assert [f"{sys.executable} -m venv --clear {tmp_path}"] == commands.started
    (tmp_path / "bin").mkdir()
    for name in (f"python3.{sys.version_info[1]}", "pip"):
        (tmp_path / "bin" / name).touch(mode=0o700)
    bootstrap.make_environment(tmp_path)
    assert len(commands.started) == 1


def test_a_ready_checkout_is_ready_at_once(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With everything there the command says nothing and exits 0."""
    monkeypatch.setattr(bootstrap, "ROOT", checkout)
    monkeypatch.setattr(bootstrap, "ensure_packages", lambda _profile: None)
    monkeypatch.setattr(bootstrap, "ensure_namespaces", lambda _profile: None)
    monkeypatch.setattr(bootstrap, "ensure_environment", lambda: None)
    monkeypatch.setattr(bootstrap, "ensure_atlas", lambda _profile: 0)
    monkeypatch.setattr(bootstrap.signal, "signal", lambda _number, _handler: None)
    assert bootstrap.main(["demo"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_checkout_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error of the file system becomes one sentence and exit 2."""
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path / "gone")
    monkeypatch.setattr(bootstrap.signal, "signal", lambda _number, _handler: None)
    assert bootstrap.main(["demo"]) == 2
    assert "gone writable, and is there space left?" in capsys.readouterr().err


def test_a_ready_environment_is_left_alone(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the right stamp nothing runs; a changed constraint runs pip again and stamps anew."""
    ran: list[tuple[str, ...]] = []

    def make(venv: Path) -> None:
        (venv / "bin").mkdir(parents=True, exist_ok=True)
        (venv / "bin" / "python").touch(mode=0o700)

    monkeypatch.setattr(bootstrap, "make_environment", make)
    monkeypatch.setattr(bootstrap, "pip", lambda _python, *words: ran.append(words[:3]))
    both = [
        ("install", "--no-deps", "--require-hashes"),
        ("install", "--no-deps", "--no-build-isolation"),
    ]
    bootstrap.ensure_environment(checkout)
    assert both == ran
    bootstrap.ensure_environment(checkout)
    assert both == ran
    (checkout / "constraints.txt").write_text("changed")
    bootstrap.ensure_environment(checkout)
    assert both * 2 == ran


def test_peers_come_once_and_for_the_benchmarks_alone(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their own constraints are installed with hashes, again where these change."""
    ran: list[str] = []
    monkeypatch.setattr(bootstrap, "pip", lambda _python, *words: ran.append(" ".join(words)))
    peers = checkout / "benchmarks" / "constraints.txt"
    for folder in (peers.parent, checkout / ".venv"):
        folder.mkdir()
    peers.write_text("a-peer==1")
    for _ in range(2):
        bootstrap.ensure_peers(checkout)
    assert [f"install --no-deps --require-hashes -r {peers}"] == ran
    peers.write_text("a-peer==2")
    bootstrap.ensure_peers(checkout)
    assert len(ran) == 2


def test_the_tables_are_asked_for_in_the_environment(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's interpreter compiles them, for this verb; its exit code is handed on."""
    commands = Commands(fails="deploy.setup.atlas bench")
    monkeypatch.setattr(bootstrap, "run", commands)
    assert [0, 1] == [bootstrap.ensure_atlas(verb, checkout) for verb in ("demo", "bench")]
    python = checkout / ".venv" / "bin" / "python"
    expected = [f"{python} -m deploy.setup.atlas {verb}" for verb in ("demo", "bench")]
    assert expected == commands.started


def test_a_failed_installation_leaves_no_stamp(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that pip ended is repeated as a whole by the next one."""

    def fail(_python: Path, *_words: str) -> None:
        raise SetupError("no network")

    monkeypatch.setattr(bootstrap, "make_environment", lambda venv: venv.mkdir())
    monkeypatch.setattr(bootstrap, "pip", fail)
    with pytest.raises(SetupError, match="no network"):
        bootstrap.ensure_environment(checkout)
    assert not (checkout / ".venv" / "borne-stamp").exists()


def test_pip_without_an_index_says_so(checkout: Path) -> None:
    """What pip printed as errors is repeated, with what must be reachable."""
    (checkout / "constraints.txt").write_text("a-name-nobody-serves==1 --hash=sha256:" + "0" * 64)
    words = ["install", "--no-index", "--require-hashes", "-r", str(checkout / "constraints.txt")]
    with pytest.raises(SetupError) as caught:
        bootstrap.pip(Path(sys.executable), *words)
    assert "ERROR: No matching distribution found for a-name-nobody-serves==1" in str(caught.value)
    assert str(caught.value).endswith("(network, proxy, pip configuration).")


def test_a_python_without_venv_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's Python without its venv package gets the package's name, not a traceback."""
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho 'ensurepip is not available' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(SetupError, match=r"ensurepip is not available\n(.|\n)*python3-venv"):
        bootstrap.make_environment(tmp_path / ".venv")


def test_a_signal_restores_the_policy(tmp_path: Path) -> None:
    """SIGTERM in the middle of an installation leaves by the `finally`."""
    program = (
        "import pathlib, signal, sys, os\n"
        "from deploy.setup import bootstrap\n"
        "signal.signal(signal.SIGTERM, bootstrap.stop)\n"
        "with bootstrap.services_denied(pathlib.Path('policy-rc.d')):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    signal.pause()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=30,
    )
    assert (128 + signal.SIGTERM, []) == (done.returncode, list(tmp_path.iterdir()))


def test_the_script_parses_on_python_3_7() -> None:
    """An old interpreter reaches the sentence that tells it is too old."""
    ast.parse(SCRIPT.read_text(), feature_version=(3, 7))


def test_makefile_asks_for_the_profile_of_its_verb() -> None:
    """Each verb that needs set-up runs it first, with its own name."""
    text = (ROOT / "Makefile").read_text()
    for verb in bootstrap.PROFILES:
        assert f"\n{verb}:\n\t$(BOOTSTRAP) {verb}\n" in text
