"""Scenarios are read strictly, and the three that are delivered say what they promise."""

from pathlib import Path

import pytest

from deploy.lab.errors import ScenarioError
from deploy.lab.scenario import SCENARIOS, find, load
from deploy.lab.truth import crossings, expected_hops, multipath
from tests.fakes.lab_worlds import write_world

DELIVERED = sorted(file.stem for file in SCENARIOS.glob("*.toml"))
HONEST = ("inside", "timed", "trombone")
"""Scenarios in which every router answers under its own name, and one way is best."""
EU = {"FR", "DE"}


def test_the_small_world_is_read(tmp_path: Path) -> None:
    """A right file gives its words; defaults stand where the file says nothing."""
    world = load(write_world(tmp_path))
    assert (world.name, world.duration_s, world.scenario.seed) == ("small", 10, 7)
    assert [agent.name for agent in world.agents] == ["one", "two"]
    assert world.router("b").name is None
    assert world.links[0].loss_ratio == 0.0
    assert [event.up for event in world.events] == [False, True]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[scenario]", "[scenario", "cannot be read as TOML"),
        ("seed = 7", "", "Object missing required field `seed` - at `$.scenario`"),
        ("seed = 7", "seed = 7\nsead = 7", "contains unknown field `sead` - at `$.scenario`"),
        ("latitude = 48.0", "latitude = 148.0", "at `$.cities[0].latitude`"),
        ("factor = 1.5", "factor = 0.5", "at `$.links[1].factor`"),
        ('city = "Here"', 'city = "Nowhere"', "routers[0].city: no city is called 'Nowhere'"),
        ('network = "bench"', 'network = "x"', "routers[0].network: no network is called 'x'"),
        ('"a.example.net"', '"a..net"', "at `$.routers[0].name`"),
        ('"a.example.net"', f'"{"a" * 64}.net"', "at `$.routers[0].name`"),
        ('"a.example.net"', '"a b.net"', "at `$.routers[0].name`"),
        ("duration_s = 10", "duration_s = inf", "at `$.scenario.duration_s`"),
        ('gateway = "a"', 'gateway = "z"', "agents[0].gateway: no router is called 'z'"),
        ('router = "b"', 'router = "z"', "targets[0].router: no router is called 'z'"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    """Every rule has a file that breaks it; the message names the file and the key."""
    file = write_world(tmp_path, old, new)
    with pytest.raises(ScenarioError) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert says in str(caught.value)


def test_an_unknown_scenario_names_those_that_exist() -> None:
    """A misspelt name is answered with the right ones."""
    with pytest.raises(ScenarioError, match=r"inside, .*timed, trombone"):
        find("tymed")


def zones(name: str) -> list[tuple[str, str, str]]:
    """Every pair of an agent and a target: (agent, address, country of the target)."""
    world = load(name)
    return [(a.name, t.address, t.country) for a in world.agents for t in world.targets]


@pytest.mark.parametrize("name", HONEST)
def test_paths_have_a_believable_shape(name: str) -> None:
    """Five to eight hops; every router between gateway and target has a name; RTTs rise."""
    world = load(name)
    moments = [0.0, *(event.at_s for event in world.events)]
    for agent, address, _ in zones(name):
        for at_s in moments:
            hops = expected_hops(world, agent, address, at_s)
            assert 5 <= len(hops) <= 8, (agent, address, at_s)
            assert all(hop.name for hop in hops[1:-1])
            rtts_ms = [hop.rtt_ms for hop in hops]
            assert rtts_ms == sorted(rtts_ms)


@pytest.mark.parametrize("name", DELIVERED)
def test_every_delivered_scenario_is_called_as_its_file(name: str) -> None:
    """A scenario passes every rule, and its own name is the one that `SCENARIO=` takes."""
    assert load(name).name == name


@pytest.mark.parametrize("name", HONEST)
def test_the_plain_stories_have_one_way(name: str) -> None:
    """Where a scenario is not about equal ways, all flows of a pair go together at all times."""
    world = load(name)
    for agent, address, _ in zones(name):
        for at_s in (0.0, *(event.at_s for event in world.events)):
            found = multipath(world, agent, address, at_s)
            assert {len(hops) for hops in found.hops} == {1}, (agent, address, at_s)


def outside(name: str) -> set[tuple[str, str, float]]:
    """What leaves the smallest of FX and EU that holds agent and target: (agent, region, time)."""
    world = load(name)
    regions = {target.address: f"{target.provider}/{target.region}" for target in world.targets}
    left = set()
    for agent, address, country in zones(name):
        home = world.city(world.agent(agent).city).country
        allowed = {"FR"} if {home, country} == {"FR"} else EU
        if not {home, country} <= allowed:
            continue
        for at_s, countries in crossings(world, agent, address):
            if not countries <= allowed:
                left.add((agent, regions[address], at_s))
    return left


def test_inside_stays_inside() -> None:
    """In `inside` no path leaves the jurisdiction that holds both its ends."""
    assert outside("inside") == set()


def test_timed_leaves_from_20_s_to_60_s() -> None:
    """In `timed` Paris - Marseille alone leaves France, through Frankfurt, from 20 s to 60 s."""
    assert outside("timed") == {("paris", "oracle/eu-marseille-1", 20.0)}
    world = load("timed")
    changes = crossings(world, "paris", "129.151.225.20")
    assert changes == [(0.0, {"FR"}), (20.0, {"FR", "DE"}), (60.0, {"FR"})]


def test_trombone_leaves_for_good() -> None:
    """In `trombone` Paris - AWS Paris alone leaves, through London, from the beginning."""
    assert outside("trombone") == {("paris", "aws/eu-west-3", 0.0)}
    world = load("trombone")
    assert crossings(world, "paris", "13.36.40.20") == [(0.0, {"FR", "GB"})]


def test_a_base_stands_before_the_files_own_rows() -> None:
    """Cities and networks of the base are there, and those of the file beside them."""
    read = load("overseas")
    assert "Paris" in {city.name for city in read.cities}
    assert {"arelion", "monaco"} <= {network.id for network in read.networks}


def test_an_unknown_base_is_refused(tmp_path: Path) -> None:
    """The message names the bases that exist."""
    file = write_world(tmp_path, "seed = 7", 'seed = 7\nbase = "mars"')
    with pytest.raises(ScenarioError, match=r"scenario.base: no base 'mars', only europe"):
        load(file)


def test_a_wrong_recipe_is_refused(tmp_path: Path) -> None:
    """A recipe is as strict as a scenario."""
    text = (SCENARIOS / "world.toml").read_text(encoding="utf-8")
    file = tmp_path / "wrong.toml"
    file.write_text(text.replace("targets = 200", "targets = 0"), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"at `\$.world.targets`"):
        load(file)
