"""Shell: questions to a running collector over HTTP.

Rules
- A redirect is not followed: the token is for the address that the user gave.
- What the collector refuses is said in its own words.
"""

import asyncio
import ssl
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
from aiohttp import ClientTimeout

from collector.errors import ConfigError, RemoteError
from collector.web.parameters import Pairs

_TIMEOUT_S: Final = 300.0
_UNIX: Final = "unix:"
_BAD_REQUEST: Final = 400
_OK: Final = 200
_THE_USERS: Final = {_BAD_REQUEST, 401, 403}


class Remote:
    """Asks one collector."""

    def __init__(self, url: str, *, token: str | None = None, ca: Path | None = None) -> None:
        """Ask at `url`: `http://`, `https://` (trusting `ca` alone, where given) or `unix:PATH`.

        Raises:
            ConfigError: That is no such address, or `ca` is no file of certificates.
        """
        socket, self._trust = "", _trust(ca)
        if url.startswith(_UNIX):
            socket, base = url.removeprefix(_UNIX), "http://collector"
        else:
            base = url.rstrip("/")
        if not base.startswith(("http://", "https://")) or url == _UNIX:
            raise ConfigError(f"--url: must be http://, https:// or unix:PATH, not {url!r}")
        self._url, self._base, self._socket = url, base, socket
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def ask(self, question: str, pairs: Pairs) -> dict[str, Any]:
        """Return the answer to a question, as JSON gives it.

        Raises:
            ConfigError: The collector refused a parameter or the token.
            RemoteError: It cannot be reached, or failed.
        """
        status, body = asyncio.run(self._get(f"{self._base}/v1/{question}", list(pairs)))
        try:
            found: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise RemoteError(
                f"ask {self._url}: what answers there with {status} is no collector"
            ) from error
        if status == _OK:
            return found
        says = str(found.get("error", f"it answers with {status}"))
        if status in _THE_USERS:
            raise ConfigError(f"{question}: {says}")
        raise RemoteError(f"ask {self._url}: {says}")

    async def _get(self, address: str, pairs: list[tuple[str, str]]) -> tuple[int, bytes]:
        connector = (
            aiohttp.UnixConnector(self._socket)
            if self._socket
            else aiohttp.TCPConnector(ssl=self._trust or True)
        )
        timeout = ClientTimeout(total=_TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
                session.get(
                    address, params=pairs, headers=self._headers, allow_redirects=False
                ) as answer,
            ):
                return answer.status, await answer.read()
        except aiohttp.InvalidURL as error:
            raise ConfigError(f"--url: {self._url!r} is no address") from error
        except TimeoutError as error:
            raise RemoteError(f"ask {self._url}: no answer within {_TIMEOUT_S:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            why = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
            raise RemoteError(
                f"ask {self._url}: {why}; is the collector running, and is this its address?"
            ) from error


def _trust(ca: Path | None) -> ssl.SSLContext | None:
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ConfigError(f"--ca-file {ca}: {error}; give the certificates as PEM") from error
