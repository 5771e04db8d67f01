"""Bytes: samples as lines of an exposition, octet for octet as prometheus-client writes them.

    borne_path_verdict{agent="a",axis="territory",...,zone="b/c"} 1.0
    `----- head -------------' `----- told ------'`--- tail ---' `- value

Rules
- Which format a client wants, `# HELP`, `# TYPE` and the end are prometheus-client's. The lines of
  samples are the same in all its text formats, as long as names are plain and no sample has an
  exemplar or a time of its own; those are made here, 400,000 of them where it has 10,000 paths.
- Labels stand sorted by name. What a series has before its value is made once and kept.
- Lines that stand together share their first labels by the table: these stand before (`head`) or
  behind (`tail`) all that is told of the lines themselves. What is told is kept as a `Mould`.
- `?name[]=` asks for samples by their whole name; a family that nobody asks for is not made.
"""

import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import chain
from typing import Final, NamedTuple

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from collector.web.metricrows import TABLE

Encoder = Callable[[Collector], bytes]
"""One of prometheus-client's formats."""

PART_OCTETS: Final = 1 << 18
PART_TEXTS: Final = 256
"""Of one part at most: less than a millisecond of work, and then others have the interpreter."""
_REWRITING: Final = re.compile(r";\s*escaping=(dots|values)\b")
_SUFFIX: Final = {"counter": "_total", "info": "_info"}
_SERIES_KEPT: Final = 1 << 16
"""Of both kinds: 300 octets each."""
_PACKED_OCTETS: Final = 1 << 16
_GZIP: Final = 31
"""zlib's word for a window of 32 KiB in gzip's frame."""
_LEVEL: Final = 1


def chosen(accept: str) -> tuple[Encoder, str]:
    """Return what writes the format that a client likes best, and its Content-Type.

    Schemes that rewrite underscores (`dots`, `values`) are for names that are not plain.
    """
    return choose_encoder(_REWRITING.sub("", accept))


class Exposition:
    """One answer to a scrape: families in the order of their first sample."""

    def __init__(self, encode: Encoder, names: Collection[str] = ()) -> None:
        """Write as `encode` does; with `names`, the samples of these names alone."""
        self._encode = encode
        self._names = frozenset(names)
        self._made: dict[str, list[Iterable[bytes]]] = {}

    def wants(self, *families: str) -> bool:
        """Say whether samples of one of these families were asked for."""
        return not self._names or any(sample_name(name) in self._names for name in families)

    def add(self, name: str, value: float, *labels: str) -> None:
        """Add one sample; `labels` in the order of the table."""
        if self.wants(name):
            self.stream(name, (line(name, value, *labels),))

    def stream(self, name: str, lines: Iterable[bytes]) -> None:
        """Add lines of one family that are made when they are written."""
        if self.wants(name):
            self._made.setdefault(name, []).append(lines)

    def parts(self) -> Iterator[bytes]:
        """Give the octets, in small parts."""
        held: list[bytes] = []
        size = 0
        for text in self._texts():
            held.append(text)
            size += len(text)
            if size >= PART_OCTETS or len(held) >= PART_TEXTS:
                yield b"".join(held)
                held, size = [], 0
        yield b"".join(held) + self._encode(_Families())

    def _texts(self) -> Iterator[bytes]:
        """Give the head of each family that has a sample, then its lines."""
        for name, several in self._made.items():
            begun = False
            for text in filter(None, chain.from_iterable(several)):
                if not begun:
                    yield self._head(name)
                    begun = True
                yield text

    def _head(self, name: str) -> bytes:
        row = TABLE[name]
        head = self._encode(_Families(Metric(name, row.help, row.kind)))
        return head.removesuffix(self._encode(_Families()))


class _Families(Collector):
    """Families without samples: what prometheus-client writes the heads and the end from."""

    def __init__(self, *families: Metric) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._families


def zipped(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Give `parts` as one gzip stream; while one is packed others have the interpreter."""
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
    held = b""
    for part in parts:
        held += packer.compress(part)
        if len(held) >= _PACKED_OCTETS:
            yield held
            held = b""
    yield held + packer.flush()


def sample_name(family: str) -> str:
    """Return how the samples of a family are called."""
    return family + _SUFFIX.get(TABLE[family].kind, "")


def number(value: float) -> bytes:
    """Return a value as Go writes it."""
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text.encode()


def label(name: str, value: str) -> bytes:
    """Return a label with its value escaped."""
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{name}="{escaped}"'.encode()


def line(name: str, value: float, *labels: str) -> bytes:
    """Return the line of one sample; `labels` in the order of the table."""
    return b"%b%b\n" % (_series(name, labels), number(value))


@lru_cache(_SERIES_KEPT)
def _series(name: str, labels: tuple[str, ...]) -> bytes:
    """Return all of a line that stands before the value."""
    texts = [label(key, labels[place]) for key, place in _order(name)]
    told = b"{%b}" % b",".join(texts) if texts else b""
    return b"%b%b " % (sample_name(name).encode(), told)


class Mould(NamedTuple):
    """Lines that share their first labels, without these."""

    name: str
    pieces: tuple[bytes, ...]
    """Four a line: room for `head`, what is told, room for `tail`, the value."""
    told: tuple[str, ...]
    """Labels that are told of each line."""

    def filled(self, *labels: str) -> bytes:
        """Return the lines with these first labels."""
        head, tail = _around(self.name, self.told, labels)
        pieces = list(self.pieces)
        count = len(pieces) // 4
        pieces[0::4] = [head] * count
        pieces[2::4] = [tail] * count
        return b"".join(pieces)


def mould(name: str, lines: Sequence[tuple[Sequence[str], float]]) -> Mould:
    """Return the mould of lines, each given by its last labels and its value."""
    keys = TABLE[name].labels
    told = keys[len(keys) - len(lines[0][0]) :]
    if between := [key for key in keys if min(told) < key < max(told) and key not in told]:
        raise AssertionError(f"{name}: {between} of all lines stand between those of each")
    pieces = ((b"", _told(told, labels), b"", number(value) + b"\n") for labels, value in lines)
    return Mould(name, tuple(chain.from_iterable(pieces)), told)


@lru_cache(_SERIES_KEPT)
def _around(name: str, told: tuple[str, ...], labels: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Return what stands before and behind what is told, for these first labels."""
    head = b"".join(
        label(key, labels[place]) + b"," for key, place in _order(name) if key < min(told)
    )
    tail = b"".join(
        b"," + label(key, labels[place]) for key, place in _order(name) if key > max(told)
    )
    return b"%b{%b" % (sample_name(name).encode(), head), tail + b"} "


def _told(keys: Sequence[str], values: Sequence[str]) -> bytes:
    return b",".join(label(*one) for one in sorted(zip(keys, values, strict=True)))


@cache
def _order(name: str) -> tuple[tuple[str, int], ...]:
    """Return the labels of a family sorted by name, with their places in the table."""
    return tuple(sorted((key, place) for place, key in enumerate(TABLE[name].labels)))
