"""The agent's metrics: the table is what is exposed, and a loss is never a number."""

from collections.abc import Mapping

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from agent.metrics import TABLE, Condition, Metrics
from agent.records import Hop, Outcome, Path, PathReply, Protocol, Stamp
from agent.targets import ProbeTarget

TARGET = ProbeTarget(
    target="t", zone="a/b", address=None, interval_ns=1, trace_interval_ns=1, timeout_ns=1
)
PROBE = {"agent": "x", "zone": "a/b", "target": "t", "family": "4", "protocol": "icmp"}


class Fixed:
    """A condition that does not change."""

    def __init__(self, condition: Condition) -> None:
        self._condition = condition

    def condition(self) -> Condition:
        """Return it."""
        return self._condition


UPLOADING = Condition(
    rung="raw",
    restarts={"prober": 2},
    uplink="up",
    waiting=3,
    dropped=4,
    delivered=5,
    refused=6,
    witness=(7, {"address": 8}),
)


def made(condition: Condition = UPLOADING) -> Metrics:
    """Return the metrics of an agent with one target."""
    return Metrics("x", "9.9", [TARGET], Fixed(condition))


def value(metrics: Metrics, name: str, labels: Mapping[str, str]) -> float | None:
    """Return the value of one sample; None where there is none."""
    text = metrics.exposition("")[0].decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def route(*addresses: str | None) -> Path:
    """Return a path to the target with one hop for each address."""
    return Path(
        id="x",
        tool="borne-agent",
        origin=None,
        rtt_resolution_ns=1,
        target="t",
        address="192.0.2.99",
        zone="a/b",
        family=4,
        protocol=Protocol.ICMP,
        reached=True,
        started_at="2023-11-14T22:13:20.000000000Z",
        hops=tuple(
            Hop(ttl=ttl, replies=(PathReply(address=address, lost=address is None),))
            for ttl, address in enumerate(addresses, start=1)
        ),
    )


def test_the_table_is_what_is_exposed() -> None:
    """Every name of the table is there with its kind and help, and nothing else is."""
    metrics = made()
    metrics.reply(0, 1000, Stamp.KERNEL)
    metrics.path(route("192.0.2.1"))
    families = text_string_to_metric_families(metrics.exposition("")[0].decode())
    found = {}
    for family in families:
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {frozenset(sample.labels) - {"le"} for sample in family.samples}
        found[name] = (family.type, labels, family.documentation)
    assert found == {
        name: (kind, {frozenset(labels)}, text) for name, (kind, labels, text) in TABLE.items()
    }


def test_counters_stand_at_zero_from_the_start() -> None:
    """Rates exist before the first event."""
    metrics = made()
    names = ("borne_probe_requests_total", "borne_probe_replies_total")
    found = [value(metrics, name, PROBE) for name in names]
    found.append(value(metrics, "borne_probe_errors_total", PROBE | {"reason": "lost"}))
    key = {name: PROBE[name] for name in ("agent", "zone", "target", "family")}
    found.append(value(metrics, "borne_path_changes_total", key))
    assert found == [0.0, 0.0, 0.0, 0.0]


def test_a_reply_is_observed_in_seconds() -> None:
    """A reply counts as request and reply, and its time lands in its bucket."""
    metrics = made()
    metrics.reply(0, 150_000, Stamp.KERNEL)
    stamped = PROBE | {"stamp": "kernel"}
    assert [
        value(metrics, "borne_probe_requests_total", PROBE),
        value(metrics, "borne_probe_replies_total", PROBE),
        value(metrics, "borne_probe_rtt_seconds_sum", stamped),
        value(metrics, "borne_probe_rtt_seconds_bucket", stamped | {"le": "0.0001"}),
        value(metrics, "borne_probe_rtt_seconds_bucket", stamped | {"le": "0.0002"}),
    ] == [1.0, 1.0, 0.00015, 0.0, 1.0]


def test_a_loss_is_an_error_and_no_observation() -> None:
    """A lost probe is a request and an error; one that never left is an error alone."""
    metrics = made()
    for outcome in (Outcome.LOST, Outcome.PROHIBITED, Outcome.SKIPPED, Outcome.UNRESOLVED):
        metrics.event(0, outcome)
    assert [
        value(metrics, "borne_probe_requests_total", PROBE),
        value(metrics, "borne_probe_errors_total", PROBE | {"reason": "lost"}),
        value(metrics, "borne_probe_errors_total", PROBE | {"reason": "skipped"}),
        value(metrics, "borne_probe_rtt_seconds_count", PROBE | {"stamp": "kernel"}),
    ] == [2.0, 1.0, 1.0, None]


def test_a_path_changes_where_an_address_differs() -> None:
    """A hop that falls silent is no change; another address at its TTL is one."""
    metrics = made()
    found = [
        metrics.path(route("192.0.2.1", "192.0.2.2", "192.0.2.3")),
        metrics.path(route("192.0.2.1", None, "192.0.2.3")),
        metrics.path(route("192.0.2.1", "192.0.2.2", "192.0.2.3")),
        metrics.path(route("192.0.2.1", "192.0.2.9", "192.0.2.3")),
        metrics.path(route("192.0.2.1", "192.0.2.9", "192.0.2.3")),
        metrics.path(route("192.0.2.1", "192.0.2.2", "192.0.2.5", "192.0.2.3")),
    ]
    key = {name: PROBE[name] for name in ("agent", "zone", "target", "family")}
    assert found == [False, False, False, True, False, True]
    assert value(metrics, "borne_path_changes_total", key) == 2.0
    assert value(metrics, "borne_path_hops", key) == 4.0


def test_the_condition_is_asked_for_at_each_scrape() -> None:
    """States of the daemon's parts are exposed as they are when somebody asks."""
    metrics = made()
    assert [
        value(metrics, "borne_agent_privilege", {"rung": "raw"}),
        value(metrics, "borne_agent_privilege", {"rung": "ping"}),
        value(metrics, "borne_agent_task_restarts_total", {"task": "prober"}),
        value(metrics, "borne_agent_uplink_up", {}),
        value(metrics, "borne_agent_spool_batches", {}),
        value(metrics, "borne_agent_spool_dropped_total", {}),
        value(metrics, "borne_agent_batches_delivered_total", {}),
        value(metrics, "borne_agent_batches_refused_total", {}),
        value(metrics, "borne_agent_witness_packets_total", {}),
        value(metrics, "borne_agent_witness_refused_total", {"reason": "address"}),
    ] == [1.0, 0.0, 2.0, 1.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]


def test_an_agent_alone_has_no_uplink() -> None:
    """Without a collector its metrics are absent: no alert can fire on them."""
    metrics = made(Condition(rung=None, restarts={}))
    assert value(metrics, "borne_agent_uplink_up", {}) is None
    assert value(metrics, "borne_agent_witness_packets_total", {}) is None


def test_no_created_series() -> None:
    """The series that would double each scrape are off."""
    assert b"_created" not in made().exposition("")[0]


def test_openmetrics_is_spoken_where_it_is_wanted() -> None:
    """The Accept header chooses the format."""
    body, kind = made().exposition("application/openmetrics-text;version=1.0.0")
    assert (body.endswith(b"# EOF\n"), kind.split(";")[0]) == (True, "application/openmetrics-text")


def test_flows_change_each_for_itself() -> None:
    """Four flows by two ways are no change; one flow that moves is one. Two reach the target."""
    metrics = made()

    def flows(*middle: str | None) -> Path:
        replies = tuple(
            PathReply(address=each, lost=each is None, flow=flow)
            for flow, each in enumerate(middle)
        )
        last = tuple(PathReply(address="192.0.2.99", flow=flow) for flow in range(2))
        hops = (Hop(ttl=1, replies=replies), Hop(ttl=2, replies=last))
        return msgspec.structs.replace(route(), hops=hops)

    found = [
        metrics.path(flows("192.0.2.1", "192.0.2.2", "192.0.2.1")),
        metrics.path(flows("192.0.2.1", "192.0.2.2", None)),
        metrics.path(flows("192.0.2.1", "192.0.2.1", "192.0.2.1")),
    ]
    assert found == [False, False, True]
    key = {name: PROBE[name] for name in ("agent", "zone", "target", "family")}
    assert value(metrics, "borne_path_flows", key) == 2.0
    assert value(metrics, "borne_path_hops", key) == 2.0
