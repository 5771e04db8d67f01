"""Shell: the demo's screen: what the collector says, as a table that a person reads."""

from collections.abc import Mapping

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from collector.facts.regions import demanded
from deploy.lab import outcome
from deploy.lab.outcome import Answers, Row
from deploy.lab.world import Scenario

WORDS: Mapping[str, tuple[str, str]] = {
    "PROVEN_OUTSIDE": ("OUTSIDE, proven", "bold red"),
    "SUPPORTED_OUTSIDE": ("OUTSIDE", "red"),
    "CONTRADICTORY": ("contradictory", "magenta"),
    "UNDETERMINED": ("undetermined", "yellow"),
    "SUPPORTED_INSIDE": ("inside", "green"),
    "PROVEN_INSIDE": ("inside, proven", "bold green"),
}
"""How a verdict is written on the screen, and its colour."""

LATE_US = 1000
"""How late a packet in a hundred may be handed on before the run is marked."""

Demands = Mapping[tuple[str, str], str | None]
"""The jurisdiction that the default policy demands of each (agent, zone)."""


def demands(scenario: Scenario) -> Demands:
    """Return what is demanded of each agent's path to each zone; None where nothing is."""
    return {
        (agent.name, f"{target.provider}/{target.region}"): demanded(
            scenario.declared(agent).country, target.country
        )
        for agent in scenario.agents
        for target in scenario.targets
    }


def screen(answers: Answers, asked: Demands, address: str, *, over: bool = False) -> Group:
    """Return the whole screen; `over` shows the whole run instead of the last half minute."""
    zones = answers.zones if over else answers.recent_zones
    foot = [] if over else [Text(f"page: {address}/    Ctrl-C ends everything", "dim")]
    table = _table(zones, answers.paths, asked)
    return Group(table, Text(), *_crossings(answers), *foot)


def announce(console: Console, answers: Answers, told: set[tuple[str, str]]) -> None:
    """Print each crossing once when it is confirmed and once when it ends."""
    for row in outcome.crossings(answers):
        state = "ended" if row["ended_at"] else "confirmed"
        if (row["id"], state) not in told:
            told.add((row["id"], state))
            console.print(story(answers.began_ns, row), soft_wrap=True)


def lateness(p99_us: float) -> str | None:
    """Return what to say where the lab itself was too late for its times to be believed."""
    if p99_us <= LATE_US:
        return None
    return f"the lab was late: p99 {p99_us / 1000:.1f} ms; times of this run are not to be trusted"


def story(began_ns: int, row: Row) -> str:
    """Return one crossing as a sentence; times in seconds since the scenario began."""
    seen, confirmed, ended = (
        outcome.seconds_since(began_ns, row[key])
        for key in ("first_seen", "confirmed_at", "ended_at")
    )
    leaves, when = ("leaves", f"since {seen:.1f} s")
    if ended is not None:
        leaves, when = ("left", f"from {seen:.1f} s to {ended:.1f} s")
    return (
        f"{row['agent']} → {row['zone']} {leaves} {row['jurisdiction']}"
        f" {when}: {' → '.join(row['countries'])}, {row['verdict']},"
        f" confirmed {confirmed:.1f} s, evidence {row['evidence'][:12]}"
    )


def _crossings(answers: Answers) -> list[Text]:
    """Return a line per crossing, those that go on in red."""
    return [
        Text(story(answers.began_ns, row), "yellow" if row["ended_at"] else "bold red")
        for row in outcome.crossings(answers)
    ] or [Text("no crossing so far", "dim")]


def _table(zones: Row, paths: Row, asked: Demands) -> Table:
    """Return a row per agent and zone; RTTs in milliseconds."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("agent", "zone"):
        table.add_column(heading, no_wrap=True)
    for heading in ("p50 ms", "p90", "p99", "loss"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("route", "territory", "held by"):
        table.add_column(heading, no_wrap=True)
    routes = _routes(paths, asked)
    for row in sorted(zones["zones"], key=lambda row: (row["agent"] != "paris", row["agent"])):
        key = (row["agent"], f"{row['provider']}/{row['region']}")
        path = routes.get(key)
        table.add_row(
            *key,
            *(_milliseconds(row[name]) for name in ("p50_s", "p90_s", "p99_s")),
            _percent(row["loss_ratio"]),
            " ".join(path["countries"]) if path else "",
            _verdict(path, asked.get(key)),
            _holders(path, asked.get(key)),
        )
    return table


def _routes(paths: Row, asked: Demands) -> Mapping[tuple[str, str], Row]:
    """Return a newest path of each (agent, zone): of several the worst for what is demanded."""
    chosen: dict[tuple[str, str], tuple[int, Row]] = {}
    for path in outcome.newest(paths).values():
        key = (path["agent"], path["zone"])
        verdict = outcome.verdict(path, asked.get(key))
        rank = len(WORDS) if verdict is None else outcome.severity(verdict)
        chosen[key] = min(chosen.get(key, (rank, path)), (rank, path), key=lambda pair: pair[0])
    return {key: path for key, (_, path) in chosen.items()}


def _verdict(path: Row | None, jurisdiction: str | None) -> Text:
    """Return the verdict for the demanded jurisdiction; a dash where nothing is demanded."""
    if jurisdiction is None:
        return Text("-", "dim")
    verdict = outcome.verdict(path, jurisdiction) if path else None
    if verdict is None:
        return Text(f"{jurisdiction} ...", "dim")
    words, colour = WORDS[verdict["verdict"]]
    return Text(f"{jurisdiction} {words}", colour)


def _holders(path: Row | None, jurisdiction: str | None) -> Text:
    """Return the countries of the groups that hold the equipment, those outside in red.

    A question mark stands for hops of which nobody knows the group.
    """
    verdict = outcome.verdict(path, jurisdiction, "administration") if path else None
    if path is None or verdict is None:
        return Text("-", "dim")
    text = Text()
    for country, where in _groups(path, verdict):
        text.append(f"{country} ", "red" if where == "outside" else "")
    if verdict["coverage"]["hops_with_evidence"] < verdict["coverage"]["hops_responding"]:
        text.append("?", "yellow")
    text.rstrip()
    return text


def _groups(path: Row, verdict: Row) -> list[tuple[str, str]]:
    """Return (country, what the hop is to the jurisdiction) along the worst flow, each once."""
    found: dict[tuple[str, str], None] = {}
    for hop in path["hops"]:
        held = hop["administration"]
        if verdict["flow"] in hop["flows"] and held["group_country"] is not None:
            found[held["group_country"], held["verdicts"][verdict["jurisdiction"]]] = None
    return list(found)


def _milliseconds(value_s: float | None) -> str:
    """Return seconds as milliseconds with two decimals, a dash for none."""
    return "-" if value_s is None else f"{value_s * 1000:.2f}"


def _percent(ratio: float | None) -> str:
    """Return a ratio as a percentage, a dash for none."""
    return "-" if ratio is None else f"{ratio:.1%}"
