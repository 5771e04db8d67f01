"""Windows become lines that every server reads, equal to the official client's, or are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from influxdb_client import Point

from agent.records import Outcome, Series
from collector.errors import WireError
from collector.samples.columns import Columns
from collector.samples.quantiles import to_quantiles
from collector.samples.windows import Windows
from collector.sinks import lineprotocol, vmranges
from collector.sinks.lineprotocol import Lines, Written, head, range_head
from tests.oracles import lines as oracle

S_NS = 1_000_000_000
START_NS = 1_795_532_550 * S_NS


def _sealed(*, received: int = 3, lost: int = 1, rows: int = 1) -> Columns:
    """Return a window of each row."""
    windows = Windows(width_ns=10 * S_NS, grace_ns=0)
    rtt_s = [0.0125 * (1 + row) * (1 + n / 7) for row in range(rows) for n in range(received)]
    offsets = [received * row for row in range(rows + 1)]
    windows.add(range(rows), offsets, rtt_s, [5] * len(rtt_s), START_NS)
    events = [row for row in range(rows) for _ in range(lost)]
    windows.add_events(events, [5] * len(events), [Outcome.LOST] * len(events), START_NS)
    return windows.seal(START_NS + 20 * S_NS)


def _by_point(agent: str, series: Series, columns: Columns) -> bytes:
    """Return the first window's line by the official client."""
    found = to_quantiles(columns)[0]
    fields = {
        "rtt_p50_seconds": found.p50_s,
        "rtt_p90_seconds": found.p90_s,
        "rtt_p99_seconds": found.p99_s,
        "rtt_min_seconds": found.min_s,
        "rtt_max_seconds": found.max_s,
        "probes_received": found.received,
        "probes_lost": found.lost,
        "loss_ratio": found.loss_ratio,
    }
    return oracle.line(agent, series, fields, START_NS)


def test_a_line_reads_as_documented() -> None:
    """One window, octet for octet."""
    expected = (
        b"borne,agent=paris,family=4,protocol=icmp,stamp=kernel,target=192.0.2.1,"
        b"zone=aws/eu-west-3 loss_ratio=0.5,probes_lost=1i,probes_received=1i,"
        b"rtt_max_seconds=0.012500000186264515,rtt_min_seconds=0.012500000186264515,"
        b"rtt_p50_seconds=0.012500000186264515,rtt_p90_seconds=0.012500000186264515,"
        b"rtt_p99_seconds=0.012500000186264515 1795532550000000000\n"
    )
    found = Lines(lambda _: ("paris", oracle.series())).of(_sealed(received=1))
    assert Written(expected, 1, 0) == found


@pytest.mark.parametrize(("received", "lost"), [(3, 1), (50, 0), (0, 2)])
def test_a_windows_values_are_those_that_people_read(received: int, lost: int) -> None:
    """Without replies there is no RTT, and still a valid line."""
    columns = _sealed(received=received, lost=lost)
    found = Lines(lambda _: ("paris", oracle.series())).of(columns)
    assert Written(_by_point("paris", oracle.series(), columns), 1, 0) == found
    assert (b"rtt" in found.octets) == (received > 0)


def test_each_row_has_the_labels_of_its_series_and_they_are_asked_for_once() -> None:
    """Rows in any order and number, by two calls."""
    asked: list[int] = []

    def named(row: int) -> tuple[str, Series]:
        asked.append(row)
        return "paris", oracle.series(f"192.0.2.{row}")

    lines, columns = Lines(named), _sealed(rows=3)
    order = np.array([2, 0, 1, 2])
    found = lines.of(columns.take(order)).octets.splitlines(keepends=True)
    by_point = [_by_point(*named(row), columns.take(np.array([row]))) for row in range(3)]
    assert [by_point[row] for row in order] == found
    del asked[:]
    assert (3, 0) == lines.of(columns)[1:]
    assert [] == asked


def test_a_series_that_cannot_be_named_is_counted_and_costs_nothing_else() -> None:
    """A label that no two servers read alike is refused; its neighbours are written."""
    targets = ["192.0.2.1", "bad\n", "192.0.2.3"]
    found = Lines(lambda row: ("paris", oracle.series(targets[row]))).of(_sealed(rows=3))
    assert (2, 1) == found[1:]
    assert [b"192.0.2.1", b"192.0.2.3"] == [
        line.partition(b"target=")[2].partition(b",")[0] for line in found.octets.splitlines()
    ]


LABELS = st.text(
    st.one_of(st.sampled_from(",= é/[]\"'"), st.characters(categories=("L", "N", "P", "S"))),
    max_size=20,
).filter(lambda text: "\\" not in text)


@settings(deadline=None)
@given(LABELS, LABELS, LABELS)
def test_heads_equal_the_official_clients(agent: str, target: str, zone: str) -> None:
    """Whatever the labels hold, the octets are those of `Point.to_line_protocol`."""
    series = oracle.series(target, zone)
    by_point = oracle.line(agent, series, {"probes": 1}, START_NS)
    assert by_point.removesuffix(b" probes=1i %d\n" % START_NS) == head(agent, series)


def _read(octets: bytes) -> dict[str, str]:
    """Read the tags of a head by the letter of the protocol: the slow obvious parser."""
    parts, place, text = [""], 0, octets.decode()
    while place < len(text):
        if text[place] == "\\" and text[place + 1] in ",= ":
            parts[-1] += {",": "\x01", "=": "\x02", " ": "\x03"}[text[place + 1]]
            place += 2
        elif text[place] == ",":
            parts.append("")
            place += 1
        else:
            assert text[place] != " "
            parts[-1] += text[place]
            place += 1
    back = str.maketrans({"\x01": ",", "\x02": "=", "\x03": " "})
    pairs = [part.split("=") for part in parts[1:]]
    return {name: value.translate(back) for name, value in pairs}


@settings(deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_any_label_comes_back_or_is_refused(agent: str, target: str) -> None:
    """A head that is written says exactly what went in, on one line; the rest is refused."""
    try:
        octets = head(agent, oracle.series(target))
    except WireError:
        assert any(c == "\\" or not (c == " " or c.isprintable()) for c in agent + target)
        return
    found = _read(octets)
    assert b"\n" not in octets
    assert (agent, target) == (found.get("agent", ""), found.get("target", ""))


@pytest.mark.parametrize("label", ["a\nb", "a\tb", "a\x7f", "end\\", "a\\,b", "\udc80"])
def test_a_label_that_servers_read_differently_is_refused(label: str) -> None:
    """Control characters, backslashes and what is no text raise the documented error."""
    with pytest.raises(WireError, match="write the label target="):
        head("paris", oracle.series(label))


@pytest.mark.parametrize("zone", ["aws/eu-west-3", "", "a,zone=b"])
def test_a_range_is_a_tag_of_its_own_measurement(zone: str) -> None:
    """VictoriaMetrics' histogram of a series: the tags stay in their order, whatever they hold."""
    series = oracle.series(zone=zone)
    place = vmranges.NAMES.index("1.000e-02...1.136e-02")
    point = Point("borne_rtt_seconds").time(START_NS).field("bucket", 1)
    for name, label in {**oracle.tags("paris", series), "vmrange": vmranges.NAMES[place]}.items():
        point = point.tag(name, label)
    expected = point.to_line_protocol().encode().removesuffix(b" bucket=1i %d" % START_NS)
    assert expected == range_head(head("paris", series), place)
    assert b"" == range_head(b"", place)


def test_a_distribution_is_two_lines_for_each_occupied_range() -> None:
    """0 at the begin of the window, its count a millisecond before the end."""
    found = Lines(lambda _: ("paris", oracle.series())).distribution_of(
        _sealed(received=1), 10 * S_NS
    )
    line = b"borne_rtt_seconds,%s,target=192.0.2.1,vmrange=1.136e-02...1.292e-02,%s bucket=%di %d\n"
    tags = b"agent=paris,family=4,protocol=icmp,stamp=kernel", b"zone=aws/eu-west-3"
    expected = [
        line % (*tags, count, at_ns)
        for count, at_ns in ((0, START_NS), (1, START_NS + 10 * S_NS - 1_000_000))
    ]
    assert Written(b"".join(expected), 2, 0) == found


def test_kernels_are_compiled_when_they_are_asked_for() -> None:
    """`warm` is what a sink calls before windows come."""
    lineprotocol.warm()
    assert lineprotocol.kernels().write_lines is not None
