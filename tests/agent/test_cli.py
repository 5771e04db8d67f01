"""The command line: exit codes, one-line errors, and a start that imports nothing it can avoid."""

import asyncio
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from agent import cli, ping, trace
from agent.errors import PrivilegeError, SpoolError, UplinkError
from agent.records import Protocol
from agent.targets import NameOf, Resolve
from tests.fakes.agent_edges import FakeResolver, named

ROOT = Path(__file__).resolve().parents[2]


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real program."""
    command = [sys.executable, "-m", "agent.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("fly",), "argument COMMAND: invalid choice: 'fly' (choose from 'ping', 'trace', 'run')"),
        (("ping",), "the following arguments are required: TARGET"),
        (("ping", "--count", "0", "x"), 'argument --count: "0" is no count of 1 or more'),
        (
            ("ping", "--interval", "0", "x"),
            'argument --interval: "0" is no number of seconds from 0.01 to 86400',
        ),
        (
            ("ping", "--interval", "nan", "x"),
            'argument --interval: "nan" is no number of seconds from 0.01 to 86400',
        ),
        (
            ("trace", "--protocol", "tcp", "x"),
            "argument --protocol: invalid choice: 'tcp' (choose from 'icmp', 'udp')",
        ),
        (
            ("trace", "--resolver", "x", "y"),
            "argument --resolver: Expected 4 octets in 'x'",
        ),
        (("ping", "-6", "-4", "x"), "argument -4: not allowed with argument -6"),
        (("ping", "fe80::1"), "argument TARGET: fe80::1 is link-local: no zone of a provider"),
        (("trace", "224.0.0.1"), "argument TARGET: 224.0.0.1 is no address of one host"),
        (
            ("ping", "--interval", "1e9", "x"),
            'argument --interval: "1e9" is no number of seconds from 0.01 to 86400',
        ),
        (
            ("trace", "--timeout", "1e300", "x"),
            'argument --timeout: "1e300" is no number of seconds from 0.01 to 60',
        ),
        (("trace", "--flows", "17", "x"), 'argument --flows: "17" is neither 1 to 16 nor auto'),
        (("ping", "--protocol", "udp", "x"), "argument --protocol: invalid choice: 'udp'"),
    ],
)
def test_usage_errors_are_one_line(arguments: tuple[str, ...], says: str) -> None:
    """A wrong command line ends with code 2 and one line that says where help is."""
    done = program(*arguments)
    lines = done.stderr.splitlines()
    assert (done.returncode, len(lines), done.stdout) == (2, 1, "")
    assert lines[0].startswith(f"borne-agent: {says}")
    assert lines[0].endswith(" --help shows what there is")


def test_a_wrong_file_is_one_line(tmp_path: Path) -> None:
    """A wrong configuration ends with code 2 and the exact place."""
    (tmp_path / "a.toml").write_text("[agent]\n")
    done = program("run", "--config.file", str(tmp_path / "a.toml"))
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        f'borne-agent: {tmp_path}/a.toml:1: [agent]: the key "name" is missing\n',
    )


def test_a_missing_file_names_the_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --config.file the usual places are looked at, and named where they are empty."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    done = program("run")
    assert done.returncode == 2
    assert done.stderr == (
        f"borne-agent: looked for {tmp_path}/borne/agent.toml and /etc/borne/agent.toml and found"
        " neither; give a file with --config.file\n"
    )


GOOD = """
[agent]
name = "x"
id = "000102030405060708090a0b0c0d0e0f"
latitude = 1
longitude = 2
radius_km = 3
[[targets]]
target = "127.0.0.1"
zone = "a/b"
"""


def test_config_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sound file is found in its usual place, checked and praised; nothing is started."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "borne").mkdir()
    file = tmp_path / "borne" / "agent.toml"
    file.write_text(GOOD)
    done = program("run", "--config.check")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        f"{file}: fine: agent x, 1 targets\n",
        "",
    )


def test_version_is_quick_and_light() -> None:
    """`--version` costs at most 60 ms of processor time, and imports none of the heavy parts."""
    costs_s = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = program("--version")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    code = "import sys, agent.cli; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, "borne-agent 0.1.0\n")
    assert min(costs_s) <= 0.06
    heavy = {"asyncio", "msgspec", "sqlite3", "h11", "logging", "socket"}
    assert set() == heavy & set(listed.stdout.split())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PrivilegeError("no socket"), 2),
        (SpoolError("no spool"), 2),
        (UplinkError("no collector"), 1),
        (ExceptionGroup("of tasks", [PrivilegeError("no socket")]), 2),
    ],
)
def test_errors_become_exit_codes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
) -> None:
    """What the operator must act on ends with 2, other failures with 1, each in one line."""

    async def broken(*_: object, **__: object) -> int:
        raise error

    monkeypatch.setattr(ping, "run", broken)
    found = cli.main(["ping", "127.0.0.1"])
    told = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
    assert (found, capsys.readouterr().err) == (code, f"borne-agent: {told}\n")


def test_a_bug_beside_an_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """What more than one task raised is shown in full."""
    errors = ExceptionGroup("of tasks", [PrivilegeError("no socket"), ValueError("a bug")])

    async def broken(*_: object, **__: object) -> int:
        raise errors

    monkeypatch.setattr(ping, "run", broken)
    with pytest.raises(ExceptionGroup) as caught:
        cli.main(["ping", "127.0.0.1"])
    assert errors is caught.value


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ping", "-4", "2001:db8::1"), "2001:db8::1 is an IPv6 address: leave out -4"),
        (("trace", "-6", "192.0.2.1"), "192.0.2.1 is an IPv4 address: leave out -6"),
    ],
)
def test_an_address_of_the_other_family_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    """It is no name without such an address: the command line contradicts itself."""
    assert cli.main(arguments) == 2
    assert f"borne-agent: {says}\n" == capsys.readouterr().err


def test_ping_passes_its_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every option arrives; without --resolver the host resolves."""
    seen: list[object] = []

    async def run(options: ping.Options, *, resolve: Resolve | None) -> int:
        seen.extend((options, resolve))
        return 1

    monkeypatch.setattr(ping, "run", run)
    arguments = "ping a b --count 3 --interval 0.5 --timeout 2 -4 --json --protocol icmp"
    assert cli.main(arguments.split()) == 1
    assert seen == [
        ping.Options(
            targets=("a", "b"), count=3, interval_s=0.5, timeout_s=2.0, family=4, json=True
        ),
        None,
    ]


def test_trace_asks_the_given_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --resolver, names of targets and of hops come from there; an address is itself."""
    answers: list[object] = []

    async def run(
        options: trace.Options, *, resolve: Resolve | None, name_of: NameOf | None
    ) -> int:
        answers.append(options)
        if resolve is not None and name_of is not None:
            answers.extend([await resolve("t.example", 4), await resolve("192.0.2.9", 4)])
            answers.append(await resolve("192.0.2.9", 6))
            answers.append(await name_of("192.0.2.7"))
        return 0

    async def main() -> int:
        async with FakeResolver(named("192.0.2.7", "t.example", "192.0.2.7")) as server:
            host, port = server.address
            arguments = ["trace", "t.example", "--resolver", f"{host}:{port}"]
            return await asyncio.to_thread(cli.main, arguments)

    monkeypatch.setattr(trace, "run", run)
    assert asyncio.run(main()) == 0
    assert answers == [
        trace.Options(target="t.example"),
        "192.0.2.7",
        "192.0.2.9",
        None,
        ("t.example", True),
    ]


def test_trace_without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --no-names nobody is asked."""
    seen: list[object] = []

    async def run(_: object, *, resolve: object, name_of: object) -> int:
        seen.extend((resolve, name_of))
        return 0

    monkeypatch.setattr(trace, "run", run)
    assert (cli.main(["trace", "192.0.2.7", "--no-names"]), seen) == (0, [None, None])


def test_trace_passes_its_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flows, protocol and family; `auto` stays a word."""
    seen: list[object] = []

    async def run(options: object, **_: object) -> int:
        seen.append(options)
        return 0

    monkeypatch.setattr(trace, "run", run)
    for arguments in ("--flows 16 --protocol udp -6", "--flows auto"):
        assert cli.main(["trace", "x.example", "--no-names", *arguments.split()]) == 0
    assert seen == [
        trace.Options(target="x.example", flows=16, protocol=Protocol.UDP, family=6),
        trace.Options(target="x.example", flows="auto"),
    ]


@pytest.mark.parametrize(
    "command",
    [
        "ping 127.0.0.1 --count 300 --interval 0.01 | head -1",
        "ping 127.0.0.1 --count 3 --interval 0.01 --json | true",
        "trace 127.0.0.1 | true",
        "trace 127.0.0.1 --json | true",
        "trace 127.0.0.1 --json >&-",
        "ping 127.0.0.1 --count 1 >&-",
        "--version | true",
        "--help | true",
    ],
)
def test_a_closed_pipe_is_no_traceback(command: str) -> None:
    """Where nobody reads the output any more the program ends without complaint.

    The loopback device is that of a namespace of its own, where every user may open raw sockets.
    """
    script = (
        f"PATH=$PATH:/usr/sbin:/sbin; ip link set lo up; {sys.executable} -m agent.cli {command}"
    )
    done = subprocess.run(
        ["unshare", "-rn", "/bin/sh", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
