"""`borne-collector explain` answers anything: whatever JSON holds, whatever octets come."""

import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.cli import main
from collector.facts import knowledge
from tests.collector.imports.test_formats import KINDS
from tests.fakes import imports, soil_tables
from tests.fakes.imports import FRANKFURT, PARIS, TARGET, borne, said

Json: TypeAlias = Any
KNOWLEDGE = knowledge.load()


@pytest.fixture(autouse=True, scope="module")
def _tables() -> Iterator[None]:
    """Load the tables once."""
    with mock.patch("collector.commands.offline.tables", return_value=KNOWLEDGE):
        yield


def _run(octets: bytes, *options: str) -> int:
    """Explain a document in memory; return the exit code."""
    stdin = mock.Mock(buffer=io.BytesIO(octets))
    with (
        mock.patch("sys.stdin", stdin),
        mock.patch("sys.stdout", io.StringIO()),
        mock.patch("sys.stderr", io.StringIO()),
    ):
        return main(["explain", "-", *options])


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([PARIS, "::1", "fe80::1%eth0", "???", "*", "trace", "borne-path/1"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["format", "hops", "ttl", "replies", "address", "report", "hubs", "type", "result"]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON_VALUES)
@settings(max_examples=150, deadline=None)
def test_any_json_is_answered(value: Json) -> None:
    """Whatever JSON holds, the answer is an exit code."""
    assert _run(json.dumps(value).encode(), "--json") in {0, 2}


def _spots(value: Json, at: tuple[Json, ...] = ()) -> Iterator[tuple[Json, ...]]:
    """Yield the way to every value inside."""
    yield at
    pairs: Iterable[tuple[Json, Json]] = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, inner in pairs:
        yield from _spots(inner, (*at, key))


def _mutated(value: Json, at: tuple[Json, ...], new: Json) -> Json:
    """Return a copy of `value` with `new` at one spot."""
    if not at:
        return new
    copy = value.copy()
    copy[at[0]] = _mutated(value[at[0]], at[1:], new)
    return copy


WITH_BORDERS = knowledge.load(soil=soil_tables.real())
WHOLE = borne(
    [
        {
            **said(FRANKFURT, "ffttr6.frankfurt.opentransit.net", confirmed=True),
            "rtt_ns": 900_000,
            "flow": 1,
            "icmp": [11, 0],
            "mpls": [[24001, 5, 1, 254]],
            "reply_ttl": 61,
            "stamp": "kernel",
        }
    ],
    [{"lost": True, "flow": 0}],
    [{**said(TARGET), "rtt_ns": 1_500_000}],
    origin={"latitude": 48.85341, "longitude": 2.3488, "radius_km": 5.0},
    links=[[FRANKFURT, TARGET]],
    address=TARGET,
    target="target",
    zone="ovh/x",
    family=4,
    protocol="icmp",
    reached=True,
    started_at="2026-11-24T12:00:00.000000001Z",
)
"""Every field of a `borne-path/1`."""
OPTIONS = (
    ["--origin", "48.85,2.35,5", "--fail-on", "SUPPORTED_OUTSIDE"],
    ["--json"],
    ["--redact"],
    ["--redact", "--json", "--jurisdiction", "FX"],
)
RICH = [
    *KINDS,
    WHOLE,
    json.loads(imports.real("scamper-tracelb.json").splitlines()[1]),
    json.loads(imports.real("scamper-trace.json").splitlines()[1]),
    json.loads(imports.real("mtr-names.json")),
]


@pytest.mark.slow
@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_mutation_of_real_files_is_answered(data: st.DataObject) -> None:
    """One value of a real document replaced by any other: an exit code, never a traceback."""
    document = data.draw(st.sampled_from(RICH))
    spot = data.draw(st.sampled_from(list(_spots(document))))
    wrong = json.dumps(_mutated(document, spot, data.draw(JSON_VALUES))).encode()
    with mock.patch("collector.commands.offline.tables", return_value=WITH_BORDERS):
        assert _run(wrong, *data.draw(st.sampled_from(OPTIONS))) in {0, 1, 2}


@pytest.mark.parametrize("kind", range(len(RICH)))
def test_the_fuzz_would_notice_a_bug(kind: int) -> None:
    """Each of these documents is judged, and what breaks in that is no exit code."""
    octets = json.dumps(RICH[kind]).encode()
    assert _run(octets) == 0
    judge = mock.patch("collector.judgement.borders.judge", side_effect=KeyError("a bug"))
    with judge, pytest.raises(KeyError):
        _run(octets)


@given(st.binary(max_size=80), st.integers(0, 200))
def test_any_octets_are_answered(octets: bytes, cut: int) -> None:
    """Garbage, and a real file cut anywhere with garbage behind it."""
    assert _run(octets) == 2
    assert _run(imports.real("mtr-both.json")[:cut] + octets, "--json") in {0, 2}
