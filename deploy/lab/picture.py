"""Decider: draws one crossing as an SVG, from what a demo recorded.

Left: the two routes between the places that the evidence named. Right: the RTT of the same
series, window by window, with the episode as it was seen. Nothing is drawn that the record does
not hold, and the title states the finding.
"""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import pairwise

import msgspec

WIDTH, HEIGHT = 960, 400
MAP = (40, 96, 360, 240)
"""Left, top, width, height of the map, in pixels."""
CHART = (470, 96, 450, 240)
MARGIN_DEGREES = 0.9
TICKS = 5
TICK_STEPS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500)

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #22303c; }
.title { font-size: 19px; font-weight: 600; }
.quiet { fill: #5b6b78; font-size: 12px; }
.frame { fill: #fff; stroke: #d8dee3; }
.inside { stroke: #1f5f8b; stroke-width: 3; fill: none; }
.outside { stroke: #b3411e; stroke-width: 3; fill: none; stroke-dasharray: 8 5; }
.place { fill: #fff; stroke: #22303c; stroke-width: 2; }
.episode { fill: #b3411e; fill-opacity: 0.12; }
.mark { stroke: #b3411e; stroke-width: 1; }
.axis { stroke: #d8dee3; }
.rtt { stroke: #22303c; stroke-width: 2; fill: none; }
.spread { fill: #1f5f8b; fill-opacity: 0.2; }
""".strip()


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """A place that the evidence named for one or more neighbouring hops."""

    name: str
    territory: str
    latitude: float
    longitude: float


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One window of the series; times in seconds since the scenario began."""

    start_s: float
    width_s: float
    p50_s: float
    p99_s: float


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a demo recorded of one crossing."""

    scenario: str
    agent: str
    zone: str
    jurisdiction: str
    verdict: str
    countries: tuple[str, ...]
    first_seen_s: float
    confirmed_s: float
    ended_s: float
    inside: tuple[Stop, ...]
    outside: tuple[Stop, ...]
    windows: tuple[Window, ...]
    evidence: str
    """SHA-256 of the Statement."""


def draw(record: Record) -> str:
    """Return the SVG document of a record."""
    shapes = [
        f'<rect class="frame" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"/>',
        _text(40, 44, finding(record), "title"),
        _text(40, 68, _caption(record), "quiet"),
        *_map(record),
        *_chart(record),
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
            'role="img" aria-labelledby="finding">',
            f'<title id="finding">{escape(finding(record))}</title>',
            f"<style>{STYLE}</style>",
            *shapes,
            "</svg>",
            "",
        ]
    )


def finding(record: Record) -> str:
    """Return the sentence that the picture shows."""
    abroad = [stop.territory for stop in record.outside if stop not in record.inside]
    through = " and ".join(dict.fromkeys(abroad))
    duration_s = record.ended_s - record.first_seen_s
    return (
        f"{record.agent} → {record.zone} left {record.jurisdiction} through {through}"
        f" for {duration_s:.0f} s"
    )


def _caption(record: Record) -> str:
    """Return the line below the title: verdict, route, confirmation, evidence."""
    return (
        f"{record.verdict} · {' → '.join(record.countries)} · confirmed"
        f" {record.confirmed_s - record.first_seen_s:.0f} s after the first round that showed it"
        f" · evidence {record.evidence[:12]}"
    )


def _map(record: Record) -> list[str]:
    """Return the two routes between their places."""
    left, top, width, height = MAP
    stops = list(dict.fromkeys([*record.inside, *record.outside]))
    west = min(stop.longitude for stop in stops) - MARGIN_DEGREES
    east = max(stop.longitude for stop in stops) + MARGIN_DEGREES
    south = min(stop.latitude for stop in stops) - MARGIN_DEGREES
    north = max(stop.latitude for stop in stops) + MARGIN_DEGREES

    def point(stop: Stop) -> tuple[float, float]:
        x = left + (stop.longitude - west) / (east - west) * width
        return x, top + (north - stop.latitude) / (north - south) * height

    shapes = [
        _line([point(stop) for stop in record.outside], "outside"),
        _line([point(stop) for stop in record.inside], "inside"),
    ]
    for stop in stops:
        x, y = point(stop)
        anchor = "end" if x > left + width * 0.7 else "start"
        label_y = y - 14 if y < top + height / 2 else y + 24
        shapes.append(f'<circle class="place" cx="{x:.1f}" cy="{y:.1f}" r="6"/>')
        shapes.append(_text(x, label_y, f"{stop.name}, {stop.territory}", anchor=anchor))
    shapes.append(_line([(left, 368), (left + 32, 368)], "inside"))
    shapes.append(_text(left + 40, 372, "before and after", "quiet"))
    shapes.append(_line([(left + 170, 368), (left + 202, 368)], "outside"))
    shapes.append(_text(left + 210, 372, "during the episode", "quiet"))
    return shapes


def _chart(record: Record) -> list[str]:
    """Return the RTT of the series over time with the episode behind it."""
    left, top, width, height = CHART
    end_s = max(window.start_s + window.width_s for window in record.windows)
    highest_ms = max(window.p99_s for window in record.windows) * 1000 * 1.15

    def across(at_s: float) -> float:
        return left + max(0.0, min(at_s, end_s)) / end_s * width

    def down(rtt_s: float) -> float:
        return top + height - rtt_s * 1000 / highest_ms * height

    shapes = []
    step_ms = next(
        (step for step in TICK_STEPS_MS if highest_ms / step <= TICKS), TICK_STEPS_MS[-1]
    )
    for value_ms in range(0, int(highest_ms) + 1, step_ms):
        y = down(value_ms / 1000)
        shapes.append(_line([(left, y), (left + width, y)], "axis"))
        shapes.append(_text(left - 8, y + 4, str(value_ms), "quiet", "end"))
    begin, close = across(record.first_seen_s), across(record.ended_s)
    confirmed = across(record.confirmed_s)
    shapes.append(
        f'<rect class="episode" x="{begin:.1f}" y="{top}" width="{close - begin:.1f}"'
        f' height="{height}"/>'
    )
    shapes.append(_line([(confirmed, top), (confirmed, top + height)], "mark"))
    shapes.append(_text(confirmed + 6, top + 14, "confirmed", "quiet"))
    for window in record.windows:
        x, far = across(window.start_s), across(window.start_s + window.width_s)
        low, high = down(window.p50_s), down(window.p99_s)
        shapes.append(
            f'<rect class="spread" x="{x:.1f}" y="{high:.1f}" width="{far - x:.1f}"'
            f' height="{max(low - high, 1):.1f}"/>'
        )
        shapes.append(_line([(x, low), (far, low)], "rtt"))
    for here, there in pairwise(record.windows):
        joint = across(there.start_s)
        shapes.append(_line([(joint, down(here.p50_s)), (joint, down(there.p50_s))], "rtt"))
    shapes.extend(_time_axis(end_s, across))
    shapes.append(_text(left, 372, "RTT in ms, median and up to p99, by window of 10 s", "quiet"))
    return shapes


def _time_axis(end_s: float, across: Callable[[float], float]) -> Iterable[str]:
    """Return labels every 20 s below the chart."""
    _, top, _, height = CHART
    for at_s in range(0, int(end_s) + 1, 20):
        yield _text(across(at_s), top + height + 16, f"{at_s} s", "quiet", "middle")


def _line(points: Sequence[tuple[float, float]], style: str) -> str:
    """Return a polyline."""
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{style}" points="{joined}"/>'


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    """Return one line of text, escaped."""
    kind = f' class="{style}"' if style else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind} text-anchor="{anchor}">{escape(words)}</text>'
