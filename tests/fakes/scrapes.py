"""One scrape of the collector's metrics, read back as samples."""

from collections.abc import Iterator

import msgspec
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from collector.settings.config import Config
from collector.settings.policy import Demands, PolicyRow
from collector.web import metrics
from tests.fakes.collector_face import CONFIG
from tests.fakes.collector_ports import FakeClock, FakeIntake

WATCHED = msgspec.structs.replace(
    CONFIG,
    policy=(
        PolicyRow(zone="scaleway/*", demands=Demands(("FX", "EU"), ("EU",))),
        PolicyRow(zone="aws/*", demands=Demands()),
    ),
)
"""Both axes are demanded of one zone, nothing of another, and the default of the third."""


def scraped(intake: FakeIntake, config: Config = CONFIG) -> list[Sample]:
    """Return all samples of one scrape."""
    text = b"".join(metrics.Face(intake, config, FakeClock()).scrape(generate_latest)).decode()
    families = text_string_to_metric_families(text)
    return [sample for family in families for sample in family.samples]


def values(intake: FakeIntake, name: str, **labels: str) -> Iterator[float]:
    """Give the values of the samples that carry these labels."""
    for sample in scraped(intake):
        if sample.name == name and labels.items() <= sample.labels.items():
            yield sample.value


def value(intake: FakeIntake, name: str, **labels: str) -> float:
    """Return the only value with these labels."""
    (found,) = values(intake, name, **labels)
    return found
