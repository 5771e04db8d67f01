"""Small scenarios for tests of the lab: two sites and a detour; the same with every word."""

from pathlib import Path

WORLD = """
[scenario]
name = "small"
says = "two sites and a detour"
duration_s = 10
seed = 7

[[cities]]
name = "Here"
latitude = 48.0
longitude = 2.0
country = "FR"

[[cities]]
name = "There"
latitude = 50.0
longitude = 8.0
country = "DE"

[[networks]]
id = "bench"
asn = 64500
holder = "Bench"
group_country = "FR"
prefixes = ["192.0.2.0/24", "198.51.100.0/24"]
invented = true

[[routers]]
id = "a"
city = "Here"
network = "bench"
address = "198.51.100.1"
name = "a.example.net"

[[routers]]
id = "b"
city = "Here"
network = "bench"
address = "198.51.100.2"

[[routers]]
id = "c"
city = "There"
network = "bench"
address = "198.51.100.3"
name = "c.example.net"

[[links]]
between = ["a", "b"]
delay_ms = 1.0

[[links]]
between = ["a", "c"]
factor = 1.5

[[links]]
between = ["c", "b"]
delay_ms = 4.0

[[targets]]
provider = "p"
region = "here-1"
place = "Here"
country = "FR"
group_country = "US"
address = "192.0.2.80"
name = "web.example.net"
router = "b"
access_ms = 0.5

[[agents]]
name = "one"
city = "Here"
address = "192.0.2.10"
gateway = "a"
gateway_address = "192.168.1.1"
access_ms = 0.3
site_ms = 0.2
radius_km = 5

[[agents]]
name = "two"
city = "There"
address = "192.0.2.20"
gateway = "c"
gateway_address = "192.168.1.1"
access_ms = 0.4
site_ms = 0.1
radius_km = 5

[resolver]
address = "192.0.2.53"
router = "a"
access_ms = 0.1

[[events]]
at_s = 0.6
link = ["a", "b"]
up = false

[[events]]
at_s = 1.2
link = ["b", "a"]
up = true
"""


def write_world(directory: Path, old: str = "", new: str = "") -> Path:
    """Write the scenario, with the first `old` replaced by `new`, and return its file."""
    assert not old or old in WORLD, f"{old!r} is no part of the small scenario"
    file = directory / "small.toml"
    file.write_text(WORLD.replace(old, new, 1), encoding="utf-8")
    return file


_DUAL = (
    (
        'prefixes = ["192.0.2.0/24", "198.51.100.0/24"]',
        'prefixes = ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"]',
    ),
    (
        'name = "a.example.net"',
        (
            'name = "a.example.net"\nicmp_hash = "addresses"\n'
            'address6 = "2001:db8::a"\nname6 = "a6.example.net"'
        ),
    ),
    (
        'address = "198.51.100.2"',
        '''address = "198.51.100.2"
address6 = "2001:db8::b"
name_resolves = false
limit_per_s = 1.0
limit_burst = 3
slow_ms = 2.0
replies_from = "192.0.2.7"
replies_name = "elsewhere.example.org"''',
    ),
    (
        "[[targets]]",
        """[[routers]]
id = "d"
city = "There"
network = "bench"
address6 = "2001:db8::d"

[[tunnels]]
routers = ["a", "c", "b"]
labels = [24001]

[[targets]]""",
    ),
    (
        "access_ms = 0.5",
        (
            'access_ms = 0.5\naddress6 = "2001:db8::80"\n'
            'serves = ["tcp"]\nalso_at = ["c"]\nudp = "silent"'
        ),
    ),
    (
        "site_ms = 0.2",
        """site_ms = 0.2
address6 = "2001:db8::10"
gateway_address6 = "fd00:1::1"
trace_protocol = "udp"
flows = 8""",
    ),
    ("access_ms = 0.1\n", 'access_ms = 0.1\naddress6 = "2001:db8::53"\n'),
)
_STORY = """
[[events]]
at_s = 2.0
router = "b"
answers = false

[[events]]
at_s = 3.0
target = "192.0.2.80"
answers = true

[[events]]
at_s = 3.0
link = ["a", "c"]
loss_ratio = 0.5

[[truth]]
agent = "one"
target = "2001:db8::80"
jurisdiction = ["FX"]
verdict = ["SUPPORTED_INSIDE", "UNDETERMINED"]
to_s = 4.0
says = "nothing leaves"

[[truth]]
agent = "one"
target = "2001:db8::80"
jurisdiction = ["FX"]
verdict = ["PROVEN_INSIDE"]
provable = true
from_s = 4.0
says = "the agent stands beside it"
"""


def dual_world(directory: Path, *changes: tuple[str, str]) -> Path:
    """Write the scenario with both families and every word, changed, and return its file."""
    text = WORLD + _STORY
    for old, new in (*_DUAL, *changes):
        assert old in text, f"{old!r} is no part of the scenario"
        text = text.replace(old, new, 1)
    file = directory / "dual.toml"
    file.write_text(text, encoding="utf-8")
    return file
