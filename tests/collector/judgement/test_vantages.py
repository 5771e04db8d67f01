"""Agents are testimony: times among them refute positions, and what is left is not verified."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.records import Path
from collector.judgement.discs import C_KM_PER_NS, distance_km
from collector.judgement.vantages import KEPT_NS, Vantages, positions
from collector.positions import Between, Memory, Position
from collector.records import Place, Vantage
from collector.wall import wall_text
from tests.fakes.paths import path, reply

T0 = 1_795_521_600_000_000_000
CITIES = {
    "paris": (48.85341, 2.3488),
    "lyon": (45.74846, 4.84671),
    "berlin": (52.52437, 13.41053),
    "madrid": (40.4165, -3.70256),
    "rome": (41.89193, 12.51133),
    "paris-2": (48.86, 2.34),
}
TRUTH = {**CITIES, "liar": (1.28967, 103.85007)}
"""The liar says Paris, and stands in Singapore."""
DECLARED = {**CITIES, "liar": CITIES["paris"]}


def vantage(name: str) -> Vantage:
    """Return an agent as the settings declare it; its address ends in its place of the list."""
    latitude, longitude = DECLARED[name]
    return Vantage(
        name=name,
        agent_id=name.encode().ljust(16),
        token_sha256=name,
        place=Place(
            name=name, territory="FR", latitude=latitude, longitude=longitude, radius_km=10
        ),
        addresses=(f"192.0.2.{list(DECLARED).index(name)}", f"2001:db8::{name.encode().hex()[:4]}"),
    )


def among(*names: str, kept: Memory | None = None) -> Vantages:
    """Return the memory of a collector whose settings name these agents."""
    return Vantages([vantage(name) for name in names], kept)


def time_s(one: str, other: str, factor: float = 2.0) -> float:
    """Return a true time between two agents: light in vacuum, times a factor that is above 1."""
    return 2 * distance_km(*TRUTH[one], *TRUTH[other]) / C_KM_PER_NS / 1e9 * factor + 50e-6


def mesh(found: Vantages, *names: str, at_ns: int = T0) -> Vantages:
    """Let each agent measure each other one."""
    for observer in names:
        for subject in names:
            if observer != subject:
                found.hear(vantage(observer), subject, time_s(observer, subject), at_ns)
    return found


def test_one_that_is_elsewhere_is_refuted_by_the_others() -> None:
    """Only times that are too short refute: true ones from afar do not, invented ones do."""
    names = ("paris", "lyon", "berlin", "liar")
    assert set() == mesh(among(*names), *names).refuted()
    found = among(*names)
    for subject in names[:3]:
        found.hear(vantage("liar"), subject, 1e-4, T0)
    assert {"liar"} == found.refuted()
    assert Position(state="refuted", by=("berlin", "lyon")) == found.positions()["liar"]


def test_the_one_with_most_contradictions_goes_first() -> None:
    """Berlin is too near to three: without it nobody contradicts anybody."""
    names = ("paris", "lyon", "berlin", "madrid")
    found = mesh(among(*names), *names)
    for other in ("paris", "lyon", "madrid"):
        found.hear(vantage(other), "berlin", 2e-4, T0)
    states = {name: row.state for name, row in found.positions().items()}
    assert {**dict.fromkeys(names, "unrefuted"), "berlin": "refuted"} == states
    assert ("lyon", "madrid", "paris") == found.positions()["berlin"].by
    assert "refuted by 3" == found.says("berlin")


def test_who_is_tied_goes_together() -> None:
    """Of two that contradict each other alone nobody can say which one is elsewhere."""
    names = ("paris", "lyon", "berlin", "madrid")
    found = mesh(among(*names), *names)
    found.hear(vantage("paris"), "berlin", 2e-4, T0)
    assert {"paris", "berlin"} == found.refuted()
    assert {"untested"} == {found.positions()[name].state for name in ("lyon", "madrid")}


def test_two_others_that_are_left_make_it_unrefuted() -> None:
    """One is not enough, and what an agent measured itself is its own word."""
    found = among("paris", "lyon", "berlin")
    found.hear(vantage("lyon"), "paris", time_s("lyon", "paris"), T0)
    assert Position(by=("lyon",)) == found.positions()["paris"]
    found.hear(vantage("paris"), "berlin", time_s("paris", "berlin"), T0)
    assert "declared, untested" == found.says("paris")
    found.hear(vantage("berlin"), "paris", time_s("berlin", "paris"), T0)
    assert "unrefuted by 2" == found.says("paris")
    assert "declared, untested" == found.says("lyon") == found.says("nobody")


def test_a_refuted_agent_vouches_for_nobody() -> None:
    """Who was measured by two, one of them refuted, is untested."""
    names = ("paris", "lyon", "berlin", "madrid")
    found = among(*names)
    for observer in ("lyon", "berlin"):
        found.hear(vantage(observer), "paris", time_s(observer, "paris"), T0)
    assert "unrefuted by 2" == found.says("paris")
    for subject in ("lyon", "madrid"):
        found.hear(vantage("berlin"), subject, 1e-4, T0)
    assert ({"berlin"}, "declared, untested") == (found.refuted(), found.says("paris"))


def test_neighbours_test_nothing() -> None:
    """No time, however short, contradicts two agents whose radii meet: so it tests neither."""
    found = among("paris", "paris-2", "lyon")
    for observer in ("paris-2", "lyon"):
        found.hear(vantage(observer), "paris", 1e-4, T0)
    assert () == found.positions()["paris-2"].by
    quiet = among("paris", "paris-2", "lyon")
    quiet.hear(vantage("paris-2"), "paris", 1e-4, T0)
    quiet.hear(vantage("lyon"), "paris", time_s("lyon", "paris"), T0)
    assert Position(by=("lyon",)) == quiet.positions()["paris"]


@pytest.mark.parametrize("slack_km", [-1.0, 1.0])
def test_all_uncertainty_is_given_away(slack_km: float) -> None:
    """Radii, the last digit and 200 ppm are added before a time refutes."""
    between_km = distance_km(*CITIES["paris"], *CITIES["lyon"]) - 20
    rtt_ns = int(2 * (between_km + slack_km) / C_KM_PER_NS / 1.0002) - 1000
    row = Between(
        observer="paris",
        subject="lyon",
        here=vantage("paris").place.origin,
        there=vantage("lyon").place.origin,
        rtt_ns=rtt_ns,
        resolution_ns=1000,
        at_ns=T0,
    )
    found = positions(["paris", "lyon"], [row])
    assert (slack_km < 0) == (found["paris"].state == "refuted")


def traced(address: str, rtt_ms: float, at_ns: int = T0) -> Path:
    """Return a path of one hop that is its target."""
    return msgspec.structs.replace(
        path([reply(address, rtt_ms=rtt_ms)]),
        target=address,
        address=address,
        started_at=wall_text(at_ns),
    )


def test_paths_to_an_agent_count_as_well() -> None:
    """By whatever address it is known; other targets, and hops on the way, say nothing."""
    found = among("paris", "lyon", "berlin")
    named = msgspec.structs.replace(traced("192.0.2.2", 0.2), target="berlin.example")
    found.observe(vantage("paris"), named)
    assert {"paris", "berlin"} == found.refuted()
    assert set() == _seen(traced("198.51.100.1", 0.2)).refuted()
    passing = path([reply("192.0.2.2", rtt_ms=0.2)], [reply("198.51.100.1", rtt_ms=9.0)])
    assert set() == _seen(passing).refuted()


def _seen(one: Path) -> Vantages:
    found = among("paris", "lyon", "berlin")
    found.observe(vantage("paris"), one)
    return found


def test_owners_are_found_in_any_writing() -> None:
    """An address belongs to one agent however it is written; a name belongs to nobody."""
    found = among("paris", "lyon")
    assert ("paris", "lyon") == (found.owner("192.0.2.0"), found.owner("192.0.2.1"))
    (six,) = (text for text in vantage("lyon").addresses if ":" in text)
    assert "lyon" == found.owner(six.upper())
    loud = msgspec.structs.replace(vantage("lyon"), addresses=(six.upper(),))
    assert "lyon" == Vantages([loud]).owner(six)
    assert [None, None] == [found.owner("lyon"), found.owner("192.0.2.99")]
    assert Vantages([]).owner("192.0.2.0") is None


def test_nobody_speaks_of_itself() -> None:
    """A time to one's own address, a lost probe and an absurd time are nothing."""
    found = among("paris", "lyon", "berlin")
    found.hear(vantage("paris"), "paris", 1e-4, T0)
    for wrong in (0.0, -1.0, float("nan"), float("inf"), float("-inf"), 1e9):
        found.hear(vantage("lyon"), "paris", wrong, T0)
    assert Memory() == found.dump()


def test_the_smallest_time_of_a_day_counts() -> None:
    """A larger one changes nothing for a day; then it is the one to use."""
    found = among("paris", "lyon")
    found.hear(vantage("paris"), "lyon", 1e-4, T0)
    found.hear(vantage("paris"), "lyon", 2e-2, T0 + 1)
    assert {"paris", "lyon"} == found.refuted()
    found.hear(vantage("lyon"), "paris", 2e-2, T0 + KEPT_NS)
    assert set() == found.refuted()
    found.hear(vantage("paris"), "lyon", 3e-2, T0 + KEPT_NS)
    assert 30_000_000 == found.dump().times[1].rtt_ns


def test_a_position_that_was_declared_anew_is_untested() -> None:
    """Times between positions of yesterday's settings say nothing of today's."""
    names = ("paris", "lyon", "berlin")
    before = mesh(among(*names), *names)
    before.hear(vantage("paris"), "berlin", 1e-4, T0)
    assert {"paris", "berlin"} == before.refuted()
    moved = msgspec.structs.replace(vantage("berlin"), place=vantage("paris").place)
    after = Vantages([vantage("paris"), vantage("lyon"), moved], before.dump())
    assert set() == after.refuted()
    after.hear(vantage("paris"), "berlin", 1e-4, T0 + 1)
    assert set() == after.refuted()
    gone = msgspec.structs.replace(vantage("paris"), place=vantage("madrid").place)
    anew = Vantages([gone, vantage("lyon"), vantage("berlin")], before.dump())
    assert set() == anew.refuted()
    anew.hear(gone, "berlin", 2e-2, T0 + 1)
    assert [20_000_000] == [
        row.rtt_ns
        for row in anew.dump().times
        if (row.observer, row.subject) == ("paris", "berlin")
    ]


def test_a_restart_anywhere_changes_nothing() -> None:
    """What a checkpoint keeps says the same, then and from then on."""
    events = [
        ("paris", "lyon", 1e-4, T0),
        ("paris", "lyon", 2e-2, T0 + KEPT_NS - 1),
        ("berlin", "lyon", 2e-2, T0 + KEPT_NS + 5),
        ("lyon", "paris", 3e-2, T0 + 7),
        ("berlin", "paris", 3e-2, T0 + 8),
    ]

    def play(cut: int) -> list[tuple[object, object]]:
        found, told = among("paris", "lyon", "berlin"), []
        for at, (observer, subject, seconds, at_ns) in enumerate(events):
            if at == cut:
                octets = msgspec.msgpack.encode(found.dump())
                kept = msgspec.msgpack.decode(octets, type=Memory)
                found = among("paris", "lyon", "berlin", kept=kept)
            found.hear(vantage(observer), subject, seconds, at_ns)
            told.append((found.positions(), found.dump()))
        return told

    whole = play(-1)
    assert all(whole == play(cut) for cut in range(len(events)))


@settings(max_examples=200, deadline=None)
@given(
    factors=st.lists(st.floats(1.0, 30.0), min_size=30, max_size=30),
    order=st.permutations(list(CITIES)),
)
def test_delay_and_order_refute_nobody_who_is_where_it_says(
    factors: list[float], order: list[str]
) -> None:
    """Added delay makes times longer only; no true fleet contradicts itself, in no order."""
    found, pairs = among(*CITIES), [(one, two) for one in order for two in order if one != two]
    for (observer, subject), factor in zip(pairs, factors, strict=False):
        found.hear(vantage(observer), subject, time_s(observer, subject, factor), T0)
    assert set() == found.refuted()


@settings(max_examples=100, deadline=None)
@given(seed=st.permutations(range(6)))
def test_who_is_left_does_not_depend_on_order(seed: list[int]) -> None:
    """The same times in another order give the same positions."""
    names = list(CITIES)
    times = [
        ("paris", "berlin", 1e-4),
        ("lyon", "berlin", 1e-4),
        ("madrid", "rome", 1e-4),
        ("rome", "paris", time_s("rome", "paris")),
        ("madrid", "paris", time_s("madrid", "paris")),
        ("lyon", "paris", time_s("lyon", "paris")),
    ]
    found, straight = among(*names), among(*names)
    for row in times:
        straight.hear(vantage(row[0]), row[1], row[2], T0)
    for number in seed:
        observer, subject, seconds = times[number]
        found.hear(vantage(observer), subject, seconds, T0)
    assert straight.positions() == found.positions()
    assert {"berlin", "madrid", "rome"} == found.refuted()
