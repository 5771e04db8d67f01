"""Shell: questions to a store's directory, without the collector that may be using it.

Rules
- No lock is taken and nothing is written. What is answered is what the last checkpoint says, as the
  collector would have answered then; what came later is in the journal, and not looked for.
- A segment that is gone when its turn comes was replaced meanwhile: the question begins again with
  the list of now. Where that list still has it, it is missing, and said to be.
- "Now" is where the store ends, so that the last hour of an old store is its last hour.
"""

import threading
from pathlib import Path
from typing import Any, Final

import msgspec

from collector.errors import StoreError
from collector.facts import knowledge
from collector.listed import SEALED_S
from collector.recovery import Rooms
from collector.settings.answerlimits import AnswerLimits
from collector.state import Checkpoint, State
from collector.store import checkpoints
from collector.store.bundles import Bundles
from collector.web import api, questions
from collector.web.parameters import Pairs
from collector.web.reader import StoreReader

_S_NS: Final = 1_000_000_000
_ATTEMPTS: Final = 5
_LIMITS: Final = AnswerLimits(
    answer_points=10_000_000, answer_steps=1_000_000, answer_range_s=3660 * 86_400
)
"""Whoever reads his own disk spares nobody else."""


class Onlooker:
    """Answers from the directory of a store."""

    def __init__(self, directory: Path) -> None:
        """Look at `directory` at each question."""
        self._rooms = Rooms(directory)

    def ask(self, question: str, pairs: Pairs) -> dict[str, Any]:
        """Return the answer to one of `collector.web.tabular.FLAT`, as JSON of the API gives it.

        Raises:
            RefusedError: A parameter is wrong.
            StoreError: There is no store, or it is damaged.
        """
        asked = list(pairs)
        for _ in range(_ATTEMPTS):
            checkpoint = checkpoints.glance(self._rooms.home)
            try:
                answer = self._answer(checkpoint, question, asked)
            except StoreError:
                if checkpoints.glance(self._rooms.home).segments == checkpoint.segments:
                    raise
            else:
                found: dict[str, Any] = msgspec.to_builtins(answer)
                return found
        raise StoreError(
            f"read {self._rooms.segments}: its segments were replaced {_ATTEMPTS} times while they"
            " were read; ask for less, or ask the collector itself"
        )

    def _answer(self, checkpoint: Checkpoint, question: str, pairs: Pairs) -> dict[str, api.Value]:
        state = State(knowledge.load(), (), checkpoint, width_ns=SEALED_S * _S_NS, grace_ns=0)
        reader = StoreReader(
            state,
            threading.Lock(),
            segments_directory=self._rooms.segments,
            listed=list(checkpoint.segments),
            bundles=Bundles(self._rooms.evidence),
            agents=(),
        )
        match question:
            case "zones":
                range_ = questions.zones_query(pairs, _end_ns(state, checkpoint), _LIMITS)
                return api.zones(reader, range_)
            case "series":
                end_ns = _end_ns(state, checkpoint)
                query, _ = questions.series_query(pairs, end_ns, SEALED_S, _LIMITS)
                return api.series(reader, query)
            case "worst":
                worst = questions.worst_query(pairs, _end_ns(state, checkpoint), _LIMITS)
                return api.worst(reader, worst)
            case "paths":
                return api.paths(reader, questions.paths_query(pairs))
            case "crossings":
                return api.crossings(reader, questions.episodes_query(pairs))
            case "findings":
                return api.findings(reader, questions.episodes_query(pairs))
        raise AssertionError(f"{question} is no question of lists")


def _end_ns(state: State, checkpoint: Checkpoint) -> int:
    """Return the end of the last window that the store has."""
    starts = [int(state.unsegmented().start_ns.max(initial=0))]
    starts += [row.last_ns for row in checkpoint.segments if row.kind == "windows"]
    return max(starts) + SEALED_S * _S_NS
