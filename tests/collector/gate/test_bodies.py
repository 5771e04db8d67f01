"""Bodies: what is read is what was sent, and anything else is refused with a reason."""

import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from agent import wire
from collector.errors import RefusedError
from collector.gate import bodies
from collector.settings.limits import Limits
from tests.fakes.collector_durable import batch

LIMITS = Limits(body_octets=2000, inflated_octets=3000)
REASONS = {
    *("too_large", "encoding", "inflated", "deflate", "zstd", "truncated", "magic", "version"),
    *("length", "columns", "descriptors", "ratio"),
}
CODECS = {"identity": bytes, "deflate": wire.deflate, "zstd": zstandard.compress}


@given(st.integers(0, 1000), st.sampled_from(sorted(CODECS)))
def test_a_batch_is_read_whatever_its_encoding(sequence: int, encoding: str) -> None:
    """The content is the batch's octets, and the batch is decoded from them."""
    octets = wire.encode(batch(sequence))
    content, found = bodies.read(CODECS[encoding](octets), encoding, LIMITS)
    assert octets == content
    assert (sequence, octets) == (found.sequence, wire.encode(found))


@given(st.binary(max_size=2500), st.sampled_from([*sorted(CODECS), "", "br", "gzip"]))
def test_garbage_is_refused_with_a_known_reason(garbage: bytes, encoding: str) -> None:
    """Random octets raise nothing but a refusal, whose reason is one of a closed set."""
    with pytest.raises(RefusedError) as caught:
        bodies.read(garbage, encoding, LIMITS)
    assert caught.value.reason in REASONS


@pytest.mark.parametrize("encoding", sorted(CODECS))
@pytest.mark.parametrize("octets", [3001, 30_000_000])
def test_content_over_the_limit_is_refused(encoding: str, octets: int) -> None:
    """One octet too many is too many, however small it travels."""
    body = CODECS[encoding](b"\0" * octets)
    with pytest.raises(RefusedError) as caught:
        bodies.read(body, encoding, Limits(body_octets=octets, inflated_octets=3000))
    assert (413, "inflated") == (caught.value.status, caught.value.reason)


def test_content_at_the_limit_is_read() -> None:
    """The limits themselves are allowed."""
    octets = wire.encode(batch(1))
    limits = Limits(body_octets=len(octets), inflated_octets=len(octets))
    for encoding in ("identity", "deflate", "zstd"):
        assert octets == bodies.read(CODECS[encoding](octets), encoding, limits)[0]


def test_a_zstd_frame_without_its_size_is_bounded_too() -> None:
    """A frame that hides its size is refused when it does not fit."""
    hidden = zstandard.ZstdCompressor(write_content_size=False).compress(b"\0" * 1_000_000)
    with pytest.raises(RefusedError) as caught:
        bodies.read(hidden, "zstd", LIMITS)
    assert (400, "zstd") == (caught.value.status, caught.value.reason)


def test_a_body_leaves_nothing_behind_for_the_next() -> None:
    """Whatever came before, and in how many threads at once, each body is read by itself."""
    octets = [wire.encode(batch(sequence)) for sequence in range(8)]
    whole = [zstandard.compress(part) for part in octets]
    broken = [body[:-5] for body in whole]
    hidden = [zstandard.ZstdCompressor(write_content_size=False).compress(o) for o in octets]

    def read(number: int) -> bool:
        body = (whole, broken, hidden)[number % 3][number % 8]
        try:
            return bodies.read(body, "zstd", LIMITS)[0] == octets[number % 8]
        except RefusedError as error:
            return body in broken and error.reason == "zstd"

    with ThreadPoolExecutor(8) as pool:
        assert [True] * 480 == list(pool.map(read, range(480)))


@pytest.mark.parametrize("encoding", ["deflate", "zstd"])
def test_a_second_stream_behind_the_first_is_refused(encoding: str) -> None:
    """Nothing may follow the content."""
    octets = wire.encode(batch(1))
    with pytest.raises(RefusedError) as caught:
        bodies.read(CODECS[encoding](octets) + CODECS[encoding](octets), encoding, LIMITS)
    assert encoding == caught.value.reason


def test_a_raw_deflate_stream_is_not_mistaken() -> None:
    """`deflate` is the zlib format (RFC 9110 section 8.4.1.2), nothing rawer."""
    packer = zlib.compressobj(wbits=-15)
    raw = packer.compress(wire.encode(batch(1))) + packer.flush()
    with pytest.raises(RefusedError) as caught:
        bodies.read(raw, "deflate", LIMITS)
    assert "deflate" == caught.value.reason


@pytest.mark.parametrize("encoding", ["deflate", "zstd"])
def test_content_beyond_a_mebibyte_may_not_be_packed_too_tightly(encoding: str) -> None:
    """A bomb stops at the ratio, long before the limit of the content; small ones are let in."""
    body = CODECS[encoding](b"\0" * 30_000_000)
    with pytest.raises(RefusedError) as caught:
        bodies.read(body, encoding, Limits(inflated_ratio=2))
    assert (413, "ratio") == (caught.value.status, caught.value.reason)
    small = CODECS[encoding](b"\0" * 1_000_000)
    with pytest.raises(RefusedError) as caught:
        bodies.read(small, encoding, Limits(inflated_ratio=2))
    assert (400, "magic") == (caught.value.status, caught.value.reason)


@pytest.mark.parametrize(
    "promise",
    [
        b"\x81\xa6series\xdd\xff\xff\xff\xff",
        b"\x81\xa5paths\x91\x81\xa4hops\xdd\x7f\xff\xff\xff",
        b"\x81\xa6series\xdf\xff\xff\xff\xff",
        b"\x81\xa6series\xc6\xff\xff\xff\xff",
    ],
)
def test_counts_that_promise_much_take_no_memory(promise: bytes) -> None:
    """A header or a descriptor may promise billions; nothing is allocated before they are there."""
    whole = wire.encode(batch(1))
    columns = whole[: len(whole) - int.from_bytes(whole[92:96], "little")]
    lying = columns[:92] + len(promise).to_bytes(4, "little") + columns[96:] + promise
    huge = whole[:80] + b"\xff\xff\xff\x7f" * 3 + whole[92:]
    tracemalloc.start()
    try:
        for body, reason in ((lying, "descriptors"), (huge, "length")):
            with pytest.raises(RefusedError) as caught:
                bodies.read(body, "identity", LIMITS)
            assert (400, reason) == (caught.value.status, caught.value.reason)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_descriptors_are_refused_before_one_is_made() -> None:
    """An empty reply is one octet on the wire and a hundred in memory: too many are no batch."""
    whole = wire.encode(batch(1))
    columns = whole[: len(whole) - int.from_bytes(whole[92:96], "little")]
    hops = b"\x81\xa5paths\xdd\x00\x00\xff\xff" + b"\x80" * 65_535
    large = columns[:92] + len(hops).to_bytes(4, "little") + columns[96:] + hops
    limits = Limits(descriptors_octets=65_535)
    with pytest.raises(RefusedError) as caught:
        bodies.read(large, "identity", limits)
    assert (413, "described") == (caught.value.status, caught.value.reason)
    octets = len(whole) - len(columns)
    with pytest.raises(RefusedError):
        bodies.read(whole, "identity", Limits(descriptors_octets=octets - 1))
    assert whole == bodies.read(whole, "identity", Limits(descriptors_octets=octets))[0]
