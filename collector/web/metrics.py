"""Shell: the collector's metrics, made from the reader and the counts at each scrape.

Rules
- Each name stands once in the table of `metricrows`, with its type, help and labels; what is
  exposed is made from it, here and in `pathmetrics`.
- What is asked of the chain is asked first and quickly; lines are made when they are written.
- Label values are the operator's own words (agents, zones, targets, jurisdictions) and closed
  sets (reasons, states). No hop, address of a router, country or path is ever a label.
- Whatever an alert waits for exists before it happens: a policy's crossing is 0, a verdict has all
  its states, a known reason of refusal counts from 0.
- A segment that cannot be read costs the zones of a scrape, never its crossings.
- Before the chain is ready, only what concerns the program itself is exposed.
"""

import logging
import platform
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from itertools import product
from typing import Final

from collector.clock import Clock
from collector.errors import StoreError
from collector.gate import journal
from collector.gate.intake import Counts, Intake, Reader
from collector.judgement.asked import Asked
from collector.records import Axis
from collector.settings.config import Config
from collector.web import pathmetrics
from collector.web.exposition import Encoder, Exposition, line

NS_PER_S: Final = 1_000_000_000
ZONES_RANGE_S: Final = 60
"""Zones are described over the last minute."""

REJECTED_BATCHES: Final = (
    *("token", "identity", "twin", "clock", "unknown_series", "too_large", "inflated", "ratio"),
    "described",
    *("encoding", "deflate", "zstd", "magic", "version", "truncated", "length", "columns"),
    *("descriptors", "store", "backlog", "starting", "slow", "aborted"),
)
"""Reasons for which a batch may be refused; any other that comes is counted as well."""
REJECTED_SAMPLES: Final = (
    *("nan", "infinite", "negative", "absurd", "time"),
    *("outcome", "series", "series_limit", "path", "target_limit", "witness"),
)
"""Reasons for which a sample, an event or a path of a stored batch may be left out."""
FAULTS: Final = (
    *("apply", "journal", "checkpoint", "evidence", "upkeep", "twins"),
    *("read", "request", "reload"),
)
SINK_DROPPED: Final = ("invalid", "overflow", "refused", "unreadable", "bug")
OUTCOMES: Final = ("answered", "silent", "expired", "withheld")
"""What becomes of a request to a witness: fields of `Asked`."""
POSITIONS: Final = ("unrefuted", "untested", "refuted")

Policy = tuple[str, str, str, str]
"""(agent, zone, target, jurisdiction)."""

_LOG: Final = logging.getLogger(__name__)


class Face:
    """Answers a scrape from the chain; may be called from any thread."""

    def __init__(self, intake: Intake, config: Config, clock: Clock) -> None:
        """Read `intake` at each scrape; `config` says whose crossings are watched."""
        self._intake = intake
        self._clock = clock
        self._journal = config.directory / "journal"
        self._agents = tuple(agent.name for agent in config.agents)
        self._policy = {axis: tuple(_policy(config, axis)) for axis in Axis}
        targets = [target for zone in config.zones for target in zone.targets]
        self._known = frozenset(product(self._agents, targets))

    def scrape(self, encode: Encoder, names: Collection[str] = ()) -> Iterator[bytes]:
        """Return what is known now, in parts that are made when they are asked for.

        `encode` is what prometheus-client chose; with `names`, the samples of these names alone.
        """
        to = Exposition(encode, names)
        _program(to, self._intake)
        to.add("borne_collector_journal_bytes", journal.octets(self._journal))
        _counts(to, self._intake.counts, self._agents)
        _sinks(to, self._intake.counts, self._clock.now_ns())
        _queues(to, self._intake.counts, self._clock.now_ns())
        if self._intake.ready:
            self._measured(to, self._intake.reader)
        return to.parts()

    def _measured(self, to: Exposition, reader: Reader) -> None:
        """Add what the chain knows of the world."""
        for table, day_s in self._intake.geodata.items():
            to.add("borne_geodata_timestamp_seconds", day_s, table)
        _agents(to, reader)
        _witnesses(to, reader.requests(self._clock.now_ns()))
        self._episodes(to, Axis.TERRITORY, "borne_crossing_confirmed", "borne_crossings")
        self._episodes(to, Axis.ADMINISTRATION, "borne_finding_confirmed", "borne_findings")
        if to.wants(*pathmetrics.FAMILIES):
            judged = (record.judgement for record in reader.latest_paths())
            pathmetrics.add(to, [found for found in judged if found.agent in self._agents])
        if to.wants("borne_zone_rtt_seconds", "borne_zone_loss_ratio"):
            try:
                _zones(to, reader, self._clock.now_ns())
            except StoreError as error:
                self._intake.counts.faults["read"] += 1
                _LOG.error(
                    "describe the zones for a scrape: %s", error, extra={"event": "read_failed"}
                )

    def _episodes(self, to: Exposition, axis: Axis, state: str, count: str) -> None:
        """Add, for each policy, whether an episode goes on and how many there were.

        One under an older demand counts as well, as long as its agent and its target are
        configured: of a forgotten one no round will ever come that ends it.
        """
        if not to.wants(state, count):
            return
        reader = self._intake.reader
        going_on: dict[Policy, bool] = {}
        total: dict[Policy, int] = dict.fromkeys(self._policy[axis], 0)
        for row in reader.crossings() if axis is Axis.TERRITORY else reader.findings():
            if (row.agent, row.target) in self._known:
                key = (row.agent, row.zone, row.target, row.jurisdiction)
                total[key] = total.get(key, 0) + 1
                going_on[key] = going_on.get(key, False) or row.ended_ns is None
        states = {labels: going_on.get(labels, False) for labels in total}
        to.stream(state, _lines(state, states))
        to.stream(count, _lines(count, total))


def _lines(name: str, values: Mapping[Policy, int]) -> Iterator[bytes]:
    """Give the line of each policy."""
    return (line(name, value, *labels) for labels, value in values.items())


def _policy(config: Config, axis: Axis) -> Iterator[Policy]:
    """Give the labels wherever the policy demands a jurisdiction on an axis."""
    for agent, zone, target, demands in config.demanded.over(config.agents, config.zones):
        names = demands.territory if axis is Axis.TERRITORY else demands.administration
        for name in names:
            yield agent, zone.ident, target, name


@cache
def _versions() -> tuple[str, str, str]:
    """Return the versions without importing what they are of."""
    return metadata.version("borne"), platform.python_version(), metadata.version("numba")


def _program(to: Exposition, intake: Intake) -> None:
    to.add("borne_collector_build", 1, *_versions())
    to.add("borne_collector_ready", intake.ready)
    to.add("borne_collector_replayed_batches", intake.recovered.frames)
    to.add("borne_collector_journal_damage", len(intake.recovered.damage))


def _counts(to: Exposition, counts: Counts, agents: tuple[str, ...]) -> None:
    """Add what was counted; what is known to be countable begins at 0."""
    _counter(to, "borne_batches", agents, counts.accepted)
    to.add("borne_batches_duplicate", sum(counts.duplicates.values()))
    to.add("borne_spools_forgotten", sum(counts.forgotten_spools.values()))
    _counter(to, "borne_batches_rejected", REJECTED_BATCHES, counts.rejected)
    _counter(to, "borne_samples_rejected", REJECTED_SAMPLES, counts.rejected_samples)
    _counter(to, "borne_agent_batches_dropped", agents, counts.dropped_batches)
    _counter(to, "borne_collector_faults", FAULTS, counts.faults)
    to.add("borne_config_last_reload_successful", counts.config_ok)
    to.add("borne_config_last_reload_success_timestamp_seconds", counts.config_ns / NS_PER_S)
    to.add("borne_checkpoints", counts.checkpoints)
    to.add("borne_checkpoint_timestamp_seconds", counts.checkpoint_ns / NS_PER_S)


def _sinks(to: Exposition, counts: Counts, now_ns: int) -> None:
    """Add what each database took, and what waits for it."""
    for name, sink in counts.sinks.items():
        to.add("borne_sink_rows", sink.rows, name)
        to.add("borne_sink_resent_rows", sink.resent, name)
        to.add("borne_sink_rewinds", sink.rewinds, name)
        to.add("borne_sink_up", sink.up, name)
        to.add("borne_sink_backlog_windows", sink.waiting, name)
        age_ns = max(0, now_ns - sink.oldest_ns) if sink.oldest_ns else 0
        to.add("borne_sink_backlog_age_seconds", age_ns / NS_PER_S, name)
        for reason in SINK_DROPPED:
            to.add("borne_sink_dropped", sink.dropped[reason], name, reason)


def _queues(to: Exposition, counts: Counts, now_ns: int) -> None:
    for name, queue in counts.queues.items():
        to.add("borne_queue_items", len(queue), name)
        to.add("borne_queue_fill_ratio", queue.size / queue.limit, name)
        to.add("borne_queue_oldest_seconds", queue.age_s(now_ns), name)
        to.add("borne_queue_refused", queue.refused, name)


def _counter(to: Exposition, name: str, known: Iterable[str], counted: Counter[str]) -> None:
    for label in dict.fromkeys((*known, *counted.copy())):
        to.add(name, counted.get(label, 0), label)


def _agents(to: Exposition, reader: Reader) -> None:
    for agent, at_ns in reader.last_batch_ns().items():
        to.add("borne_agent_last_batch_timestamp_seconds", at_ns / NS_PER_S, agent)
    for agent, position in reader.positions().items():
        for state in POSITIONS:
            to.add("borne_agent_position", state == position.state, agent, state)


def _witnesses(to: Exposition, asked: Asked) -> None:
    to.add("borne_collector_witness_requests_open", asked.open)
    for outcome in OUTCOMES:
        to.add("borne_collector_witness_requests", getattr(asked, outcome), outcome)


def _zones(to: Exposition, reader: Reader, now_ns: int) -> None:
    """Add quantiles and loss; what was not received has no quantile."""
    for row in reader.zones(now_ns - ZONES_RANGE_S * NS_PER_S, now_ns):
        zone = f"{row.provider}/{row.region}"
        found = row.quantiles
        for quantile, value_s in (
            ("0.5", found.p50_s),
            ("0.9", found.p90_s),
            ("0.99", found.p99_s),
        ):
            if value_s is not None:
                to.add("borne_zone_rtt_seconds", value_s, row.agent, zone, quantile)
        if found.loss_ratio is not None:
            to.add("borne_zone_loss_ratio", found.loss_ratio, row.agent, zone)
