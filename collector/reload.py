"""Shell: the settings read again and put in force, without a connection lost.

    settings that differ         what happens
    none                         certificates and tokens are read again, nothing else
    [web] tls, tokens_file       new connections and the next requests go by them
    the client CA                connections of certificates that the one before vouched for end
    anything else                the chain is renewed behind the open connections
    [store] directory, listen    refused: they change with a restart alone

Rules
- What cannot be used changes nothing: the settings before hold, the metric says so, the caller is
  told why.
- While the disk is full or read-only nothing is closed: questions go on, and the settings are kept.
- What takes long the first time (kernels and library of sinks) is done before the door is shut.
- One reload at a time; who comes meanwhile waits.
- Where the store cannot be opened again at all the program ends: whoever supervises it is told by
  its exit code, and agents keep what they have.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import msgspec

from collector.clock import Clock
from collector.errors import ConfigError, RefusedError, StoreError
from collector.facts import importing
from collector.files import publish
from collector.gate import tls
from collector.gate.intake import Intake
from collector.gate.listening import Listening
from collector.settings.config import Config
from collector.settings.websettings import Access
from collector.sinks import lineprotocol, sinkclient

_ROOM_OCTETS: Final = 256 * 1024
"""What the disk must have room for before the store is closed: about what opening one takes."""
_LOG: Final = logging.getLogger(__name__)


class Renewable(Intake, Protocol):
    """An intake whose settings can change: `collector.live.Live` is the one that runs."""

    async def renew(self, config: Config) -> None:
        """Go on under other settings."""
        ...


class Reload:
    """Reads the settings again when it is called."""

    def __init__(
        self,
        config: Config,
        load: Callable[[], Config],
        live: Renewable,
        listening: Listening,
        clock: Clock,
    ) -> None:
        """Begin with `config` in force; `load` reads the file."""
        self._config = config
        self._load = load
        self._live = live
        self._listening = listening
        self._clock = clock
        self._vouching = tls.vouching(config.tls)
        self._turn = asyncio.Lock()
        self.adopt: Callable[[Config], None] = lambda _: None
        """Lets those know who answer by the settings; set by whoever serves."""
        self.give_up: Callable[[ConfigError | StoreError], None] = lambda _: None
        """Called when neither the new settings nor those before work any more; set as well."""
        self.ending: Callable[[], bool] = lambda: False
        """Says whether the end has begun; set as well."""
        live.counts.config_ns = clock.now_ns()

    async def __call__(self) -> None:
        """Read the file and put it in force.

        Raises:
            RefusedError: 500 `config`: it cannot be used; says why. 503 `ending`: the program ends.
        """
        async with self._turn:
            if self.ending():
                raise RefusedError(503, "ending", "the collector ends; start it again")
            try:
                await self._renew()
            except RefusedError:
                raise
            except (ConfigError, StoreError) as error:
                self._keep(error)
                raise RefusedError(500, "config", f"the settings are kept: {error}") from error
            except Exception as error:
                self._live.counts.faults["reload"] += 1
                self._keep(StoreError(f"read the settings again: a bug: {error!r}"))
                raise
            self._live.counts.config_ok = True
            self._live.counts.config_ns = self._clock.now_ns()
            _LOG.info("the settings of the file are in force", extra={"event": "reloaded"})

    def _keep(self, error: ConfigError | StoreError) -> None:
        """Say that the settings before hold, and why; where they do not either, begin the end."""
        self._live.counts.config_ok = False
        if not self._live.ready:
            self.give_up(error)
        _LOG.error("keeps the settings: %s", error, extra={"event": "reload_failed"})

    async def _renew(self) -> None:
        fresh = await asyncio.to_thread(self._load)
        for name, what in (("directory", "[store] directory"), ("listen", "[web] listen")):
            if getattr(fresh, name) != getattr(self._config, name):
                raise ConfigError(f"{what} changes with a restart alone")
        context = None if fresh.tls is None else tls.context(fresh.tls)
        vouching = tls.vouching(fresh.tls)
        if _behind_the_door(fresh) != _behind_the_door(self._config):
            await asyncio.to_thread(_try_out, fresh)  # before anything is closed
            await self._live.renew(fresh)
        self._config = fresh
        self.adopt(fresh)
        if not self.ending():
            await self._listening.renew(context)
            if vouching != self._vouching:
                self._listening.dismiss(context)
            self._vouching = vouching


def _try_out(fresh: Config) -> None:
    """Do before anything is closed what can fail or takes long: a store that is full opens no more.

    Raises:
        ConfigError: A file of an import cannot be used.
        StoreError: The store's directory cannot be written.
    """
    importing.open_all(fresh.imports)
    if fresh.sinks:
        lineprotocol.warm()
        sinkclient.imported()
    trial = fresh.directory / "reload"
    try:
        publish(trial, bytes(_ROOM_OCTETS))
    except OSError as error:
        raise StoreError(
            f"write in {fresh.directory}: {error}; make room or mend the disk, then reload"
        ) from error
    finally:
        with suppress(OSError):
            trial.unlink()


def _behind_the_door(config: Config) -> Config:
    """Return the settings without those that the door alone knows."""
    return msgspec.structs.replace(config, tls=None, access=Access(), redact=False)
