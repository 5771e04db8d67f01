"""Bytes: one window of one series as a line of InfluxDB's line protocol.

    borne,agent=A,family=F,protocol=P,stamp=S,target=T,zone=Z FIELDS START_NS
    FIELDS = loss_ratio=0.25,probes_lost=1i,probes_received=3i,rtt_max_seconds=0.02,...

Rules
- Names are joined by the server as `borne_rtt_p50_seconds`; durations are seconds, counts are
  integers (`i`), no field is ever a string: VictoriaMetrics keeps a string as 0.
- What has no value has no field: a window without a reply has counts and no RTT. Two integers
  are always there, so no line is without a field.
- VictoriaMetrics answers 204 to lines that it does not understand and stores nothing of them.
  So a line is right or it is refused here. Refused are NaN and infinity, and labels with a control
  character or a backslash, which no two servers read alike before a comma.
- Tags and fields stand in alphabetical order, commas, equals signs and spaces of labels are
  escaped (InfluxDB line protocol reference, "Special characters"); an empty label is left out.
"""

import math
from functools import lru_cache
from typing import Final

from agent.records import Series
from collector.errors import WireError
from collector.records import Quantiles, SeriesWindow

MEASUREMENT: Final = "borne"
_ESCAPES: Final = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_CACHED_SERIES: Final = 65_536
_TIMES: Final = 1 << 63
"""Times of day from here on do not fit the protocol's 64 bits."""


def line(agent: str, series: Series, window: SeriesWindow) -> bytes:
    """Return one line without its newline; its time is the window's begin.

    Raises:
        WireError: A label, a value or the time cannot be written so that every server reads it.
    """
    if not 0 <= window.start_ns < _TIMES:
        raise WireError(
            "time", f"write a window at {window.start_ns} ns: not a time of day in 64 bits"
        )
    fields = _fields(window.quantiles)
    return b"%s %s %d" % (head(agent, series), fields.encode("ascii"), window.start_ns)


@lru_cache(maxsize=_CACHED_SERIES)
def head(agent: str, series: Series) -> bytes:
    """Return measurement and tags of a series.

    Raises:
        WireError: A label cannot be written; see the rules.
    """
    labels = (
        ("agent", agent),
        ("family", str(series.family)),
        ("protocol", series.protocol.value),
        ("stamp", series.stamp.value),
        ("target", series.target),
        ("zone", series.zone),
    )
    tags = [f"{name}={_escaped(name, text)}" for name, text in labels if text]
    return ",".join([MEASUREMENT, *tags]).encode()


def _escaped(name: str, text: str) -> str:
    """Return a label as a tag value."""
    if "\\" in text or not text.replace(" ", "_").isprintable():
        raise WireError(
            "label", f"write the label {name}={text!r}: control characters and backslashes fail"
        )
    return text.translate(_ESCAPES)


def _fields(found: Quantiles) -> str:
    """Return the fields of a window that have a value."""
    seconds = {
        "loss_ratio": found.loss_ratio,
        "rtt_max_seconds": found.max_s,
        "rtt_min_seconds": found.min_s,
        "rtt_p50_seconds": found.p50_s,
        "rtt_p90_seconds": found.p90_s,
        "rtt_p99_seconds": found.p99_s,
    }
    fields = {name: _number(name, value) for name, value in seconds.items() if value is not None}
    fields["probes_lost"] = f"{found.lost}i"
    fields["probes_received"] = f"{found.received}i"
    return ",".join(f"{name}={fields[name]}" for name in sorted(fields))


def _number(name: str, value: float) -> str:
    """Return a float so that it reads back to the last bit."""
    if not math.isfinite(value):
        raise WireError("value", f"write {name}={value}: only finite numbers can be stored")
    return repr(value).removesuffix(".0")
