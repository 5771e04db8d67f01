"""Metrics of sinks, queues and the journal; the exposition against its table and the tools."""

import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
import yaml
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition, parser
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from collector.errors import RefusedError
from collector.samples.queues import Queue
from collector.settings.config import Config
from collector.web import metrics
from collector.web.exposition import Encoder, sample_name
from collector.web.metricrows import TABLE
from tests.fakes.collector_face import (
    CONFIG,
    NOW_NS,
)
from tests.fakes.collector_ports import FakeClock, FakeIntake
from tests.fakes.scrapes import WATCHED, value

ROOT = Path(__file__).parents[3]


def told(intake: FakeIntake, config: Config, encode: Encoder = generate_latest) -> bytes:
    """Return the text of one scrape."""
    return b"".join(metrics.Face(intake, config, FakeClock()).scrape(encode))


def test_journal_has_a_size(tmp_path: Path) -> None:
    """What a start would replay is there in octets, other files are not counted."""
    settings = msgspec.structs.replace(CONFIG, directory=tmp_path)
    (tmp_path / "journal").mkdir()
    for name, octets in (("journal-000001.bin", 7), ("journal-000002.bin", 5), ("else.bin", 9)):
        (tmp_path / "journal" / name).write_bytes(bytes(octets))
    text = told(FakeIntake(), settings).decode()
    assert "\nborne_collector_journal_bytes 12.0\n" in text


def test_sinks_count_from_zero_and_by_reason() -> None:
    """Each configured sink has its rows, its state and every reason before anything happens."""
    intake = FakeIntake()
    assert value(intake, "borne_sink_rows_total", sink="influx") == 0
    assert value(intake, "borne_sink_dropped_total", sink="influx", reason="overflow") == 0
    counts = intake.counts.sinks["influx"]
    counts.rows, counts.up = 7, True
    counts.dropped["refused"] += 2
    counts.resent, counts.rewinds, counts.waiting = 5, 1, 40
    assert value(intake, "borne_sink_backlog_age_seconds", sink="influx") == 0
    counts.oldest_ns = NOW_NS - 90 * 1_000_000_000
    assert value(intake, "borne_sink_backlog_age_seconds", sink="influx") == 90
    assert value(intake, "borne_sink_backlog_windows", sink="influx") == 40
    assert value(intake, "borne_sink_resent_rows_total", sink="influx") == 5
    assert value(intake, "borne_sink_rewinds_total", sink="influx") == 1
    assert value(intake, "borne_sink_rows_total", sink="influx") == 7
    assert value(intake, "borne_sink_up", sink="influx") == 1
    assert value(intake, "borne_sink_dropped_total", sink="influx", reason="refused") == 2


def test_queues_tell_depth_age_and_what_found_no_room() -> None:
    """Each queue begins empty; what waits shows in number, share and age."""
    intake = FakeIntake()
    names = ("items", "fill_ratio", "oldest_seconds", "refused_total")

    def told() -> list[float]:
        return [value(intake, f"borne_queue_{name}", queue="journal") for name in names]

    assert [0, 0, 0, 0] == told()
    queue = intake.counts.queues["journal"]
    assert isinstance(queue, Queue)
    with queue.place(NOW_NS - 3_000_000_000) as first, queue.place(NOW_NS) as second:
        first.take(250)
        with pytest.raises(RefusedError):
            second.take(900)
        assert [2, 0.25, 3, 1] == told()


def test_what_is_exposed_is_the_table() -> None:
    """Each family of a full scrape stands in the table with its labels, and the reverse."""
    intake = FakeIntake()
    exposed: dict[str, set[str]] = {}
    text = told(intake, WATCHED, exposition.generate_latest).decode()
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            exposed.setdefault(family.name, set()).update(sample.labels)
    assert {name: set(row.labels) for name, row in TABLE.items()} == exposed


def test_rules_use_names_of_the_table() -> None:
    """The collector's names in rules and runbooks are names that it exposes."""
    suffixes = {"counter": "_total", "info": "_info"}
    known = {name + suffixes.get(row.kind, "") for name, row in TABLE.items()}
    used: set[str] = set()
    for path in (ROOT / "deploy" / "prometheus").rglob("*"):
        if path.suffix in {".yml", ".md"}:
            text = path.read_text(encoding="utf-8")
            used |= set(re.findall(r"(?<![\w:])borne_[a-z_]+", text))
    prefixes = (
        "borne_crossing",
        "borne_finding",
        "borne_batches",
        "borne_zone",
        "borne_path_verdict",
    )
    mine = {name for name in used if name.startswith((*prefixes, "borne_agent_last", "borne_coll"))}
    assert len(mine) >= 2
    assert set() == mine - known


def test_promtool_accepts_the_metrics() -> None:
    """The field's own linter finds nothing to say."""
    promtool = shutil.which("promtool")
    assert promtool, "missing: apt-get install -y --no-install-recommends prometheus"
    text = told(FakeIntake(), CONFIG)
    found = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True)
    assert (0, b"", b"") == (found.returncode, found.stdout, found.stderr)


def test_scrapes_by_name_that_are_documented_hold_what_alerts_need() -> None:
    """Each name of the two jobs is one that samples have; the first has those of all alerts."""
    documented = (ROOT / "deploy" / "docs" / "collector.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", documented, re.DOTALL)
    (jobs,) = [yaml.safe_load(text) for text in blocks if "name[]" in text]
    often, seldom = (list(job["params"]["name[]"]) for job in jobs)
    known = {sample_name(family) for family in TABLE}
    assert [] == [name for name in (*often, *seldom) if name not in known]
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules" / "borne.yml").read_text())
    alerts = [
        rule["expr"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule
    ]
    assert 4 == len(alerts)
    assert [] == [
        expression for expression in alerts if not any(one in expression for one in often)
    ]


class Read(Collector):
    """Families that were read from a text."""

    def __init__(self, families: list[Metric]) -> None:
        """Keep them."""
        self._families = families

    def collect(self) -> list[Metric]:
        """Return them."""
        return self._families


def test_a_whole_scrape_is_what_the_library_would_write() -> None:
    """Read by prometheus-client and written by it again, in both formats, it is the same octets."""
    for read, encode in (
        (text_string_to_metric_families, generate_latest),
        (parser.text_string_to_metric_families, exposition.generate_latest),
    ):
        text = told(FakeIntake(), WATCHED, encode)
        assert encode(Read(list(read(text.decode())))) == text


def test_openmetrics_parses() -> None:
    """The strict format is produced without error, and without series of creation times."""
    text = told(FakeIntake(), WATCHED, exposition.generate_latest)
    families = list(parser.text_string_to_metric_families(text.decode()))
    assert set(TABLE) == {family.name for family in families}
    assert b"_created" not in text
