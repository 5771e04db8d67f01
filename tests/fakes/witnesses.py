"""Agents that may be witnesses, hops that they may be asked about, and a border without a map."""

from collections.abc import Mapping

import msgspec

from agent.records import Path, PathReply, Protocol, Stamp, WitnessReply
from collector.facts import knowledge
from collector.facts.regions import BY_NAME, JURISDICTIONS
from collector.judgement import borders
from collector.judgement.landmarks import Landmarks
from collector.judgement.witness import Witness
from collector.records import Jurisdiction, PathRecord, Place, Vantage
from collector.wall import wall_text
from tests.fakes.collector_durable import NOW_NS
from tests.fakes.paths import path, reply

KNOWLEDGE = knowledge.load()
FX = BY_NAME["FX"]
PARIS_HOP, LONDON_HOP, NAMELESS_HOP = "62.115.118.58", "62.115.134.138", "62.115.1.1"
PARIS_NAME, LONDON_NAME = "prs-bb1-link.ip.twelve99.net", "ldn-bb1-link.ip.twelve99.net"


def place(name: str, territory: str, latitude: float, longitude: float) -> Place:
    """Return a city."""
    return Place(
        name=name, territory=territory, latitude=latitude, longitude=longitude, radius_km=10.0
    )


CITIES = {
    "paris": place("Paris", "FR", 48.85341, 2.3488),
    "london": place("London", "GB", 51.50853, -0.12574),
    "slough": place("Slough", "GB", 51.50949, -0.59541),
    "reading": place("Reading", "GB", 51.45625, -0.97113),
    "luton": place("Luton", "GB", 51.87967, -0.41748),
    "oxford": place("Oxford", "GB", 51.75222, -1.25596),
    "croydon": place("Croydon", "GB", 51.38333, -0.1),
    "frankfurt": place("Frankfurt", "DE", 50.11552, 8.68417),
    "geneva": place("Geneva", "CH", 46.20222, 6.14569),
}


class Borders:
    """How far from each city the border of FX is, radius and tolerance taken off."""

    def __init__(self, other_km: Mapping[str, float] | None = None) -> None:
        self.km = {"Paris": 160.0, "Frankfurt": 116.0, "Geneva": -11.0, **(other_km or {})}

    def clear_km(self, place: Place, jurisdiction: Jurisdiction) -> float:
        """Answer for FX alone."""
        assert jurisdiction is FX
        return self.km.get(place.name, 122.0)


def agents(*names: str) -> list[Vantage]:
    """Return agents in these cities, called like them."""
    return [
        Vantage(name=n, agent_id=n.encode().ljust(16), token_sha256="0" * 64, place=CITIES[n])
        for n in names
    ]


def record(trace: Path) -> PathRecord:
    """Judge a path of the agent in Paris."""
    judged = borders.judge(
        trace, agent="paris", zone=None, knowledge=KNOWLEDGE, jurisdictions=JURISDICTIONS
    )
    return PathRecord(path=trace, judgement=judged)


def hops(*replies: PathReply) -> PathRecord:
    """Return the judged path over these answers, one a hop."""
    return record(path(*[[answer] for answer in replies], reached=False))


LONDON = reply(LONDON_HOP, LONDON_NAME, rtt_ms=5)
NAMELESS = reply(NAMELESS_HOP, rtt_ms=5)


class Asked:
    """A decider whose agents all listen."""

    def __init__(self, *names: str, borders: Borders | None = None) -> None:
        self.landmarks = Landmarks()
        self.agents = {agent.name: agent for agent in agents(*names)}
        self.witness = Witness(list(self.agents.values()), self.landmarks, borders or Borders())
        self.now_ns = NOW_NS
        self.listen(*names)

    def listen(self, *names: str) -> None:
        """Let these agents fetch their plans."""
        for name in names:
            self.witness.listen(name, self.now_ns)

    def doubt(self, found: PathRecord) -> dict[str, list[str]]:
        """Take a path of the agent in Paris; return who is asked for which addresses."""
        self.witness.doubt(found, CITIES["paris"], FX, self.now_ns)
        return self.open()

    def open(self) -> dict[str, list[str]]:
        """Return the addresses that each agent's plan holds."""
        plans = {name: self.witness.plan(name, self.now_ns).witness for name in self.agents}
        return {name: [task.address for task in tasks] for name, tasks in plans.items() if tasks}

    def answer(self, name: str, address: str, rtt_ms: float | None) -> None:
        """Let an agent reply."""
        silent = WitnessReply(address=address, sent_at=wall_text(self.now_ns))
        answered = msgspec.structs.replace(
            silent,
            rtt_min_ns=round((rtt_ms or 0) * 1e6),
            samples=3,
            protocol=Protocol.ICMP,
            stamp=Stamp.KERNEL,
        )
        told = silent if rtt_ms is None else answered
        self.witness.replied(name, address, answered=rtt_ms is not None)
        self.landmarks.hear(self.agents[name], told)
