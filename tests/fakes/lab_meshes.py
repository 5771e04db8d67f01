"""Small meshes for tests of the lab: routers and links in a line of words, both families."""

from collections.abc import Mapping
from pathlib import Path

from deploy.lab.scenario import load
from deploy.lab.world import Scenario

ONE, ONE_6 = "192.0.2.10", "2001:db8::10"
TWO, TWO_6 = "192.0.2.20", "2001:db8::20"
TARGET, TARGET_6 = "192.0.2.80", "2001:db8::80"
RESOLVER = "192.0.2.53"

_HEAD = """
[scenario]
name = "mesh"
says = "a mesh"
duration_s = 10
seed = 1

[[cities]]
name = "Here"
latitude = 48.0
longitude = 2.0
country = "FR"

[[networks]]
id = "bench"
asn = 64500
holder = "Bench"
group_country = "FR"
prefixes = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"]

[resolver]
address = "192.0.2.53"
address6 = "2001:db8::53"
router = "a"
access_ms = 0.5
"""


def router_address(routers: str, router: str) -> str:
    """Give the IPv4 address of a router: the n-th that is named ends in n."""
    return f"198.51.100.{_ids(routers).index(router) + 1}"


def mesh(
    folder: Path,
    links: str,
    *,
    last: str,
    words: Mapping[str, str] | None = None,
    more: str = "",
) -> Scenario:
    """Read a mesh: `links` such as "a-b b-c", 1 ms each; agent `one` at `a`, the rest at `last`.

    `words` are further lines of a router (by its id), a link (`a-b`), `target`, `one` or `two`;
    `more` stands at the end. Every access takes 0.5 ms; so does a site.
    """
    given = dict(words or {})
    text = [_HEAD]
    for number, router in enumerate(_ids(links), 1):
        own = f'address = "198.51.100.{number}"\naddress6 = "2001:db8:1::{number:x}"'
        text.append(
            f'[[routers]]\nid = "{router}"\ncity = "Here"\nnetwork = "bench"\n{own}\n'
            + given.pop(router, "")
        )
    for link in links.split():
        first, second = link.split("-")
        words_of_link = given.pop(link, "")
        delay = "" if "delay_ms" in words_of_link else "delay_ms = 1.0\n"
        text.append(f'[[links]]\nbetween = ["{first}", "{second}"]\n{delay}{words_of_link}')
    text += [
        _agent("one", ONE, ONE_6, "a", 1) + given.pop("one", ""),
        _agent("two", TWO, TWO_6, last, 2) + given.pop("two", ""),
        '[[targets]]\nprovider = "p"\nregion = "r"\nplace = "Here"\ncountry = "FR"\n'
        f'group_country = "FR"\naddress = "{TARGET}"\naddress6 = "{TARGET_6}"\n'
        f'router = "{last}"\naccess_ms = 0.5\n' + given.pop("target", ""),
        more,
    ]
    assert not given, f"no such part: {given}"
    file = folder / "mesh.toml"
    file.write_text("\n\n".join(text), encoding="utf-8")
    return load(file)


def _ids(links: str) -> list[str]:
    return list(dict.fromkeys(router for link in links.split() for router in link.split("-")))


def _agent(name: str, address: str, address6: str, router: str, number: int) -> str:
    return (
        f'[[agents]]\nname = "{name}"\ncity = "Here"\naddress = "{address}"\n'
        f'address6 = "{address6}"\ngateway = "{router}"\naccess_ms = 0.5\nsite_ms = 0.5\n'
        f'gateway_address = "192.168.{number}.1"\ngateway_address6 = "fd00:{number}::1"\n'
        "radius_km = 5\n"
    )
