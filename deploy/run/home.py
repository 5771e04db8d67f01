"""Shell: the files of a run on this host, kept in one directory from one run to the next.

    agent.id, agent.token   made once: the agent stays the same one
    agent.toml, collector.toml   written anew by each run, from the catalogue and the options
    agent/, store/          the agent's spool and what the collector keeps
    agent.log, collector.log     what both say

Paths in the files are relative: both programs work in the directory, so that the Unix socket's
name stays short wherever the checkout lies.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from collector.records import Zone
from deploy.lab.errors import StandError
from deploy.run.standing import Standing
from deploy.tables import Value, table

SOCKET = Path("collector.sock")
COLLECTOR_FILE = Path("collector.toml")
AGENT_FILE = Path("agent.toml")
TOKEN_FILE = "agent.token"  # noqa: S105 - the name of a file
UPLINK_INTERVAL_S = 1
PROBE_TIMEOUT_S = 2
FLOWS = 1
"""One way to each zone: these are other people's machines."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator of this host asked for."""

    standing: Standing
    interval_s: float
    """Between two echo requests to a target."""
    round_s: float
    """Between two traces of a target."""
    resolver: str | None = None
    """A name server instead of the host's own."""
    contact: str | None = None
    """Whom strangers may ask about the packets; it travels in each of them."""


@contextlib.contextmanager
def occupied(directory: Path) -> Iterator[Path]:
    """Make the directory where it is missing, and keep it to one run at a time.

    Raises: StandError where another run works there, or the directory cannot be made.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (directory / "lock").open("w")
    except OSError as error:
        message = f"cannot keep the files of the run in {directory}: {error.strerror}"
        raise StandError(message) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = f"another run works in {directory}; end it first, or give --directory"
            raise StandError(message) from error
        yield directory


def write(directory: Path, wishes: Wishes, zones: Sequence[Zone]) -> str:
    """Write both configuration files; return the agent's name."""
    name = _own_name()
    ident = _kept(directory / "agent.id", lambda: uuid.uuid4().hex)
    token = _kept(directory / TOKEN_FILE, lambda: secrets.token_hex(16))
    agent = "\n".join(_agent(name, ident, wishes, zones))
    collector = "\n".join(_collector(name, ident, token, wishes.standing, zones))
    (directory / AGENT_FILE).write_text(agent, encoding="utf-8")
    (directory / COLLECTOR_FILE).write_text(collector, encoding="utf-8")
    return name


def _own_name() -> str:
    """Return the first label of the host's name, where an agent may be called so."""
    label = os.uname().nodename.partition(".")[0]
    return label if _NAME.fullmatch(label) else "this-host"


def _kept(file: Path, make: Callable[[], str]) -> str:
    """Return the text of a file that only its owner reads, made when it is not there."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"{make()}\n", encoding="utf-8")
    return file.read_text(encoding="utf-8").strip()


def _agent(name: str, ident: str, wishes: Wishes, zones: Sequence[Zone]) -> Iterator[str]:
    standing = wishes.standing
    contact: dict[str, Value] = {} if wishes.contact is None else {"contact": wishes.contact}
    resolver: dict[str, Value] = {} if wishes.resolver is None else {"address": wishes.resolver}
    yield table(
        "[agent]",
        name=name,
        id=ident,
        latitude=standing.latitude,
        longitude=standing.longitude,
        radius_km=standing.radius_km,
        state_directory="agent",
        **contact,
    )
    yield table("[collector]", url=f"unix:{SOCKET}", token_file=TOKEN_FILE)
    yield table("[uplink]", interval_s=UPLINK_INTERVAL_S)
    # The names of the catalogue are complete: a search list could only lead elsewhere.
    yield table("[resolver]", search=[], **resolver)
    for zone in zones:
        for target in zone.targets:
            yield table(
                "[[targets]]",
                target=target,
                zone=zone.ident,
                interval_s=wishes.interval_s,
                timeout_s=PROBE_TIMEOUT_S,
                trace_interval_s=wishes.round_s,
                flows=FLOWS,
            )


def _collector(
    name: str, ident: str, token: str, standing: Standing, zones: Sequence[Zone]
) -> Iterator[str]:
    yield table("[store]", directory="store")
    yield table(
        "[[agents]]",
        name=name,
        id=ident,
        token_sha256=hashlib.sha256(token.encode()).hexdigest(),
        city=name,
        territory=standing.territory,
        latitude=standing.latitude,
        longitude=standing.longitude,
        radius_km=standing.radius_km,
    )
    for zone in zones:
        yield table(
            "[[zones]]",
            provider=zone.provider,
            region=zone.region,
            place=zone.place.name,
            territory=zone.place.territory,
            latitude=zone.place.latitude,
            longitude=zone.place.longitude,
            radius_km=zone.place.radius_km,
            group_country=zone.group_country,
            targets=list(zone.targets),
        )
