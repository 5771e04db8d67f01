"""The tables as one value, with a digest for each."""

from pathlib import Path

import pytest

from collector.facts import knowledge, operators
from collector.records import Jurisdiction, NetworkOverride
from tests.fakes import atlas_tables


def override(prefix: str) -> NetworkOverride:
    """Return a row of the user's."""
    return NetworkOverride(
        prefix=prefix, asn=1, holder="h", author="a", date="2026-11-24", reason="r"
    )


def test_digests_are_stable_and_apart() -> None:
    """Two loads agree; the user's rows change the digest of their table alone."""
    plain, again = knowledge.load().digests(), knowledge.load().digests()
    assert plain == again
    assert all(len(text) == 64 for text in plain.values())
    mine = knowledge.load([override("10.0.0.0/8")]).digests()
    assert {name for name in plain if plain[name] != mine[name]} == {"networks"}


def test_a_malformed_override_is_refused() -> None:
    """A prefix with host bits set raises the documented error."""
    with pytest.raises(ValueError, match="host bits"):
        knowledge.load([override("10.0.0.1/8")])


def test_a_rule_that_names_no_place_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code whose place has no row shows at the first load."""
    row = operators.CodeRow(
        code="x", place="atlantis", status="recalled", source="s", date="2026-11-24"
    )
    rule = operators.NameRule(id="r", pattern="(?P<code>x)", codes=(row,))
    lost = operators.Operator(id="o", name="o", domains=("o.net",), rules=(rule,))
    monkeypatch.setattr(operators, "load", lambda: (lost,))
    with pytest.raises(AssertionError, match=r"rule r: codes \['x'\] name places of no row"):
        knowledge.load()


def test_tables_are_in_the_package() -> None:
    """The tables are read from the package, not from the working directory."""
    known = knowledge.load()
    assert len(known.operators) >= 20
    assert len(known.places) >= 40
    assert len(known.networks.special_rows) >= 25


def test_compiled_tables_are_asked_and_digested(tmp_path: Path) -> None:
    """With an atlas its tables answer and are named by the digest of their payload."""
    found = atlas_tables.opened(tmp_path)
    known = knowledge.load(atlas=found)
    digests = {name: table.header.sha256 for name, table in found.tables.items()}
    assert {**knowledge.load().digests(), **digests} == known.digests()
    assert {"origin", "registrant"} == set(digests)
    assert found is known.atlas
    row = known.networks.origin("198.51.100.1")
    assert row is not None
    assert row.asn == 64500
    assert knowledge.load().networks.origin("198.51.100.1") is None


def test_jurisdictions_of_ones_own_change_their_digest_alone() -> None:
    """Who judges by a list of their own has other tables, and the evidence says so."""
    own = Jurisdiction(
        name="HOME", territories=frozenset({"FR"}), as_of="2026-11-26", source="a test"
    )
    plain, mine = knowledge.load().digests(), knowledge.load(own=[own]).digests()
    assert {"jurisdictions"} == {name for name in plain if plain[name] != mine[name]}
