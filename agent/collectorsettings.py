"""Bytes: the table `[collector]` of `agent.toml`: where batches go, and as whom.

    url               "http://host:port", "https://host:port" or "unix:/path"
    token_file        the agent's token, closed to everybody but owner and group
    ca_file           PEM: who vouches for the collector's certificate; without it the system's own
    certificate_file  PEM: the agent's own certificate, and
    key_file          its key: an identity in place of the token, or beside it

Rules
- Relative paths count from the directory of the file that names them.
- Certificates are looked at now, so that a mistake is told at once, and read again at each
  connection, so that they can be renewed under a running agent.
"""

import os
import re
import ssl
import stat
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from agent import settings
from agent.errors import ConfigError

MAX_SOCKET_OCTETS = 107
"""The longest path of a Unix socket (unix(7): 108 octets with the final zero)."""
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{16,512}")
_PORTS = {"http": 80, "https": 443}


class Certificates(msgspec.Struct, frozen=True, kw_only=True):
    """What TLS to the collector needs."""

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return what the next connection is made with.

        Raises:
            OSError: A file cannot be read, or is no such thing (`ssl.SSLError`).
        """
        found = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate_file is not None:
            found.load_cert_chain(self.certificate_file, self.key_file, password=_no_passphrase)
        return found


class Collector(msgspec.Struct, frozen=True, kw_only=True):
    """Where batches go."""

    host: str
    """Host of the URL; empty where a Unix socket is used."""
    port: int
    socket: Path | None
    """Path of the Unix socket; None where TCP is used."""
    token: str | None
    """None where a certificate is all that the agent has."""
    tls: Certificates | None = None
    """None: in the clear."""

    @property
    def place(self) -> str:
        """Return the address as people read it."""
        if self.socket:
            return f"unix:{self.socket}"
        return f"{'http' if self.tls is None else 'https'}://{self.host}:{self.port}"


def collector(document: settings.Document, home: Path) -> Collector:
    """Return the table's settings; `home` is the directory of the file.

    Raises: ConfigError.
    """
    table = document.table("collector")
    url = table.text("url")
    tls = _certificates(table, home, url)
    own = tls is not None and tls.certificate_file is not None
    token = None if own and "token_file" not in table else _token(table, home)
    table.done()
    if url.startswith("unix:") and len(url) > len("unix:"):
        socket = home / url.removeprefix("unix:")
        if len(os.fsencode(socket)) > MAX_SOCKET_OCTETS:
            raise table.wrong("url", f"a socket's path has {MAX_SOCKET_OCTETS} octets at most")
        return Collector(host="", port=0, socket=socket, token=token)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise table.wrong("url", f"is no address: {error}") from error
    plain = (parts.path.rstrip("/"), parts.query, parts.fragment, parts.username)
    if not host or parts.scheme not in _PORTS or plain != ("", "", "", None):
        raise table.wrong(
            "url",
            f'must be "http://host:port", "https://host:port" or "unix:/path", not "{url}"',
        )
    return Collector(host=host, port=port, socket=None, token=token, tls=tls)


def _certificates(table: settings.Table, home: Path, url: str) -> Certificates | None:
    """Return what TLS needs, None where the URL asks for none."""
    names = ("ca_file", "certificate_file", "key_file")
    given = {name: home / table.text(name) for name in names if name in table}
    if not url.startswith("https:"):
        if given:
            raise table.wrong(next(iter(given)), "is of use with an https:// url alone")
        return None
    if ("key_file" in given) != ("certificate_file" in given):
        raise table.wrong(next(iter(given)), "a certificate_file and its key_file go together")
    found = Certificates(**given)
    try:
        found.context()
    except (OSError, ValueError) as error:
        raise _unusable(table, given, error) from error
    return found


def _unusable(table: settings.Table, given: dict[str, Path], error: Exception) -> ConfigError:
    key = next(iter(given), None)
    names = ", ".join(str(path) for path in given.values()) or "the system's authorities"
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return table.wrong(key, f"cannot use {names}: {why}; they must be PEM files")


def _no_passphrase() -> str:
    raise ValueError("the key is encrypted; a daemon has nobody to ask for its passphrase")


def _token(table: settings.Table, home: Path) -> str:
    file = home / table.text("token_file")
    try:
        mode = file.stat().st_mode
        token = file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise table.wrong("token_file", f"cannot read {file}: {error.strerror}") from error
    if mode & stat.S_IRWXO:
        raise table.wrong(
            "token_file", f"anybody may use {file} (mode {mode & 0o777:o}); run: chmod 600 {file}"
        )
    if not _TOKEN.fullmatch(token):
        raise table.wrong(
            "token_file", f"{file} must hold one token of 16 to 512 letters, digits or ._~+/=-"
        )
    return token
