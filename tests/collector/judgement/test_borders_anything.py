"""Any path whatever: it is judged, the order of replies never matters, delay makes no exit."""

import math
import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.records import Hop, Origin, Path, PathReply, Protocol
from collector.facts.regions import JURISDICTIONS
from collector.records import OUTSIDE, Axis, Judgement, Place, Verdict, Zone
from tests.fakes.judging import (
    AT_TARGET,
    HOME,
    IN_FRANKFURT,
    TARGET,
    judged,
)
from tests.fakes.paths import (
    FRANKFURT,
    FROM_PARIS,
    PARIS,
    path,
    verdict,
    zone,
)

ADDRESSES = [
    "193.251.241.22",
    "193.251.242.18",
    "62.115.125.171",
    "81.253.184.118",
    "10.0.0.1",
    TARGET,
    "2001:688::1",
    "no address",
]
NAMES = [
    None,
    "ae300-0.ffttr6.frankfurt.opentransit.net",
    "pos0-1-4-0.lontr1.London.opentransit.net",
    "prs-b1-link.ip.twelve99.net",
    "mil-b1-link.ip.twelve99.net",
    "ec2-13-36-40-20.eu-west-3.compute.amazonaws.com",
    "garbage..net",
]
REPLIES = st.builds(
    PathReply,
    lost=st.booleans(),
    address=st.none() | st.sampled_from(ADDRESSES) | st.text(max_size=5),
    name=st.sampled_from(NAMES) | st.text(max_size=10),
    name_confirmed=st.sampled_from([None, True, True, True, False]),
    rtt_ns=st.none() | st.integers(-10, 60_000_000) | st.integers(-(2**63), 2**63 - 1),
)
WILD = st.floats(allow_nan=True, allow_infinity=True)
ORIGINS = (
    st.none()
    | st.just(FROM_PARIS)
    | st.builds(Origin, latitude=WILD, longitude=WILD, radius_km=WILD)
)
HOPS = st.lists(
    st.builds(
        Hop,
        ttl=st.integers(1, 8) | st.integers(-(2**40), 2**40),
        replies=st.lists(REPLIES, max_size=4).map(tuple),
    ),
    max_size=6,
).map(tuple)
PATHS = st.builds(
    Path,
    id=st.text(max_size=5),
    tool=st.text(max_size=5),
    origin=ORIGINS,
    rtt_resolution_ns=st.integers(-(2**63), 2**63 - 1) | st.just(1),
    target=st.none() | st.text(max_size=5),
    address=st.none() | st.just(TARGET) | st.text(max_size=5),
    zone=st.none() | st.text(max_size=5),
    family=st.sampled_from([4, 6]),
    protocol=st.just(Protocol.ICMP),
    reached=st.booleans(),
    started_at=st.just("2026-11-24T12:00:00Z") | st.text(max_size=30),
    hops=HOPS,
)
ZONES = st.sampled_from([None, HOME, zone(FRANKFURT), zone(PARIS)]) | st.builds(
    zone,
    st.builds(
        Place,
        name=st.text(max_size=3),
        territory=st.text(max_size=3),
        latitude=WILD,
        longitude=WILD,
        radius_km=WILD,
    ),
)


@given(PATHS, ZONES)
@settings(max_examples=300)
def test_judge_survives_any_path(one: Path, at: Zone | None) -> None:
    """Whatever a path holds there is a verdict for each list and axis, no proof, exact counts."""
    found = judged(one, at)
    assert [(row.axis, row.jurisdiction) for row in found.verdicts] == [
        (axis, row.name) for axis in Axis for row in JURISDICTIONS
    ]
    for row in found.verdicts:
        assert row.verdict not in {Verdict.PROVEN_OUTSIDE, Verdict.PROVEN_INSIDE}
        assert row.reasons
        assert all(row.reasons)
        counts = row.coverage
        assert counts.hops_responding + counts.hops_silent + sum(
            hop.excluded for hop in found.hops
        ) == len(found.hops)
        assert 0 <= counts.hops_with_evidence <= counts.hops_responding
        assert counts.longest_silent_gap <= counts.hops_silent
    msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Judgement)


@given(PATHS, ZONES, st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_the_order_of_replies_never_matters(
    one: Path, at: Zone | None, dice: random.Random
) -> None:
    """Hops and their replies may come in any order."""
    hops = [
        msgspec.structs.replace(hop, replies=tuple(shuffled(hop.replies, dice))) for hop in one.hops
    ]
    assert judged(msgspec.structs.replace(one, hops=tuple(shuffled(hops, dice))), at) == judged(
        one, at
    )


@given(PATHS, ZONES, st.integers(0, 10**9))
@settings(max_examples=300)
def test_added_delay_never_makes_an_outside(one: Path, at: Zone | None, delay_ns: int) -> None:
    """Delay only weakens refutations: it makes no hop outside that was not contradictory before.

    A contradictory hop is the exception by nature: its places were refuted by the time, and a
    longer time takes the refutation back. That can only restore what a witness had named.
    """
    before = judged(one, at)
    after = judged(delayed(one, delay_ns), at)
    for early, late in zip(before.hops, after.hops, strict=True):
        for name, said in late.verdicts.items():
            if said == "outside":
                assert early.verdicts[name] in {"outside", "contradictory"}
    for early_row, late_row in zip(before.verdicts, after.verdicts, strict=True):
        name = late_row.jurisdiction
        lied = any(hop.verdicts.get(name) == "contradictory" for hop in before.hops)
        if late_row.verdict in OUTSIDE and not lied:
            assert early_row.verdict in OUTSIDE


def shuffled(items: Any, dice: random.Random) -> list[Any]:  # noqa: ANN401 - any sequence
    """Return the items in another order."""
    copy = list(items)
    dice.shuffle(copy)
    return copy


def delayed(one: Path, delay_ns: int) -> Path:
    """Add one delay to every usable time of a path."""
    hour_ns = 3_600_000_000_000

    def later(answer: PathReply) -> PathReply:
        if answer.rtt_ns is None or not 0 < answer.rtt_ns <= hour_ns - delay_ns:
            return answer
        return msgspec.structs.replace(answer, rtt_ns=answer.rtt_ns + delay_ns)

    hops = tuple(
        msgspec.structs.replace(hop, replies=tuple(later(answer) for answer in hop.replies))
        for hop in one.hops
    )
    return msgspec.structs.replace(one, hops=hops)


def test_nan_in_the_declared_position_is_harmless() -> None:
    """An agent that declares nonsense gets verdicts without distances."""
    nowhere = Origin(latitude=math.nan, longitude=0.0, radius_km=0.0)
    found = judged(path([IN_FRANKFURT], [AT_TARGET], address=TARGET, origin=nowhere), HOME)
    assert verdict(found).verdict is Verdict.SUPPORTED_OUTSIDE
