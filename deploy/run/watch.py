"""Shell: what a run on this host shows while it works, and at its end.

Rules
- On a terminal: the table of the demo, every second, and below it how the zones do.
- Elsewhere: a line when something changed, at most every few seconds, so that a log stays short.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from collector.facts.regions import demanded
from collector.records import Zone
from deploy.lab import outcome
from deploy.lab.live import Demands, announce, screen
from deploy.lab.outcome import Answers
from deploy.run.standing import Standing
from deploy.run.states import State, sentence

REFRESH_S = 1.0
PLAIN_EVERY = 5
"""Refreshes between two lines where there is no terminal."""


class Shown(Protocol):
    """What is shown: both programs of this host."""

    name: str
    """What the agent is called."""
    address: str
    """Where the page answers."""

    async def answers(self) -> Answers:
        """Ask the collector for everything that is shown."""
        ...

    async def states(self) -> Mapping[str, State]:
        """Ask the agent what came of each zone."""
        ...


class Watch:
    """Shows one host until its time is over."""

    def __init__(
        self, host: Shown, console: Console, zones: Sequence[Zone], standing: Standing
    ) -> None:
        """Show `host` on `console`."""
        self._host = host
        self._console = console
        self._asked: Demands = {
            (host.name, zone.ident): demanded(standing.territory, zone.place.territory)
            for zone in zones
        }
        self._said = ""
        self._told: set[tuple[str, str]] = set()

    async def until(self, stop: asyncio.Event, for_s: float) -> None:
        """Show the newest state until `stop` is set or `for_s` are over."""
        loop = asyncio.get_running_loop()
        began_s, turn = loop.time(), 0
        live = self._console.is_terminal
        view = Live(console=self._console, auto_refresh=False) if live else None
        with view or contextlib.nullcontext():
            while not stop.is_set() and (rest_s := for_s - (loop.time() - began_s)) > 0:
                answers, states = await self._host.answers(), await self._host.states()
                if view is not None:
                    view.update(self._screen(answers, states), refresh=True)
                elif turn % PLAIN_EVERY == 0:
                    self._say(answers, states)
                turn += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), min(REFRESH_S, rest_s))

    def over(self, answers: Answers, states: Mapping[str, State]) -> None:
        """Show the whole run."""
        table = screen(_asked_only(answers, states), self._asked, self._host.address, over=True)
        self._console.print(table)
        self._console.print(sentence(states), soft_wrap=True)

    def _screen(self, answers: Answers, states: Mapping[str, State]) -> Group:
        table = screen(_asked_only(answers, states), self._asked, self._host.address)
        return Group(Text(sentence(states)), table)

    def _say(self, answers: Answers, states: Mapping[str, State]) -> None:
        announce(self._console, answers, self._told)
        if (now := sentence(states)) != self._said:
            self._said = now
            self._console.print(now, soft_wrap=True)


def line(answers: Answers, states: Mapping[str, State]) -> str:
    """Return the line of `JSON=1`: that of the demo, and the state of each zone."""
    told = msgspec.json.decode(outcome.line(_asked_only(answers, states)))
    told["states"] = {zone: state.value for zone, state in states.items()}
    return msgspec.json.encode(told).decode()


def _asked_only(answers: Answers, states: Mapping[str, State]) -> Answers:
    """Return the answers without zones that nothing was sent to: they have no loss."""
    sent = {zone for zone, state in states.items() if state in {State.ANSWERS, State.SILENT}}

    def kept(rows: outcome.Row) -> outcome.Row:
        return {**rows, "zones": [row for row in rows["zones"] if row["zone"] in sent]}

    return msgspec.structs.replace(
        answers, zones=kept(answers.zones), recent_zones=kept(answers.recent_zones)
    )
