"""Bytes: whom to ask for names and how they are completed, as resolv.conf(5) has it.

    nameserver 192.0.2.53          up to three, asked in turn
    nameserver 2001:db8::53
    search corp.example example    domains that complete a name; `domain` names one; the last counts
    options ndots:1                dots from which a name is asked as it stands first

Rules
- A name with a final dot is absolute: it is asked as it stands and nothing else.
- Where neither `search` nor `domain` stands, the domain of the host's own name completes names.
- Other options (`timeout`, `attempts`, `rotate` ...) are not read: the agent has its own.
- Lines that say nothing usable are passed over: the file is other programs' as well.
"""

import contextlib
import ipaddress
import os
import re
from pathlib import Path

import msgspec

from agent.dns import is_host_name
from agent.errors import ConfigError

FILE = Path("/etc/resolv.conf")
PORT = 53
MAX_PORT = 0xFFFF
MAX_SERVERS = 3
MAX_NDOTS = 15
_IN_BRACKETS = re.compile(r"\[(?P<host>[^\[\]]*)\](?P<rest>.*)")
_NDOTS = re.compile(r"ndots:(\d{1,4})", re.ASCII)

Server = tuple[str, int]
"""Address and port of a name server."""


class ResolvConf(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask, in turn, and what completes a name."""

    servers: tuple[Server, ...]
    search: tuple[str, ...] = ()
    ndots: int = 1

    def candidates(self, name: str) -> tuple[str, ...]:
        """Return the absolute names that `name` may stand for, in the order to ask for them."""
        plain = name.removesuffix(".")
        if plain != name:
            return (plain,)
        completed = [f"{plain}.{domain}" for domain in self.search]
        first = plain.count(".") >= self.ndots
        return tuple([plain, *completed] if first else [*completed, plain])


def server(text: str) -> Server:
    """Return (address, port) of `IP`, `IPV4:PORT` or `[IPV6]:PORT`.

    Raises: ValueError saying what is wrong.
    """
    if found := _IN_BRACKETS.fullmatch(text):
        host, rest = str(ipaddress.IPv6Address(found["host"])), found["rest"]
    elif text.count(":") > 1:
        host, rest = str(ipaddress.IPv6Address(text)), ""
    else:
        host, colon, digits = text.partition(":")
        host, rest = str(ipaddress.IPv4Address(host)), colon + digits
    return host, _port(rest) if rest else PORT


def place(name_server: Server) -> str:
    """Return a name server as people write it: `[IPV6]:PORT` or `IPV4:PORT`."""
    host, port = name_server
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse(text: str, own_domain: str = "") -> ResolvConf:
    """Return what the text of a resolv.conf says; `own_domain` is that of the host's name."""
    servers: list[Server] = []
    search = [own_domain]
    ndots = 1
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                with contextlib.suppress(ValueError):
                    servers.append((str(ipaddress.ip_address(address)), PORT))
            case ["search", *domains]:
                search = domains
            case ["domain", domain, *_]:
                search = [domain]
            case ["options", *options]:
                found = [int(match[1]) for match in map(_NDOTS.fullmatch, options) if match]
                ndots = min([ndots, *found][-1], MAX_NDOTS)
    plain = (domain.removesuffix(".") for domain in search)
    return ResolvConf(
        servers=tuple(servers[:MAX_SERVERS]),
        search=tuple(dict.fromkeys(filter(is_host_name, plain))),
        ndots=ndots,
    )


def read(path: Path = FILE) -> ResolvConf:
    """Return what the host's own file says.

    Raises: ConfigError where it names no server.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = parse(text, own_domain=os.uname().nodename.partition(".")[2])
    if not found.servers:
        raise ConfigError(
            f"looked for a name server in {path} and found none; give one as [resolver] address"
        )
    return found


def chosen(
    own_server: Server | None, search: tuple[str, ...] | None, path: Path = FILE
) -> ResolvConf:
    """Return whom the agent asks: its own server, without the host's file, or the host's.

    A `search` of its own replaces the host's list. Raises: ConfigError as `read` does.
    """
    found = read(path) if own_server is None else ResolvConf(servers=(own_server,))
    return found if search is None else msgspec.structs.replace(found, search=search)


def _port(rest: str) -> int:
    """Return the port of `:PORT`."""
    digits = rest.removeprefix(":")
    port = int(digits) if digits.isascii() and digits.isdigit() else 0
    if digits == rest or not 0 < port <= MAX_PORT:
        raise ValueError(f'"{digits}" is no port')
    return port
