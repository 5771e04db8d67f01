"""Real paths: no judgement may break a hard rule on them, and the measure itself can fail."""

import sys
from collections.abc import Mapping
from pathlib import Path as File

import msgspec
import pytest

from benchmarks import corpus
from benchmarks.corpus import Case, Saying, Truth
from collector.errors import ConfigError
from collector.facts import atlas, knowledge
from collector.facts.soil import Soil
from collector.records import Verdict
from tests.fakes.paths import path, reply

LONDON = reply("193.251.242.18", "pos0-1-4-0.lontr1.London.opentransit.net", rtt_ms=12.0)


def truth(
    exits: str | None = "no", *, operators: str | None = None, trap: str | None = None
) -> Truth:
    """Return what is true of a path, the same for every jurisdiction."""
    return Truth(exits_fr=exits, exits_eu=exits, foreign_operators=operators, trap=trap)


def saying(verdict: Verdict = Verdict.UNDETERMINED, operators: str = "") -> dict[str, Saying]:
    """Return the same word for both forms and all jurisdictions."""
    one = Saying(
        verdicts=dict.fromkeys(("FX", "EU", "EEA"), verdict),
        operators=operators.split(),
        abroad=[],
        without_first=verdict,
        without_all=verdict,
    )
    return dict.fromkeys(corpus.FORMS, one)


def broken(facts: Truth, said: Mapping[str, Saying]) -> list[str]:
    """Return which hard rules one path breaks."""
    return corpus.broken({"T": Case(path(), facts)}, {"T": said})


def test_no_hard_rule_is_broken_on_real_paths() -> None:
    """No false exit, traps undecided, all foreign operators named; without a corpus it says so."""
    compiled = atlas.load()
    assert () == compiled.missing, "the tables of addresses were not built: run `make atlas`"
    tables = knowledge.load((), compiled, Soil.open(atlas.BESIDE))
    try:
        cases = corpus.read(corpus.folder())
    except ConfigError as absent:
        sys.stdout.write(f"\nno real path was judged: {absent}\n")
        return
    said = {key: corpus.sayings(case.path, tables) for key, case in cases.items()}
    assert [] == corpus.broken(cases, said)
    if {"T28", "T29"} <= set(cases):
        assert ["vpn_offset", "fabricated"] == [cases[key].truth.trap for key in ("T28", "T29")]


@pytest.mark.parametrize(
    ("facts", "said", "rules"),
    [
        (truth(), saying(), 0),
        (truth("yes"), saying(Verdict.SUPPORTED_OUTSIDE), 0),
        (truth("na"), saying(Verdict.PROVEN_OUTSIDE), 0),
        (truth(), saying(Verdict.SUPPORTED_OUTSIDE), 6),  # three jurisdictions in two forms
        (truth(trap="vpn_offset"), saying(Verdict.SUPPORTED_INSIDE), 2),
        (truth(None, trap="fabricated"), saying(Verdict.CONTRADICTORY), 0),
        (truth(None, trap="fabricated"), saying(Verdict.SUPPORTED_OUTSIDE), 2),
        (truth(operators="SE,US"), saying(operators="JP SE US"), 0),
        (truth(operators="SE,US"), saying(operators="US"), 2),
    ],
)
def test_each_hard_rule_can_be_broken(facts: Truth, said: dict[str, Saying], rules: int) -> None:
    """A false exit, a decided trap and a lacking operator each count, in either form."""
    assert rules == len(broken(facts, said))


def test_an_exit_is_judged_again_without_its_operators_rules() -> None:
    """Confirmed, London is found by Opentransit's rules, and without them nothing is."""
    tables = knowledge.load()
    plain = msgspec.structs.replace(LONDON, name_confirmed=None)
    said = corpus.sayings(path([plain], address=None), tables)
    assert said["as they are"].verdicts["FX"] is Verdict.UNDETERMINED
    found = said["confirmed"]
    assert (found.verdicts["FX"], found.abroad) == (
        Verdict.SUPPORTED_OUTSIDE,
        ["orange-opentransit"],
    )
    assert Verdict.UNDETERMINED is found.without_first is found.without_all


def test_a_second_operator_abroad_can_still_show_the_exit() -> None:
    """Without the first operator's rules the second's name stands."""
    second = reply("154.54.38.125", "be3093.ccr42.lon13.atlas.cogentco.com", rtt_ms=15.0)
    said = corpus.sayings(path([LONDON], [second], address=None), knowledge.load())
    found = said["confirmed"]
    assert ["orange-opentransit", "cogent"] == found.abroad
    assert (found.without_first, found.without_all) == (
        Verdict.SUPPORTED_OUTSIDE,
        Verdict.UNDETERMINED,
    )


def test_what_counts_as_found_and_as_beyond_the_truth() -> None:
    """All groups of a path must be named; more on a path that stays is said, abroad it is not."""
    cases = {
        "A": Case(path(), truth(operators="US")),
        "B": Case(path(), truth("yes", operators="SE,US")),
    }
    rows = {
        "A": saying(operators="JP US")["confirmed"],
        "B": saying(operators="CN US")["confirmed"],
    }
    assert (1, 2) == corpus.operators_found(cases, rows)
    assert ["A JP"] == corpus.operators_beyond(cases, rows)
    assert ["B"] == corpus.exits(cases, "EEA")


def test_a_corpus_that_is_absent_says_what_to_set(
    tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the folder and the variable."""
    monkeypatch.setenv("BORNE_CORPUS", str(tmp_path))
    with pytest.raises(ConfigError, match=r"holds no truth\.json; set BORNE_CORPUS to a folder"):
        corpus.folder()


@pytest.mark.parametrize("text", ["", "{}", '[{"format": "borne-path/1"}]', None])
def test_a_path_that_cannot_be_read_is_named(tmp_path: File, text: str | None) -> None:
    """A truth without its path stops the comparison: a missing path would look like a good one."""
    (tmp_path / "paths").mkdir()
    (tmp_path / "truth.json").write_text(
        '{"T1": {"exits_fr": "no", "exits_eu": "no", "foreign_operators": null, "trap": null}}'
    )
    if text is not None:
        (tmp_path / "paths" / "T1.json").write_text(text)
    with pytest.raises(ConfigError, match=r"T1\.json"):
        corpus.read(tmp_path)
