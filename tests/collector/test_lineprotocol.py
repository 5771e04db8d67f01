"""Lines are right for every server, equal to the official client's, or refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point

from agent.records import Protocol, Series, Stamp
from collector.errors import WireError
from collector.lineprotocol import line
from collector.records import Quantiles, SeriesWindow

START_NS = 1_795_532_550_000_000_000
RTT_S = ("p50_s", "p90_s", "p99_s", "min_s", "max_s")


def _series(target: str = "192.0.2.1", zone: str = "aws/eu-west-3") -> Series:
    return Series(
        id=7, zone=zone, target=target, family=4, protocol=Protocol.ICMP, stamp=Stamp.KERNEL
    )


def _window(
    received: int = 3, lost: int = 1, start_ns: int = START_NS, rtt_s: float = 0.0125
) -> SeriesWindow:
    some = rtt_s if received else None
    sent = received + lost
    return SeriesWindow(
        start_ns=start_ns,
        quantiles=Quantiles(
            p50_s=some,
            p90_s=some,
            p99_s=some,
            min_s=some,
            max_s=some,
            mean_s=some,
            received=received,
            lost=lost,
            loss_ratio=lost / sent if sent else None,
        ),
    )


def _point(agent: str, series: Series, window: SeriesWindow) -> Point:
    """Return the same window as the official client's object."""
    found = window.quantiles
    point = Point("borne").time(window.start_ns)
    labels = {
        "agent": agent,
        "family": str(series.family),
        "protocol": series.protocol.value,
        "stamp": series.stamp.value,
        "target": series.target,
        "zone": series.zone,
    }
    for name, label in labels.items():
        point = point.tag(name, label)
    for name in RTT_S:
        point = point.field(f"rtt_{name.removesuffix('_s')}_seconds", getattr(found, name))
    point = point.field("probes_received", found.received).field("probes_lost", found.lost)
    return point.field("loss_ratio", found.loss_ratio)


def test_a_line_reads_as_documented() -> None:
    """One window, octet for octet."""
    expected = (
        b"borne,agent=paris,family=4,protocol=icmp,stamp=kernel,target=192.0.2.1,"
        b"zone=aws/eu-west-3 loss_ratio=0.25,probes_lost=1i,probes_received=3i,"
        b"rtt_max_seconds=0.0125,rtt_min_seconds=0.0125,rtt_p50_seconds=0.0125,"
        b"rtt_p90_seconds=0.0125,rtt_p99_seconds=0.0125 1795532550000000000"
    )
    assert expected == line("paris", _series(), _window())


@pytest.mark.parametrize(
    ("received", "lost", "expected"),
    [
        (0, 2, b" loss_ratio=1,probes_lost=2i,probes_received=0i "),
        (0, 0, b" probes_lost=0i,probes_received=0i "),
    ],
)
def test_what_has_no_value_has_no_field(received: int, lost: int, expected: bytes) -> None:
    """Without replies there is no RTT, without probes no ratio, and still a valid line."""
    assert expected in line("paris", _series(), _window(received, lost))


LABELS = st.text(
    st.one_of(st.sampled_from(",= é/[]\"'"), st.characters(categories=("L", "N", "P", "S"))),
    max_size=20,
).filter(lambda text: "\\" not in text)
COUNTS = st.integers(0, 1 << 40)
RTTS_S = st.floats(0, 64)


@given(LABELS, LABELS, LABELS, COUNTS, COUNTS, RTTS_S, st.integers(0, (1 << 63) - 1))
def test_lines_equal_the_official_clients(
    agent: str, target: str, zone: str, received: int, lost: int, rtt_s: float, start_ns: int
) -> None:
    """Whatever the labels hold, the octets are those of `Point.to_line_protocol`."""
    series, window = _series(target, zone), _window(received, lost, start_ns, rtt_s)
    expected = _point(agent, series, window).to_line_protocol().encode()
    assert expected == line(agent, series, window)


def _read(octets: bytes) -> tuple[dict[str, str], dict[str, float], int]:
    """Read a line by the letter of the protocol: the slow obvious parser."""
    parts, place, text = [""], 0, octets.decode()
    while place < len(text):
        if text[place] == "\\" and text[place + 1] in ",= ":
            parts[-1] += {",": "\x01", "=": "\x02", " ": "\x03"}[text[place + 1]]
            place += 2
        elif text[place] == " ":
            parts.append("")
            place += 1
        else:
            parts[-1] += text[place]
            place += 1
    tags, fields, at = parts
    back = str.maketrans({"\x01": ",", "\x02": "=", "\x03": " "})
    pairs = [tag.split("=") for tag in tags.split(",")[1:]]
    numbers = [field.split("=") for field in fields.split(",")]
    return (
        {name: value.translate(back) for name, value in pairs},
        {name: float(value.removesuffix("i")) for name, value in numbers},
        int(at),
    )


@given(st.text(max_size=20), st.text(max_size=20), RTTS_S, COUNTS)
def test_any_label_comes_back_or_is_refused(
    agent: str, target: str, rtt_s: float, lost: int
) -> None:
    """A line that is written says exactly what went in, on one line; the rest is refused."""
    window = _window(2, lost, rtt_s=rtt_s)
    try:
        octets = line(agent, _series(target), window)
    except WireError:
        assert any(c == "\\" or not (c == " " or c.isprintable()) for c in agent + target)
        return
    tags, fields, start_ns = _read(octets)
    assert b"\n" not in octets
    assert (agent, target) == (tags.get("agent", ""), tags.get("target", ""))
    assert (rtt_s, lost, START_NS) == (fields["rtt_p99_seconds"], fields["probes_lost"], start_ns)


@pytest.mark.parametrize("label", ["a\nb", "a\tb", "a\x7f", "end\\", "a\\,b", "\udc80"])
def test_a_label_that_servers_read_differently_is_refused(label: str) -> None:
    """Control characters, backslashes and what is no text raise the documented error."""
    with pytest.raises(WireError, match="write the label target="):
        line("paris", _series(label), _window())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_line_holds_what_is_no_number(value: float) -> None:
    """NaN and infinities are refused: a server answers 204 and stores nothing of them."""
    with pytest.raises(WireError, match="only finite numbers can be stored"):
        line("paris", _series(), _window(rtt_s=value))


@pytest.mark.parametrize("start_ns", [-1, 1 << 63])
def test_a_time_beyond_64_bits_is_refused(start_ns: int) -> None:
    """Neither before the epoch nor beyond what the protocol's integer holds."""
    with pytest.raises(WireError, match="not a time of day in 64 bits"):
        line("paris", _series(), _window(start_ns=start_ns))
