"""Shell: what one cut cable costs: 1,000 paths that confirm at once, and their Statements.

Paths have 12 hops that each answered three times, and are judged by the compiled tables. Times are
those of the processor: what the lock of the state is held for, and what is done beside it.

The peer of the writing is the library that Borne used before and still falls back to.
"""

import json
import time
from collections.abc import Callable, Iterable
from functools import partial

import rfc8785

from agent.records import Hop, Path, PathReply, Protocol
from benchmarks.results import Result, alone, faster
from collector.audit import canonical
from collector.audit.statements import Draft
from collector.facts import atlas, knowledge
from collector.facts.atlas import BESIDE
from collector.facts.soil import Soil
from collector.records import Place, Vantage, Zone
from collector.routes import Routes
from collector.wall import wall_text

PASSES = 3
PATHS = 1000
WRITINGS = 100
HOPS = 12
REPLIES = 3
STALL_S = 2.0
"""What 1,000 agents may wait for each other: the judging of a path each."""
STATEMENT_MS = 5.0
CHECKPOINT_MS = 20.0
"""What a checkpoint of these paths may hold the lock for; it is written without."""
ABROAD = range(5, 8)
ROUND_NS = 60_000_000_000
BEGIN_NS = 1_795_532_550_000_000_000
PARIS = Place(name="Paris", territory="FR", latitude=48.853, longitude=2.349, radius_km=10)
ZONE = Zone(provider="ovh", region="par", place=PARIS, group_country="FR", targets=())


def measure() -> list[Result]:
    """Return how long a confirming round holds the lock, and what a Statement costs beside it."""
    known = knowledge.load([], atlas.load(None), Soil.open(BESIDE))
    held_s, kept_ms, written_ms, ours, peer = [], [], [], [], []
    for _ in range(PASSES):
        routes = Routes(known, [ZONE], None)
        _round(routes, 0)
        held_s.append(_took_s(partial(_round, routes, 1)))
        if len(routes.drafts) != PATHS:
            raise AssertionError(f"{PATHS} paths crossed, {len(routes.drafts)} are drafted")
        kept_ms.append(_took_s(routes.kept) * 1e3)
        some = routes.drafts[:WRITINGS]
        took_s = _took_s(partial(_write, routes, some))
        written_ms.append(took_s / WRITINGS * 1e3)
        value = json.loads(routes.statement(some[0]))
        ours.append(_a_second(partial(canonical.dumps, value)))
        peer.append(_a_second(partial(rfc8785.dumps, value)))
    return [
        alone("confirm_stall", "s", held_s, at_most=STALL_S),
        alone("checkpoint_hold", "ms", kept_ms, at_most=CHECKPOINT_MS),
        alone("evidence_statement", "ms", written_ms, at_most=STATEMENT_MS),
        faster("evidence_writing", "Statements/s", ours, peer, "rfc8785 0.1.4", 3),
    ]


def _round(routes: Routes, number: int) -> None:
    """Let one path of each of many agents come in, as the delivery of their batches does."""
    at_ns = BEGIN_NS + number * ROUND_NS
    for agent in range(PATHS):
        vantage = Vantage(name=f"agent-{agent}", agent_id=b"", token_sha256="", place=PARIS)
        routes.add(vantage, [_path(agent, at_ns)], at_ns, at_ns)


def _write(routes: Routes, drafts: Iterable[Draft]) -> None:
    for draft in drafts:
        routes.statement(draft)


def _path(agent: int, at_ns: int) -> Path:
    """Return a path from Paris to Paris by Frankfurt."""
    names = ["prs-bb1-link.ip.twelve99.net", "ffm-bb1-link.ip.twelve99.net"]
    hops = [
        Hop(
            ttl=ttl,
            replies=tuple(
                PathReply(
                    address=f"62.115.{agent % 250}.{ttl}",
                    name=names[ttl in ABROAD],
                    name_confirmed=True,
                    rtt_ns=1_000_123 * ttl + 1000 * reply,
                )
                for reply in range(REPLIES)
            ),
        )
        for ttl in range(1, HOPS)
    ]
    end = PathReply(address="51.15.0.1", rtt_ns=25_000_000)
    return Path(
        id=f"paris@{wall_text(at_ns)}",
        tool="borne-agent",
        origin=None,
        rtt_resolution_ns=1,
        target="paris",
        address="51.15.0.1",
        zone="ovh/par",
        family=4,
        protocol=Protocol.ICMP,
        reached=True,
        started_at=wall_text(at_ns),
        hops=(*hops, Hop(ttl=HOPS, replies=(end,))),
    )


def _took_s(work: Callable[[], object]) -> float:
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def _a_second(work: Callable[[], object]) -> float:
    return WRITINGS / _took_s(lambda: [work() for _ in range(WRITINGS)])
