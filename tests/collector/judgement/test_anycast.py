"""An address that is near two agents far apart stands in several places; nothing else does."""

from itertools import permutations

import msgspec
import pytest

from agent.records import Origin, Path
from collector.facts import knowledge
from collector.facts.regions import JURISDICTIONS
from collector.judgement.anycast import KEPT_NS, MAX_ADDRESSES, MAX_AGENTS, Anycast, evidence
from collector.judgement.borders import judge
from collector.records import Place
from collector.wall import wall_text
from tests.fakes.paths import FRANKFURT, FROM_PARIS, PARIS, path, reply, verdict, zone

KNOWLEDGE = knowledge.load()
NETWORKS = KNOWLEDGE.networks
FROM_FRANKFURT = Origin(latitude=50.11552, longitude=8.68417, radius_km=5.0)
TARGET = "51.15.0.1"
T0 = 1_795_521_600_000_000_000


def seen(
    rtt_ms: float,
    origin: Origin | None = FROM_PARIS,
    address: str = TARGET,
    at_ns: int = T0,
    resolution_ns: int = 1,
) -> Path:
    """Return a round that reached `address` in `rtt_ms`."""
    return path(
        [reply(address, rtt_ms=rtt_ms)],
        address=address,
        origin=origin,
        started_at=wall_text(at_ns),
        resolution_ns=resolution_ns,
    )


def memory(*rounds: tuple[str, Path]) -> Anycast:
    """Return a memory that took the rounds."""
    anycast = Anycast(NETWORKS, ())
    for agent, one in rounds:
        anycast.observe(one, agent)
    return anycast


def test_two_near_agents_far_apart_show_two_machines() -> None:
    """Paris and Frankfurt in a millisecond each: one machine cannot be near both."""
    anycast = memory(("frankfurt", seen(1.0, FROM_FRANKFURT)))
    (found,) = anycast.observe(seen(1.1), "paris").values()
    assert ("frankfurt", "paris") == tuple(row.agent for row in found.seen)
    assert 469 < found.distance_km < 470
    assert 314 < found.reach_km < 315
    says = evidence([found])[TARGET].says
    assert "frankfurt in 1.000 ms and paris in 1.100 ms" in says
    assert "469.9 km apart at least, if both agents stand where they are declared" in says


@pytest.mark.parametrize(
    ("paris", "frankfurt"),
    [
        (seen(1.0), seen(2.2, FROM_FRANKFURT)),  # the discs touch
        (seen(1.0, resolution_ns=1_500_000), seen(1.0, FROM_FRANKFURT)),  # so do they here
        (seen(1.0, None), seen(1.0, FROM_FRANKFURT)),  # nobody knows where Paris is
        (seen(1.0), seen(1.0, FROM_PARIS)),  # both stand in Paris
        (seen(1.0, address="10.0.0.1"), seen(1.0, FROM_FRANKFURT, "10.0.0.1")),  # private
        (seen(1.0), seen(1.0, FROM_FRANKFURT, at_ns=T0 + KEPT_NS)),  # not of one day
    ],
)
def test_what_one_machine_could_do_is_no_anycast(paris: Path, frankfurt: Path) -> None:
    """Discs that share a point, unknown positions, private addresses and old times say nothing."""
    assert {} == memory(("paris", paris)).observe(frankfurt, "frankfurt")


def test_the_smallest_time_of_a_day_stays() -> None:
    """A slow round does not hide the quick one before it; a day later it does."""
    quick, slow = seen(1.0), seen(9.0, at_ns=T0 + 1)
    late = seen(9.0, at_ns=T0 + KEPT_NS)
    there = seen(1.0, FROM_FRANKFURT, at_ns=T0 + KEPT_NS - 1)
    assert TARGET in memory(("paris", quick), ("paris", slow)).observe(there, "frankfurt")
    assert {} == memory(("paris", quick), ("paris", late)).observe(there, "frankfurt")


def test_a_round_that_comes_late_hides_nothing() -> None:
    """Of more than a day before it replaces no time, however small; of the same day it does."""
    here, there = seen(1.1), seen(1.0, FROM_FRANKFURT)
    older = seen(0.9, FROM_FRANKFURT, at_ns=T0 - KEPT_NS)
    assert TARGET in memory(("frankfurt", there), ("frankfurt", older)).observe(here, "paris")
    slow = seen(2.2, FROM_FRANKFURT)
    same_day = seen(1.0, FROM_FRANKFURT, at_ns=T0 - KEPT_NS + 1)
    assert TARGET in memory(("frankfurt", slow), ("frankfurt", same_day)).observe(here, "paris")


@pytest.mark.parametrize(("early_ns", "several"), [(KEPT_NS - 1, True), (KEPT_NS, False)])
def test_a_round_that_comes_late_is_of_its_own_day(early_ns: int, *, several: bool) -> None:
    """What was near a day later says nothing of what answered then."""
    late = seen(1.1, at_ns=T0 - early_ns)
    found = memory(("frankfurt", seen(1.0, FROM_FRANKFURT))).observe(late, "paris")
    assert several is (TARGET in found)


def test_the_order_in_which_rounds_come_does_not_matter() -> None:
    """Rounds of two days by two agents: whoever comes last is told what all orders tell."""
    day = KEPT_NS // 2
    rounds = [
        ("frankfurt", seen(1.0, FROM_FRANKFURT, at_ns=T0 + day)),
        ("frankfurt", seen(1.4, FROM_FRANKFURT, at_ns=T0 + 2 * day)),
        ("frankfurt", seen(9.0, FROM_FRANKFURT, at_ns=T0 + 3 * day - 1)),
    ]
    last = seen(1.1, at_ns=T0 + 3 * day - 1)
    told = {tuple(memory(*order).observe(last, "paris").items()) for order in permutations(rounds)}
    assert 1 == len(told)
    assert TARGET in dict(*told)


def test_a_refuted_agent_counts_nowhere() -> None:
    """Neither now nor before: its times say nothing, and take no place from those that count."""
    anycast = memory(("frankfurt", seen(1.0, FROM_FRANKFURT)))
    assert {} == anycast.observe(seen(1.1), "paris", {"frankfurt"})
    assert {} == anycast.observe(seen(1.1), "paris", {"paris"})
    assert TARGET in anycast.observe(seen(1.1), "paris")
    liars = [f"liar-{number}" for number in range(MAX_AGENTS + 2)]
    crowd = memory(*((name, seen(0.1)) for name in liars))
    crowd.observe(seen(1.0, FROM_FRANKFURT), "frankfurt", liars)
    assert TARGET in crowd.observe(seen(1.1), "paris", liars)


def test_an_agent_that_moved_begins_anew() -> None:
    """A time that was measured elsewhere says nothing of the new position."""
    anycast = memory(("a", seen(1.0)), ("a", seen(9.0, FROM_FRANKFURT, at_ns=T0 + 1)))
    assert {} == anycast.observe(seen(1.0, FROM_FRANKFURT, at_ns=T0 + 2), "b")


def test_a_restart_changes_nothing() -> None:
    """What was dumped and taken back answers as before."""
    kept = memory(("frankfurt", seen(1.0, FROM_FRANKFURT))).dump()
    assert TARGET in Anycast(NETWORKS, kept).observe(seen(1.1), "paris")


def test_the_memory_is_bounded() -> None:
    """The address heard least recently goes first, of too many agents the farthest."""
    anycast = Anycast(NETWORKS, ())
    for number in range(MAX_ADDRESSES + 2):
        address = f"1.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        anycast.observe(seen(1.0, address=address), "paris")
        anycast.observe(seen(1.0, address="1.0.0.0"), "paris")
    kept = [address for address, _ in anycast.dump()]
    assert (MAX_ADDRESSES, "1.0.0.3", "1.0.0.0") == (len(kept), kept[0], kept[-1])
    crowd = memory(*((f"agent-{number}", seen(2.0 + number)) for number in range(MAX_AGENTS + 3)))
    ((_, rows),) = crowd.dump()
    assert [f"agent-{number}" for number in range(MAX_AGENTS)] == [row.agent for row in rows]


def test_a_path_without_a_time_is_not_remembered() -> None:
    """What cannot be dated cannot be of one day with anything."""
    odd = msgspec.structs.replace(seen(1.0), started_at="yesterday")
    assert () == memory(("paris", odd)).dump()


@pytest.mark.parametrize("place", [PARIS, FRANKFURT])
def test_such_an_address_has_no_place(place: Place) -> None:
    """Wherever it is declared to stand, refuted or not, it is unknown and the reason says why."""
    anycast = memory(("frankfurt", seen(1.0, FROM_FRANKFURT)))
    one = seen(1.1)
    found = judge(
        one,
        agent="paris",
        zone=zone(place),
        knowledge=KNOWLEDGE,
        jurisdictions=JURISDICTIONS,
        anycast=evidence(anycast.observe(one, "paris").values()),
    )
    assert {"UNDETERMINED"} == {verdict(found, row.name).verdict for row in JURISDICTIONS}
    assert ((), {"unknown"}) == (found.hops[0].candidates, set(found.hops[0].verdicts.values()))
    (reason,) = verdict(found).reasons
    assert reason.startswith(
        f"hop 1 ({TARGET}) has no place that could be told: it stands in several places"
    )
