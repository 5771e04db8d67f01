"""Shell: `python -m deploy.lab SCENARIO`: play a scenario until told to stop.

On stdout: one JSON line when ready, one for each event, one with statistics at the end, and one
whenever SIGUSR1 asks for it. On stderr: words for people. Ends on SIGTERM, on SIGINT, and with
its parent.
Exit codes: 0 ended when told to, 1 this machine refused something, 2 usage or scenario.
"""

import argparse
import gc
import json
import os
import random
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from deploy.lab import clock, kernel, servers
from deploy.lab.emulator import Emulator
from deploy.lab.errors import HostError, ScenarioError
from deploy.lab.forwarding import Forwarding
from deploy.lab.hosts import Hosts
from deploy.lab.namespaces import Home, Mode, Site, open_sites
from deploy.lab.ports import Port
from deploy.lab.resolver import Resolver
from deploy.lab.scenario import Scenario, load
from deploy.lab.servers import Plan, ServingHost
from deploy.lab.story import Event
from deploy.lab.topology import Topology
from deploy.lab.world import NS_PER_S

_SIGNALS_READ = 64
_WHOLE_MACHINE = ["0", "0", "4294967295"]


def main() -> NoReturn:
    """Play a scenario; see the module's first lines."""
    parent = os.getppid()
    wanted = _parser().parse_args()
    try:
        kernel.die_with_parent(wanted.parent or parent)
        scenario = load(wanted.scenario)
        if not kernel.rules_networks():
            _become_root_of_a_user_namespace(parent)
        _play(scenario, wanted.mode or _best_mode(), wanted.start_delay)
    except ScenarioError as error:
        sys.stderr.write(f"deploy.lab: {error}\n")
        sys.exit(2)
    except HostError as error:
        sys.stderr.write(f"deploy.lab: {error}\n")
        sys.exit(1)
    sys.exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.lab", description="Play a scenario of the internet in a box."
    )
    parser.add_argument("scenario", help="a name in deploy/lab/scenarios, or a file")
    parser.add_argument("--mode", choices=("tun", "veth"), help="default: tun where allowed")
    parser.add_argument(
        "--start-delay", type=float, default=0.0, metavar="S", help="begin S seconds after ready"
    )
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    return parser


def _become_root_of_a_user_namespace(parent: int) -> NoReturn:
    """Start again as root of a user namespace of one's own (`unshare` of util-linux)."""
    unshare = shutil.which("unshare")
    if unshare is None:
        message = "an ordinary user needs the program unshare (Debian: apt install util-linux)"
        raise HostError(message)
    again = [sys.executable, "-m", "deploy.lab", *sys.argv[1:], "--parent", str(parent)]
    os.execv(unshare, [unshare, "--user", "--map-root-user", "--net", *again])  # noqa: S606


def _in_first_user_namespace() -> bool:
    return Path("/proc/self/uid_map").read_text(encoding="ascii").split() == _WHOLE_MACHINE


def _best_mode() -> Mode:
    if _in_first_user_namespace() and os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "tun"
    return "veth"


def _play(scenario: Scenario, mode: Mode, start_delay_s: float) -> None:
    plan = _plan(scenario)
    homes = [Home(row.name, _given(row.address, row.address6)) for row in scenario.agents]
    *sites, behind = open_sites([*homes, plan.home()], mode)
    serving = servers.start(plan, behind.descriptor)
    stop = _stop_descriptor()
    began_ns = clock.monotonic_ns() + round(start_delay_s * NS_PER_S)
    ready = _ready(scenario, mode, sites, began_ns)
    _say({**ready, "certificate": serving.certificate})
    emulator = _emulator(scenario, [site.port for site in (*sites, behind)], began_ns)
    real_time = _settle()
    asked = True
    while asked:
        emulator.run(stop)
        asked = set(os.read(stop, _SIGNALS_READ)) == {signal.SIGUSR1}
        _say({**emulator.statistics(), "real_time": real_time})


def _given(*addresses: str | None) -> tuple[str, ...]:
    return tuple(address for address in addresses if address is not None)


def _plan(scenario: Scenario) -> Plan:
    """Say what the real servers serve: the targets their services, the resolver its names."""
    resolver, names = scenario.resolver, scenario.host_names()
    hosts = [
        ServingHost(_given(row.address, row.address6), row.serves, row.name)
        for row in scenario.targets
        if row.serves
    ]
    hosts.append(ServingHost(_given(resolver.address, resolver.address6), ("dns",)))
    only_reverse = names.keys() - scenario.resolvable_names().keys()
    return Plan(tuple(hosts), names, tuple(sorted(only_reverse)))


def _settle() -> bool:
    """Make this process as punctual as it may be; tell whether the kernel lets it go first."""
    kernel.wake_on_time()
    gc.collect()
    gc.freeze()
    gc.disable()
    return kernel.go_first()


def _emulator(scenario: Scenario, ports: list[Port], began_ns: int) -> Emulator:
    topology = Topology(scenario)
    chance = random.Random(scenario.scenario.seed).random  # noqa: S311 - a scenario repeats itself
    plan = _plan(scenario)
    resolver = Resolver(plan.names, only_reverse=plan.only_reverse)
    forwarding = Forwarding(topology, Hosts(resolver.answer, servers=True), chance)
    timeline = [(began_ns + round(event.at_s * NS_PER_S), event) for event in scenario.events]

    def announce(event: Event) -> None:
        at_s = (clock.monotonic_ns() - began_ns) / NS_PER_S
        _say({"event": event.words(), "at_s": round(at_s, 6)})

    return Emulator(forwarding, topology, ports, timeline, announce)


def _ready(scenario: Scenario, mode: Mode, sites: list[Site], began_ns: int) -> dict[str, Any]:
    process = f"/proc/{os.getpid()}"
    userns = None if _in_first_user_namespace() else f"{process}/ns/user"
    return {
        "scenario": scenario.name,
        "began_at": clock.rfc3339(began_ns + clock.wall_minus_monotonic_ns()),
        "began_monotonic_ns": began_ns,
        "mode": mode,
        "namespaces": {
            site.home.name: {
                "netns": f"{process}/fd/{site.descriptor}",
                "userns": userns,
                "address": site.home.addresses[0],
            }
            for site in sites
        },
        "resolver": scenario.resolver.address,
    }


def _stop_descriptor() -> int:
    """Return a descriptor from which the numbers of signals can be read."""
    reader, writer = socket.socketpair()
    for end in (reader, writer):
        end.settimeout(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    writer.detach()
    return reader.detach()


def _say(words: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
