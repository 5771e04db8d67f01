"""TOML that we write is read back as it was meant."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from deploy.tables import Value, document, table

TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
VALUES = st.one_of(
    TEXTS, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(-1e9, 1e9), st.lists(TEXTS)
)
KEYS = st.from_regex(r"[a-z][a-z_]{0,12}", fullmatch=True)


@given(st.dictionaries(KEYS, VALUES), st.dictionaries(KEYS, VALUES))
def test_tables_come_back(first: dict[str, Value], second: dict[str, Value]) -> None:
    """Texts, numbers, truth values and lists arrive unchanged, in one table or in several."""
    text = "\n".join(
        [table("[one]", **first), table("[[more]]", **second), table("[[more]]", **first)]
    )
    assert tomllib.loads(text) == {"one": first, "more": [second, first]}


DEEP = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, DEEP, max_size=5), TEXTS)
def test_documents_come_back(values: dict[str, object], absent: str) -> None:
    """Tables in lists in tables arrive unchanged; what is None is not there."""
    assert values == tomllib.loads(document({absent: None, **values}))
