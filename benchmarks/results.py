"""Words: what a benchmark says, and the file that holds it."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

FILE = Path(__file__).parent / "results.json"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One goal, measured; `peer`, `peer_name` and `ratio` are None where there is no peer."""

    claim: str
    unit: str
    ours: float
    peer: float | None
    peer_name: str | None
    ratio: float | None
    """Above 1 means that ours is better."""
    goal: str
    holds: bool
    """Whether the goal was met in this very run."""
    spread: str
    """Smallest and largest of our figures in this run."""


def alone(
    claim: str,
    unit: str,
    ours: Sequence[float],
    *,
    at_most: float | None = None,
    at_least: float | None = None,
) -> Result:
    """Return the result of a claim without a peer: the median of `ours` against one bound."""
    middle = statistics.median(ours)
    goals = [f"<= {at_most:g} {unit}"] if at_most is not None else []
    goals += [f">= {at_least:g} {unit}"] if at_least is not None else []
    return Result(
        claim=claim,
        unit=unit,
        ours=round(middle, 3),
        peer=None,
        peer_name=None,
        ratio=None,
        goal=" and ".join(goals),
        holds=(at_most is None or middle <= at_most) and (at_least is None or middle >= at_least),
        spread=_spread(ours),
    )


def faster(
    claim: str, unit: str, ours: Sequence[float], peer: Sequence[float], peer_name: str, goal: float
) -> Result:
    """Return the result of two rates measured in turn; the ratio is the median of the pairs'."""
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, peer, strict=True))
    return Result(
        **_pair(claim, unit, ours, peer, peer_name, ratio),
        goal=f">= {goal:g}x",
        holds=ratio >= goal,
    )


def less(
    claim: str, unit: str, ours: Sequence[float], peer: Sequence[float], peer_name: str, goal: float
) -> Result:
    """Return the result of two costs measured in turn; ours must be that part of the peer's."""
    ratio = statistics.median(theirs / mine for mine, theirs in zip(ours, peer, strict=True))
    return Result(
        **_pair(claim, unit, ours, peer, peer_name, ratio),
        goal=f"<= {goal:g}x",
        holds=ratio >= 1 / goal,
    )


def each(*parts: Callable[[], Iterable[Result]]) -> Iterator[Result]:
    """Yield what each part measures; what fails is raised when all have had their turn."""
    failures: list[Exception] = []
    for part in parts:
        try:
            yield from part()
        except Exception as error:  # noqa: BLE001 - any of them, and all are raised below
            failures.append(error)
    if failures:
        raise ExceptionGroup("some of it could not be measured", failures)


def _pair(
    claim: str,
    unit: str,
    ours: Sequence[float],
    peer: Sequence[float],
    peer_name: str,
    ratio: float,
) -> dict[str, Any]:
    """Return what a result says of two peers, whichever way is better."""
    return {
        "claim": claim,
        "unit": unit,
        "ours": round(statistics.median(ours), 3),
        "peer": round(statistics.median(peer), 3),
        "peer_name": peer_name,
        "ratio": round(ratio, 3),
        "spread": _spread(ours),
    }


def _spread(figures: Sequence[float]) -> str:
    return f"{min(figures):.3g} to {max(figures):.3g}"


def keep(results: Sequence[Result]) -> None:
    """Write results into the file, in place of older ones of the same claims."""
    old = msgspec.json.decode(FILE.read_bytes(), type=list[Result]) if FILE.exists() else []
    fresh = {result.claim for result in results}
    merged = [result for result in old if result.claim not in fresh] + list(results)
    merged.sort(key=lambda result: result.claim)
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(merged), indent=1) + b"\n")
