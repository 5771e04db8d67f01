"""The page about real paths says what the file of figures says, in the tree too."""

from benchmarks import bench_corpus, corpustable
from benchmarks.corpus import FORMS, Saying, Truth
from benchmarks.corpustable import Matrix, Row, Score
from collector.records import Verdict

OUTSIDE = Saying(
    verdicts={
        "FX": Verdict.SUPPORTED_OUTSIDE,
        "EU": Verdict.UNDETERMINED,
        "EEA": Verdict.CONTRADICTORY,
    },
    operators=["SE", "US"],
    abroad=["cogent"],
    without_first=Verdict.SUPPORTED_OUTSIDE,
    without_all=Verdict.UNDETERMINED,
)
MATRIX = Matrix(
    rules="rules/9",
    tables={"origin": "table@1"},
    exits={"FX": 8, "EU": 7, "EEA": 6},
    stays={"FX": 12, "EU": 13, "EEA": 14},
    with_operators=5,
    scores={
        "ours": Score(
            found={"FX": 3, "EU": 2, "EEA": 1},
            false=["T1 FX", "T2 FX", "T2 EEA"],
            first_left_out=2,
            all_left_out=0,
            operators_found=4,
            operators_beyond=["T8 JP"],
        )
    },
    paths={
        "T1": Row(
            truth=Truth(exits_fr=None, exits_eu="no", foreign_operators="US", trap="fabricated"),
            borne=dict.fromkeys(FORMS, OUTSIDE),
            naive={"registrant": ["FX", "EU"], "geo": [], "unanimous": ["EEA"]},
        )
    },
)


def test_the_page_tells_every_figure() -> None:
    """A row for each judge, and one for each path with both its forms."""
    told = corpustable.page(MATRIX)
    assert (
        "| ours | 3 of 8 | 2 of 7 | 1 of 6 | 2 of 12 | 0 of 13 | 1 of 14 | 2 of 8 | 0 of 8 "
        "| 4 of 5 | T8 JP |"
    ) in told
    assert (
        "| T1 | fabricated, no | fabricated | outside | open | contradictory "
        "| outside | open | contradictory | US | SE US | FX EU |  | EEA |"
    ) in told
    assert "Rules: rules/9. Tables: origin table@1." in told


def test_the_file_comes_back_whole() -> None:
    """What is written can be read, field by field."""
    assert MATRIX == corpustable.decode(corpustable.encode(MATRIX))


def test_the_page_in_the_tree_is_that_of_the_figures_in_the_tree() -> None:
    """Both are written by one command; nobody edits one of them."""
    figures = corpustable.decode((bench_corpus.PLACE / "corpus.json").read_bytes())
    page = (bench_corpus.PLACE / "corpus.md").read_text(encoding="utf-8")
    assert corpustable.page(figures) == page
    assert [] == [false for form in FORMS for false in figures.scores[f"Borne, names {form}"].false]


def test_a_find_counts_where_the_path_left() -> None:
    """Only paths that left are counted, jurisdiction by jurisdiction."""
    left = {"FX": ["A", "B"], "EU": ["B"]}
    said = {"A": ["FX"], "B": ["FX"], "C": ["FX", "EU"]}
    assert {"FX": 2, "EU": 0} == corpustable.count(left, said)
