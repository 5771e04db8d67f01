"""What the tools of the field print is read as they mean it: samples of real output."""

import json

import pytest

from benchmarks import readings
from benchmarks.readings import Hop

PING = """PING 2001:db8::80(2001:db8::80) 56 data bytes
64 bytes from 2001:db8::80: icmp_seq=1 ttl=57 time=17.3 ms
From fd00::1 icmp_seq=2 Destination unreachable: No route
64 bytes from 2001:db8::80: icmp_seq=3 ttl=57 time=0.402 ms

--- 2001:db8::80 ping statistics ---
rtt min/avg/max/mdev = 17.330/17.339/17.349/0.009 ms
"""
TRACEROUTE = """traceroute to 192.0.2.80 (192.0.2.80), 30 hops max, 60 byte packets
 1  192.168.1.1  1.322 ms  1.292 ms
 2  * *
 3  198.51.100.4 <MPLS:L=24002,E=0,S=0,T=1/L=16,E=0,S=1,T=2>  6.179 ms *
 4  198.51.100.11  3.915 ms 198.51.100.13  4.029 ms
 5  192.0.2.80  17.306 ms !X  17.319 ms !X
"""
TRACEROUTE_6 = """traceroute to 2001:db8::80 (2001:db8::80), 30 hops max, 80 byte packets
 1  fd00::1  0.323 ms  0.306 ms
10  2001:db8:0:1::3 <MPLS:L=24001,E=0,S=1,T=1>  5.916 ms  5.904 ms
"""
MTR = json.dumps(
    {
        "report": {
            "hubs": [
                {"count": 1, "host": "192.168.1.1", "Loss%": 0.0, "Best": 0.4, "Avg": 0.5},
                {"count": 2, "host": "???", "Loss%": 100.0, "Best": 0.0, "Avg": 0.0},
                {"count": 3, "host": "192.0.2.80", "Loss%": 40.0, "Best": 7.1, "Avg": 7.3},
            ]
        }
    }
)
LABELS = [{"mpls_ttl": 1, "mpls_label": 24002}, {"mpls_ttl": 2, "mpls_label": 16}]
TRACE = {
    "type": "trace",
    "hops": [
        {"addr": "192.168.1.1", "probe_ttl": 1, "rtt": 0.3},
        {
            "addr": "198.51.100.4",
            "probe_ttl": 3,
            "rtt": 6.1,
            "icmpext": [{"ie_cn": 2}, {"ie_cn": 1, "ie_ct": 1, "mpls_labels": LABELS}],
        },
        {"addr": "198.51.100.4", "probe_ttl": 3, "rtt": 6.2},
    ],
}
TRACELB = {
    "type": "tracelb",
    "nodes": [
        {"addr": "10.0.0.1", "links": [[{"addr": "10.0.0.2"}, {"addr": "10.0.0.3"}]]},
        {"addr": "10.0.0.2", "links": [[{"addr": "*"}]]},
        {"addr": "10.0.0.3"},
    ],
}


def lines(*records: object) -> str:
    """Write records as scamper does, between those of its cycle."""
    cycle = {"type": "cycle-start", "id": 0}
    return "\n".join(json.dumps(record) for record in (cycle, *records, cycle))


def test_ping_and_fping() -> None:
    """Answers count, errors and the summary do not."""
    assert [17.3, 0.402] == readings.ping(PING)
    assert [10.1, 9.98] == readings.fping("192.0.2.80 : 10.1 - 9.98\n")
    assert [10.1] == readings.fping("2001:db8::80 : - 10.1\n")


def test_traceroute() -> None:
    """Silence, two addresses at one TTL, labels of a stack and remarks are told apart."""
    assert [
        Hop(("192.168.1.1",), (1.322, 1.292)),
        Hop(()),
        Hop(("198.51.100.4",), (6.179,), ((24002, 1), (16, 2))),
        Hop(("198.51.100.11", "198.51.100.13"), (3.915, 4.029)),
        Hop(("192.0.2.80",), (17.306, 17.319)),
    ] == readings.traceroute(TRACEROUTE)
    assert [
        Hop(("fd00::1",), (0.323, 0.306)),
        Hop(("2001:db8:0:1::3",), (5.916, 5.904), ((24001, 1),)),
    ] == readings.traceroute(TRACEROUTE_6)


def test_mtus() -> None:
    """Only the lines where a size was learned count."""
    text = " 1  fd00::1  0.4 ms F=1500\n 2  2001:db8::1  0.9 ms\n10  192.0.2.1  16.1 ms F=1400\n"
    assert {1: 1500, 10: 1400} == readings.mtus(text)


def test_mtr() -> None:
    """Its best RTT counts, and a hop of question marks is silent."""
    assert [
        Hop(("192.168.1.1",), (0.4,)),
        Hop(()),
        Hop(("192.0.2.80",), (7.1,)),
    ] == readings.mtr(MTR)
    assert [0.0, 100.0, 40.0] == readings.mtr_losses(MTR)


def test_scamper() -> None:
    """A missing TTL is silent, repeated answers are one hop, labels are those of RFC 4950."""
    assert [
        Hop(("192.168.1.1",), (0.3,)),
        Hop(()),
        Hop(("198.51.100.4",), (6.1, 6.2), ((24002, 1), (16, 2))),
    ] == readings.scamper(lines(TRACE))
    assert [] == readings.scamper(lines({"type": "trace"}))


def test_scamper_links() -> None:
    """Links lead from address to address; what did not answer is no end of one."""
    expected = {("10.0.0.1", "10.0.0.2"), ("10.0.0.1", "10.0.0.3")}
    assert expected == readings.scamper_links(lines(TRACELB))
    assert frozenset() == readings.scamper_links(lines({"type": "tracelb"}))


@pytest.mark.parametrize("text", ["", "command not found"])
def test_no_output_is_no_path(text: str) -> None:
    """A tool that did not run has either no hop or an error, never a path."""
    assert [] == readings.ping(text)
    assert [] == readings.traceroute(text)
    for read in (readings.mtr, readings.scamper, readings.scamper_links):
        with pytest.raises(ValueError, match=r"Expecting value|not enough values"):
            read(text)
