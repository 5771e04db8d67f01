"""References, links and tunnels of a scenario: every rule has a file that breaks it."""

from pathlib import Path

import pytest

from deploy.lab.errors import ScenarioError
from deploy.lab.scenario import load
from tests.fakes.lab_worlds import dual_world

TUNNEL = 'routers = ["a", "c", "b"]'


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("factor = 1.5", "factor = 1.5\ndelay_ms = 2", "links[1]: give exactly one of factor"),
        ("delay_ms = 1.0", "loss_ratio = 0.1", "links[0]: give exactly one of factor"),
        ('["c", "b"]', '["c", "x"]', "links[2].between: no router is called 'x'"),
        ('["c", "b"]', '["c", "c"]', "links[2].between: 'c' is joined to itself"),
        ('["c", "b"]', '["c", "a"]', "links.between: 'a - c' is given 2 times"),
        ("factor = 1.5", "factor = 1.5\ncost = 0", "at `$.links[1].cost`"),
        ("factor = 1.5", "factor = 1.5\ncost = [1, 2, 3]", "at `$.links[1].cost`"),
        ("factor = 1.5", "factor = 1.5\nmtu = 100", "at `$.links[1].mtu`"),
        ("delay_ms = 1.0", "delay_ms = 1.0\nmtu = 1279", "links[0].mtu: 1279 is less than IPv6"),
        ("factor = 1.5", 'factor = 1.5\njitter = "wild"', "at `$.links[1].jitter`"),
        ("factor = 1.5", "factor = 1.5\nfamilies = [4, 4]", "links[1].families: 4 is given twice"),
        ("factor = 1.5", "factor = 1.5\nfamilies = []", "at `$.links[1].families`"),
        (TUNNEL, 'routers = ["a", "x", "b"]', "tunnels[0].routers: no router is called 'x'"),
        (TUNNEL, 'routers = ["a", "c"]', "at `$.tunnels[0].routers`"),
        (TUNNEL, 'routers = ["a", "c", "a"]', "tunnels[0].routers: a router is crossed twice"),
        ('between = ["c", "b"]', 'between = ["c", "d"]', "tunnels[0].routers: no link joins c and"),
        (
            "labels = [24001]",
            "labels = [24001, 24002]",
            "tunnels[0].labels: 1 routers lie inside, 2",
        ),
        ("labels = [24001]", "labels = [3]", "at `$.tunnels[0].labels[0]`"),
        ("labels = [24001]", "labels = [[]]", "at `$.tunnels[0].labels[0]`"),
        ('also_at = ["c"]', 'also_at = ["z"]', "targets[0].also_at: no router is called 'z'"),
        ('also_at = ["c"]', 'also_at = ["b"]', "targets[0].also_at: a router is named twice"),
        ('serves = ["tcp"]', 'serves = ["tcp", "tcp"]', "targets[0].serves: a service is named"),
        ('serves = ["tcp"]', 'serves = ["ssh"]', "at `$.targets[0].serves[0]`"),
        ('udp = "silent"', 'udp = "open"', "at `$.targets[0].udp`"),
        ('name = "one"', 'name = "servers"', "agents[0].name: 'servers' is what the box calls"),
        ("flows = 8", "flows = 17", "at `$.agents[0].flows`"),
        ("flows = 8", 'declared = "Nowhere"', "agents[0].declared: no city is called 'Nowhere'"),
        ('icmp_hash = "addresses"', 'icmp_hash = "both"', "at `$.routers[0].icmp_hash`"),
        ("limit_burst = 3", "limit_burst = 0", "at `$.routers[1].limit_burst`"),
    ],
)
def test_a_wrong_network_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    """What leads nowhere, stands twice or is out of bounds is named with its key."""
    with pytest.raises(ScenarioError) as caught:
        load(dual_world(tmp_path, (old, new)))
    assert says in str(caught.value)


def test_a_mtu_below_that_of_ipv6_is_fine_where_there_is_none(tmp_path: Path) -> None:
    """A link that carries IPv4 alone may be narrower."""
    narrow = ("delay_ms = 1.0", "delay_ms = 1.0\nmtu = 1000\nfamilies = [4]")
    assert load(dual_world(tmp_path, narrow)).links[0].mtu == 1000


def test_a_tunnel_may_be_crossed_in_both_directions(tmp_path: Path) -> None:
    """A tunnel is one way: its reverse is another tunnel, and the same again is a mistake."""
    back = f'{TUNNEL}\nlabels = [24001]\n\n[[tunnels]]\nrouters = ["b", "c", "a"]'
    assert len(load(dual_world(tmp_path, (TUNNEL, back))).tunnels) == 2
    with pytest.raises(ScenarioError, match=r"tunnels\.routers: 'a - c - b' is given 2 times"):
        load(dual_world(tmp_path, (TUNNEL, f"{TUNNEL}\nlabels = [24001]\n\n[[tunnels]]\n{TUNNEL}")))
