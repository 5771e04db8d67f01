"""Bytes: the host's own table of names, as hosts(5) has it.

    192.0.2.7   gra.example gra   # an address, its name, its aliases

Rules
- A name has at most one address of each family: the first line that gives one.
- What is no address or no host name is passed over: the file is other programs' as well.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path

from agent.dns import is_host_name
from agent.records import Family

FILE = Path("/etc/hosts")

Hosts = Mapping[tuple[str, Family], str]
"""Address by name (in lower case) and family."""


def parse(text: str) -> Hosts:
    """Return the names of the text of a hosts file."""
    found: dict[tuple[str, Family], str] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        try:
            address = ipaddress.ip_address(words[0])
        except (ValueError, IndexError):
            continue
        for name in filter(is_host_name, words[1:]):
            found.setdefault((name.lower(), _family(address)), str(address))
    return found


def read(path: Path = FILE) -> Hosts:
    """Return the names of the file at `path`; none where it cannot be read."""
    try:
        return parse(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return {}


def _family(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Family:
    return 4 if isinstance(address, ipaddress.IPv4Address) else 6
