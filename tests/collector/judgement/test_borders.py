"""Verdicts: what is outside is said with reasons, and nothing is claimed that was not shown."""

import msgspec
import pytest

from agent.records import PathReply
from collector.facts import knowledge
from collector.facts.regions import JURISDICTIONS
from collector.judgement.borders import judge
from collector.records import NetworkOverride, Verdict
from tests.fakes.judging import (
    AT_TARGET,
    HOME,
    IN_FRANKFURT,
    IN_LONDON,
    IN_MARSEILLE,
    IN_PARIS,
    NAMELESS,
    TARGET,
    judged,
)
from tests.fakes.paths import (
    FRANKFURT,
    LOST,
    path,
    reply,
    verdict,
    zone,
)


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
