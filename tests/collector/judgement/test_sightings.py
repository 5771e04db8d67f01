"""What a path shows is put in order, whatever the order of its replies."""

import msgspec

from agent.records import Hop, PathReply
from collector.judgement.sightings import canonical, sight
from tests.fakes.paths import LOST, path, reply


def test_addresses_of_one_ttl_stand_in_numeric_order() -> None:
    """9.0.0.1 comes before 10.0.0.1 although its text is greater."""
    replies = (reply("10.0.0.1"), reply("9.0.0.1"), LOST)
    assert sight(path(replies, address=None)).flows[0].hops == (
        (1, "9.0.0.1"),
        (1, "10.0.0.1"),
    )


def test_ttls_that_are_not_listed_are_silent() -> None:
    """A gap in the list is a hop from which nothing was heard."""
    base = path((reply("8.8.8.8"),), address=None)
    gapped = msgspec.structs.replace(
        base, hops=(Hop(ttl=2, replies=(reply("9.9.9.9"),)), Hop(ttl=4, replies=(LOST,)))
    )
    assert sight(gapped).flows[0].hops == ((1, None), (2, "9.9.9.9"), (3, None), (4, None))


def test_what_follows_the_target_is_left_out() -> None:
    """The target's repeats and later silence go; another address beyond stays."""
    seen = sight(
        path(
            (reply("9.0.0.1"),),
            (reply("51.15.0.1"), LOST),
            (LOST,),
            (reply("51.15.0.1"), reply("9.0.0.2")),
            address="51.15.0.1",
        )
    )
    assert seen.flows[0].hops == ((1, "9.0.0.1"), (2, "51.15.0.1"), (4, "9.0.0.2"))
    assert seen.target == "51.15.0.1"


def test_an_address_as_target_name_is_the_address() -> None:
    """Where the path has no address, a target that is one stands for it."""
    by_name = path((reply("8.8.8.8"),), address=None)
    assert sight(by_name).target is None
    assert sight(msgspec.structs.replace(by_name, target="8.8.8.8")).target == "8.8.8.8"


def test_facts_of_an_address_hold_for_the_whole_path() -> None:
    """The smallest usable time counts, from whichever TTL; absurd ones do not."""
    slow = reply("9.0.0.1", "a.example", rtt_ms=300.0, confirmed=None)
    quick = reply("9.0.0.1", "a.example", rtt_ms=30.0)
    absurd = msgspec.structs.replace(quick, rtt_ns=-5)
    seen = sight(path((slow,), (quick, absurd), address=None))
    assert seen.addresses["9.0.0.1"].rtt_min_ns == 30_000_000
    assert seen.addresses["9.0.0.1"].confirmed == ("a.example",)
    assert seen.flows[0].samples == 3


def test_one_refusal_spoils_a_confirmation() -> None:
    """A name that once did not resolve back is not confirmed, in either order."""
    good, bad = reply("9.0.0.1", "a.example"), reply("9.0.0.1", "a.example", confirmed=False)
    for replies in ((good, bad), (bad, good)):
        sighting = sight(path(replies, address=None)).addresses["9.0.0.1"]
        assert (sighting.confirmed, sighting.unconfirmed) == ((), ("a.example",))


def test_lost_probes_and_answers_without_address_are_no_samples() -> None:
    """A loss is a loss, even where a careless writer filled other fields."""
    seen = sight(path((PathReply(lost=True, address="9.0.0.1"), PathReply()), address=None))
    assert (seen.flows[0].hops, seen.flows[0].samples) == (((1, None),), 0)


def test_addresses_are_compared_as_numbers() -> None:
    """IPv6 has many writings; garbage stays what it is."""
    assert canonical("2001:DB8:0::1") == "2001:db8::1"
    assert canonical("garbage") == "garbage"


def test_a_ttl_without_any_probe_is_silent_in_every_flow() -> None:
    """What a path lists without replies belongs to no flow in particular."""
    two = tuple(msgspec.structs.replace(reply("9.0.0.1"), flow=flow) for flow in (3, 7))
    seen = sight(path(two, (), address=None))
    assert {3: ((1, "9.0.0.1"), (2, None)), 7: ((1, "9.0.0.1"), (2, None))} == {
        flow: trace.hops for flow, trace in seen.flows.items()
    }


def test_a_flow_ends_at_the_last_ttl_that_lists_it() -> None:
    """It was probed no farther: nothing beyond is its silence."""
    far = msgspec.structs.replace(reply("9.0.0.2"), flow=1)
    lost = msgspec.structs.replace(LOST, flow=1)
    seen = sight(path((reply("9.0.0.1"), far), (far,), (lost,), address=None))
    assert ((1, "9.0.0.1"),) == seen.flows[0].hops
    assert ((1, "9.0.0.2"), (2, "9.0.0.2"), (3, None)) == seen.flows[1].hops
    assert (1, 2) == (seen.flows[0].samples, seen.flows[1].samples)
    assert (
        (1, "9.0.0.1", (0,)),
        (1, "9.0.0.2", (1,)),
        (2, "9.0.0.2", (1,)),
        (3, None, (1,)),
    ) == seen.hops
