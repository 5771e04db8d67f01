"""scamper: real traces, and multipath traces with diamonds and silent stretches."""

from typing import Any

import pytest

from agent.records import Protocol
from tests.fakes import imports
from tests.fakes.imports import FRANKFURT, PARIS, SILENT, TARGET, link, node, tracelb


def trace(*hops: dict[str, Any], **fields: object) -> dict[str, Any]:
    """Return a trace."""
    return {
        "type": "trace",
        "version": "0.1",
        "userid": 0,
        "method": "icmp-echo-paris",
        "src": "192.168.1.2",
        "dst": TARGET,
        "stop_reason": "COMPLETED",
        "start": {"sec": 1795692697, "usec": 986104, "ftime": "2026-11-26 11:31:37"},
        "hop_count": len(hops),
        "firsthop": 1,
        "hops": list(hops),
        **fields,
    }


def hop(address: str, ttl: int, **fields: object) -> dict[str, Any]:
    """Return one hop of a trace."""
    return {"addr": address, "probe_ttl": ttl, "probe_id": 1, "rtt": 1.5, "reply_ttl": 62, **fields}


def test_real_traces() -> None:
    """Both traces of a file are read, its marks of begin and end are no paths."""
    reached, unreached = imports.paths(imports.real("scamper-trace.json"))
    assert {
        1: ["198.18.1.2", "198.18.1.2"],
        2: ["198.18.2.2", "198.18.2.2"],
        3: ["198.18.3.2", "198.18.3.2"],
    } == imports.heard(reached)
    assert (True, "198.18.3.2", 1000, Protocol.UDP, "scamper udp-paris") == (
        reached.reached,
        reached.address,
        reached.rtt_resolution_ns,
        reached.protocol,
        reached.tool,
    )
    last = imports.reply(reached, 3)
    assert (203_000, (3, 3), 62) == (last.rtt_ns, last.icmp, last.reply_ttl)
    assert "198.18.3.2@2026-11-26T11:31:38.146968000Z" == reached.id
    assert not unreached.reached


def test_what_was_tried_and_kept_silent() -> None:
    """`hop_count` says how far a real trace went before it gave up."""
    (found,) = imports.paths(imports.real("scamper-gap.json"))
    assert {1: ["198.18.1.2"], 2: ["198.18.2.2"], 3: [], 4: []} == imports.heard(found)


def test_labels_and_names() -> None:
    """Label stacks are kept; names are not checked back."""
    stack = [
        {
            "ie_cn": 1,
            "ie_ct": 1,
            "ie_dl": 4,
            "mpls_labels": [{"mpls_ttl": 1, "mpls_s": 1, "mpls_exp": 0, "mpls_label": 24001}],
        }
    ]
    (found,) = imports.paths(trace(hop(PARIS, 1, icmpext=stack, name="a.example")))
    first = imports.reply(found, 1)
    assert (((24001, 0, 1, 1),), "a.example", None, None) == (
        first.mpls,
        first.name,
        first.name_confirmed,
        first.icmp,
    )


def test_a_real_multipath_trace() -> None:
    """The first node stands one TTL before its link, for each flow of it; links are kept."""
    (found,) = imports.paths(imports.real("scamper-tracelb.json"))
    assert [{"198.18.1.2"}, {"198.18.2.2"}, {"198.18.3.2"}] == [
        set(addresses) for addresses in imports.heard(found).values()
    ]
    assert (("198.18.1.2", "198.18.2.2"), ("198.18.2.2", "198.18.3.2")) == found.links
    assert found.reached
    assert [33435, 33436, 33437, 33438, 33439, 33440] == [row.flow for row in found.hops[0].replies]
    assert (85_000, (11, 0)) == (imports.reply(found, 2).rtt_ns, imports.reply(found, 2).icmp)


def test_a_diamond() -> None:
    """Two branches at one TTL: each flow has its own, and both edges are links."""
    (found,) = imports.paths(
        tracelb(
            node("192.0.2.1", [link(PARIS, 2, 1), link(FRANKFURT, 2, 2)], linkc=2),
            node(PARIS, [link(TARGET, 3, 1)], name="a.example"),
            node(FRANKFURT, [link(TARGET, 3, 2)]),
        )
    )
    assert [
        [(1, PARIS, "a.example"), (2, FRANKFURT, None)],
        [(1, TARGET, None), (2, TARGET, None)],
    ] == [[(row.flow, row.address, row.name) for row in hop.replies] for hop in found.hops[1:]]
    assert (
        ("192.0.2.1", PARIS),
        ("192.0.2.1", FRANKFURT),
        (PARIS, TARGET),
        (FRANKFURT, TARGET),
    ) == found.links


def test_a_silent_stretch() -> None:
    """A SET of `*` is a silent TTL and no link."""
    (found,) = imports.paths(
        tracelb(node(PARIS, [SILENT], [SILENT], [link(TARGET, 9, 1)], linkc=1))
    )
    assert {6: [PARIS], 7: [], 8: [], 9: [TARGET]} == imports.heard(found)
    assert () == found.links


def test_nothing_but_silence() -> None:
    """A node behind which nobody answers stands where the trace began."""
    (found,) = imports.paths(tracelb(node(PARIS, [SILENT])))
    assert {1: [PARIS], 2: []} == imports.heard(found)


def test_a_start_that_is_none() -> None:
    """Without a start the path is undated."""
    (found,) = imports.paths(trace(hop(PARIS, 1), start={}))
    assert ("", f"{TARGET}@") == (found.started_at, found.id)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (
            {"type": "ping", "userid": 0, "dst": TARGET},
            "is a scamper 'ping' and has no hops; give 'trace' or 'tracelb'",
        ),
        (
            {"type": "cycle-start", "id": 0},
            "holds scamper's marks of begin and end alone; give measured traces",
        ),
        (trace(hop("*", 1)), "'*' is no IP address; repair or remove the path"),
        (
            trace(hop(PARIS, 256)),
            "hop 256 is none: a TTL goes from 1 to 255; repair or remove the path",
        ),
        (
            trace(hops=[{"addr": PARIS}]),
            (
                "is a scamper trace, but wrong: Object missing required field `probe_ttl` - at "
                "`$.hops[0]`; repair or remove it"
            ),
        ),
        (
            trace(start={"sec": 10**400}),
            (
                "is a scamper trace, but wrong: int too large to convert to float; "
                "repair or remove it"
            ),
        ),
    ],
)
def test_wrong_objects_are_refused_in_words(document: object, why: str) -> None:
    """What is wrong is named with its place in the object."""
    assert [("", why)] == imports.reasons(document)
