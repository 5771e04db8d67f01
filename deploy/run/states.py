"""Decider: what each zone of the catalogue has done so far, from the agent's own metrics.

    replies   requests   send failed   unresolved   state
    > 0       any        any           any          answers
    0         > 0        any           any          silent
    0         0          > 0           any          no way there
    0         0          0             > 0          no address
    0         0          0             0            not asked yet

Rules
- A zone is as good as the best of its targets and families.
- What a zone has once answered is not forgotten: how it does now is told by its loss.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from prometheus_client.parser import text_string_to_metric_families

NAMED = 6
"""Zones that a sentence names before it only counts them."""


class State(Enum):
    """What came of a zone, the best first: the order of the table above."""

    ANSWERS = "answer"
    SILENT = "silent"
    UNSENT = "no way there"
    UNRESOLVED = "no address"
    WAITING = "not asked yet"


_TOLD: Mapping[tuple[str, str | None], State] = {
    ("borne_probe_replies_total", None): State.ANSWERS,
    ("borne_probe_requests_total", None): State.SILENT,
    ("borne_probe_errors_total", "send_failed"): State.UNSENT,
    ("borne_probe_errors_total", "unresolved"): State.UNRESOLVED,
}
"""What a counter above zero says of its zone."""


def states(metrics: str, zones: Iterable[str]) -> Mapping[str, State]:
    """Return the state of each of `zones` (`provider/region`) by the text of `/metrics`."""
    seen = _seen(metrics)
    return {zone: next(each for each in State if each in seen[zone]) for zone in zones}


def sentence(found: Mapping[str, State]) -> str:
    """Return in one sentence how the zones do; where none answers that comes first."""
    parts = {state: [zone for zone, its in found.items() if its is state] for state in State}
    answering = parts.pop(State.ANSWERS)
    told = [f"{state.value}: {_some(zones)}" for state, zones in parts.items() if zones]
    if not answering:
        counts = [f"{len(zones)} {state.value}" for state, zones in parts.items() if zones]
        return f"no zone has answered yet: {', '.join(counts)}; trying again"
    return "; ".join([f"{len(answering)} of {len(found)} zones answer", *told])


def _some(zones: Sequence[str]) -> str:
    rest = len(zones) - NAMED
    return ", ".join(zones[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _seen(metrics: str) -> Mapping[str, set[State]]:
    """Return by zone every state that a counter above zero speaks for; waiting for all."""
    seen: defaultdict[str, set[State]] = defaultdict(lambda: {State.WAITING})
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            told = _TOLD.get((sample.name, sample.labels.get("reason")))
            if told is not None and sample.value > 0:
                seen[sample.labels["zone"]].add(told)
    return seen
