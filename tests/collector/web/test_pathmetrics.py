"""Metrics of paths: the same samples as if each were made by itself."""

from collections.abc import Iterator
from functools import partial

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from collector.records import Axis, Coverage, Judgement, PathVerdict, Verdict
from collector.web import pathmetrics
from collector.web.exposition import Encoder, Exposition
from tests.fakes.collector_ports import FakeReader

BASE = FakeReader().path_rows[0].judgement
COUNT = st.integers(0, 30)


def verdicts() -> st.SearchStrategy[PathVerdict]:
    """Give verdicts of any value that an axis has."""
    axis = st.sampled_from(Axis)
    return axis.flatmap(
        lambda one: st.builds(
            PathVerdict,
            jurisdiction=st.sampled_from(["FX", "EU", 'own "list"', "100%"]),
            axis=st.just(one),
            verdict=st.sampled_from(pathmetrics.STATES[one]),
            coverage=st.builds(
                partial(Coverage, longest_silent_gap=0, rtt_min_s=None, samples=0),
                hops_responding=COUNT,
                hops_with_evidence=COUNT,
                hops_silent=COUNT,
            ),
            countries=st.just(()),
            reasons=st.just(()),
        )
    )


JUDGED = st.builds(
    lambda found, **others: msgspec.structs.replace(BASE, verdicts=tuple(found), **others),
    st.lists(verdicts(), max_size=6, unique_by=lambda row: (row.jurisdiction, row.axis)),
    agent=st.text('a\\"\n%é', max_size=4),
    target=st.text("a%s\\", max_size=4),
    family=st.sampled_from([4, 6]),
    started_ns=st.integers(0, 2**61),
)


def one_by_one(to: Exposition, judged: list[Judgement]) -> Exposition:
    """Add each sample by itself."""
    for one in judged:
        about = (one.agent, one.zone, one.target, str(one.family))
        for found in one.verdicts:
            for state in pathmetrics.STATES[found.axis]:
                labels = (*about, found.jurisdiction, found.axis, state.value.lower())
                to.add("borne_path_verdict", state is found.verdict, *labels)
    for one in judged:
        about = (one.agent, one.zone, one.target, str(one.family))
        to.add("borne_path_verdict_timestamp_seconds", one.started_ns / 10**9, *about)
    for one in judged:
        about = (one.agent, one.zone, one.target, str(one.family))
        for found in one.verdicts:
            hops = found.coverage.hops_responding + found.coverage.hops_silent
            if found.axis is Axis.TERRITORY and hops:
                ratio = found.coverage.hops_with_evidence / hops
                to.add("borne_path_evidence_coverage_ratio", ratio, *about, found.jurisdiction)
    return to


@pytest.mark.parametrize(
    "encode", [generate_latest, openmetrics.generate_latest], ids=["text", "OpenMetrics"]
)
@settings(max_examples=40)
@given(judged=st.lists(JUDGED, max_size=3))
def test_paths_are_told_as_if_each_sample_were_made_by_itself(
    encode: Encoder, judged: list[Judgement]
) -> None:
    """Whatever the verdicts and the hops; a path without hops has no coverage."""
    ours = Exposition(encode)
    pathmetrics.add(ours, judged)
    assert b"".join(one_by_one(Exposition(encode), judged).parts()) == b"".join(ours.parts())


def test_a_path_has_as_many_samples_as_the_documents_say() -> None:
    """41: nine states and a ratio for each of four jurisdictions, and one time."""
    ours = Exposition(generate_latest)
    pathmetrics.add(ours, [BASE])
    families = text_string_to_metric_families(b"".join(ours.parts()).decode())
    found = {family.name: len(family.samples) for family in families}
    assert [36, 1, 4] == [found[name] for name in pathmetrics.FAMILIES]


def holding(verdict: Verdict, axis: Axis) -> Iterator[str]:
    """Give the states that are 1 for a verdict."""
    found = msgspec.structs.replace(BASE.verdicts[0], axis=axis, verdict=verdict)
    ours = Exposition(generate_latest)
    pathmetrics.add(ours, [msgspec.structs.replace(BASE, verdicts=(found,))])
    for family in text_string_to_metric_families(b"".join(ours.parts()).decode()):
        for sample in family.samples:
            if "borne_path_verdict" in sample.labels and sample.value == 1:
                yield sample.labels["borne_path_verdict"]


@pytest.mark.parametrize("axis", Axis)
def test_one_state_of_a_verdict_holds(axis: Axis) -> None:
    """It is the one that was judged."""
    for verdict in pathmetrics.STATES[axis]:
        assert [verdict.value.lower()] == list(holding(verdict, axis))
