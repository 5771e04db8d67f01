"""RIPE Atlas: replies, late and lost ones, errors, labels, the last try at TTL 255."""

from typing import Any

import pytest

from agent.records import Protocol
from tests.fakes import imports
from tests.fakes.imports import PARIS, TARGET, atlas


def hop(number: int, *replies: dict[str, Any]) -> dict[str, Any]:
    """Return one hop."""
    return {"hop": number, "result": list(replies)}


def at(address: str, rtt: float | str | None = 12.345, **fields: object) -> dict[str, Any]:
    """Return one reply."""
    time = {} if rtt is None else {"rtt": rtt}
    return {"from": address, "ttl": 250, "size": 28, **time, **fields}


STAR = {"x": "*"}


def test_a_result_becomes_a_path() -> None:
    """Target, start, flow, protocol and times are those of the result; names are none."""
    (found,) = imports.paths(atlas(hop(1, at(PARIS), STAR), hop(2, at(TARGET, 20.1))))
    first = imports.reply(found, 1)
    assert {1: [PARIS, None], 2: [TARGET]} == imports.heard(found)
    assert (12_345_000, 9, 250, None) == (first.rtt_ns, first.flow, first.reply_ttl, first.name)
    assert ("target.example", TARGET, True, Protocol.UDP, 4, None, 1000) == (
        found.target,
        found.address,
        found.reached,
        found.protocol,
        found.family,
        found.origin,
        found.rtt_resolution_ns,
    )
    assert ("atlas-5006-1000318-1665720353", "2022-10-14T04:05:53.000000000Z") == (
        found.id,
        found.started_at,
    )


def test_a_late_reply_has_no_time() -> None:
    """It answers an earlier probe, so its time means nothing; the address was there."""
    (found,) = imports.paths(atlas(hop(1, STAR), hop(2, at(PARIS, 900.0, late=2))))
    late = imports.reply(found, 2)
    assert (PARIS, None) == (late.address, late.rtt_ns)


def test_a_late_reply_of_a_known_hop_is_left_where_it_was() -> None:
    """An address that answered in time elsewhere is not counted again where it came late."""
    (found,) = imports.paths(atlas(hop(1, at(PARIS)), hop(2, at(PARIS, None, late=1), STAR)))
    assert {1: [PARIS], 2: [None]} == imports.heard(found)


def test_a_late_reply_at_its_own_hop_stays() -> None:
    """An address that answered in time at the same TTL answered there twice."""
    (found,) = imports.paths(atlas(hop(1, at(PARIS), at(PARIS, None, late=1))))
    assert {1: [PARIS, PARIS]} == imports.heard(found)


@pytest.mark.parametrize(
    ("error", "icmp"),
    [("N", (3, 0)), ("H", (3, 1)), ("A", (3, 13)), ("p", (3, 3)), ("?", None), (99, None)],
)
def test_errors_are_codes_of_unreachable(error: object, icmp: tuple[int, int] | None) -> None:
    """The platform's letters are ICMP codes; others are none."""
    (found,) = imports.paths(atlas(hop(1, at(PARIS, err=error))))
    assert icmp == imports.reply(found, 1).icmp


def test_labels_are_kept() -> None:
    """`icmpext` carries the label stack (RFC 4950)."""
    stack = {
        "version": 2,
        "rfc4884": 1,
        "obj": [
            {
                "class": 1,
                "type": 1,
                "mpls": [
                    {"exp": 0, "label": 24001, "s": 0, "ttl": 1},
                    {"exp": 1, "label": 7, "s": 1, "ttl": 2},
                ],
            }
        ],
    }
    (found,) = imports.paths(atlas(hop(1, at(PARIS, icmpext=stack))))
    assert ((24001, 0, 0, 1), (7, 1, 1, 2)) == imports.reply(found, 1).mpls


def test_silence_at_the_last_try_is_no_hop() -> None:
    """After a gap the probe tries TTL 255; that nothing came is not 250 silent hops."""
    (found,) = imports.paths(atlas(hop(1, at(PARIS)), hop(2, STAR), hop(255, STAR, STAR)))
    assert {1: [PARIS], 2: [None]} == imports.heard(found)


def test_an_answer_at_the_last_try_stands_after_the_last_hop() -> None:
    """The target answered from an unknown distance."""
    (found,) = imports.paths(atlas(hop(1, at(PARIS)), hop(2, STAR), hop(255, at(TARGET))))
    assert {1: [PARIS], 2: [None], 3: [TARGET]} == imports.heard(found)
    assert found.reached


@pytest.mark.parametrize(
    "result",
    [
        {"error": "connect failed: Network is unreachable"},
        {"hop": 1, "error": "sendto failed: Operation not permitted"},
        {"hop": 1, "result": [{"error": "bind failed: Invalid argument"}]},
        {"hop": 1, "result": [{"from": ""}]},
    ],
)
def test_a_probe_that_could_not_send_heard_nobody(result: dict[str, Any]) -> None:
    """An error of the probe's host is a path without an answer."""
    (found,) = imports.paths(atlas(result))
    assert not found.reached
    assert {None} >= {one for answers in imports.heard(found).values() for one in answers}


def test_a_target_that_did_not_resolve() -> None:
    """Without `dst_addr` nothing was reached."""
    document = atlas({"error": "name resolution failed: non-existent"})
    del document["dst_addr"]
    (found,) = imports.paths(document)
    assert ("target.example", None, False) == (found.target, found.address, found.reached)


def test_version_6() -> None:
    """`af` is the family; the letters of errors mean other codes there and are left out."""
    (found,) = imports.paths(
        atlas(hop(1, at("2001:688::1", err="N")), af=6, dst_addr="2001:db8::1", proto="TCP")
    )
    assert (6, None) == (found.family, imports.reply(found, 1).icmp)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (
            atlas(type="ping"),
            "is a RIPE Atlas 'ping' result and has no hops; give results of type 'traceroute'",
        ),
        (
            atlas(hop(1, at("nowhere"))),
            "'nowhere' is no IP address; repair or remove the path",
        ),
        (
            atlas(hop(300, at(PARIS))),
            "hop 300 is none: a TTL goes from 1 to 255; repair or remove the path",
        ),
        (
            atlas(hop(1, at(PARIS, rtt="fast"))),
            (
                "is a RIPE Atlas traceroute, but wrong: Expected `float | null`, got `str` - at "
                "`$.result[0].result[0].rtt`; repair or remove it"
            ),
        ),
    ],
)
def test_wrong_results_are_refused_in_words(document: object, why: str) -> None:
    """What is wrong is named with its place in the object."""
    assert [("", why)] == imports.reasons(document)
