"""Crossings open, are confirmed and end by the table alone."""

import itertools
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.episodes.crossings import TRANSITIONS, Crossings
from collector.episodes.watches import State
from collector.episodes.ways import Round
from collector.records import Axis, Crossing, Verdict
from tests.fakes.judgements import LETTERS, ROUND_NS, T0, judgement


def demand(
    jurisdiction: str | None, open_at: Verdict = Verdict.SUPPORTED_OUTSIDE
) -> dict[str, Verdict]:
    """Return a demand for one jurisdiction, or none."""
    return {} if jurisdiction is None else {jurisdiction: open_at}


def play(
    letters: str, demanded: str | None = "FX", into: Crossings | None = None
) -> tuple[Crossings, list[tuple[Crossing, ...]]]:
    """Observe one round per letter and return what each changed."""
    crossings = Crossings() if into is None else into
    return crossings, [
        crossings.observe(judgement(letter, at), demand(demanded))
        for at, letter in enumerate(letters)
    ]


def shape(crossings: Crossings) -> list[tuple[int, int | None, int | None, int]]:
    """Return (first seen, confirmed, ended) as round numbers and the rounds, oldest first."""

    def number(at_ns: int | None) -> int | None:
        return None if at_ns is None else (at_ns - T0) // ROUND_NS

    return [
        (
            (row.first_seen_ns - T0) // ROUND_NS,
            number(row.confirmed_ns),
            number(row.ended_ns),
            row.rounds,
        )
        for row in reversed(crossings.all())
    ]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("", []),
        ("iuxc", []),
        ("iD", [(1, None, None, 1)]),
        ("iDD", [(1, 2, None, 2)]),
        ("iDDDii", [(1, 3 - 1, 4, 3)]),
        ("DDuu", [(0, 1, 2, 2)]),
        ("DDiDii", [(0, 1, 4, 3)]),  # one returned round ends nothing
        ("DDixi", [(0, 1, 2, 2)]),  # a blind round between the two holds the state
        ("DDxxxx", [(0, 1, None, 2)]),  # blindness ends nothing
        ("DDcc", [(0, 1, 2, 2)]),  # a name that physics refutes elsewhere does not
        ("DDixcD", [(0, 1, 2, 2), (5, None, None, 1)]),
        ("Di", []),  # one returned round clears a suspicion
        ("Du", []),
        ("DiD", [(2, None, None, 1)]),
        ("DxD", [(0, 2, None, 2)]),  # a blind round between two neither confirms nor clears
        ("DcD", [(2, None, None, 1)]),
        ("Dx", [(0, None, None, 1)]),
        ("DG", [(1, None, None, 1)]),  # other countries: the newer one starts a new suspicion
        ("DGD", [(2, None, None, 1)]),
        ("DGG", [(1, 2, None, 2)]),
        ("DB", [(0, 1, None, 2)]),  # they share Germany
        ("DDGG", [(0, 1, None, 4)]),  # once confirmed any outside goes on
        ("P", [(0, 0, None, 1)]),  # a proof confirms at once
        ("DP", [(0, 1, None, 2)]),
        ("GP", [(1, 1, None, 1)]),  # a proof elsewhere is an episode of its own
        ("DDQii", [(0, 1, 3, 3)]),
        ("DDiiDDii", [(0, 1, 2, 2), (4, 5, 6, 2)]),  # two episodes
        ("DDiiD", [(0, 1, 2, 2), (4, None, None, 1)]),
        ("DDiDiDii", [(0, 1, 6, 4)]),  # flapping is one episode
        ("DDnnnn", [(0, 1, None, 2)]),  # the router abroad is still there, without its name
        ("DDnnuu", [(0, 1, 4, 2)]),
        ("Dn", [(0, None, None, 1)]),
        ("DDGnn", [(0, 1, 3, 3)]),  # the newest round outside went another way
        ("nnn", []),
    ],
)
def test_stories(letters: str, expected: list[tuple[int, int | None, int | None, int]]) -> None:
    """First seen, confirmed, ended and rounds of each episode, by rounds of one letter."""
    crossings, _ = play(letters)
    assert shape(crossings) == expected


def test_the_table_is_whole() -> None:
    """Every state knows every round, or holds; BLIND always holds; nothing leads nowhere."""
    assert not any(round_ is Round.BLIND for _, round_ in TRANSITIONS)
    missing = set(itertools.product(State, Round)) - set(TRANSITIONS)
    assert missing == {(State.CLEAR, Round.RETURNED)} | {(state, Round.BLIND) for state in State}
    assert {state for _, state in TRANSITIONS.values()} == set(State)


def test_what_a_confirmed_crossing_holds() -> None:
    """Verdict, countries and wider verdicts of the confirming round, and the identity."""
    crossings, changes = play("DB")
    (first,), (second,) = changes
    assert (first.confirmed_ns, second.confirmed_ns) == (None, T0 + ROUND_NS)
    assert first.countries == ("FR", "DE", "FR")
    assert second.countries == ("FR", "DE", "GB", "FR")
    assert first.wider == {"EU": Verdict.UNDETERMINED, "EEA": Verdict.UNDETERMINED}
    assert second.wider == {"EU": Verdict.SUPPORTED_OUTSIDE, "EEA": Verdict.SUPPORTED_OUTSIDE}
    assert (second.agent, second.target, second.zone) == ("paris", "mrs", "ovh/mrs")
    assert (second.jurisdiction, second.verdict) == ("FX", Verdict.SUPPORTED_OUTSIDE)
    assert second.id == first.id
    assert len(second.id) == 64
    assert crossings.all() == (second,)


def test_the_verdict_of_an_episode_is_its_worst() -> None:
    """A proof in the middle stays, whatever comes after."""
    crossings, _ = play("DDPD")
    assert crossings.all()[0].verdict is Verdict.PROVEN_OUTSIDE


def test_changes_are_reported_exactly() -> None:
    """A hold changes nothing; a dropped suspicion is reported ended and is forgotten."""
    crossings, changes = play("DxiDGGii")
    assert [[row.rounds for row in change] for change in changes] == [
        [1],
        [],
        [1],
        [1],
        [1, 1],
        [2],
        [],
        [2],
    ]
    (dropped,) = changes[2]
    assert (dropped.confirmed_ns, dropped.ended_ns) == (None, T0 + 2 * ROUND_NS)
    replaced, opened = changes[4]
    assert replaced.ended_ns == T0 + 4 * ROUND_NS
    assert opened.ended_ns is None
    assert len(crossings.all()) == 1


def test_nothing_opens_where_nothing_is_demanded() -> None:
    """Without a policy a path abroad is no crossing."""
    crossings, changes = play("DDPP", demanded=None)
    assert changes == [(), (), (), ()]
    assert crossings.all() == ()


def test_a_policy_change_closes_nothing_silently() -> None:
    """A confirmed episode lives on under its own jurisdiction and ends by its own rounds."""
    crossings, _ = play("DD")
    for at, letter in enumerate("DDii", 2):
        crossings.observe(judgement(letter, at), demand(None))
    (row,) = crossings.all()
    assert (row.jurisdiction, row.rounds, row.ended_ns) == ("FX", 4, T0 + 4 * ROUND_NS)


def test_a_policy_change_drops_a_suspicion_openly() -> None:
    """What was only suspected under the old demand is reported dropped, and never confirmed."""
    crossings, _ = play("D")
    (dropped,) = crossings.observe(judgement("D", 1), demand(None))
    assert dropped.ended_ns == T0 + ROUND_NS
    assert crossings.all() == ()


def test_the_new_demand_opens_its_own_episode() -> None:
    """With the demand moved to EU, London opens an EU episode beside the FX one."""
    crossings, _ = play("GG")
    changes = [crossings.observe(judgement("G", at), demand("EU")) for at in (2, 3)]
    assert [[row.jurisdiction for row in change] for change in changes] == [
        ["EU", "FX"],
        ["EU", "FX"],
    ]
    assert {row.jurisdiction: row.rounds for row in crossings.all()} == {"FX": 4, "EU": 2}


def test_replays_and_disorder_change_nothing() -> None:
    """Rounds that are not newer than the newest one are ignored."""
    crossings, _ = play("iDDDii")
    before = crossings.dump()
    for at, letter in enumerate("iDDDii"):
        assert crossings.observe(judgement(letter, at), demand("FX")) == ()
    assert crossings.dump() == before


def test_a_round_without_a_time_is_ignored() -> None:
    """A path whose start could not be read gets started_ns 0."""
    crossings = Crossings()
    assert crossings.observe(judgement("P", 0, ns=0), demand("FX")) == ()
    assert crossings.all() == ()


def test_targets_and_agents_are_apart() -> None:
    """Two rounds of different targets or agents confirm nothing."""
    crossings = Crossings()
    crossings.observe(judgement("D", 0), demand("FX"))
    crossings.observe(judgement("D", 1, target="lyo"), demand("FX"))
    crossings.observe(judgement("D", 2, agent="lille"), demand("FX"))
    assert [row.confirmed_ns for row in crossings.all()] == [None, None, None]
    assert len({row.id for row in crossings.all()}) == 3


def test_evidence_is_attached() -> None:
    """The digest is kept through further rounds; an unknown id is an error."""
    crossings, _ = play("DD")
    (row,) = crossings.all()
    assert crossings.attach(row.id, "ab" * 32).evidence == "ab" * 32
    crossings.observe(judgement("D", 2), demand("FX"))
    assert crossings.all()[0].evidence == "ab" * 32
    with pytest.raises(KeyError):
        crossings.attach("unknown", "ab" * 32)


def test_a_dump_of_another_version_is_refused() -> None:
    """Octets that are no dump raise the documented error."""
    for octets in (b"", b"\x00", msgspec.msgpack.encode({"version": 2})):
        with pytest.raises(msgspec.DecodeError):
            Crossings.load(octets)


ROUNDS = st.lists(
    st.tuples(
        st.sampled_from(sorted(LETTERS)),
        st.sampled_from(["mrs", "lyo"]),
        st.sampled_from(["FX", "FX", "FX", "EU", None]),
    ),
    max_size=40,
)


def feed(crossings: Crossings, rounds: list[tuple[str, str, str | None]], start: int = 0) -> None:
    """Observe rounds numbered from `start`."""
    for at, (letter, target, demanded) in enumerate(rounds, start):
        crossings.observe(judgement(letter, at, target=target), demand(demanded))


@given(ROUNDS, ROUNDS)
@settings(max_examples=150)
def test_a_restart_changes_nothing(
    first: list[tuple[str, str, str | None]], second: list[tuple[str, str, str | None]]
) -> None:
    """Dump and load in the middle of any story continue it exactly."""
    through = Crossings()
    feed(through, first)
    restarted = Crossings.load(through.dump())
    assert restarted.dump() == through.dump()
    feed(through, second, len(first))
    feed(restarted, second, len(first))
    assert restarted.dump() == through.dump()
    assert restarted.all() == through.all()


@given(ROUNDS, st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_replaying_everything_in_any_order_changes_nothing(
    rounds: list[tuple[str, str, str | None]], dice: random.Random
) -> None:
    """After a story, its rounds again, shuffled, change nothing."""
    crossings = Crossings()
    feed(crossings, rounds)
    before = crossings.dump()
    again = list(enumerate(rounds))
    dice.shuffle(again)
    for at, (letter, target, demanded) in again:
        assert crossings.observe(judgement(letter, at, target=target), demand(demanded)) == ()
    assert crossings.dump() == before


@given(ROUNDS)
@settings(max_examples=150)
def test_invariants_of_any_story(rounds: list[tuple[str, str, str | None]]) -> None:
    """Times are in order, confirmation took two rounds or a proof, one open episode a watch."""
    crossings = Crossings()
    feed(crossings, rounds)
    open_watches = []
    for row in crossings.all():
        if row.confirmed_ns is None:
            assert (row.ended_ns, row.rounds) == (None, 1)
        else:
            assert row.first_seen_ns <= row.confirmed_ns
            assert row.rounds >= 2 or row.verdict is Verdict.PROVEN_OUTSIDE
        if row.ended_ns is None:
            open_watches.append((row.agent, row.target, row.jurisdiction))
        else:
            assert row.confirmed_ns is not None
            assert row.confirmed_ns < row.ended_ns
    assert len(set(open_watches)) == len(open_watches)


def test_families_are_watched_apart() -> None:
    """IPv6 abroad while IPv4 stays at home: one episode, of IPv6, that IPv4 does not end."""
    crossings = Crossings()
    for at, (four, six) in enumerate(zip("iiiiii", "DDDDii", strict=True)):
        crossings.observe(judgement(four, at), demand("FX"))
        crossings.observe(msgspec.structs.replace(judgement(six, at), family=6), demand("FX"))
    (found,) = crossings.all()
    assert (6, T0, T0 + ROUND_NS, T0 + 4 * ROUND_NS, 4) == (
        found.family,
        found.first_seen_ns,
        found.confirmed_ns,
        found.ended_ns,
        found.rounds,
    )


def test_both_families_abroad_are_two_episodes() -> None:
    """They begin in the same nanosecond and still have names of their own."""
    crossings = Crossings()
    for family in (4, 6):
        one = msgspec.structs.replace(judgement("D", 0), family=family)
        crossings.observe(one, demand("FX"))
    assert [4, 6] == sorted(row.family for row in crossings.all())


def test_administration_opens_nothing() -> None:
    """A foreign group on home soil is a finding of its own, never a crossing."""
    first, last = Crossings(), Crossings()
    for at in range(3):
        one = judgement("i", at)
        foreign = tuple(
            msgspec.structs.replace(
                row, axis=Axis.ADMINISTRATION, verdict=Verdict.SUPPORTED_OUTSIDE
            )
            for row in one.verdicts
        )
        last.observe(msgspec.structs.replace(one, verdicts=one.verdicts + foreign), demand("FX"))
        first.observe(msgspec.structs.replace(one, verdicts=foreign + one.verdicts), demand("FX"))
    assert ((), ()) == (first.all(), last.all())
