"""Bytes: the agents as the API and the page show them: where they say they are, and who tested it.

Rules
- Nobody verifies a position. What the others' times say of it is told as what it is: not refuted.
- Tokens, ids and addresses of agents are shown to nobody.
"""

from collections.abc import Mapping, Sequence

from collector.gate.intake import Reader
from collector.judgement import sentences
from collector.positions import Position
from collector.records import Vantage
from collector.wall import wall_text
from collector.web.api import Value


def agents(reader: Reader, declared: Sequence[Vantage]) -> Value:
    """Answer `/v1/agents`: each agent of the settings with what is known of its position."""
    found, delivered = reader.positions(), reader.last_batch_ns()
    return {
        "agents": [
            _agent(agent, found.get(agent.name, Position()), delivered.get(agent.name, 0))
            for agent in declared
        ]
    }


def rows(reader: Reader, declared: Sequence[Vantage]) -> list[dict[str, str]]:
    """Return the agents as the page shows them."""
    found = reader.positions()
    return [
        {
            "name": agent.name,
            "place": f"{agent.place.name}, {agent.place.territory}",
            "radius": f"{agent.place.radius_km:g}",
            "state": found.get(agent.name, Position()).state,
            "says": found.get(agent.name, Position()).says,
            "by": sentences.listed(found.get(agent.name, Position()).by),
        }
        for agent in declared
    ]


def refuted(found: Mapping[str, Position]) -> tuple[str, ...]:
    """Return a sentence for each agent that is not where it is declared."""
    return tuple(
        f"{name} does not stand where it is declared: its times to "
        f"{sentences.listed(position.by)} are too short for that. It proves and refutes nothing."
        for name, position in sorted(found.items())
        if position.state == "refuted"
    )


def _agent(agent: Vantage, position: Position, last_ns: int) -> Value:
    place = agent.place
    return {
        "name": agent.name,
        "city": place.name,
        "territory": place.territory,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "radius_km": place.radius_km,
        "last_batch_at": wall_text(last_ns) if last_ns else None,
        "position": "untested" if position.state == "untested" else position.says,
        "by": position.by,
    }
