"""Lines of samples: octet for octet those of prometheus-client, in each of its formats."""

import gzip
import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from collector.web import exposition
from collector.web.exposition import Encoder, Exposition
from collector.web.metricrows import TABLE, VERDICT

FORMATS = {
    "text 0.0.4": generate_latest,
    "OpenMetrics 1.0": openmetrics.generate_latest,
    "OpenMetrics 2.0": exposition.chosen("application/openmetrics-text;version=2.0.0")[0],
    "text 1.0, UTF-8": exposition.chosen("text/plain;version=1.0.0;escaping=allow-utf-8")[0],
}
EACH_FORMAT = pytest.mark.parametrize("encode", FORMATS.values(), ids=FORMATS)

VALUES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-(2**60), 2**60),
    st.booleans(),
    st.sampled_from([0.0, -0.0, 1e6, 1234567.0, 123456.7, 1.8e9, 1e15, 1e16, 5e-324, 1 / 3]),
)
WORDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text('\\"\n%s{},= \r\x00é\u2028', max_size=8),
)
Sample = tuple[str, float, tuple[str, ...]]


class Families(Collector):
    """Families as prometheus-client has them."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        """Make each family when its first sample comes."""
        self.made: dict[str, Metric] = {}
        for name, value, labels in samples:
            row = TABLE[name]
            family = self.made.setdefault(name, Metric(name, row.help, row.kind))
            suffix = {"counter": "_total", "info": "_info"}.get(row.kind, "")
            family.add_sample(name + suffix, dict(zip(row.labels, labels, strict=True)), value)

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self.made.values()


def samples_of(name: str) -> st.SearchStrategy[Sample]:
    """Give samples of one family with any labels."""
    labels = st.tuples(*(WORDS for _ in TABLE[name].labels))
    return st.tuples(st.just(name), VALUES, labels)


SAMPLES = st.lists(st.sampled_from(sorted(TABLE)).flatmap(samples_of), max_size=8)
STATE_LINES = st.lists(st.tuples(st.tuples(*(WORDS for _ in range(4))), VALUES), min_size=1)


@pytest.mark.parametrize("kind", ["application/openmetrics-text", "text/plain"])
@pytest.mark.parametrize("scheme", ["dots", "values"])
def test_plain_names_are_never_rewritten(kind: str, scheme: str) -> None:
    """A client that would have other names rewritten gets ours as they are, and is told so."""
    encode, told = exposition.chosen(f"{kind};version=1.0.0;escaping={scheme};q=0.5,*/*;q=0.1")
    assert told.startswith(f"{kind}; version=1.0.0; charset=utf-8")
    assert scheme not in told
    assert b"borne_checkpoints_total 1.0" in encode(Families([("borne_checkpoints", 1, ())]))


@EACH_FORMAT
@given(samples=SAMPLES)
def test_samples_are_written_as_the_library_writes_them(
    encode: Encoder, samples: list[Sample]
) -> None:
    """Any number and any label, heads and the end: the same octets."""
    ours = Exposition(encode)
    for name, value, labels in samples:
        ours.add(name, value, *labels)
    assert encode(Families(samples)) == b"".join(ours.parts())


@EACH_FORMAT
@given(first=st.tuples(WORDS, WORDS, WORDS), lines=STATE_LINES)
def test_a_mould_is_written_as_the_library_writes_it(
    encode: Encoder, first: tuple[str, str, str], lines: list[tuple[Sequence[str], float]]
) -> None:
    """Lines that share their first labels come out as if each were made by itself."""
    ours = Exposition(encode)
    ours.stream(VERDICT, [exposition.mould(VERDICT, lines).filled(*first)])
    samples: list[Sample] = [(VERDICT, value, (*first, *told)) for told, value in lines]
    assert encode(Families(samples)) == b"".join(ours.parts())


def test_a_mould_takes_no_label_that_stands_between() -> None:
    """Two shared labels enclose what is told here; `family`, in the middle, would be lost."""
    with pytest.raises(AssertionError, match=r"borne_path_verdict: \['family'\] of all lines"):
        exposition.mould(VERDICT, [(("FX", "territory", "proven_inside"), 1)])


@EACH_FORMAT
def test_names_choose_whole_samples(encode: Encoder) -> None:
    """A counter is asked for by the name of its samples; what nobody asked for is not made."""
    ours = Exposition(encode, ["borne_checkpoints_total", "borne_batches", "borne_else"])
    assert (True, False) == (ours.wants("borne_checkpoints"), ours.wants("borne_batches"))
    ours.add("borne_batches", 7, "paris")
    ours.stream("borne_zone_loss_ratio", map(int.to_bytes, [-1]))
    ours.add("borne_checkpoints", 3)
    assert encode(Families([("borne_checkpoints", 3, ())])) == b"".join(ours.parts())


def test_without_names_everything_is_wanted() -> None:
    """No restriction is no choice of nothing."""
    assert Exposition(generate_latest).wants("borne_batches")


def test_a_family_without_lines_has_no_head() -> None:
    """As before the first sample, nothing is said of a family; two streams have one head."""
    ours = Exposition(generate_latest)
    for lines in ([], [b""], [b"a\n"], [b"", b"b\n"]):
        ours.stream("borne_checkpoints", lines)
    ours.stream("borne_batches_duplicate", [b""])
    row = TABLE["borne_checkpoints"]
    head = f"# HELP borne_checkpoints_total {row.help}\n# TYPE borne_checkpoints_total counter\n"
    assert head.encode() + b"a\nb\n" == b"".join(ours.parts())


def test_parts_are_small_and_made_when_they_are_asked_for() -> None:
    """A part ends with the line that fills it, and what comes later is not made before."""
    made: list[int] = []

    def lines(octets: int) -> Iterable[bytes]:
        for number in range(1000):
            made.append(number)
            yield b"%04d" % number * (octets // 4)

    for octets in (4, 4000):
        made.clear()
        ours = Exposition(generate_latest)
        ours.stream("borne_checkpoints", lines(octets))
        parts = ours.parts()
        assert [] == made
        first = next(parts)
        assert len(first) < exposition.PART_OCTETS + octets
        assert len(made) in {exposition.PART_TEXTS - 1, exposition.PART_OCTETS // octets + 1}
        rest = list(parts)
        assert 1000 * octets < len(first) + sum(map(len, rest)) < 1000 * octets + 200


@given(parts=st.lists(st.binary(max_size=50)))
def test_zipped_parts_are_one_gzip_stream(parts: list[bytes]) -> None:
    """It unpacks to the parts, and no part of it is empty: that would be its end."""
    packed = list(exposition.zipped(parts))
    assert b"".join(parts) == gzip.decompress(b"".join(packed))
    assert b"" not in packed


def test_zipped_parts_are_few() -> None:
    """What packs well comes out together, what does not in parts that are still small."""
    assert 1 == len(list(exposition.zipped([bytes(1000)] * 1000)))
    noise = [random.Random(number).randbytes(30_000) for number in range(20)]
    sizes = list(map(len, exposition.zipped(noise)))
    assert 5 < len(sizes) < 11
    assert max(sizes) < 2 * 1 << 16
