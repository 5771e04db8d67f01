"""Bytes: samples as lines of an exposition, octet for octet as prometheus-client writes them.

    borne_path_verdict{agent="a",axis="territory",...,zone="b/c"} 1.0
    `----- head -------------' `----- told ------'`--- tail ---' `- value

Rules
- Which format a client wants, `# HELP`, `# TYPE` and the end are prometheus-client's. The lines of
  samples are the same in all its text formats, as long as names are plain and no sample has an
  exemplar or a time of its own; those are made here, 400,000 of them where it has 10,000 paths.
- Labels stand sorted by name; each is escaped once and kept.
- Lines that stand together share their first labels by the table: these stand before (`head`) or
  behind (`tail`) all that is told of the lines themselves. What is told is kept as a `Mould`.
- `?name[]=` asks for samples by their whole name; a family that nobody asks for is not made.
"""

import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import chain, groupby
from typing import Final, NamedTuple

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from collector.web.metricrows import TABLE

Encoder = Callable[[Collector], bytes]
"""One of prometheus-client's formats."""

PART_OCTETS: Final = 1 << 18
"""Of one part: about a millisecond of work, and then others have the interpreter."""
_REWRITING: Final = re.compile(r";\s*escaping=(dots|values)\b")
_SUFFIX: Final = {"counter": "_total", "info": "_info"}
_LABELS_KEPT: Final = 1 << 15
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
        """Give the octets, in parts of about `PART_OCTETS`."""
        held: list[bytes] = []
        size = 0
        for text in self._texts():
            held.append(text)
            size += len(text)
            if size >= PART_OCTETS:
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
    """Give `parts` as one gzip stream; while it is packed others have the interpreter."""
    packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
    for part in parts:
        if packed := packer.compress(part):
            yield packed
    yield packer.flush()


def sample_name(family: str) -> str:
    """Return how the samples of a family are called."""
    return family + _SUFFIX.get(TABLE[family].kind, "")


def number(value: float) -> bytes:
    """Return a value as Go writes it."""
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text.encode()


@lru_cache(_LABELS_KEPT)
def label(name: str, value: str) -> bytes:
    """Return a label with its value escaped."""
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{name}="{escaped}"'.encode()


def line(name: str, value: float, *labels: str) -> bytes:
    """Return the line of one sample; `labels` in the order of the table."""
    texts = [label(key, labels[place]) for key, place in _order(name)]
    told = b"{%b} " % b",".join(texts) if texts else b" "
    return b"%b%b%b\n" % (_called(name), told, number(value))


class Mould(NamedTuple):
    """Lines that share their first labels, without these."""

    name: str
    runs: tuple[tuple[bytes, tuple[bytes, ...]], ...]
    """Values, each with what is told of the lines that have it one after another; behind the last
    of these stands an empty one."""
    before: tuple[tuple[str, int], ...]
    """Shared labels that stand before what is told, with their places in the table."""
    behind: tuple[tuple[str, int], ...]

    def filled(self, *labels: str) -> bytes:
        """Return the lines with these first labels."""
        head = b"%b{%b" % (_called(self.name), self._joined(self.before, labels, b"%b,"))
        tail = b"%b} " % self._joined(self.behind, labels, b",%b")
        ends = {value: b"%b%b\n%b" % (tail, value, head) for value, _ in self.runs}
        lines = b"".join([ends[value].join(told) for value, told in self.runs])
        return (head + lines)[: -len(head)]

    @staticmethod
    def _joined(of: Sequence[tuple[str, int]], labels: Sequence[str], form: bytes) -> bytes:
        return b"".join([form % label(key, labels[place]) for key, place in of])


def mould(name: str, lines: Iterable[tuple[Sequence[str], float]]) -> Mould:
    """Return the mould of lines, each given by its last labels and its value."""
    found = list(lines)
    keys = TABLE[name].labels
    told = keys[len(keys) - len(found[0][0]) :]
    order = _order(name)
    before = tuple((key, place) for key, place in order if key < min(told))
    behind = tuple((key, place) for key, place in order if key > max(told))
    if len(before) + len(told) + len(behind) != len(keys):
        raise AssertionError(f"{name}: a label of all lines stands between those of each: {keys}")
    runs = tuple(
        (value, (*(_told(told, labels) for labels, _ in run), b""))
        for value, run in groupby(found, key=lambda one: number(one[1]))
    )
    return Mould(name, runs, before, behind)


def _told(keys: Sequence[str], values: Sequence[str]) -> bytes:
    return b",".join(label(*one) for one in sorted(zip(keys, values, strict=True)))


@cache
def _called(name: str) -> bytes:
    return sample_name(name).encode()


@cache
def _order(name: str) -> tuple[tuple[str, int], ...]:
    """Return the labels of a family sorted by name, with their places in the table."""
    return tuple(sorted((key, place) for place, key in enumerate(TABLE[name].labels)))
