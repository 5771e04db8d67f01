"""Bytes: what this installation is made of, as lines for people."""

from collections.abc import Iterator
from typing import Final

from collector.facts import atlas, provenance
from collector.facts.atlas import Header, Table
from collector.facts.soil import Soil

_ABSENT: Final = {
    True: "not built; run `make atlas`, or `borne-collector atlas build`",
    False: "not built; run `make atlas`, or import clouds' own lists",
}
"""What is said of a table that is not there, by whether users build it of data of their own."""


def lines() -> Iterator[str]:
    """Yield the lines about every table.

    Raises:
        StoreError: A compiled table cannot be read or is damaged.
    """
    yield "tables of facts:"
    yield from (f"  {line}" for line in provenance.lines())
    yield from compiled()


def compiled() -> Iterator[str]:
    """Yield the lines about the compiled tables beside the package.

    Raises:
        StoreError: A table cannot be read or is damaged.
    """
    found = atlas.load()
    yield f"compiled tables in {atlas.BESIDE}:"
    for name in atlas.TABLES + atlas.FURTHER:
        table: Table | None = found.tables.get(name)
        if table is None:
            yield f"  {name}: {_ABSENT[name in atlas.TABLES]}"
        else:
            yield from _table(table.header)
    yield from _soil(Soil.open(atlas.BESIDE))


def _table(header: Header) -> Iterator[str]:
    yield f"  {header.name}: {header.source}, data of {header.date}, {header.status}"
    yield (
        f"    {header.rows_4} IPv4 and {header.rows_6} IPv6 ranges, {header.labels} labels,"
        f" {header.overlaps} overlapping rows cut; SHA-256 {header.sha256}"
    )
    yield f"    licence {header.licence}; {'; '.join(header.attribution)}"
    yield f"    {header.caution}"


def _soil(found: Soil | None) -> Iterator[str]:
    if found is None:
        yield "  soil: not built; run `make atlas`, or `borne-collector atlas build`"
        return
    header = found.header
    yield f"  soil: {header.source}, data of {header.date}, {header.status}"
    yield (
        f"    {header.runs} runs of border and coast, {len(header.labels)} labels;"
        f" SHA-256 {header.sha256}"
    )
    yield f"    licence {header.licence}; {'; '.join(header.attribution)}"
    yield f"    {header.caution}"
