"""Bytes: the addresses that a program can listen on, as people write them.

HOST:PORT      a TCP address; no host means every address of the machine
[IPV6]:PORT    the same, version 6
unix:PATH      a Unix socket
fd:N           a listening socket that the parent process opened
"""

import re
from pathlib import Path

import msgspec

from agent.errors import ConfigError

_TCP = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<host>[^\[\]:]*)):(?P<port>\d{1,5})", re.ASCII)
_FD = re.compile(r"\d{1,9}", re.ASCII)
_MAX_PORT = 65535


class TcpAddress(msgspec.Struct, frozen=True):
    """`HOST:PORT`; `host` None means every address of the machine."""

    host: str | None
    port: int


class UnixAddress(msgspec.Struct, frozen=True):
    """`unix:PATH`."""

    path: Path


class InheritedSocket(msgspec.Struct, frozen=True):
    """`fd:N`: a listening socket that the parent process opened."""

    fd: int


Listen = TcpAddress | UnixAddress | InheritedSocket


def parse_listen(text: str) -> Listen:
    """Return what `HOST:PORT`, `[IPV6]:PORT`, `unix:PATH` or `fd:N` names.

    Raises: ConfigError naming the three forms.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "unix" and rest:
        return UnixAddress(Path(rest))
    if scheme == "fd" and _FD.fullmatch(rest):
        return InheritedSocket(int(rest))
    found = _TCP.fullmatch(text)
    if found is None or scheme in {"unix", "fd"} or int(found["port"]) > _MAX_PORT:
        raise ConfigError(f"must be HOST:PORT, [IPV6]:PORT, unix:PATH or fd:N, not {text!r}")
    return TcpAddress(found["six"] or found["host"] or None, int(found["port"]))
