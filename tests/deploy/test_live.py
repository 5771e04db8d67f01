"""The demo's screen says in words what the collector answered."""

import io
from typing import Any

import pytest
from rich.console import Console

from deploy.lab import outcome
from deploy.lab.live import announce, demands, lateness, screen
from deploy.lab.scenario import load

BEGAN = "2026-11-24T10:00:00Z"
CROSSING = {
    "id": "c1",
    "agent": "paris",
    "target": "192.0.2.1",
    "zone": "a/b",
    "jurisdiction": "FX",
    "verdict": "SUPPORTED_OUTSIDE",
    "countries": ["FR", "DE", "FR"],
    "first_seen": "2026-11-24T10:00:20.25Z",
    "confirmed_at": "2026-11-24T10:00:30Z",
    "ended_at": None,
    "evidence": "ab" * 32,
}
OPEN = (
    "paris → a/b leaves FX since 20.2 s: FR → DE → FR, SUPPORTED_OUTSIDE,"
    " confirmed 30.0 s, evidence abababababab"
)
ENDED = (
    "paris → a/b left FX from 20.2 s to 50.0 s: FR → DE → FR, SUPPORTED_OUTSIDE,"
    " confirmed 30.0 s, evidence abababababab"
)


def _zone(agent: str, region: str, p50_s: float | None) -> dict[str, Any]:
    ratio = None if p50_s is None else 0.015
    times = dict.fromkeys(("p50_s", "p90_s", "p99_s"), p50_s)
    return {"agent": agent, "provider": "a", "region": region, "loss_ratio": ratio} | times


def _verdict(jurisdiction: str, axis: str, verdict: str) -> dict[str, Any]:
    coverage = {"hops_responding": 3, "hops_with_evidence": 2}
    about = {"jurisdiction": jurisdiction, "axis": axis, "verdict": verdict}
    return about | {"flow": 0, "coverage": coverage}


def _hop(country: str | None, word: str, flow: int = 0) -> dict[str, Any]:
    held = {"group_country": country, "verdicts": {"FX": word, "EU": word}}
    return {"flows": [flow], "administration": held}


def _path(family: int, countries: list[str], on_territory: str) -> dict[str, Any]:
    return {
        "agent": "paris",
        "target": "192.0.2.1",
        "family": family,
        "zone": "a/b",
        "countries": countries,
        "verdicts": [
            _verdict("EU", "territory", "SUPPORTED_INSIDE"),
            _verdict("FX", "territory", on_territory),
            _verdict("FX", "administration", "SUPPORTED_OUTSIDE"),
        ],
        "hops": [
            _hop("FR", "inside"),
            _hop(None, "unknown"),
            _hop("US", "outside"),
            _hop("GB", "outside", flow=1),
        ],
    }


def _answers(*crossings: dict[str, Any]) -> outcome.Answers:
    paths = [
        _path(4, ["FR"], "SUPPORTED_INSIDE"),
        _path(6, ["FR", "DE", "FR"], "SUPPORTED_OUTSIDE"),
    ]
    zones = {"zones": [_zone("london", "c", None), _zone("paris", "b", 0.01)]}
    return outcome.Answers(
        scenario="timed",
        began_ns=outcome.nanoseconds(BEGAN),
        zones=zones,
        recent_zones=zones,
        paths={"paths": paths},
        crossings={"crossings": list(crossings)},
    )


def _lines(answers: outcome.Answers, **asked: str | None) -> list[str]:
    console = Console(width=120, record=True, file=io.StringIO())
    wanted = {("paris", "a/b"): asked.get("paris"), ("london", "a/c"): asked.get("london")}
    console.print(screen(answers, wanted, "http://127.0.0.1:1"))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_a_row_says_times_loss_route_and_the_demanded_verdict() -> None:
    """Paris comes first, with its worse family and who holds it; else a dash stands there."""
    _, paris, london, *_ = _lines(_answers(), paris="FX", london=None)

    assert " ".join(paris.split()) == (
        "paris a/b 10.00 10.00 10.00 1.5% FR DE FR FX OUTSIDE FR US ?"
    )
    assert " ".join(london.split()) == "london a/c - - - - - -"


def test_a_demand_without_a_path_waits() -> None:
    """Before the first round the verdict is three dots, not a guess."""
    assert _lines(_answers(), london="EU")[2].endswith("EU ...     -")


@pytest.mark.parametrize(("ended", "expected"), [(None, OPEN), ("2026-11-24T10:00:50Z", ENDED)])
def test_a_crossing_is_one_sentence(ended: str | None, expected: str) -> None:
    """An episode that goes on and one that ended are told apart by their words."""
    assert expected in _lines(_answers(CROSSING | {"ended_at": ended}))


def test_without_a_crossing_the_screen_says_so() -> None:
    """The absence of crossings is said, with the page's address below it."""
    assert _lines(_answers())[-2:] == [
        "no crossing so far",
        "page: http://127.0.0.1:1/    Ctrl-C ends everything",
    ]


def test_each_change_is_announced_once() -> None:
    """Without a terminal a crossing is told when confirmed and when ended, and not again."""
    console = Console(width=120, record=True, file=io.StringIO())
    told: set[tuple[str, str]] = set()
    ended = CROSSING | {"ended_at": "2026-11-24T10:00:50Z"}

    for crossing in (CROSSING, CROSSING, ended, ended):
        announce(console, _answers(crossing), told)

    assert console.export_text().splitlines() == [OPEN, ENDED]


def test_demands_follow_the_default_policy() -> None:
    """Paris to a French zone demands FX, to Frankfurt EU, to London nothing."""
    asked = demands(load("inside"))

    assert asked["paris", "aws/eu-west-3"] == "FX"
    assert asked["paris", "aws/eu-central-1"] == "EU"
    assert asked["paris", "aws/eu-west-2"] is None


@pytest.mark.parametrize(
    ("p99_us", "says"),
    [
        (1000.0, None),
        (3210.0, "the lab was late: p99 3.2 ms; times of this run are not to be trusted"),
    ],
)
def test_a_late_lab_is_marked(p99_us: float, says: str | None) -> None:
    """Above a millisecond in one packet of a hundred, people are told not to trust the times."""
    assert lateness(p99_us) == says
