"""Compiled tables are written whole or not at all."""

from pathlib import Path

import pytest

from collector.errors import ConfigError, StoreError
from collector.facts import atlas, builder, geodata, sealed, soil
from collector.facts.soil import Soil
from tests.fakes import atlas_tables, soil_tables

ORIGIN = geodata.sources()[0]
SOIL = geodata.sources()[2]


def test_every_table_is_written_and_nothing_else(tmp_path: Path) -> None:
    """Two files, readable, in a directory that was made for them."""
    published, to = atlas_tables.write(tmp_path / "published"), tmp_path / "new" / "atlas"
    made = list(builder.build_all(published, to, ident="mine", date="2026-11-24"))
    assert [to / "origin.atlas", to / "registrant.atlas"] == made
    assert sorted(made) == sorted(to.iterdir())
    assert {"mine"} == {table.header.source for table in atlas.load(to).tables.values()}


def test_a_failed_compilation_leaves_the_old_table(tmp_path: Path) -> None:
    """What was there before stays, octet by octet, when newer data are wrong."""
    to = atlas_tables.built(tmp_path)
    before = (to / "origin.atlas").read_bytes()
    (tmp_path / "published" / "asn-ipv6-num.csv").write_text("wrong\n")
    with pytest.raises(ConfigError, match="line 1"):
        builder.build(ORIGIN, tmp_path / "published", to, ident="x", date="2026-11-24")
    assert before == (to / "origin.atlas").read_bytes()
    assert 2 == len(list(to.iterdir()))


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file stands where the directory should be."""
    published = atlas_tables.write(tmp_path / "published")
    (tmp_path / "file").write_text("")
    with pytest.raises(
        StoreError, match=r"write the table .*/file/origin\.atlas: .*; name another"
    ):
        builder.build(ORIGIN, published, tmp_path / "file", ident="x", date="2026-11-24")


def test_borders_are_compiled_where_they_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside newer addresses stand newer borders: a third file, of its own source and day."""
    monkeypatch.setattr(geodata.territories, "load", lambda: soil_tables.RIGHTS)
    published, to = atlas_tables.write(tmp_path / "published"), tmp_path / "atlas"
    soil_tables.write(published)
    made = list(builder.build_all(published, to, ident="mine", date="2026-11-24"))
    assert [to / f"{name}.atlas" for name in ("origin", "registrant", "soil")] == made
    assert builder.Made("mine", "2026-11-24") == builder.made(SOIL, to)
    found = Soil.open(to)
    assert found is not None
    assert frozenset({"CC"}) == found.at(1.2, 1.2)


def test_a_table_of_another_compiler_is_none(tmp_path: Path) -> None:
    """What is missing, or of another version, was not made by this compiler."""
    to = atlas_tables.built(tmp_path)
    with pytest.raises(StoreError, match=r"soil\.atlas: .*No such file"):
        builder.made(SOIL, to)
    (to / "soil.atlas").write_bytes(sealed.seal(99, {"source": "s", "date": "d"}, {}))
    with pytest.raises(StoreError, match=f"version 99 of the compiler, not {soil.VERSION}"):
        builder.made(SOIL, to)
