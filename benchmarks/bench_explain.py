"""Shell: how many paths one core explains in a second, the JSON of each included.

Paths have twelve hops with three answers each, drawn by lot from ten thousand addresses of ten
carriers in thirteen cities: most of them have a name that a rule reads, one in twenty is silent.
The tables are warm, as in a collector at work. Time is that of the processor, so that neighbours
on a busy machine do not count.

No peer: the octets of paths that are judged from warm tables must be those that tables just opened
give, for every hundredth path and for the real ones, where the corpus is there.
"""

import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from typing import Final, NamedTuple

import msgspec

from agent.records import Hop, Origin, Path, PathReply, Protocol
from benchmarks import corpus
from benchmarks.results import Result, alone
from collector.commands import explanation
from collector.errors import ConfigError
from collector.facts import atlas, knowledge
from collector.facts.knowledge import Knowledge
from collector.facts.soil import Soil
from collector.judgement.borders import judge
from deploy.lab.lot import Lot
from deploy.lab.recipe import Recipe
from deploy.lab.scenario import SCENARIOS

GOAL_PER_S: Final = 5000
ADDRESSES: Final = 10_000
PATHS: Final = 2000
HOPS: Final = 12
REPLIES: Final = 3
RUNS: Final = 7
COMPARED: Final = 100
"""One path in so many is judged from tables just opened, too."""
_NAMELESS, _SILENT = 0.3, 0.05
_LONGEST_MS = 40.0
_FROM_PARIS = Origin(latitude=48.85341, longitude=2.3488, radius_km=10.0)


class _Router(NamedTuple):
    address: str
    name: str | None
    confirmed: bool | None


def measure() -> list[Result]:
    """Return explanations per second of processor time."""
    paths, tables = list(_paths()), _tables()
    asked = [*paths[::COMPARED], *_real()]
    fresh = [explained(path, _tables()) for path in asked]
    for path in paths:
        explained(path, tables)
    rates = [_rate(paths, tables) for _ in range(RUNS)]
    if fresh != [explained(path, tables) for path in asked]:
        raise AssertionError("warm tables explain a path in other octets than fresh ones")
    return [alone("explanations", "1/s", rates, at_least=GOAL_PER_S)]


def explained(path: Path, tables: Knowledge) -> bytes:
    """Return what `borne-collector explain --json` prints of a path."""
    found = judge(path, agent="", zone=None, knowledge=tables, jurisdictions=corpus.ASKED)
    return explanation.encode(found)


def _tables() -> Knowledge:
    return knowledge.load((), atlas.load(), Soil.open(atlas.BESIDE))


def _rate(paths: Sequence[Path], tables: Knowledge) -> float:
    began = time.process_time()
    for path in paths:
        explained(path, tables)
    return len(paths) / (time.process_time() - began)


def _real() -> Iterator[Path]:
    """Yield the real paths with their names confirmed, none where there is no corpus."""
    try:
        cases = corpus.read(corpus.folder())
    except ConfigError:
        return
    for case in cases.values():
        yield corpus.confirmed(case.path)


def _paths() -> Iterator[Path]:
    lot = Lot(1)
    routers = list(_routers(lot))
    for number in range(PATHS):
        way = [routers[(number * HOPS + ttl) % len(routers)] for ttl in range(HOPS)]
        yield Path(
            id=f"path {number}",
            tool="traceroute",
            origin=_FROM_PARIS,
            rtt_resolution_ns=1000,
            target=way[-1].address,
            address=way[-1].address,
            zone=None,
            family=4,
            protocol=Protocol.ICMP,
            reached=True,
            started_at="2026-11-26T12:00:00.000000000Z",
            hops=tuple(
                Hop(ttl=ttl, replies=tuple(_replies(router, lot)))
                for ttl, router in enumerate(way, 1)
            ),
        )


def _routers(lot: Lot) -> Iterator[_Router]:
    recipe = msgspec.toml.decode((SCENARIOS / "world.toml").read_bytes(), type=Recipe)
    for number in range(ADDRESSES):
        carrier = recipe.carriers[number % len(recipe.carriers)]
        code = lot.one_of(list(carrier.cities.values()))
        address = IPv4Network(carrier.prefix)[1 + number // len(recipe.carriers)]
        name = carrier.pattern.format(code=code, n=1 + number % 2, k=number)
        named = not lot.happens(_NAMELESS)
        checked = lot.one_of((True, True, None))
        yield _Router(str(address), name if named else None, checked if named else None)


def _replies(router: _Router, lot: Lot) -> Iterator[PathReply]:
    silent, rtt_ms = lot.happens(_SILENT), lot.between(1.0, _LONGEST_MS)
    for _ in range(REPLIES):
        if silent:
            yield PathReply(lost=True)
            continue
        yield PathReply(
            address=router.address,
            name=router.name,
            name_confirmed=router.confirmed,
            rtt_ns=round((rtt_ms + lot.between(0.0, 1.0)) * 1e6),
        )
