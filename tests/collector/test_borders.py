"""Verdicts: what is outside is said with reasons, and nothing is claimed that was not shown."""

import math
import random
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.records import Hop, Origin, Path, PathReply, Protocol
from collector import atlas, knowledge
from collector.borders import judge
from collector.knowledge import Knowledge
from collector.records import OUTSIDE, Axis, Judgement, NetworkOverride, Place, Verdict, Zone
from collector.regions import JURISDICTIONS
from collector.soil import Soil
from tests.fakes.paths import (
    FRANKFURT,
    FROM_PARIS,
    LOST,
    MARSEILLE,
    PARIS,
    corpus,
    corpus_folder,
    path,
    reply,
    verdict,
    zone,
)

KNOWLEDGE = knowledge.load()
TARGET = "51.15.0.1"
IN_PARIS = reply("62.115.125.171", "prs-b1-link.ip.twelve99.net", rtt_ms=1.2)
IN_MARSEILLE = reply("154.54.38.125", "be3093.ccr42.mrs02.atlas.cogentco.com", rtt_ms=9.0)
IN_FRANKFURT = reply("193.251.241.22", "ae300-0.ffttr6.frankfurt.opentransit.net", rtt_ms=17.0)
IN_LONDON = reply("193.251.242.18", "pos0-1-4-0.lontr1.London.opentransit.net", rtt_ms=12.0)
NAMELESS = reply("81.253.184.118", rtt_ms=8.0)
AT_TARGET = reply(TARGET, rtt_ms=20.0)


def judged(one: Path, at: Zone | None = None, *, tables: Knowledge = KNOWLEDGE) -> Judgement:
    """Judge with the tables of the release, those of addresses left out unless given."""
    return judge(one, agent="paris", zone=at, knowledge=tables, jurisdictions=JURISDICTIONS)


HOME = zone(MARSEILLE)


@pytest.mark.parametrize(
    ("hops", "fx", "eu"),
    [
        ([[IN_PARIS], [AT_TARGET]], "SUPPORTED_INSIDE", "SUPPORTED_INSIDE"),
        ([[IN_FRANKFURT], [AT_TARGET]], "SUPPORTED_OUTSIDE", "SUPPORTED_INSIDE"),
        ([[IN_LONDON], [AT_TARGET]], "SUPPORTED_OUTSIDE", "SUPPORTED_OUTSIDE"),
        ([[IN_PARIS], [NAMELESS], [AT_TARGET]], "UNDETERMINED", "UNDETERMINED"),
        ([[IN_FRANKFURT], [NAMELESS], [AT_TARGET]], "SUPPORTED_OUTSIDE", "UNDETERMINED"),
        ([[IN_PARIS], [LOST], [AT_TARGET]], "UNDETERMINED", "UNDETERMINED"),
        ([[IN_FRANKFURT], [LOST], [AT_TARGET]], "SUPPORTED_OUTSIDE", "UNDETERMINED"),
        ([[IN_PARIS, IN_FRANKFURT], [AT_TARGET]], "SUPPORTED_OUTSIDE", "SUPPORTED_INSIDE"),
    ],
)
def test_verdicts(hops: list[list[PathReply]], fx: str, eu: str) -> None:
    """Each row of the table of verdicts, for the zone in Marseille."""
    found = judged(path(*hops, address=TARGET), HOME)
    assert (verdict(found, "FX").verdict, verdict(found, "EU").verdict) == (fx, eu)


def test_a_target_that_is_silent_is_never_inside() -> None:
    """Without the end of the way, inside is not claimed, and the reason says so."""
    found = judged(path([IN_PARIS], [LOST], address=TARGET, reached=False), HOME)
    assert verdict(found).verdict is Verdict.UNDETERMINED
    assert found.blind
    assert verdict(found).reasons == (
        "no answer came from the target's own address: the end of the way is unseen",
        "1 silent hop, 1 in a row at most: what is there is unseen",
    )


def test_nothing_that_can_have_a_place_is_not_inside() -> None:
    """All hops excluded is not "every hop inside"."""
    found = judged(path([reply("10.0.0.1")], [reply("192.168.1.1")], address="192.168.1.1"))
    assert verdict(found).verdict is Verdict.UNDETERMINED
    assert verdict(found).reasons == ("no address that can have a place answered",)
    assert verdict(found).coverage.hops_responding == 0
    assert verdict(found).coverage.hops_silent == 0


def test_an_empty_path_is_undetermined() -> None:
    """A path without hops says nothing and hides everything."""
    found = judged(path(address=None, reached=False))
    assert {row.verdict for row in found.verdicts} == {Verdict.UNDETERMINED}
    assert found.blind


def test_only_confirmed_names_count() -> None:
    """An unchecked name and a name that does not resolve back are shown and decide nothing."""
    for checked, words in ((None, "nobody checked"), (False, "does not resolve back")):
        claim = msgspec.structs.replace(IN_FRANKFURT, name_confirmed=checked)
        found = judged(path([claim], [AT_TARGET], address=TARGET), HOME)
        hop = found.hops[0]
        assert verdict(found).verdict is Verdict.UNDETERMINED
        assert hop.candidates == ()
        assert set(hop.verdicts.values()) == {"unknown"}
        assert [row.kind for row in hop.evidence] == ["unconfirmed"]
        assert words in hop.evidence[0].says
        assert hop.name == IN_FRANKFURT.name
        assert hop.operator is None


def test_a_recalled_code_decides_nothing() -> None:
    """What is known from memory alone is shown, and the hop stays without evidence."""
    recalled = reply("213.155.130.1", "mil-b1-link.ip.twelve99.net")
    found = judged(path([recalled], [AT_TARGET], address=TARGET), HOME)
    assert [row.kind for row in found.hops[0].evidence] == ["unconfirmed"]
    assert "known from memory alone" in found.hops[0].evidence[0].says
    assert verdict(found).verdict is Verdict.UNDETERMINED
    assert found.hops[0].operator == "Arelion (AS1299)"


def test_light_refutes_a_lying_name_and_says_with_which_numbers() -> None:
    """Frankfurt in one millisecond from Paris is impossible: contradictory, with km and ms."""
    liar = msgspec.structs.replace(IN_FRANKFURT, rtt_ns=1_000_000)
    found = judged(path([liar], [AT_TARGET], address=TARGET), HOME)
    hop = found.hops[0]
    assert hop.candidates == ()
    assert hop.verdicts["FX"] == "contradictory"
    assert [row.kind for row in hop.evidence] == ["name", "refuted"]
    assert verdict(found).verdict is Verdict.CONTRADICTORY
    (reason,) = verdict(found).reasons
    for number in ("444.9 km away at least", "in 1.000 ms", "light goes 149.9 km"):
        assert number in reason
    assert reason.startswith("hop 1 (193.251.241.22) has no possible place left: ")


def test_without_an_origin_no_distance_is_used() -> None:
    """The same lie stands where the vantage point has no position."""
    liar = msgspec.structs.replace(IN_FRANKFURT, rtt_ns=1_000_000)
    found = judged(path([liar], [AT_TARGET], address=TARGET, origin=None), HOME)
    assert verdict(found).verdict is Verdict.SUPPORTED_OUTSIDE


def test_a_contradictory_hop_does_not_cancel_an_outside() -> None:
    """London stands; the refuted name is named in the reasons."""
    liar = msgspec.structs.replace(IN_FRANKFURT, rtt_ns=1_000_000)
    found = judged(path([liar], [IN_LONDON], [AT_TARGET], address=TARGET), HOME)
    assert verdict(found).verdict is Verdict.SUPPORTED_OUTSIDE
    outside, conflict = verdict(found).reasons
    assert outside.startswith("hop 2 (193.251.242.18) is outside FX: ")
    assert outside.endswith("stands for London (GB)")
    assert conflict.startswith("hop 1 (193.251.241.22) has no possible place left: ")
    assert verdict(found).countries == ("GB", "FR")


def test_the_zone_speaks_for_the_targets_own_address_alone() -> None:
    """A zone in Frankfurt makes its target's hop outside FX, and no other hop."""
    found = judged(path([NAMELESS], [AT_TARGET], address=TARGET), zone(FRANKFURT))
    assert [hop.verdicts["FX"] for hop in found.hops] == ["unknown", "outside"]
    assert [row.kind for row in found.hops[1].evidence] == ["zone"]
    assert verdict(found).verdict is Verdict.SUPPORTED_OUTSIDE


def test_no_agent_talks_a_target_into_a_zone() -> None:
    """A zone speaks for the targets that its declaration lists, by name or by address."""
    stranger = msgspec.structs.replace(path([AT_TARGET], address=TARGET), target="stranger")
    assert judged(stranger, HOME).hops[0].verdicts["FX"] == "unknown"
    listed = msgspec.structs.replace(HOME, targets=("2001:DB8::1", TARGET))
    assert judged(stranger, listed).hops[0].verdicts["FX"] == "inside"


def test_a_target_that_answers_from_elsewhere_was_not_reached() -> None:
    """What another address answers in its place does not show the end of the way."""
    found = judged(path([IN_PARIS], [IN_MARSEILLE], address=TARGET, reached=True), HOME)
    assert not found.reached
    assert verdict(found).verdict is Verdict.UNDETERMINED
    assert verdict(found).coverage.rtt_min_s is None


def test_a_declared_zone_can_be_refuted() -> None:
    """A target that is declared in Frankfurt and answers in 1 ms is not there."""
    near = reply(TARGET, rtt_ms=1.0)
    found = judged(path([near], address=TARGET), zone(FRANKFURT))
    assert verdict(found).verdict is Verdict.CONTRADICTORY


def test_witnesses_that_disagree_leave_the_hop_undecided() -> None:
    """Declared in Marseille, named in Frankfurt: mixed, and neither inside nor outside."""
    named = reply(TARGET, "ec2-51-15-0-1.eu-central-1.compute.amazonaws.com")
    found = judged(path([IN_PARIS], [named], address=TARGET), HOME)
    assert found.hops[1].verdicts == {
        "FX": "mixed",
        "FR": "mixed",
        "EU": "inside",
        "EEA": "inside",
    }
    assert verdict(found).verdict is Verdict.UNDETERMINED
    assert "both sides of FX's border" in verdict(found).reasons[0]
    assert found.countries == ("FR",)


def test_two_names_for_one_place_are_one_candidate() -> None:
    """A router with two names in Paris is in Paris once, and both names are shown."""
    other = reply("62.115.125.171", "prs-bb1-link.ip.twelve99.net", rtt_ms=1.2)
    hop = judged(path([IN_PARIS, other], [AT_TARGET], address=TARGET), HOME).hops[0]
    assert [place.name for place in hop.candidates] == ["Paris"]
    assert [row.kind for row in hop.evidence] == ["name", "name"]


def test_physics_decides_between_witnesses() -> None:
    """Of two named places the one that light refutes falls, and the other decides."""
    named = reply(TARGET, "ec2-51-15-0-1.eu-west-3.compute.amazonaws.com", rtt_ms=1.0)
    found = judged(path([named], address=TARGET), zone(FRANKFURT))
    assert [place.name for place in found.hops[0].candidates] == ["Paris region"]
    assert verdict(found).verdict is Verdict.SUPPORTED_INSIDE


@pytest.mark.parametrize("address", ["10.1.2.3", "100.64.0.1", "203.0.113.9", "::ffff:8.8.8.8"])
def test_special_addresses_are_excluded_whatever_their_name(address: str) -> None:
    """They are listed, and neither respond nor keep silent nor name a place."""
    found = judged(
        path([reply(address, IN_FRANKFURT.name)], [IN_PARIS], [AT_TARGET], address=TARGET), HOME
    )
    hop = found.hops[0]
    assert hop.excluded
    assert (hop.candidates, hop.verdicts) == ((), {})
    assert [row.kind for row in hop.evidence] == ["excluded"]
    assert verdict(found).verdict is Verdict.SUPPORTED_INSIDE
    assert verdict(found).coverage.hops_responding == 2
    assert not found.blind


def test_coverage_counts_exactly() -> None:
    """Responding, with evidence, silent, the longest gap, the target's time, the samples."""
    found = judged(
        path(
            [reply("192.168.1.1")],
            [IN_PARIS, NAMELESS, LOST],
            [LOST],
            [LOST, LOST],
            [NAMELESS],
            [LOST],
            [AT_TARGET, reply(TARGET, rtt_ms=19.0)],
            address=TARGET,
        ),
        HOME,
    )
    coverage = verdict(found).coverage
    assert coverage.hops_responding == 4
    assert coverage.hops_with_evidence == 2
    assert coverage.hops_silent == 3
    assert coverage.longest_silent_gap == 2
    assert coverage.rtt_min_s == 0.019
    assert coverage.samples == 6
    assert coverage.speed == "c"
    assert found.blind


def test_trailing_silence_counts_where_the_target_is_silent() -> None:
    """Probed and unanswered hops after the last answer are silent hops."""
    found = judged(path([IN_PARIS], [LOST], [LOST], address=TARGET, reached=False), HOME)
    assert verdict(found).coverage.hops_silent == 2
    assert verdict(found).coverage.rtt_min_s is None


def test_countries_follow_the_path() -> None:
    """Equal neighbours are merged, undecided hops left out, a return is shown again."""
    found = judged(
        path([IN_PARIS], [NAMELESS], [IN_MARSEILLE], [IN_FRANKFURT], [AT_TARGET], address=TARGET),
        HOME,
    )
    assert found.countries == ("FR", "DE", "FR")
    assert verdict(found).countries == ("FR", "DE", "FR")


def test_reasons_name_address_name_and_place() -> None:
    """A person can follow the sentence to the row."""
    (reason,) = verdict(judged(path([IN_FRANKFURT], [AT_TARGET], address=TARGET), HOME)).reasons
    assert reason == (
        "hop 1 (193.251.241.22) is outside FX: its confirmed name "
        "ae300-0.ffttr6.frankfurt.opentransit.net stands for Frankfurt am Main (DE)"
    )


def test_overrides_fill_the_display_alone() -> None:
    """Holder and AS appear; verdict, candidates and countries stay what they were."""
    row = NetworkOverride(
        prefix="81.253.0.0/16",
        asn=64500,
        holder="Bench",
        author="me",
        date="2026-11-24",
        reason="x",
    )
    one = path([IN_PARIS], [NAMELESS], [AT_TARGET], address=TARGET)
    plain = judged(one, HOME)
    held = judge(
        one, agent="paris", zone=HOME, knowledge=knowledge.load([row]), jurisdictions=JURISDICTIONS
    )
    assert (held.hops[1].asn, held.hops[1].operator) == (64500, "Bench")
    assert (held.verdicts, held.countries) == (plain.verdicts, plain.countries)
    assert [hop.candidates for hop in held.hops] == [hop.candidates for hop in plain.hops]


def test_identity_and_time_of_the_judgement() -> None:
    """The judgement names the path, its agent, target, zone and start."""
    found = judged(path([AT_TARGET], address=TARGET), HOME)
    assert (found.agent, found.target, found.zone) == ("paris", "target", "ovh/x")
    assert found.started_ns == 1_795_521_600_000_000_001
    assert judged(path([AT_TARGET], started_at="yesterday")).started_ns == 0


@pytest.mark.parametrize(
    ("address", "name", "rtt_ms", "fx", "eu"),
    [
        ("80.249.208.10", None, 20.0, "outside", "unknown"),  # Amsterdam: the packet was there
        ("80.249.208.10", None, 1.0, "unknown", "unknown"),  # too near: a remote member
        ("80.249.208.10", IN_LONDON.name, 20.0, "outside", "outside"),
        ("80.249.208.10", IN_PARIS.name, 20.0, "mixed", "inside"),  # the router says otherwise
        ("80.249.208.10", IN_PARIS.name, 1.0, "inside", "inside"),  # remote, and in Paris
        ("195.66.224.10", None, 20.0, "outside", "outside"),  # London
        ("37.49.236.10", None, 1.0, "unknown", "unknown"),  # Paris: its members may be far away
        ("37.49.236.10", "ikoula.par.franceix.net", 1.0, "unknown", "unknown"),  # nothing more
        ("37.49.236.10", IN_PARIS.name, 1.0, "inside", "inside"),
        ("37.49.236.10", IN_FRANKFURT.name, 20.0, "outside", "inside"),
        ("37.49.236.10", IN_FRANKFURT.name, 1.0, "contradictory", "contradictory"),
        ("195.66.224.10", IN_FRANKFURT.name, 2.9, "outside", "outside"),
    ],
)
def test_an_exchange_is_a_place_that_was_crossed(
    address: str, name: str | None, rtt_ms: float, fx: str, eu: str
) -> None:
    """Abroad it supports outside unless light refutes it; at home it says nothing of the router."""
    found = judged(path([reply(address, name, rtt_ms=rtt_ms)], [AT_TARGET], address=TARGET), HOME)
    assert (fx, eu) == (found.hops[0].verdicts["FX"], found.hops[0].verdicts["EU"])
    assert "exchange" in {row.kind for row in found.hops[0].evidence}


def test_remote_peering_is_said() -> None:
    """Whoever reads that a path crossed an exchange abroad reads the reserve; so with the rest."""
    abroad = judged(path([reply("80.249.208.10")], [AT_TARGET], address=TARGET), HOME)
    assert "remote peering is possible" in verdict(abroad).reasons[0]
    near = judged(path([reply("80.249.208.10", rtt_ms=1.0)], [AT_TARGET], address=TARGET), HOME)
    (reason,) = verdict(near).reasons
    assert "has no place that could be told" in reason
    assert "a remote member, not in Amsterdam (NL)" in reason
    home = judged(path([reply("37.49.236.10")], [AT_TARGET], address=TARGET), HOME)
    assert "on the network of France-IX Paris" in verdict(home).reasons[0]


def test_no_reason_ever_judges_the_law() -> None:
    """Transit is not transfer: the two forbidden words never appear."""
    for one in (
        path([IN_FRANKFURT], [AT_TARGET]),
        path([msgspec.structs.replace(IN_FRANKFURT, rtt_ns=1)], [LOST], reached=False),
        path([IN_PARIS], [AT_TARGET]),
    ):
        text = msgspec.json.encode(judged(one, HOME)).decode().lower()
        assert "violation" not in text
        assert "complian" not in text


# --- the corpus of real paths -----------------------------------------------------------------

OBSERVED = {
    # Real names and times of published paths: what must be said where the corpus is absent.
    "ae303-0.ffttr6.frankfurt.opentransit.net": (16.879, True),
    "ldn-5-a9.uk.eu": (4.146, True),
    "ae3.3202.edge3.London15.level3.net": (7.55, True),
    "0.et-5-0-2.GW3.FFT3.ALTER.NET": (12.16, True),
    "be102.par-gsw-sbb1-nc5.fr.eu": (4.94, False),
    "vl1247.rbx-g1-a75.fr.eu": (1.816, False),
}


def test_observed_names_of_real_paths() -> None:
    """Where a name abroad was really observed the path is outside, at home it is not.

    The names of OVHcloud stand in shared domains and count on its own addresses alone.
    """
    north = Origin(latitude=50.69, longitude=3.17, radius_km=15.0)
    of_ovh = NetworkOverride(
        prefix="9.9.9.9/32", asn=16276, holder="OVH", date="2026-11-24", author="x", reason="x"
    )
    tables = knowledge.load((of_ovh,))
    for name, (rtt_ms, leaves) in OBSERVED.items():
        found = judged(path([reply("9.9.9.9", name, rtt_ms=rtt_ms)], origin=north), tables=tables)
        assert (verdict(found).verdict in OUTSIDE) == leaves, name


@pytest.mark.parametrize("names_confirmed", [True, False])
@pytest.mark.parametrize("compiled", [False, True])
def test_corpus_of_real_paths(compiled: bool, names_confirmed: bool) -> None:
    """No path that stays in France is judged outside; fabricated ones are never decided.

    With names taken as confirmed, or unchecked on addresses whose origin AS is known, the eight
    exits from France are found (one is named by OVHcloud, whose names count on its own addresses
    alone, and so needs the atlas), and foreign groups on French soil are named; with unchecked
    names alone nothing is claimed at all. With the borders three paths that begin far abroad are
    proven outside, and no other: not the one whose times are 300 ms too long by a tunnel. Where
    the folder is absent the observed names above stand alone, and the test says so.
    """
    borders = Soil.open(atlas.BESIDE) if compiled else None
    tables = knowledge.load((), atlas.load(), borders) if compiled else KNOWLEDGE
    there = not tables.atlas.missing and tables.soil is not None
    assert there == compiled, "the tables were not built: run `make atlas`"
    folder = corpus_folder()
    if folder is None:
        sys.stdout.write("\nno corpus of real paths (BORNE_CORPUS): observed names alone judged\n")
        return
    cases = corpus(folder, names_confirmed=names_confirmed)
    found = {key: judged(one, tables=tables) for key, (one, _) in cases.items()}
    verdicts = {key: verdict(one).verdict for key, one in found.items()}
    outside = {key for key, found in verdicts.items() if found in OUTSIDE}
    truth = {key: facts["exits_fr"] for key, (_, facts) in cases.items()}
    exits = {key for key, said in truth.items() if said == "yes"}
    sys.stdout.write(
        f"\ncorpus, {'with the' if compiled else 'no'} atlas, "
        f"names {'taken as confirmed' if names_confirmed else 'as they are'}: "
        f"{len(exits & outside)} of {len(exits)} exits from FX found; "
        f"missed: {sorted(exits - outside)}; false: "
        f"{sorted(key for key in outside if truth[key] == 'no')}\n"
    )
    assert {key for key in outside if truth[key] == "no"} == set()
    assert all(
        verdicts[key] in {Verdict.CONTRADICTORY, Verdict.UNDETERMINED}
        for key, said in truth.items()
        if said is None
    )
    if not (compiled or names_confirmed):
        assert set(verdicts.values()) == {Verdict.UNDETERMINED}
        return
    assert exits - outside == (set() if compiled else {"T15"})
    if compiled:
        proven = {key for key, found in verdicts.items() if found.startswith("PROVEN")}
        assert (
            {"T24", "T27", "T40"} == proven == {key for key, said in truth.items() if said == "na"}
        )
        assert {row.verdict for row in found["T28"].verdicts if row.axis is Axis.TERRITORY} == {
            Verdict.UNDETERMINED
        }
        foreign = {key for key, (_, facts) in cases.items() if facts["foreign_operators"]}
        assert {verdict(found[key], "FX", Axis.ADMINISTRATION).verdict for key in foreign} == {
            Verdict.SUPPORTED_OUTSIDE
        }


# --- properties -------------------------------------------------------------------------------

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
