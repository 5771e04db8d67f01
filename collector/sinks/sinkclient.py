"""Shell: writes lines through influxdb-client, and asks a server since when it runs.

Rules
- Octets go through `InfluxDBClientAsync`, never through the batching `WriteApi`: that one drops
  without a word. The library (40 MB) is imported by the first sink that runs.
- All kinds take `POST /api/v2/write`: InfluxDB 2 with organisation and bucket, InfluxDB 3 with
  the name of its database as bucket, VictoriaMetrics with neither.
- Contents that are refused (400, 422, and whatever else of 4xx is not named here) will be refused
  again. A token, an address or a rate that is refused (401, 403, 404, 408, 429) is the
  operator's to mend or the server's to grant: waited for, as everything else.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib import import_module
from types import ModuleType
from typing import Any, Final, Protocol

import aiohttp

from collector.settings.sinkrows import SinkSettings

REQUEST_S: Final = 10.0
"""Longest that a server may take for an answer."""
_WAITED_FOR: Final = frozenset({401, 403, 404, 408, 429})
_STARTED: Final = re.compile(rb"^process_start_time_seconds ([0-9.eE+]+)\s*$", re.MULTILINE)
_NO_ORGANISATION: Final = "-"
"""For servers that have none: the client insists on one."""


class SinkRefusedError(Exception):
    """The database understood the request and refuses what it holds."""


class SinkLargeError(SinkRefusedError):
    """It is more than the database takes at once."""


class SinkDownError(Exception):
    """The database cannot be reached, or not now, or not with this token."""


class SinkGoneError(SinkDownError):
    """The connection was refused or broken: the database may have started again since."""


class Server(Protocol):
    """A database that is connected."""

    async def write(self, octets: bytes) -> None:
        """Write lines.

        Raises:
            SinkRefusedError: They are refused; `SinkLargeError` where they are too many.
            SinkDownError: Try again later.
        """
        ...

    async def started_s(self) -> float | None:
        """Return since when the server runs (Unix time), None where it does not say.

        Raises:
            SinkDownError: It cannot be reached.
        """
        ...


def imported() -> tuple[ModuleType, ModuleType]:
    """Return the library's client and its errors; the first call takes a while."""
    within = "influxdb_client.client"
    return import_module(f"{within}.influxdb_client_async"), import_module(f"{within}.exceptions")


@asynccontextmanager
async def connect(settings: SinkSettings) -> AsyncIterator[Server]:
    """Connect; the token is read again at each connection.

    Raises:
        SinkDownError: The token file cannot be read.
    """
    library, errors = await asyncio.to_thread(imported)
    token = await asyncio.to_thread(_token, settings)
    if token is not None and settings.kind != "influx2":
        token = f"Bearer {token}"
    timeout = aiohttp.ClientTimeout(total=REQUEST_S)
    async with (
        library.InfluxDBClientAsync(
            settings.url,
            token,
            settings.org or _NO_ORGANISATION,
            timeout=int(REQUEST_S * 1000),
            allow_redirects=False,
        ) as client,
        aiohttp.ClientSession(timeout=timeout) as http,
    ):
        if token is not None and settings.kind != "influx2":
            client.api_client.default_headers["Authorization"] = token
        yield _Server(settings, client.write_api(), errors.InfluxDBError, http, _headers(client))


def _headers(client: Any) -> dict[str, str]:  # noqa: ANN401 - the library has no types
    """Return what the client says of who it is."""
    given = client.api_client.default_headers.get("Authorization")
    return {"Authorization": given} if given else {}


class _Server:
    """The official client's write API, and a session of our own for the rest."""

    def __init__(
        self,
        settings: SinkSettings,
        api: Any,  # noqa: ANN401 - the library has no types
        error: type[Exception],
        http: aiohttp.ClientSession,
        headers: dict[str, str],
    ) -> None:
        self._settings = settings
        self._api = api
        self._error = error
        self._http = http
        self._headers = headers

    async def write(self, octets: bytes) -> None:
        """Write lines; see `Server`."""
        try:
            accepted = await self._api.write(self._settings.bucket or "-", record=octets)
        except self._error as error:
            raise _judged(error) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _unreached(error) from error
        if not accepted:
            raise SinkDownError("it answers, but not as a database that stores lines")

    async def started_s(self) -> float | None:
        """Return since when the server runs; see `Server`."""
        url = f"{self._settings.url.rstrip('/')}/metrics"
        try:
            async with self._http.get(url, headers=self._headers, allow_redirects=False) as answer:
                text = await answer.read()
                ok = answer.status == HTTPStatus.OK
        except (aiohttp.ClientError, OSError) as error:
            raise _unreached(error) from error
        found = _STARTED.search(text) if ok else None
        try:
            return None if found is None else float(found.group(1))
        except ValueError:
            return None


def _unreached(error: Exception) -> SinkDownError:
    """Return what it means that no answer came."""
    if isinstance(error, TimeoutError):
        return SinkDownError(f"no answer within {REQUEST_S:g} s")
    return SinkGoneError(str(error) or type(error).__name__)


def _judged(error: Any) -> Exception:  # noqa: ANN401 - the library has no types
    """Return what an error of the library means for the octets that were sent."""
    status = getattr(error, "status", None)
    said = f"HTTP {status}: {str(error.message)[:200]}"
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return SinkLargeError(said)
    if status is None or status in _WAITED_FOR or status // 100 != 4:  # noqa: PLR2004 (4xx)
        return SinkDownError(said)
    return SinkRefusedError(said)


def _token(settings: SinkSettings) -> str | None:
    """Return what the token file holds, None where none is configured."""
    if settings.token_file is None:
        return None
    try:
        token = settings.token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise SinkDownError(f"cannot read the token in {settings.token_file}: {error}") from error
    if not (token.isascii() and token.isprintable()):
        raise SinkDownError(f"the token in {settings.token_file} must be one line of ASCII")
    return token
