"""The addresses of a scenario: every rule has a file that breaks it."""

from pathlib import Path

import pytest

from deploy.lab.errors import ScenarioError
from deploy.lab.scenario import load
from tests.fakes.lab_worlds import dual_world, write_world


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"198.51.100.2"', '"198.51.100.1"', "address: '198.51.100.1' is given 2 times"),
        (
            '"198.51.100.2"',
            '"198.51.100.256"',
            "routers[1].address: '198.51.100.256' is not an IPv4",
        ),
        ('"198.51.100.2"', '"203.0.113.2"', "routers[1].address: 203.0.113.2 lies in no prefix"),
        ('"192.0.2.80"', '"203.0.113.2"', "targets[0].address: 203.0.113.2 lies in no prefix"),
        ('"192.168.1.1"', '"8.8.8.8"', "agents[0].gateway_address: 8.8.8.8 is not private"),
        ('"192.168.1.1"', '"127.0.0.1"', "agents[0].gateway_address: 127.0.0.1 is not private"),
        ('"192.0.2.0/24"', '"192.0.2.1/24"', "networks[0].prefixes: 192.0.2.1/24 has host bits"),
        ('"fd00:1::1"', '"2001:db8::9"', "gateway_address6: 2001:db8::9 is not unique local"),
        ('"2001:db8::a"', '"2001:db8::a::"', "routers[0].address6: '2001:db8::a::' is not an IPv6"),
        ('"2001:db8::a"', '"2001:db8:0::a"', "write 2001:db8:0::a as 2001:db8::a (RFC 5952)"),
        ('"2001:db8::a"', '"2001:db9::a"', "routers[0].address6: 2001:db9::a lies in no prefix"),
        ('"2001:db8::a"', '"2001:db8::b"', "address: '2001:db8::b' is given 2 times"),
        ('address6 = "2001:db8::a"\n', "", "routers[0].name6: there is no address6"),
        ('replies_from = "192.0.2.7"\n', "", "routers[1].replies_name: there is no replies_from"),
        ('address = "198.51.100.2"\n', "", "routers[1].replies_from: there is no address"),
        ('address = "198.51.100.3"\n', "", "routers[2]: give address, address6 or both"),
        ('gateway_address6 = "fd00:1::1"\n', "", "agents[0]: give address6 and gateway_address6"),
    ],
)
def test_a_wrong_address_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    """What is no address, stands twice, lies outside or lacks its companion is named."""
    with pytest.raises(ScenarioError) as caught:
        load(dual_world(tmp_path, (old, new)))
    assert says in str(caught.value)


def test_replies_may_come_from_a_neighbours_prefix(tmp_path: Path) -> None:
    """A router's own address lies in its network; that of its replies in any of the file."""
    network = '[[networks]]\nid = "other"\nasn = 64501\nholder = "Other"\ngroup_country = "DE"\n'
    other = f'{network}prefixes = ["203.0.113.0/24"]\n\n[[routers]]'
    replies = 'address = "198.51.100.3"\nreplies_from = "203.0.113.9"'
    file = dual_world(tmp_path, ("[[routers]]", other), ('address = "198.51.100.3"', replies))
    assert load(file).router("c").replies_from == "203.0.113.9"


def test_a_world_without_ipv6_has_none(tmp_path: Path) -> None:
    """Nothing of IPv6 is demanded of a scenario that does not mention it."""
    world = load(write_world(tmp_path))
    assert {row.address6 for row in (*world.routers, *world.agents, *world.targets)} == {None}
