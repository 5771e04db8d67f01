"""What `--version --verbose` says of the tables."""

from pathlib import Path

import msgspec
import pytest

from collector.commands import about
from collector.facts import atlas, provenance
from tests.fakes import atlas_tables, soil_tables


def test_tables_are_told_with_their_duties(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Source, day, counts, digest, licence, attribution and the publisher's own caution."""
    directory = atlas_tables.built(tmp_path)
    monkeypatch.setattr(atlas, "BESIDE", directory)
    lines = list(about.compiled())
    header = msgspec.structs.replace(atlas.load(directory).tables["origin"].header, overlaps=7)
    assert ", 2 labels, 7 overlapping rows cut; SHA-256 " in list(about._table(header))[1]
    digest = atlas.load(directory).tables["origin"].header.sha256
    assert f"compiled tables in {directory}:" == lines[0]
    assert "  origin: tables of a test, data of 2026-06-17, read" == lines[1]
    assert (
        f"    3 IPv4 and 1 IPv6 ranges, 2 labels, 0 overlapping rows cut; SHA-256 {digest}"
    ) == lines[2]
    assert lines[3].startswith("    licence CC BY 4.0; RouteViews, https://www.routeviews.org/")
    assert lines[3].endswith("IP Geolocation by DB-IP, https://db-ip.com/ (CC BY 4.0)")
    assert "says that what it published this way contains errors" in lines[4]
    assert "  registrant: tables of a test, data of 2026-06-17, read" == lines[5]
    assert "  cloud: not built; run `make atlas`, or import clouds' own lists" == lines[9]
    assert "  soil: not built; run `make atlas`, or `borne-collector atlas build`" == lines[10]


def test_borders_are_told_with_their_duties(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Source, day, counts, digest, licence, attribution, caution."""
    monkeypatch.setattr(atlas, "BESIDE", tmp_path)
    header = soil_tables.opened(tmp_path).header
    assert [
        "  soil: a drawing, data of 2026-11-26, read",
        f"    {header.runs} runs of border and coast, 7 labels; SHA-256 {header.sha256}",
        "    licence none; ",
        "    small",
    ] == list(about.compiled())[-4:]


def test_a_missing_table_is_told_with_the_way_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without tables the lines say so, and how to have them."""
    monkeypatch.setattr(atlas, "BESIDE", tmp_path)
    lines = list(about.compiled())[1:]
    expected = "not built; run `make atlas`, or `borne-collector atlas build`"
    other = "  cloud: not built; run `make atlas`, or import clouds' own lists"
    assert [f"  {name}: {expected}" for name in ("origin", "registrant", "soil")] == [
        line for line in lines if line != other
    ]
    assert other == lines[2]


def test_facts_are_counted_before_the_compiled_tables() -> None:
    """Each table of facts has a line with its rows by status; the compiled ones follow."""
    lines = list(about.lines())
    assert ["tables of facts:", *(f"  {line}" for line in provenance.lines())] == lines[: -_ours()]
    assert list(about.compiled()) == lines[-_ours() :]


def _ours() -> int:
    return len(list(about.compiled()))
