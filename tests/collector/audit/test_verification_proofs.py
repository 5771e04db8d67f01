"""A Statement of a proof is judged again with the very borders that it was proven by."""

from dataclasses import replace
from importlib.metadata import version

import msgspec
import pytest
import rfc8785

from collector.audit.findings import Verification
from collector.audit.verification import verify
from collector.errors import UnreadableError
from collector.facts.knowledge import Knowledge
from tests.collector.test_routes_witness import World, known

__all__ = ["known"]


@pytest.fixture
def statement(known: Knowledge) -> bytes:
    """Return the Statement of an exit that a witness proved."""
    world = World(known)
    world.round(0)
    world.answer(2)
    return world.statement()


def checked(octets: bytes, release: Knowledge) -> Verification:
    """Verify as this release does."""
    return verify(octets, release, version=version("borne"))


def test_a_proof_is_consistent(statement: bytes, known: Knowledge) -> None:
    """Nothing but the Statement and the borders was needed."""
    found = checked(statement, known)
    assert ("consistent", ()) == (found.result, found.differences)


def test_without_the_borders_nothing_is_said(statement: bytes, known: Knowledge) -> None:
    """Neither that it is consistent nor that it is not."""
    with pytest.raises(UnreadableError, match="without the borders of SHA-256"):
        checked(statement, replace(known, soil=None))


@pytest.mark.parametrize(("key", "value"), [("rtt_ns", 700_000), ("agent", "london")])
def test_a_changed_landmark_is_found(
    statement: bytes, known: Knowledge, key: str, value: object
) -> None:
    """Even where its digest was made anew: what follows from it is another proof."""
    changed = msgspec.json.decode(statement)
    changed["predicate"]["rows"]["landmarks"][0][key] = value
    found = checked(rfc8785.dumps(changed), known)
    assert "inconsistent" == found.result
    assert any("judgements" in row.path for row in found.differences)
