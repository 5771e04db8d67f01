"""Routes under a policy of one's own: crossings of any list, findings of whoever holds hops."""

from pathlib import Path as File

import msgspec
import pytest

from collector.chain import Chain
from collector.facts import knowledge
from collector.records import Axis, Jurisdiction, NetworkOverride, Verdict
from collector.routes import Routes
from collector.settings.policy import Demands, Policy, PolicyRow
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    ZONE,
    StoppedClock,
    batch,
    config,
    path,
    send,
    until,
    vantage,
)
from tests.fakes.evidence import store_all, unstored

CORE = Jurisdiction(
    name="CORE", territories=frozenset({"FR", "DE"}), as_of="2026-11-26", source="a test"
)
FOREIGN = NetworkOverride(
    prefix="62.115.0.0/16",
    asn=1299,
    holder="Example Transit",
    author="a test",
    date="2026-11-26",
    reason="a test",
    group="Example Holding",
    group_country="US",
)
KNOWLEDGE = knowledge.load([FOREIGN], own=[CORE])


def routes(*rows: PolicyRow, kept: bytes | None = None) -> Routes:
    """Return routes under a policy."""
    return Routes(KNOWLEDGE, [ZONE], kept, policy=Policy(rows))


def play(found: Routes, *abroad: bool, begin: int = 0) -> Routes:
    """Let rounds come in, and store every Statement at once."""
    for second, away in enumerate(abroad, begin):
        at_ns = NOW_NS + second * S_NS
        assert {} == found.add(vantage(0), [path(at_ns, abroad=away)], at_ns, at_ns)
        store_all(found)
    return found


def test_the_demanded_list_decides_what_a_crossing_is() -> None:
    """Through Frankfurt a path leaves FX, and stays in a list that holds Germany."""
    crossed = {
        name: bool(play(routes(PolicyRow(demands=Demands((name,)))), *[True] * 3).crossings())
        for name in ("FX", "CORE", "EU")
    }
    assert {"FX": True, "CORE": False, "EU": False} == crossed


def test_a_list_of_ones_own_is_judged_on_both_axes() -> None:
    """Its verdicts stand beside the others', and its row is in the evidence of a crossing."""
    found = play(routes(PolicyRow(demands=Demands(("FX",)))), True, True)
    verdicts = {
        row.axis: row.verdict
        for row in found.fresh[0].judgement.verdicts
        if row.jurisdiction == "CORE"
    }
    assert {Axis.TERRITORY, Axis.ADMINISTRATION} == set(verdicts)
    assert Verdict.SUPPORTED_OUTSIDE is verdicts[Axis.ADMINISTRATION]


def test_the_statement_holds_the_row_of_a_list_of_ones_own() -> None:
    """Whoever verifies it has the territories, their day and their source."""
    found = routes(PolicyRow(demands=Demands(("FX",))))
    for second in range(2):
        at_ns = NOW_NS + second * S_NS
        found.add(vantage(0), [path(at_ns, abroad=True)], at_ns, at_ns)
    (statement,) = unstored(found).values()
    rows = msgspec.json.decode(statement)["predicate"]["rows"]["jurisdictions"]
    (own,) = [row for row in rows if row["name"] == "CORE"]
    assert (["DE", "FR"], "a test") == (own["territories"], own["source"])


def test_a_foreign_group_is_a_finding_and_no_crossing() -> None:
    """The operator's own row names the group of a hop in Paris; two rounds find it."""
    held = routes(PolicyRow(demands=Demands((), ("FX",))))
    assert [] == play(held, False).findings()
    (found,) = play(held, False, begin=1).findings()
    (first, *_) = found.groups
    assert ("Example Holding", "US", True) == (first.name, first.country, first.on_soil)
    assert [] == held.crossings()


def test_findings_outlive_a_restart() -> None:
    """What a checkpoint kept is shown again, and goes on."""
    row = PolicyRow(demands=Demands((), ("FX",)))
    before = play(routes(row), False, False)
    after = play(routes(row, kept=before.dump()), False, begin=2)
    (was,), (now,) = before.findings(), after.findings()
    assert (was.id, was.rounds + 1) == (now.id, now.rounds)


async def test_a_forgotten_list_is_named_in_the_log(
    tmp_path: File, caplog: pytest.LogCaptureFixture
) -> None:
    """A crossing that no round can end any more is told at the start; others are not."""
    home = msgspec.structs.replace(CORE, territories=frozenset({"FR"}))
    rows = (PolicyRow(demands=Demands(("CORE", "FX"))),)
    with_list = msgspec.structs.replace(config(tmp_path), jurisdictions=(home,), policy=rows)
    async with Chain(with_list, clock=StoppedClock()) as chain:
        for sequence in range(2):
            at_ns = NOW_NS + sequence * S_NS
            await send(chain, batch(sequence, base_ns=at_ns, paths=[path(at_ns, abroad=True)]))
        await until(lambda: 2 == len(chain.reader.crossings()))
        assert {"CORE", "FX"} == {row.jurisdiction for row in chain.reader.crossings()}
    async with Chain(config(tmp_path), clock=StoppedClock()):
        told = [line for line in caplog.messages if "no longer have its jurisdiction" in line]
    assert 1 == len(told)
    assert "CORE" in told[0]
