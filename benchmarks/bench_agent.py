"""Shell: what an agent at work costs: 100 targets at 1/s, 20 of them traced every minute.

The real agent and the real collector work in a network namespace of their own, where all targets
are loopback addresses; the collector acknowledges every batch, and `/metrics` is scraped every
15 s. The first seconds (imports, first spool) do not count for the CPU. No peer: these are budgets.
"""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
from pyroute2 import IPRoute

from benchmarks.results import Result, alone

ROOT = Path(__file__).resolve().parents[1]
TARGETS = 100
TRACED = 20
SETTLE_S = 15
MEASURED_S = 60
SCRAPE_S = 15
PATIENCE_S = 60
PORT = 9464
TOKEN = "a-token-for-one-benchmark"  # noqa: S105 - it opens nothing
AGENT_ID = "00" * 15 + "01"
PLACE = {"latitude": 48.85, "longitude": 2.35, "radius_km": 10}
CITY = PLACE | {"territory": "FR"}


def measure() -> list[Result]:
    """Return MiB of resident memory and per cent of one core."""
    done = subprocess.run(  # noqa: S603 - ourselves
        ["unshare", "-rn", sys.executable, "-m", __name__],  # noqa: S607 - util-linux
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    memory_mib, core_percent = msgspec.json.decode(done.stdout, type=tuple[float, float])
    return [
        alone("agent_memory", "MiB", [memory_mib], at_most=38),
        alone("agent_cpu", "% of a core", [core_percent], at_most=3),
    ]


def _inside() -> None:
    """Measure inside the namespace and print the two figures."""
    with IPRoute() as route:
        route.link("set", index=1, state="up")
    with tempfile.TemporaryDirectory() as directory, contextlib.chdir(directory):
        _write_files()
        with (
            _running("collector.cli", "serve", "--config.file", "collector.toml"),
            _running(
                *("agent.cli", "run", "--config.file", "agent.toml"),
                *("--web.listen-address", f"127.0.0.1:{PORT}"),
            ) as agent,
        ):
            _wait_for(Path("store"), agent)
            time.sleep(SETTLE_S)
            began_s, text = _cpu_s(agent.pid), ""
            for _ in range(MEASURED_S // SCRAPE_S):
                time.sleep(SCRAPE_S)
                text = urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics").read().decode()
            used_s = _cpu_s(agent.pid) - began_s
            replies = sum(_values(text, "borne_probe_replies_total"))
            if replies < TARGETS * MEASURED_S or 0 in _values(text, "borne_agent_uplink_up"):
                raise AssertionError(f"the agent did not do its work: {replies} replies")
            figures = (_resident_mib(agent.pid), 100 * used_s / MEASURED_S)
    sys.stdout.buffer.write(msgspec.json.encode(figures))


def _write_files() -> None:
    """Write the settings of both programs: each target is a loopback address."""
    token = Path("token")
    token.touch(mode=0o600)
    token.write_text(TOKEN, encoding="utf-8")
    addresses = [f"127.0.1.{number}" for number in range(1, TARGETS + 1)]
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    agent = [
        _table("[agent]", name="bench", id=AGENT_ID, state_directory="spool", **PLACE),
        _table("[collector]", url="unix:collector.sock", token_file="token"),  # noqa: S106 - a path
        _table("[resolver]", names=False),
        # All targets lie in one /24, that of this host itself.
        _table("[limits]", per_prefix_per_s=2 * TARGETS),
        *(
            _table("[[targets]]", target=address, zone="bench/loopback", interval_s=1)
            + ("trace_interval_s = 60\n" if number < TRACED else "")
            for number, address in enumerate(addresses)
        ),
    ]
    zone = {"provider": "bench", "region": "loopback", "place": "Paris", "group_country": "FR"}
    collector = [
        _table("[web]", listen=["unix:collector.sock"]),
        _table("[store]", directory="store"),
        _table("[[agents]]", name="bench", id=AGENT_ID, token_sha256=digest, city="Paris", **CITY),
        _table("[[zones]]", targets=addresses, **zone, **CITY),
    ]
    Path("agent.toml").write_text("\n".join(agent), encoding="utf-8")
    Path("collector.toml").write_text("\n".join(collector), encoding="utf-8")


def _table(heading: str, **values: object) -> str:
    """Return a TOML table; JSON's notation of these values is also TOML's."""
    rows = (f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in values.items())
    return f"{heading}\n{''.join(rows)}"


@contextlib.contextmanager
def _running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of the programs for the length of the context."""
    with Path(f"{command[0]}.log").open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, "-m", *command], stdout=log, stderr=log
        )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(PATIENCE_S)


def _wait_for(path: Path, agent: subprocess.Popen[bytes]) -> None:
    """Wait until the collector has made its store."""
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        if time.monotonic() > deadline or agent.poll() is not None:
            raise AssertionError("a program did not start")
        time.sleep(0.1)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def _values(text: str, name: str) -> list[float]:
    """Return the values of a metric in an exposition."""
    rows = (row for row in text.splitlines() if row.startswith((f"{name}{{", f"{name} ")))
    return [float(row.rpartition(" ")[2]) for row in rows]


if __name__ == "__main__":
    _inside()
