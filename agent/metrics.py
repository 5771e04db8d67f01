"""Words: every metric of the agent, in the one table below, and the objects that count them.

Rules
- Base units, `_total` for counters; no hop, address or path in a label.
- A lost probe has no round-trip time: it is an error with a reason, never an observation.
- Own registry, no `_created` series: they would double the size of each scrape.
"""

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, Protocol, TypeVar

import msgspec
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from agent.records import Outcome, Path, Stamp
from agent.targets import ProbeTarget

NS_PER_S = 1_000_000_000
RTT_BUCKETS_S = tuple(50e-6 * 2**power for power in range(20))
"""Twenty buckets that double from 50 us to 26 s, as users of smokeping_prober know them."""
RUNGS = ("raw", "ping")
PROTOCOL = "icmp"

_TARGET = ("agent", "zone", "target")
_PATH = (*_TARGET, "family")
_PROBE = (*_PATH, "protocol")

# name: (kind, labels, help)
TABLE: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "borne_probe_rtt_seconds": (
        "histogram",
        (*_PROBE, "stamp"),
        "Round-trip time of answered probes.",
    ),
    "borne_probe_requests_total": (
        "counter",
        _PROBE,
        "Probes that were sent and have been answered or given up.",
    ),
    "borne_probe_replies_total": ("counter", _PROBE, "Probes that were answered."),
    "borne_probe_errors_total": (
        "counter",
        (*_PROBE, "reason"),
        "Probes without a reply, by reason.",
    ),
    "borne_path_changes_total": (
        "counter",
        _PATH,
        "Rounds in which an address differs from the last one seen at its TTL on its flow.",
    ),
    "borne_path_flows": ("gauge", _PATH, "Flows of the last round that the target answered."),
    "borne_path_hops": ("gauge", _PATH, "Highest TTL of the last trace that was answered."),
    "borne_agent_spool_batches": ("gauge", (), "Batches that wait for the collector."),
    "borne_agent_spool_dropped_total": (
        "counter",
        (),
        "Batches that the bounded spool dropped before they were acknowledged.",
    ),
    "borne_agent_batches_delivered_total": (
        "counter",
        (),
        "Batches that the collector acknowledged.",
    ),
    "borne_agent_batches_refused_total": (
        "counter",
        (),
        "Batches that the collector refused for good.",
    ),
    "borne_agent_uplink_up": ("gauge", (), "1 if the collector took the last batch, else 0."),
    "borne_agent_witness_packets_total": (
        "counter",
        (),
        "Packets sent to hops of other agents' paths because the plan asked for it.",
    ),
    "borne_agent_witness_refused_total": (
        "counter",
        ("reason",),
        "Requests of the plan that this host did not carry out, by reason.",
    ),
    "borne_agent_task_restarts_total": (
        "counter",
        ("task",),
        "Restarts of a task after a bug in it.",
    ),
    "borne_agent_privilege": (
        "gauge",
        ("rung",),
        "1 for the kind of ICMP socket that the kernel allowed.",
    ),
    "borne_agent_build_info": ("gauge", ("version", "python"), "1; what this program is."),
}

_UNSENT = frozenset({Outcome.SKIPPED, Outcome.UNRESOLVED, Outcome.SEND_FAILED})


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What the daemon's parts say of themselves at the moment of a scrape."""

    rung: str | None
    restarts: Mapping[str, int]
    uplink: Literal["up", "down"] | None = None
    """None where the agent has no collector: the uplink's metrics are absent then."""
    waiting: int = 0
    dropped: int = 0
    delivered: int = 0
    refused: int = 0
    witness: tuple[int, Mapping[str, int]] | None = None
    """Packets sent to hops, requests refused by reason; None where none are pinged for others."""


class Conditions(Protocol):
    """Who can be asked for the condition."""

    def condition(self) -> Condition:
        """Return the condition now."""


_Route = dict[tuple[int, int], str]
"""By (TTL, flow), who answered."""

Values = Mapping[tuple[str, ...], float]
Kind = TypeVar("Kind", Counter, Gauge)


class Metrics:
    """Counts results by target; the rest is asked for when somebody scrapes."""

    def __init__(
        self, agent: str, version: str, targets: Sequence[ProbeTarget], conditions: Conditions
    ) -> None:
        """Start the counters at zero, so that rates exist before the first event."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._agent = agent
        self._probes = [
            (agent, target.zone, target.target, str(target.family), PROTOCOL) for target in targets
        ]
        _, labels, text = TABLE["borne_probe_rtt_seconds"]
        self._rtt = Histogram(
            "borne_probe_rtt_seconds", text, labels, buckets=RTT_BUCKETS_S, registry=self._registry
        )
        self._requests = self._made(Counter, "borne_probe_requests_total")
        self._replies = self._made(Counter, "borne_probe_replies_total")
        self._errors = self._made(Counter, "borne_probe_errors_total")
        self._changes = self._made(Counter, "borne_path_changes_total")
        self._hops = self._made(Gauge, "borne_path_hops")
        self._flows = self._made(Gauge, "borne_path_flows")
        self._routes: dict[tuple[str, ...], _Route] = {}
        # Looking a child up by its labels costs more than counting it: 0.4 % of a core at 100/s.
        self._request_of = [self._requests.labels(*key) for key in self._probes]
        self._reply_of = [self._replies.labels(*key) for key in self._probes]
        self._rtt_of: dict[tuple[int, Stamp], Histogram] = {}
        for key, target in zip(self._probes, targets, strict=True):
            self._errors.labels(*key, Outcome.LOST.name.lower())
            if target.trace_interval_ns is not None:
                self._changes.labels(*key[:4])
        info = self._made(Gauge, "borne_agent_build_info")
        info.labels(version, platform.python_version()).set(1)
        self._registry.register(_Scraped(conditions))

    def reply(self, target_index: int, rtt_ns: int, stamp: Stamp) -> None:
        """Count an answered probe and observe its time."""
        self._request_of[target_index].inc()
        self._reply_of[target_index].inc()
        rtt = self._rtt_of.get((target_index, stamp))
        if rtt is None:
            rtt = self._rtt.labels(*self._probes[target_index], stamp)
            self._rtt_of[target_index, stamp] = rtt
        rtt.observe(rtt_ns / NS_PER_S)

    def event(self, target_index: int, outcome: Outcome) -> None:
        """Count a probe without a reply; one that never left is no request."""
        if outcome not in _UNSENT:
            self._request_of[target_index].inc()
        self._errors.labels(*self._probes[target_index], outcome.name.lower()).inc()

    def path(self, path: Path) -> bool:
        """Count a round; return whether a flow went another way than in the one before.

        A hop that is silent in either round makes no difference.
        """
        key = (self._agent, path.zone or "", path.target or "", str(path.family))
        route = _route(path)
        before = self._routes.get(key, {})
        changed = any(before.get(place, address) != address for place, address in route.items())
        self._routes[key] = route if changed else {**before, **route}
        self._changes.labels(*key).inc(changed)
        self._hops.labels(*key).set(max((ttl for ttl, _ in route), default=0))
        reached = {flow for (_, flow), address in route.items() if address == path.address}
        self._flows.labels(*key).set(len(reached))
        return changed

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics in the text format that the header `accept` wants, and its type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def _made(self, kind: type[Kind], name: str) -> Kind:
        _, labels, text = TABLE[name]
        return kind(name, text, labels, registry=self._registry)


def _route(path: Path) -> _Route:
    """Return the first address that answered at each TTL of each flow."""
    found: _Route = {}
    for hop in path.hops:
        for reply in hop.replies:
            if reply.address is not None:
                found.setdefault((hop.ttl, reply.flow), reply.address)
    return found


class _Scraped(Collector):
    """The metrics that are states of the daemon's parts: asked for at each scrape."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the names are in the table, and registering must not ask."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield the families of the condition now."""
        now = self._conditions.condition()
        rungs: Values = {(rung,): float(rung == now.rung) for rung in RUNGS}
        yield _family("borne_agent_privilege", rungs)
        restarts: Values = {(task,): float(count) for task, count in now.restarts.items()}
        yield _family("borne_agent_task_restarts_total", restarts)
        if now.uplink is not None:
            yield _family("borne_agent_uplink_up", {(): float(now.uplink == "up")})
            yield _family("borne_agent_spool_batches", {(): now.waiting})
            yield _family("borne_agent_spool_dropped_total", {(): now.dropped})
            yield _family("borne_agent_batches_delivered_total", {(): now.delivered})
            yield _family("borne_agent_batches_refused_total", {(): now.refused})
        if now.witness is not None:
            packets, refused = now.witness
            yield _family("borne_agent_witness_packets_total", {(): packets})
            by_reason: Values = {(reason,): count for reason, count in refused.items()}
            yield _family("borne_agent_witness_refused_total", by_reason)


def _family(name: str, values: Values) -> Metric:
    kind, labels, text = TABLE[name]
    made = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
    family = made(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
