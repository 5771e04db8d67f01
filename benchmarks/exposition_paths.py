"""Bytes: 10,000 paths for the benchmark of a scrape: five agents, 1,000 targets, two families.

Paths have 6 to 15 hops with one answer each, one in seven silent, all from fixed seeds.
"""

import hashlib
import random
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Final

from agent import wire
from agent.records import (
    AgentId,
    Batch,
    Descriptors,
    Family,
    Hop,
    Path,
    PathReply,
    Protocol,
    Series,
    SeriesId,
    SpoolId,
    Stamp,
)
from collector.records import Place, Vantage, Zone
from collector.settings.config import Config
from collector.settings.limits import Limits
from collector.wall import wall_text

AGENTS: Final = 5
TARGETS: Final = 1000
ZONES: Final = 50
PATHS: Final = AGENTS * TARGETS * 2
BATCH_PATHS: Final = 500
REPLIES: Final = 20
"""Of each series in a batch."""
_S_NS: Final = 1_000_000_000
_ROUND_NS: Final = 50 * _S_NS
_PLACES: Final = tuple(
    Place(name=name, territory=territory, latitude=latitude, longitude=longitude, radius_km=20)
    for name, territory, latitude, longitude in (
        ("Paris", "FR", 48.85, 2.35),
        ("Lyon", "FR", 45.76, 4.83),
        ("Frankfurt", "DE", 50.11, 8.68),
        ("Marseille", "FR", 43.29, 5.37),
        ("London", "GB", 51.5, -0.12),
    )
)


def configured(directory: FilePath) -> Config:
    """Return the settings of the agents and their targets, without a checkpoint for an hour."""
    return Config(
        directory=directory,
        agents=tuple(
            Vantage(
                name=f"agent-{number}",
                agent_id=_agent_id(number),
                token_sha256=hashlib.sha256(token(number).encode()).hexdigest(),
                place=_PLACES[number],
            )
            for number in range(AGENTS)
        ),
        zones=tuple(
            Zone(
                provider=f"provider-{number % 7}",
                region=f"eu-west-{number}",
                place=_PLACES[number % len(_PLACES)],
                group_country="US",
                targets=tuple(
                    f"target-{target}.eu-west-{number}.example"
                    for target in range(TARGETS // ZONES)
                ),
            )
            for number in range(ZONES)
        ),
        limits=Limits(backlog_octets=1 << 30),
        checkpoint_interval_s=3600,
    )


def token(number: int) -> str:
    """Return the bearer token of an agent."""
    return f"token-{number}"


def bodies(config: Config, number: int, now_ns: int) -> Iterator[bytes]:
    """Give the batches of one agent that hold a path and some times of each of its targets."""
    dice = random.Random(number)  # noqa: S311 - a made world
    paths = [
        _path(dice, zone, place, target, family, now_ns)
        for zone in config.zones
        for place, target in enumerate(zone.targets)
        for family in (4, 6)
    ]
    for sequence, first in enumerate(range(0, len(paths), BATCH_PATHS)):
        yield wire.encode(
            _batch(number, sequence, first, paths[first : first + BATCH_PATHS], now_ns)
        )


def _agent_id(number: int) -> AgentId:
    return AgentId(number.to_bytes(16, "little"))


def _path(
    dice: random.Random, zone: Zone, place: int, target: str, family: Family, now_ns: int
) -> Path:
    length = dice.randrange(6, 16)
    network = zone.region.rpartition("-")[2]
    address = f"46.{network}.{place}.9" if family == 4 else f"2a02:{network}:{place}::9"  # noqa: PLR2004 - IPv4
    hops = [Hop(ttl=ttl, replies=(_reply(dice, family, ttl),)) for ttl in range(1, length)]
    last = PathReply(address=address, rtt_ns=length * 800_000 + 6_000_000)
    started_at = wall_text(now_ns - dice.randrange(_ROUND_NS))
    return Path(
        id=f"{target}@{started_at}",
        tool="benchmark",
        origin=None,
        rtt_resolution_ns=1,
        target=target,
        address=address,
        zone=zone.ident,
        family=family,
        protocol=Protocol.ICMP,
        reached=True,
        started_at=started_at,
        hops=(*hops, Hop(ttl=length, replies=(last,))),
    )


def _reply(dice: random.Random, family: Family, ttl: int) -> PathReply:
    if dice.random() < 1 / 7:
        return PathReply(lost=True)
    if family == 4:  # noqa: PLR2004 - IPv4
        address = f"45.{dice.randrange(90)}.{ttl}.{dice.randrange(1, 250)}"
    else:
        address = f"2a01:{dice.randrange(1, 99):x}:{ttl:x}::{dice.randrange(1, 999):x}"
    return PathReply(address=address, rtt_ns=ttl * 800_000 + 5_000_000 + dice.randrange(300_000))


def _batch(number: int, sequence: int, first: int, paths: Sequence[Path], now_ns: int) -> Batch:
    count = len(paths)
    series = tuple(
        Series(
            id=SeriesId(first + place),
            zone=path.zone or "",
            target=path.target or "",
            family=path.family,
            protocol=Protocol.ICMP,
            stamp=Stamp.KERNEL,
        )
        for place, path in enumerate(paths)
    )
    return Batch(
        agent_id=_agent_id(number),
        boot_id=b"b" * 16,
        spool_id=SpoolId(b"s" * 16),
        sequence=sequence,
        base_ns=now_ns - 10 * _S_NS,
        clock_error_ns=1000,
        series_ids=array("I", range(first, first + count)),
        offsets=array("I", range(0, count * REPLIES + 1, REPLIES)),
        rtt_s=array("f", [0.01 + 0.0001 * (place % 37) for place in range(count * REPLIES)]),
        reply_dt_ms=array("H", [place % REPLIES * 400 for place in range(count * REPLIES)]),
        event_series=array("I"),
        event_dt_ms=array("H"),
        event_outcome=array("B"),
        descriptors=Descriptors(series=series, paths=tuple(paths)),
    )
