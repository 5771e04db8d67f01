"""Shell: asks a collector, or an agent, over HTTP, for those who show what it says."""

import contextlib
from typing import Any, Self

import aiohttp
import msgspec

from deploy.lab.errors import StandError

PATIENCE_S = 10
OK = 200


class Api:
    """The pages of one program; use it as an asynchronous context manager."""

    def __init__(self, address: str, program: str = "collector") -> None:
        """Take the address of the program, `http://HOST:PORT`."""
        self.address = address
        self._program = program
        self._http: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def is_ready(self) -> bool:
        """Return True once `/-/ready` answers 200."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.get(self.address + "/-/ready") as answer:
                return answer.status == OK
        return False

    async def get(self, path: str, **params: str) -> Any:  # noqa: ANN401 - JSON of any shape
        """Return the JSON that the program answers.

        Raises: StandError where it does not answer.
        """
        return msgspec.json.decode(await self.text(path, **params))

    async def text(self, path: str, **params: str) -> str:
        """Return the text that the program answers.

        Raises: StandError where it does not answer.
        """
        try:
            async with self._http.get(self.address + path, params=params) as answer:
                answer.raise_for_status()
                return await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            message = f"asked the {self._program} for {path}: {error}; see its log"
            raise StandError(message) from error
