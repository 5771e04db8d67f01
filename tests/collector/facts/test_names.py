"""Names are read by their operator's own rules, and by nothing else."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.facts import operators
from collector.facts.names import NameReader

TABLE = operators.load()
READER = NameReader(TABLE)
CASES = tomllib.loads((Path(__file__).parents[1] / "names.toml").read_text())["operators"]
READS = [(case["id"], name, place) for case in CASES for name, place in case["reads"]]
LEAVES = [(case["id"], name) for case in CASES for name in case["leaves"]]


@pytest.mark.parametrize(("operator", "name", "place"), READS)
def test_reads_the_place_of_real_names(operator: str, name: str, place: str) -> None:
    """A real router name names its city, by a rule of its own operator alone."""
    found = [(reading.operator.id, reading.row.place) for reading in READER.read(name)]
    assert found == [(operator, place)]


@pytest.mark.parametrize(("operator", "name"), LEAVES)
def test_leaves_customers_and_strangers_alone(operator: str, name: str) -> None:
    """A customer's end, a peer's end, a service or a look-alike domain names no city."""
    del operator
    assert READER.read(name) == ()


def test_every_operator_has_cases() -> None:
    """No operator of the table goes without names that must and must not match."""
    assert sorted(case["id"] for case in CASES) == sorted(row.id for row in TABLE)
    assert all(case["reads"] and case["leaves"] for case in CASES)


@pytest.mark.parametrize("name", [name for _, name, _ in READS])
def test_case_and_trailing_dot_do_not_matter(name: str) -> None:
    """DNS names compare without case, and a final dot is the root."""
    bare = name.removesuffix(".")
    assert READER.read(bare.upper() + ".") == READER.read(bare.lower())


@pytest.mark.parametrize("name", [name for _, name, _ in READS])
def test_a_foreign_domain_silences_the_name(name: str) -> None:
    """The same labels under another domain, or glued to another word, say nothing."""
    bare = name.removesuffix(".")
    assert READER.read(f"{bare}.example.org") == ()
    assert READER.read(f"{bare}x") == ()


@given(st.text(max_size=300))
def test_garbage_says_nothing_and_never_raises(text: str) -> None:
    """Whatever stands in a PTR record, reading it does not raise."""
    assert isinstance(READER.read(text), tuple)
    READER.operator(text)


@given(st.text(max_size=80), st.sampled_from(sorted({d for row in TABLE for d in row.domains})))
def test_garbage_below_a_known_domain_never_raises(text: str, domain: str) -> None:
    """The same below an operator's domain, where its patterns are tried."""
    assert isinstance(READER.read(f"{text}.{domain}"), tuple)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a..opentransit.net",
        ".opentransit.net",
        "prs-b6-lin\u212a.telia.net",  # the Kelvin sign folds to k
        "prs-b6-link.telia\uff0enet",
        "x" * 64 + ".opentransit.net",
        "ae300-0.ffttr6.frankfurt.opentransit.net\n",
        ".".join(["a" * 60] * 5) + ".opentransit.net",
    ],
)
def test_what_is_no_plain_name_says_nothing(name: str) -> None:
    """Empty labels, non-ASCII look-alikes, control characters and over-long names are refused."""
    assert READER.read(name) == ()


def test_the_longest_domain_wins() -> None:
    """Under two known suffixes the longer one speaks."""
    short, long = (
        operators.Operator(id=label, name=label, domains=(domain,), rules=())
        for label, domain in (("short", "example.net"), ("long", "cust.example.net"))
    )
    found = NameReader([short, long]).operator("prs.cust.example.net")
    assert found is not None
    assert found.id == "long"


def test_one_domain_belongs_to_one_operator() -> None:
    """A table that gives a domain to two operators is a bug that shows at once."""
    twin = operators.Operator(id="twin", name="twin", domains=("he.net",), rules=())
    with pytest.raises(AssertionError, match=r"two operators claim he\.net"):
        NameReader([*TABLE, twin])


def test_a_rule_without_its_group_is_a_bug() -> None:
    """A pattern must name the group that is looked up."""
    rule = operators.NameRule(id="r", pattern="x", codes=())
    with pytest.raises(AssertionError, match="rule r has no group"):
        NameReader([operators.Operator(id="o", name="o", domains=("o.net",), rules=(rule,))])
