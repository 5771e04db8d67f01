"""What each zone has done, from the metrics of an agent."""

import pytest

from agent.metrics import TABLE
from deploy.run.states import State, sentence, states

LABELS = 'agent="vm",family="{family}",protocol="icmp",target="t",zone="{zone}"'


def metric(name: str, zone: str, value: int, family: int = 4, reason: str = "") -> str:
    """Return one line of an exposition."""
    labels = LABELS.format(zone=zone, family=family) + (f',reason="{reason}"' if reason else "")
    return f"{name}{{{labels}}} {value}.0\n"


def exposed(*lines: str) -> str:
    """Return an exposition with its types, as an agent serves it."""
    types = "".join(f"# TYPE {name} counter\n" for name in TABLE if name.endswith("_total"))
    return types + "".join(lines)


REPLY, REQUEST, ERROR = (f"borne_probe_{name}_total" for name in ("replies", "requests", "errors"))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], State.WAITING),
        ([metric(REPLY, "a/b", 0), metric(REQUEST, "a/b", 0)], State.WAITING),
        ([metric(ERROR, "a/b", 3, reason="unresolved")], State.UNRESOLVED),
        ([metric(ERROR, "a/b", 3, reason="send_failed")], State.UNSENT),
        ([metric(REQUEST, "a/b", 3), metric(ERROR, "a/b", 3, reason="timeout")], State.SILENT),
        ([metric(REQUEST, "a/b", 3), metric(REPLY, "a/b", 1)], State.ANSWERS),
        ([metric(REPLY, "a/b", 1), metric(ERROR, "a/b", 9, 6, "send_failed")], State.ANSWERS),
        ([metric(REQUEST, "a/b", 1, 6), metric(ERROR, "a/b", 9, 4, "unresolved")], State.SILENT),
        ([metric(REPLY, "other/zone", 1)], State.WAITING),
    ],
)
def test_a_zone_is_as_good_as_its_best(lines: list[str], expected: State) -> None:
    """Whatever target or family came furthest speaks for the zone."""
    assert states(exposed(*lines), ["a/b"]) == {"a/b": expected}


def test_where_nothing_answers_it_is_said_first() -> None:
    """The sentence counts what came instead, and that it goes on."""
    found = {
        "a/1": State.SILENT,
        "a/2": State.UNRESOLVED,
        "a/3": State.UNRESOLVED,
        "a/4": State.WAITING,
    }
    assert sentence(found) == (
        "no zone has answered yet: 1 silent, 2 no address, 1 not asked yet; trying again"
    )


def test_the_others_are_named() -> None:
    """Beside the count of those that answer, the others by name; a long list is cut."""
    found = {"a/0": State.ANSWERS, "a/1": State.SILENT, "a/2": State.UNSENT}
    found |= {f"b/{number}": State.UNRESOLVED for number in range(8)}
    assert sentence(found) == (
        "1 of 11 zones answer; silent: a/1; no way there: a/2;"
        " no address: b/0, b/1, b/2, b/3, b/4, b/5 and 2 more"
    )


def test_all_is_well() -> None:
    """Where all answer there is nothing else to say."""
    assert sentence({"a/1": State.ANSWERS}) == "1 of 1 zones answer"
