"""Bytes: the table `[web]` of `collector.toml`: where to listen, behind what, and who may ask.

    [web]       listen, tokens_file, open_reading, redact
    [web.tls]   certificate_file, key_file, client_ca_file, client_certificates

A tokens file holds one token a line, never the token itself but its SHA-256:

    # role     name      SHA-256 of the token
    reader     grafana   9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    operator   alice     ...

Rules
- Reading is open to everybody where the program listens on loopback addresses, Unix sockets and
  inherited sockets alone, and no tokens are declared; elsewhere it has to be said.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path

import msgspec

from agent.errors import ConfigError
from agent.settings import Table
from collector.settings.addresses import TcpAddress, parse_listen

DEFAULT_LISTEN = ("127.0.0.1:9465",)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Role(StrEnum):
    """What the owner of a token may do."""

    READER = "reader"
    """Ask questions, see the page, scrape metrics."""
    OPERATOR = "operator"
    """All that, fetch evidence and reload the settings."""


class Secret(msgspec.Struct, frozen=True):
    """Whose a token is."""

    name: str
    role: Role


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who may ask."""

    secrets: Mapping[str, Secret] = {}
    """By the SHA-256 of the token (hex)."""
    open_reading: bool = True
    """Whether everybody who reaches the program may read, evidence included."""


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """How the TCP addresses are served."""

    certificate_file: Path
    """PEM: the certificate, then its chain. Relative to the working directory, as all files."""
    key_file: Path
    client_ca_file: Path | None = None
    """PEM: who vouches for client certificates; None: nobody is asked for one."""
    clients_required: bool = False
    """Whether a connection without a client certificate is refused."""


class Web(msgspec.Struct, frozen=True, kw_only=True):
    """The whole table."""

    listen: tuple[str, ...] = DEFAULT_LISTEN
    tls: Tls | None = None
    access: Access = Access()
    redact: bool = False
    """Whether agents and private addresses are shown to nobody."""


def web(table: Table, instead: tuple[str, ...] = ()) -> Web:
    """Return the settings of the table; the caller ends with `table.done()`.

    `instead` are addresses that the command line gives in place of the table's.

    Raises: ConfigError.
    """
    listen = _listen(table)
    listen = instead or listen
    return Web(
        listen=listen,
        tls=_tls(table),
        access=_access(table, listen),
        redact=table.boolean("redact", default=False),
    )


def unguarded(listen: Iterable[str]) -> str | None:
    """Return the first address that others than this host can reach, None where there is none."""
    for text in listen:
        address = parse_listen(text)
        if isinstance(address, TcpAddress) and not _is_loopback(address.host):
            return text
    return None


def _is_loopback(host: str | None) -> bool:
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(table: Table) -> tuple[str, ...]:
    """Return the addresses to listen on, each of a known form and given once."""
    found = table.texts("listen", DEFAULT_LISTEN)
    if not found:
        raise table.wrong("listen", "must name at least one address")
    for number, text in enumerate(found):
        try:
            parse_listen(text)
        except ConfigError as error:
            raise table.wrong("listen", str(error)) from error
        if text in found[:number]:
            raise table.wrong("listen", f'"{text}" stands twice')
    return found


def _tls(table: Table) -> Tls | None:
    if "tls" not in table:
        return None
    rows = table.table("tls")
    authority = rows.text("client_ca_file", None)
    clients = rows.text("client_certificates", "optional")
    if clients not in {"optional", "required"}:
        raise rows.wrong(
            "client_certificates", f'must be "optional" or "required", not "{clients}"'
        )
    if clients == "required" and authority is None:
        raise rows.wrong("client_certificates", "needs client_ca_file: who vouches for them")
    found = Tls(
        certificate_file=Path(rows.text("certificate_file")),
        key_file=Path(rows.text("key_file")),
        client_ca_file=None if authority is None else Path(authority),
        clients_required=clients == "required",
    )
    rows.done()
    return found


def _access(table: Table, listen: Iterable[str]) -> Access:
    file = table.text("tokens_file", None)
    is_open = table.boolean("open_reading", None)
    secrets = {} if file is None else _secrets(table, Path(file))
    if is_open is None and not secrets and (address := unguarded(listen)):
        raise table.wrong(
            "listen",
            f"anybody who reaches {address} could read everything: name a tokens_file, or write"
            " open_reading = true",
        )
    return Access(secrets=secrets, open_reading=not secrets if is_open is None else is_open)


def _secrets(table: Table, path: Path) -> Mapping[str, Secret]:
    """Return the tokens that a file declares, at least one."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise table.wrong("tokens_file", f"cannot read {path}: {error.strerror}") from error
    found: dict[str, Secret] = {}
    for number, line in enumerate(lines, start=1):
        words = line.partition("#")[0].split()
        if words:
            digest, secret = _secret(path, number, words)
            if digest in found:
                raise ConfigError(f'{path}:{number}: "{found[digest].name}" has the same token')
            found[digest] = secret
    if not found:
        raise table.wrong("tokens_file", f"{path} declares no token")
    return found


def _secret(path: Path, number: int, words: list[str]) -> tuple[str, Secret]:
    """Return one line's token; what stands in the digest's place could be the token: not shown."""
    try:
        role, name, digest = words
        secret = Secret(name=name, role=Role(role))
        if _NAME.fullmatch(name) and _DIGEST.fullmatch(digest.lower()):
            return digest.lower(), secret
    except ValueError:
        pass
    raise ConfigError(
        f'{path}:{number}: must be "reader NAME SHA256" or "operator NAME SHA256", the digest as'
        " `printf %s TOKEN | sha256sum` prints it"
    )
