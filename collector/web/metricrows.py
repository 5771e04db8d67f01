"""Words: the collector's metrics: name, type, help and labels of each family.

Rules
- Names begin with `borne_`, units are base units. What a label may hold stands in `metrics`,
  where all samples of these families are made, those of paths by `pathmetrics`.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

_POLICY: Final = ("agent", "zone", "target", "jurisdiction")
_PATH: Final = ("agent", "zone", "target", "family")

VERDICT: Final = "borne_path_verdict"
VERDICT_TIMESTAMP: Final = "borne_path_verdict_timestamp_seconds"
COVERAGE: Final = "borne_path_evidence_coverage_ratio"


class Row(msgspec.Struct, frozen=True):
    """One metric family."""

    kind: str
    help: str
    labels: tuple[str, ...] = ()


TABLE: Final[Mapping[str, Row]] = {
    "borne_crossing_confirmed": Row(
        "gauge",
        "Whether a confirmed crossing of the demanded jurisdiction goes on (0 or 1).",
        _POLICY,
    ),
    "borne_crossings": Row(
        "counter", "Crossings confirmed since the store began, ended ones included.", _POLICY
    ),
    "borne_finding_confirmed": Row(
        "gauge",
        "Whether groups outside the jurisdiction that is demanded on the axis of administration "
        "hold hops of the path, confirmed (0 or 1); no crossing.",
        _POLICY,
    ),
    "borne_findings": Row(
        "counter", "Such findings confirmed since the store began, ended ones included.", _POLICY
    ),
    VERDICT: Row(
        "stateset",
        "Verdict of the newest path: 1 for the state that holds, 0 for the others.",
        (*_PATH, "jurisdiction", "axis", VERDICT),
    ),
    VERDICT_TIMESTAMP: Row("gauge", "Start of the newest judged path, Unix time.", _PATH),
    COVERAGE: Row(
        "gauge",
        "Share of the newest path's hops, silent ones counted, with evidence.",
        (*_PATH, "jurisdiction"),
    ),
    "borne_agent_last_batch_timestamp_seconds": Row(
        "gauge",
        "When the agent last delivered, Unix time of the collector; 0 if never.",
        ("agent",),
    ),
    "borne_agent_position": Row(
        "stateset",
        "What the times among agents say of where the agent is declared: 1 for the state that "
        "holds, 0 for the others.",
        ("agent", "borne_agent_position"),
    ),
    "borne_batches": Row("counter", "Batches stored durably since the start.", ("agent",)),
    "borne_batches_duplicate": Row(
        "counter", "Batches that had been stored before and were answered as stored."
    ),
    "borne_spools_forgotten": Row(
        "counter", "Spools of agents with more than 64 of them that gave way to newer ones."
    ),
    "borne_batches_rejected": Row("counter", "Batches refused, nothing stored.", ("reason",)),
    "borne_samples_rejected": Row(
        "counter", "Samples, events and paths left out of batches that were stored.", ("reason",)
    ),
    "borne_agent_batches_dropped": Row(
        "counter", "Batches that the agent's bounded spool gave up before delivery.", ("agent",)
    ),
    "borne_zone_rtt_seconds": Row(
        "summary",
        "Quantiles of the round-trip time over the last 60 s.",
        ("agent", "zone", "quantile"),
    ),
    "borne_zone_loss_ratio": Row(
        "gauge", "Share of probes without a reply over the last 60 s.", ("agent", "zone")
    ),
    "borne_checkpoints": Row("counter", "Checkpoints taken since the start."),
    "borne_checkpoint_timestamp_seconds": Row(
        "gauge", "When the last checkpoint was taken, Unix time; 0 if none since the start."
    ),
    "borne_collector_faults": Row(
        "counter", "Failures of the program or its disk, caught and logged.", ("place",)
    ),
    "borne_config_last_reload_successful": Row(
        "gauge", "Whether the last reading of the settings succeeded; if not, those before hold."
    ),
    "borne_config_last_reload_success_timestamp_seconds": Row(
        "gauge", "When the settings in force were read, Unix time."
    ),
    "borne_collector_replayed_batches": Row(
        "gauge", "Batches applied again from the journal when the collector started."
    ),
    "borne_collector_journal_damage": Row(
        "gauge", "Places of the journal whose checksum did not hold when the collector started."
    ),
    "borne_collector_journal_bytes": Row(
        "gauge", "Size of the journal: what no checkpoint holds yet, and a start would replay."
    ),
    "borne_queue_items": Row("gauge", "How many wait in the queue.", ("queue",)),
    "borne_queue_fill_ratio": Row(
        "gauge", "What waits in the queue, as a share of what may.", ("queue",)
    ),
    "borne_queue_oldest_seconds": Row(
        "gauge", "How long the oldest in the queue has waited; 0 where nothing waits.", ("queue",)
    ),
    "borne_queue_refused": Row(
        "counter",
        "What found no room in the queue since the start and was told to come again: it was "
        "never acknowledged.",
        ("queue",),
    ),
    "borne_collector_witness_requests_open": Row(
        "gauge", "Hops that agents are asked to ping and have not told of yet."
    ),
    "borne_collector_witness_requests": Row(
        "counter",
        "Requests to ping a hop by what became of them: answered, silent (the hop said nothing), "
        "expired (no reply within 15 s) or withheld (the agent had been asked enough).",
        ("outcome",),
    ),
    "borne_sink_rows": Row(
        "counter", "Sealed windows that the database of the sink accepted.", ("sink",)
    ),
    "borne_sink_resent_rows": Row(
        "counter",
        "Sealed windows that the database of the sink accepted again, after it had started again.",
        ("sink",),
    ),
    "borne_sink_rewinds": Row(
        "counter",
        "How often the database of the sink had started again while windows were kept for that.",
        ("sink",),
    ),
    "borne_sink_backlog_windows": Row(
        "gauge", "Sealed windows that the database of the sink did not accept yet.", ("sink",)
    ),
    "borne_sink_backlog_age_seconds": Row(
        "gauge", "Since when the oldest of them waits; 0 where none does.", ("sink",)
    ),
    "borne_sink_dropped": Row(
        "counter", "Sealed windows that never reach the database of the sink.", ("sink", "reason")
    ),
    "borne_sink_up": Row(
        "gauge", "Whether the last write to the sink was accepted; 0 before the first.", ("sink",)
    ),
    "borne_geodata_timestamp_seconds": Row(
        "gauge",
        "Day of the data of a table (of facts: of its oldest row) or an import, Unix time; 0 where "
        "a compiled table was not built.",
        ("table",),
    ),
    "borne_collector_ready": Row("gauge", "Whether the journal is replayed and kernels are warm."),
    "borne_collector_build": Row(
        "info", "Versions of the program, of Python and of numba.", ("version", "python", "numba")
    ),
}
"""Every family by its name; the exposition adds `_total` to counters and `_info` to infos."""
