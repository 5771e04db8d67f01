"""Shell: the field's tools inside the lab, and how far they see what the scenario says.

| level   | what the tool showed, beside the truth of the scenario (`deploy.lab.truth`)       |
| ------- | --------------------------------------------------------------------------------- |
| yes     | all of it: hops, labels where there are some, links of a diamond, every RTT       |
| part    | nothing false, and less than there is, by the nature of the tool: `why` says which |
| no      | something else                                                                    |
| refused | the tool does not run here                                                        |

Rules
- An RTT agrees within 0.3 ms, the best of a hop's answers counting: a busy machine only adds.
- A tool is asked up to five times before it is blamed: MDA misses a link at its own odds.
- The router with a limit gets a fresh lab for each tool, so that none pays for another.
"""

import contextlib
import functools
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks import readings
from benchmarks.readings import Hop, Links
from deploy.lab import truth
from deploy.lab.packets import FOUR
from deploy.lab.scenario import load
from deploy.lab.world import Scenario

ROOT = Path(__file__).resolve().parents[1]
WORLDS = ROOT / "benchmarks" / "field_worlds"
AGENT = "judge"
RTT_TOLERANCE_US = 300.0
ATTEMPTS = 5
PATIENCE_S = 120
LIMITED = "limited"
_LOSSY_PROBES = 10

LEVELS = ("refused", "yes", "part", "no")
"""From the best to the worst, for the choice among attempts."""
MISSED = "some links were not found"
Finding = list[float] | list[Hop] | Links
"""RTTs of the target in ms, the hops of a trace, or the links of a multipath trace."""
Verdict = tuple[tuple[str, ...], float | None, str, str]
"""What was compared, the RTT error in us, the level, and why."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one tool showed of one world in one family."""

    tool: str
    world: str
    family: int
    compared: tuple[str, ...]
    level: str
    rtt_error_us: float | None = None
    """The largest error of the best RTT of a hop."""
    why: str = ""


class Tool(NamedTuple):
    """One way to run a program of the field; the address comes last or in place of `{}`."""

    name: str
    package: str
    command: tuple[str, ...]
    read: Callable[[str], Finding]
    worlds: tuple[str, ...] = ()
    """Where it is asked; everywhere where this is empty."""


def _scamper(kind: str, method: str, *options: str) -> tuple[str, ...]:
    words = " ".join((kind, "-P", method, *options, "{}"))
    return ("scamper", "-O", "json", "-p", "1000", "-I", words)


_TRACEROUTE = ("traceroute", "-n", "-e", "-q", "2", "-N", "4", "-w", "1")
"""Four probes at once, not sixteen: it reads a burst late by itself."""
_MTR = ("mtr", "-n", "--json", "-c", "5", "-i", "0.1", "-G", "1", "-Z", "1")
_FANS = ("diamond", "uneven", "addresses")
TOOLS = (
    Tool("ping", "iputils-ping", ("ping", "-n", "-c", "10", "-i", "0.05"), readings.ping),
    Tool("fping", "fping", ("fping", "-C", "10", "-p", "50", "-q"), readings.fping),
    Tool("traceroute", "traceroute", _TRACEROUTE, readings.traceroute),
    Tool("traceroute -I", "traceroute", (*_TRACEROUTE, "-I"), readings.traceroute),
    Tool("traceroute -T", "traceroute", (*_TRACEROUTE, "-T", "-p", "80"), readings.traceroute),
    Tool("mtr", "mtr-tiny", _MTR, readings.mtr),
    Tool("mtr -u", "mtr-tiny", (*_MTR, "-u"), readings.mtr),
    Tool("scamper icmp", "scamper", _scamper("trace", "icmp-paris", "-w 1"), readings.scamper),
    Tool("scamper udp", "scamper", _scamper("trace", "udp-paris", "-w 1"), readings.scamper),
    Tool("scamper tcp", "scamper", _scamper("trace", "tcp", "-d 80"), readings.scamper, ("chain",)),
    *(
        Tool(
            f"tracelb {name}",
            "scamper",
            _scamper("tracelb", method, "-c 99", "-w 1", "-W 15"),
            readings.scamper_links,
            ("chain", *_FANS),
        )
        for name, method in (("icmp", "icmp-echo"), ("udp", "udp-dport"))
    ),
)
NATURE = {
    ("mtr", "mpls"): "mtr 0.95 has no place for label stacks in its report",
    ("mtr -u", "mpls"): "mtr 0.95 has no place for label stacks in its report",
    ("tracelb icmp", "addresses"): "the router hashes addresses alone: every echo takes one way",
}
"""Why a tool shows less than there is of a world, where its comparison cannot say it."""
REFUSALS = {
    "could not setgroups": "it drops its groups, which a user namespace does not let it do",
    '"probe_count":0': "it frames TCP itself, and a TUN device has no link layer: nothing is sent",
}


def worlds() -> list[str]:
    """List the worlds that the tools are asked about."""
    return sorted(file.stem for file in WORLDS.glob("*.toml"))


def measure(world: str) -> list[Row]:
    """Ask every tool about `world`, in both families.

    Those that look for links wait most of their time, so that they are asked side by side.
    """
    file = WORLDS / f"{world}.toml"
    scenario = load(str(file))
    target = scenario.targets[0]
    asked = [
        (tool, address)
        for address in (target.address, str(target.address6))
        for tool in TOOLS
        if not tool.worlds or world in tool.worlds
    ]
    patient = [(tool, address) for tool, address in asked if tool.read is readings.scamper_links]
    rows = []
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(_lab(file))
        for tool, address in asked:
            if (tool, address) not in patient:
                if world == LIMITED:
                    lab = stack.enter_context(_lab(file))
                rows.append(_ask(lab, scenario, tool, world, address))
        ask = functools.partial(_ask, lab, scenario, world=world)
        with ThreadPoolExecutor() as pool:
            found = pool.map(lambda one: ask(tool=one[0], address=one[1]), patient)
            rows.extend(found)
    return rows


def path_mtus(family: int) -> dict[int, int]:
    """Return where `traceroute --mtu` learns a size on the way over the narrow link."""
    file = WORLDS / "narrow.toml"
    target = load(str(file)).targets[0]
    address = target.address if family == FOUR else str(target.address6)
    with _lab(file) as lab:
        done = _run(lab, ["traceroute", "-n", "--mtu", "-q", "1", "-w", "1", address])
    return readings.mtus(done.stdout)


def limited_loss() -> list[float]:
    """Return the loss in percent that mtr reports for each hop before the router with a limit."""
    file = WORLDS / f"{LIMITED}.toml"
    command = ["mtr", "-n", "--json", "-c", str(_LOSSY_PROBES), "-i", "0.05", "-G", "1", "-Z", "1"]
    with _lab(file) as lab:
        done = _run(lab, [*command, load(str(file)).targets[0].address])
    return readings.mtr_losses(done.stdout)


@contextlib.contextmanager
def _lab(file: Path) -> Iterator[list[str]]:
    """Play a scenario; give the words that run a command where the agent lives."""
    lab = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", "deploy.lab", str(file)], stdout=subprocess.PIPE, cwd=ROOT
    )
    if lab.stdout is None:
        raise AssertionError
    with lab.stdout:
        try:
            home = msgspec.json.decode(lab.stdout.readline())["namespaces"][AGENT]
            userns = [] if home["userns"] is None else ["--userns", home["userns"]]
            enter = [sys.executable, "-m", "deploy.lab.enter", "--netns", home["netns"], *userns]
            yield [*enter, "--"]
        finally:
            lab.terminate()
            lab.wait()


def _run(lab: Sequence[str], command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - a tool of the field, inside the namespace
        [*lab, *command], capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_S, check=False
    )


def _ask(lab: Sequence[str], scenario: Scenario, tool: Tool, world: str, address: str) -> Row:
    """Ask a tool until it shows what it can, a bounded number of times; return its best answer."""
    command = [word.replace("{}", address) for word in tool.command]
    if command == list(tool.command):
        command.append(address)
    rows: list[Row] = []
    for _ in range(ATTEMPTS):
        rows.append(_row(scenario, tool, world, address, _run(lab, command)))
        if rows[-1].level != "no" and (rows[-1].why != MISSED or (tool.name, world) in NATURE):
            break
    best = min(rows, key=lambda row: LEVELS.index(row.level))
    if best.level == "part":
        return msgspec.structs.replace(best, why=NATURE.get((tool.name, world), best.why))
    return best


def _row(
    scenario: Scenario,
    tool: Tool,
    world: str,
    address: str,
    done: subprocess.CompletedProcess[str],
) -> Row:
    refusals = [why for word, why in REFUSALS.items() if word in done.stdout + done.stderr]
    verdict: Verdict = (), None, "refused", "".join(refusals)
    if not refusals:
        try:
            found = tool.read(done.stderr if tool.name == "fping" else done.stdout)
            verdict = _judged(scenario, address, found)
        except (ValueError, KeyError, IndexError) as error:
            said = (done.stderr or done.stdout).strip()[:200]
            verdict = (), None, "no", f"unreadable ({error!r}): {said}"
    compared, error_us, level, why = verdict
    return Row(
        tool=tool.name,
        world=world,
        family=6 if ":" in address else 4,
        compared=compared,
        level=level,
        rtt_error_us=error_us if error_us is None else round(error_us, 1),
        why=why,
    )


def _judged(scenario: Scenario, address: str, found: Finding) -> Verdict:
    """Compare what a tool found with the truth."""
    all_flows = truth.multipath(scenario, AGENT, address)
    if isinstance(found, frozenset):
        return (("links",), None, *_judge_links(found, all_flows.links))
    hops = truth.expected_hops(scenario, AGENT, address)
    if found and not isinstance(found[0], Hop):
        best_ms = min(time for time in found if isinstance(time, float))
        error_us = abs(best_ms - hops[-1].rtt_ms) * 1000
        return ("rtt",), error_us, *_judge_rtt(error_us)
    seen = [hop for hop in found if isinstance(hop, Hop)]
    error_us = _worst_us(seen, hops)
    aspects = ("hops", "labels", "rtt") if any(hop.labels for hop in hops) else ("hops", "rtt")
    judged = (
        _judge_hops(seen, hops, all_flows.hops),
        _judge_rtt(error_us),
        _judge_labels(seen, hops),
    )
    return aspects, error_us, *max(judged, key=lambda one: LEVELS.index(one[0]))


def _judge_links(found: Links, real: Links) -> tuple[str, str]:
    if found - real:
        return "no", f"links that do not exist: {sorted(found - real)}"
    if found != real:
        return "part", MISSED
    return "yes", ""


def _judge_hops(
    seen: Sequence[Hop], hops: Sequence[truth.Hop], all_flows: Sequence[frozenset[str]]
) -> tuple[str, str]:
    found = [set(hop.addresses) for hop in seen]
    if len(found) != len(hops):
        return "no", f"{len(found)} hops, not {len(hops)}"
    wide = any(len(addresses) > 1 for addresses in all_flows)
    possible = [set() if hop.silent else set(at) for hop, at in zip(hops, all_flows, strict=True)]
    for ttl, (shown, real) in enumerate(zip(found, possible, strict=True), 1):
        if shown - real or (real and not shown):
            return "no", f"TTL {ttl}: {sorted(shown)}, not {sorted(real)}"
    if wide and found != possible:
        return "part", "one way, or pieces of several, of those that flows share"
    return "yes", ""


def _judge_labels(seen: Sequence[Hop], hops: Sequence[truth.Hop]) -> tuple[str, str]:
    found = [tuple(label for label, _ in hop.labels) for hop in seen]
    if found == [hop.labels for hop in hops]:
        return "yes", ""
    return ("part", "no label is shown") if not any(found) else ("no", f"labels {found}")


def _judge_rtt(error_us: float) -> tuple[str, str]:
    if error_us <= RTT_TOLERANCE_US:
        return "yes", ""
    return "no", f"an RTT is {error_us:.0f} us off"


def _worst_us(seen: Sequence[Hop], hops: Sequence[truth.Hop]) -> float:
    pairs = zip(seen, hops, strict=False)
    errors = [abs(min(one.rtts_ms) - real.rtt_ms) for one, real in pairs if one.rtts_ms]
    return max(errors, default=0.0) * 1000
