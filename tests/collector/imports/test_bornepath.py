"""`borne-path/1` as agents write it and as people transcribe it."""

import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from agent.records import Protocol
from tests.fakes import imports
from tests.fakes.imports import TARGET, borne, said
from tests.fakes.paths import FROM_PARIS, corpus_folder, path, reply

if TYPE_CHECKING:
    from pathlib import Path as File


def test_what_an_agent_writes_comes_back_whole() -> None:
    """Every field of the contract survives, flows, labels and links as well."""
    rich = msgspec.structs.replace(
        reply("193.251.241.1", "pastr1.paris.opentransit.net"),
        flow=2,
        icmp=(11, 0),
        mpls=((24001, 0, 1, 1),),
        reply_ttl=250,
    )
    whole = msgspec.structs.replace(
        path([rich], [reply(TARGET)], address=TARGET),
        protocol=Protocol.UDP,
        links=(("193.251.241.1", TARGET),),
    )
    assert [whole] == imports.paths(msgspec.json.encode(whole))


def test_what_a_transcript_leaves_out_claims_nothing() -> None:
    """No zone, no start, and not reached while nobody knows the target's address."""
    (found,) = imports.paths(borne([said("193.251.241.1")], [{"lost": True}]))
    assert (None, None, False, "", None) == (
        found.zone,
        found.address,
        found.reached,
        found.started_at,
        found.origin,
    )


def test_the_resolution_and_the_origin_are_kept() -> None:
    """The weight of the last digit and the position are those of the file."""
    origin = msgspec.to_builtins(FROM_PARIS)
    (found,) = imports.paths(borne(rtt_resolution_ns=100_000, origin=origin))
    assert (100_000, FROM_PARIS) == (found.rtt_resolution_ns, found.origin)


@pytest.mark.parametrize(
    ("target", "address", "reached"),
    [
        (TARGET, TARGET, True),
        ("9.9.9.9", "9.9.9.9", False),
        ("target.example", None, False),
        (None, None, False),
    ],
)
def test_reached_follows_from_the_target_s_answer(
    target: str | None, address: str | None, reached: bool
) -> None:
    """Without `reached`, a target counts as reached where its own address answered."""
    (found,) = imports.paths(borne([said(TARGET)], target=target))
    assert (address, reached) == (found.address, found.reached)


def test_null_counts_as_left_out() -> None:
    """A program that writes null for what it does not know gives the path without it."""
    known = borne([said(TARGET)])
    absent = ("tool", "target", "zone", "family", "protocol", "reached", "started_at", "links")
    spoken = known | dict.fromkeys(absent)
    spoken["hops"][0]["replies"][0] |= dict.fromkeys(("flow", "icmp", "mpls", "name_confirmed"))
    bare = {key: member for key, member in known.items() if key not in absent}
    assert imports.paths(bare) == imports.paths(spoken)


def test_a_path_without_an_origin_begins_nowhere() -> None:
    """An origin that is left out is null, as the format says of one that is not known."""
    document = borne([said(TARGET)])
    assert imports.paths(document | {"origin": None}) == imports.paths(
        {key: member for key, member in document.items() if key != "origin"}
    )


def test_the_format_and_the_hops_are_enough() -> None:
    """As the page on `explain` says; the path then goes by its place in the file."""
    hops = borne([said(TARGET)])["hops"]
    (found,) = imports.paths({"format": "borne-path/1", "hops": hops})
    assert ("path", {1: [TARGET]}) == (found.id, imports.heard(found))


@pytest.mark.parametrize("given", [{}, {"rtt_resolution_ns": None}])
def test_without_a_resolution_no_time_bounds_a_distance(given: dict[str, None]) -> None:
    """The weight of the last digit is then as long as a round trip can be."""
    document = borne([said(TARGET)])
    del document["rtt_resolution_ns"]
    (found,) = imports.paths(document | given)
    assert found.rtt_resolution_ns == 3_600_000_000_000


@pytest.mark.parametrize(
    ("given", "rtt_ns"),
    [
        (1_500_000.0, 1_500_000),
        (1_500_000.25, 1_500_001),
        (None, None),
        (-1, None),
        (-0.5, 0),
        (10**30, None),
        (1e300, None),
        (3_600_000_000_000, 3_600_000_000_000),
    ],
)
def test_a_time_is_whole_and_possible_or_none(given: float | None, rtt_ns: int | None) -> None:
    """Fractions are rounded up, never down; what no round trip takes is no time."""
    (found,) = imports.paths(borne([{"address": TARGET, "rtt_ns": given}]))
    assert imports.reply(found, 1).rtt_ns == rtt_ns


def test_a_number_names_a_path_too() -> None:
    """Programs that count their paths give the number as the name."""
    (found,) = imports.paths(borne(id=17))
    assert found.id == "17"


@pytest.mark.parametrize(
    ("position", "shown"),
    [
        ((90.5, 2, 1), "90.5, 2 (within 1 km)"),
        ((48, -181, 1), "48, -181 (within 1 km)"),
        ((48, 2, -1), "48, 2 (within -1 km)"),
    ],
)
def test_an_origin_outside_the_earth_is_refused(
    position: tuple[float, float, float], shown: str
) -> None:
    """A premise that cannot be true is named, not printed as what distances count from."""
    names = ("latitude", "longitude", "radius_km")
    why = f"its origin {shown} is no position on Earth; repair it, or give null"
    origin = dict(zip(names, position, strict=True))
    assert [("", why)] == imports.reasons(borne(origin=origin))


def test_names_are_confirmed_only_where_the_file_says_so() -> None:
    """A name without `name_confirmed` was not checked."""
    (found,) = imports.paths(borne([{"address": TARGET, "name": "a.example"}]))
    assert imports.reply(found, 1).name_confirmed is None


def test_one_ttl_listed_twice_is_one_hop() -> None:
    """Replies of one TTL are put together."""
    document = borne([said("193.251.241.1")])
    document["hops"] *= 2
    (found,) = imports.paths(document)
    assert {1: ["193.251.241.1", "193.251.241.1"]} == imports.heard(found)


@pytest.mark.parametrize(("named", "read"), [("tcp", Protocol.TCP), ("sctp", Protocol.ICMP)])
def test_a_trace_by_another_protocol_is_a_path_too(named: str, read: Protocol) -> None:
    """The protocol of a trace decides nothing: one that Borne does not speak is read."""
    (found,) = imports.paths(borne([said("2001:688::1")], protocol=named))
    assert (6, read) == (found.family, found.protocol)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (
            borne([said("193.251.241")]),
            "'193.251.241' is no IP address; repair or remove the path",
        ),
        (
            borne(hops=[{"ttl": 0, "replies": []}]),
            "hop 0 is none: a TTL goes from 1 to 255; repair or remove the path",
        ),
        (
            borne(hops=7),
            (
                "is a borne-path/1, but wrong: Expected `array`, got `int` - at `$.hops`; "
                "repair or remove it"
            ),
        ),
        (
            borne([{"address": 1}]),
            (
                "is a borne-path/1, but wrong: Expected `str | null`, got `int` - at "
                "`$.hops[0].replies[0].address`; repair or remove it"
            ),
        ),
    ],
)
def test_wrong_paths_are_refused_in_words(document: object, why: str) -> None:
    """What is wrong is named with its place in the object."""
    assert [("", why)] == imports.reasons(document)


def test_the_corpus_of_real_paths_is_read() -> None:
    """Every path of the corpus is one path with its own id."""
    folder = corpus_folder()
    if folder is None:
        sys.stdout.write("\nno corpus of real paths (BORNE_CORPUS): written ones alone read\n")
        return
    files: list[File] = sorted((folder / "paths").glob("*.json"))
    assert len(files) >= 23
    assert [file.stem for file in files] == [
        found.id for file in files for found in imports.paths(file.read_bytes())
    ]
