"""Shell: the corpus of real paths, judged by Borne and by three naive rules, each with its errors.

It writes `corpus.json` and `corpus.md` beside this file. The corpus is the folder `BORNE_CORPUS`,
or the one beside the checkout: other paths in the same form are judged with the same command.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path as File
from typing import Final

from benchmarks import baselines, corpus, corpustable
from benchmarks.corpus import FORMS, Case, Saying
from benchmarks.corpustable import Matrix, Row, Score
from benchmarks.results import Result, alone
from collector.facts import atlas, knowledge
from collector.facts.soil import Soil
from collector.records import OUTSIDE, RULES

PLACE: Final = File(__file__).parent
FOUND_RATIO: Final = 0.8
"""Share of the exits from FX that must be found, with the names as they are."""


def measure() -> list[Result]:
    """Return errors and finds of Borne on the real paths; the rest stands in the files."""
    cases = corpus.read(corpus.folder())
    matrix = compare(cases)
    (PLACE / "corpus.json").write_bytes(corpustable.encode(matrix))
    (PLACE / "corpus.md").write_text(corpustable.page(matrix), encoding="utf-8")
    said = {key: row.borne for key, row in matrix.paths.items()}
    found = matrix.scores[_borne(FORMS[0])].found["FX"] / matrix.exits["FX"]
    false = sum(len(matrix.scores[_borne(form)].false) for form in FORMS)
    return [
        alone("corpus_false_exits", "verdicts", [false], at_most=0),
        alone("corpus_hard_rules_broken", "rules", [len(corpus.broken(cases, said))], at_most=0),
        alone("corpus_exits_found", "ratio", [found], at_least=FOUND_RATIO),
    ]


def compare(cases: Mapping[str, Case]) -> Matrix:
    """Return what Borne and the naive rules say of each path, and how often they are right."""
    known = knowledge.load((), atlas.load(), Soil.open(atlas.BESIDE))
    borne = {key: corpus.sayings(case.path, known) for key, case in cases.items()}
    naive = _naive(cases, known)
    left = {row.name: corpus.exits(cases, row.name) for row in corpus.ASKED}
    scores = {_borne(form): _score(cases, left, _form(borne, form)) for form in FORMS}
    for name, said in naive.items():
        scores[f"naive: {name}"] = Score(
            found=corpustable.count(left, said), false=corpus.false_exits(cases, said)
        )
    return Matrix(
        rules=RULES,
        tables={
            **{name: table.header.source for name, table in known.atlas.tables.items()},
            **{table.name: table.ident for table in baselines.pins()},
        },
        exits={name: len(keys) for name, keys in left.items()},
        stays={
            row.name: sum(case.truth.leaves(row.name) == "no" for case in cases.values())
            for row in corpus.ASKED
        },
        with_operators=corpus.operators_found(cases, _form(borne, FORMS[0]))[1],
        scores=scores,
        paths={
            key: Row(
                truth=case.truth,
                borne=borne[key],
                naive={name: list(said[key]) for name, said in naive.items()},
            )
            for key, case in cases.items()
        },
    )


def _borne(form: str) -> str:
    return f"Borne, names {form}"


def _form(borne: Mapping[str, Mapping[str, Saying]], form: str) -> dict[str, Saying]:
    return {key: forms[form] for key, forms in borne.items()}


def _score(
    cases: Mapping[str, Case], left: Mapping[str, Sequence[str]], rows: Mapping[str, Saying]
) -> Score:
    said = {key: corpus.outside(row) for key, row in rows.items()}
    return Score(
        found=corpustable.count(left, said),
        false=corpus.false_exits(cases, said),
        first_left_out=sum(rows[key].without_first in OUTSIDE for key in left["FX"]),
        all_left_out=sum(rows[key].without_all in OUTSIDE for key in left["FX"]),
        operators_found=corpus.operators_found(cases, rows)[0],
        operators_beyond=corpus.operators_beyond(cases, rows),
    )


def _naive(
    cases: Mapping[str, Case], known: knowledge.Knowledge
) -> dict[str, dict[str, list[str]]]:
    """Return by naive rule and id the jurisdictions that a path is called to have left."""
    paths = {key: case.path for key, case in cases.items()}
    asked = {address for path in paths.values() for address in baselines.addresses(path)}
    registrants = baselines.registrants(asked, known.networks)
    fetched = {table.name: baselines.published(asked, table) for table in baselines.pins()}
    rules: dict[str, baselines.Rule] = {
        "any foreign registrant": lambda path, row: baselines.any_foreign(path, registrants, row),
        "any foreign geofeed or whois": lambda path, row: baselines.any_foreign(
            path, fetched["geo-whois"], row
        ),
        "three tables agree": lambda path, row: baselines.all_agree(
            path, [registrants, *fetched.values()], row
        ),
    }
    return {
        name: {
            key: [row.name for row in corpus.ASKED if leaves(path, row)]
            for key, path in paths.items()
        }
        for name, leaves in rules.items()
    }
