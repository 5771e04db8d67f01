"""From published lines to rows: strict, and the narrowest of overlapping rows holds."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.errors import ConfigError
from collector.facts import geodata
from collector.facts.atlas import Table
from tests.fakes import atlas_tables, soil_tables
from tests.oracles import ranges as oracle

ORIGIN, REGISTRANT, SOIL, CLOUD = geodata.sources()

ROW = st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted)
ROWS = st.lists(ROW, max_size=12).map(
    lambda rows: [(first, last, n) for n, (first, last) in enumerate(rows)]
)


def test_the_pins_are_whole() -> None:
    """Each table has a version, a digest, a day, a licence, and attributions with links."""
    names = [source.name for source in geodata.sources()]
    assert ["origin", "registrant", "soil", "cloud"] == names
    for source in geodata.sources():
        npm = source.client == "npm"
        assert source.integrity.startswith("sha512-" if npm else "sha256-")
        assert all("https://" in line for line in source.attribution)
    for source in (ORIGIN, REGISTRANT):
        assert source.version.endswith(source.date.replace("-", "") + "19")
        assert source.licence == "CC BY 4.0"
        assert {"4", "6"} == set(source.files)
    assert {"borders": "countries-10m.json"} == SOIL.files
    assert "public domain" in SOIL.licence
    assert ("pip", {"ranges": "cloudip/data/cloudip.msgpack.gz"}) == (CLOUD.client, CLOUD.files)


def test_borders_of_another_world_are_refused(tmp_path: Path) -> None:
    """The table of territories is for the published shapes alone."""
    soil_tables.write(tmp_path)
    with pytest.raises(ConfigError, match=r"the shape Alpha \(001\) has no row"):
        geodata.compile_table(SOIL, tmp_path)


@given(ROWS)
@example([(0, 9, 0), (5, 14, 1), (20, 30, 2), (22, 24, 3), (23, 23, 4)])
@example([(0, 9, 0), (0, 9, 1), (9, 9, 2), (10, 10, 3)])
def test_the_narrowest_row_holds(rows: list[tuple[int, int, int]]) -> None:
    """For every address: the label of the narrowest row over it; the pieces overlap nowhere."""
    pieces, cut = geodata.disjoint(rows)
    for address in range(62):
        over = [label for first, last, label in pieces if first <= address <= last]
        expected = oracle.narrowest(rows, address)
        assert ([] if expected is None else [expected]) == over
    assert sorted(pieces) == pieces
    assert bool(cut) == any(
        one[0] <= other[1] and other[0] <= one[1]
        for n, one in enumerate(rows)
        for other in rows[:n]
    )


def test_rows_without_overlaps_stay_as_they_are() -> None:
    """Touching rows are no overlap; order of the file does not matter."""
    rows = [(5, 9, 1), (0, 4, 0), (11, 12, 2)]
    assert (sorted(rows), 0) == geodata.disjoint(rows)


def test_overlaps_are_counted_in_the_header(tmp_path: Path) -> None:
    """Who reads the header sees how many rows of the source contradicted each other."""
    published = atlas_tables.write(tmp_path)
    with (published / "asn-ipv4-num.csv").open("a", encoding="utf-8") as file:
        file.write("3221225994,3221225995,64502,Narrow\n")
    path = tmp_path / "origin.atlas"
    path.write_bytes(geodata.compile_table(ORIGIN, published))
    header = Table(path).header
    assert (2, 5) == (header.overlaps, header.rows_4)
    assert (ORIGIN.ident, ORIGIN.date) == (header.source, header.date)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("1", "[] is no AS number with a name"),
        ("1,x,64500,Name", "invalid literal for int() with base 10: 'x'"),
        ("9,8,64500,Name", "9 to 8 is no range of 32 bits"),
        ("1,4294967296,64500,Name", "1 to 4294967296 is no range of 32 bits"),
        ("-1,8,64500,Name", "-1 to 8 is no range of 32 bits"),
        ("1,2,0,Name", "['0', 'Name'] is no AS number with a name"),
        ("1,2,4294967296,Name", "['4294967296', 'Name'] is no AS number with a name"),
        ("1,2,64500", "['64500'] is no AS number with a name"),
        ("1,2,64500,A,B", "['64500', 'A', 'B'] is no AS number with a name"),
        ("", "[] is no AS number with a name"),
        ('1,2,64500,"Name', "unexpected end of data"),
    ],
)
def test_a_wrong_line_of_origins_is_named(tmp_path: Path, line: str, why: str) -> None:
    """File, number of the line, what was found."""
    published = atlas_tables.write(tmp_path)
    path = published / "asn-ipv4-num.csv"
    path.write_text(f"1,2,64500,Name\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        geodata.compile_table(ORIGIN, published)
    assert f"cannot compile {path}, line 2: {why}; is it the right file?" == str(caught.value)


@pytest.mark.parametrize("country", ["fr", "FRA", "", "1", "F1", "FR,DE"])
def test_a_wrong_country_is_named(tmp_path: Path, country: str) -> None:
    """Two capital letters, nothing else."""
    published = atlas_tables.write(tmp_path)
    (published / "asn-country-ipv6-num.csv").write_text(f"1,2,{country}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"ipv6-num\.csv, line 1: .* is no country of two"):
        geodata.compile_table(REGISTRANT, published)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The directory lacks one of the files."""
    with pytest.raises(ConfigError, match=r"cannot read .*asn-ipv4-num\.csv: No such file"):
        geodata.compile_table(ORIGIN, tmp_path)


def test_octets_that_are_no_text_are_named(tmp_path: Path) -> None:
    """A file of other octets stops the compilation."""
    published = atlas_tables.write(tmp_path)
    (published / "asn-ipv4-num.csv").write_bytes(b"1,2,64500,\xff\xfe\n")
    with pytest.raises(ConfigError, match="line 1: 'utf-8' codec"):
        geodata.compile_table(ORIGIN, published)


@given(st.text())
def test_names_print(name: str) -> None:
    """Whatever a stranger registered, a name is one line of visible characters."""
    shown = geodata.printable(name)
    assert shown.isprintable()
    assert shown == shown.strip()
    assert "  " not in shown
