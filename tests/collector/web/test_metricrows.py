"""Names and words of all metrics: what Prometheus and people may rely on."""

import pytest

from collector.web.metricrows import TABLE

KINDS = {"gauge", "counter", "stateset", "summary", "info"}
ADDED_BY_THE_EXPOSITION = ("_total", "_info")


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_family_is_named_typed_and_explained(name: str) -> None:
    """Our prefix, a known type, a sentence for people, labels each once; no suffix of a sample."""
    row = TABLE[name]
    assert name.startswith("borne_")
    assert not name.endswith(ADDED_BY_THE_EXPOSITION)
    assert row.kind in KINDS
    assert row.help[0].isupper()
    assert row.help.endswith(".")
    assert len(row.labels) == len(set(row.labels))


def test_a_stateset_has_its_own_name_as_a_label() -> None:
    """OpenMetrics asks for it, and of no other type."""
    assert {name for name, row in TABLE.items() if row.kind == "stateset"} == {
        name for name, row in TABLE.items() if name in row.labels
    }


def test_times_and_sizes_are_in_base_units() -> None:
    """Seconds and bytes alone."""
    assert [] == [name for name in TABLE if name.endswith(("_ms", "_ns", "_us", "_kib", "_mib"))]
