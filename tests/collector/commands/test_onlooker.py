"""A store read beside its collector: what the last checkpoint says, by another process or not."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from collector.chain import Chain
from collector.commands.onlooker import Onlooker
from collector.errors import RefusedError, StoreError
from collector.settings.answerlimits import AnswerLimits
from collector.store import checkpoints
from collector.web import api, questions
from collector.web.parameters import Pairs
from collector.web.tabular import FLAT
from tests.fakes.asked_store import filled
from tests.fakes.collector_durable import NOW_NS, S_NS, StoppedClock, batch, config, send

END_NS = NOW_NS + 60 * S_NS
RANGE = [("from", str(NOW_NS // S_NS)), ("to", str(END_NS // S_NS))]


def collectors_own(chain: Chain, question: str, pairs: Pairs) -> object:
    """Return what the collector itself answers."""
    limits, reader = AnswerLimits(), chain.reader
    made = {
        "zones": lambda: api.zones(reader, questions.zones_query(pairs, END_NS, limits)),
        "series": lambda: api.series(reader, questions.series_query(pairs, END_NS, 10, limits)[0]),
        "worst": lambda: api.worst(reader, questions.worst_query(pairs, END_NS, limits)),
        "paths": lambda: api.paths(reader, questions.paths_query(pairs)),
        "crossings": lambda: api.crossings(reader, questions.episodes_query(pairs)),
        "findings": lambda: api.findings(reader, questions.episodes_query(pairs)),
    }
    return msgspec.json.decode(api.encode(made[question]()))


@pytest.mark.parametrize("question", list(FLAT))
async def test_answers_are_the_collectors_own(tmp_path: Path, question: str) -> None:
    """After a checkpoint both say the same to every question, while the collector goes on."""
    pairs = RANGE if question in {"zones", "series", "worst"} else []
    async with filled(tmp_path) as chain:
        await chain.checkpoint()
        expected = collectors_own(chain, question, pairs)
        found = msgspec.json.encode(Onlooker(tmp_path).ask(question, pairs))
        assert expected == msgspec.json.decode(found)
    assert expected == msgspec.json.decode(
        msgspec.json.encode(Onlooker(tmp_path).ask(question, pairs))
    )


async def test_another_process_reads_beside_the_collector(tmp_path: Path) -> None:
    """Without the lock, and what came after the checkpoint is not there yet."""
    command = [sys.executable, "-m", "collector.cli", "query", "zones", "--format", "csv"]
    async with filled(tmp_path) as chain:
        before = await asyncio.to_thread(
            subprocess.run, [*command, "--store", str(tmp_path)], capture_output=True, text=True
        )
        assert (0, "") == (before.returncode, before.stderr)
        await send(chain, batch(60))
    received = [line.split(",")[10] for line in before.stdout.splitlines()]
    assert ["received", "150", "150"] == received


async def test_the_end_of_the_store_is_now(tmp_path: Path) -> None:
    """The last minute of an old store is its last minute."""
    async with filled(tmp_path):
        """It ends with a checkpoint."""
    found = Onlooker(tmp_path).ask("zones", [("range_s", "10")])
    assert "2026-11-24T15:03:30.000000000Z" == found["to"]
    assert 2 == len(found["zones"])


async def test_a_list_that_changes_meanwhile_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment that went from the list, too, is no error; one that is still listed is missing."""
    async with filled(tmp_path) as chain:
        await chain.checkpoint()
    whole = checkpoints.glance(tmp_path)
    (first,) = [row for row in whole.segments if row.kind == "windows"]
    others = [row for row in whole.segments if row is not first]
    gone = msgspec.structs.replace(first, name=first.name.replace("-000002-", "-000099-"))
    stale = msgspec.structs.replace(whole, segments=[gone, *others])
    glances = [stale, whole, whole]
    monkeypatch.setattr(checkpoints, "glance", lambda _: glances.pop(0))
    assert 2 == len(Onlooker(tmp_path).ask("zones", RANGE)["zones"])
    glances += [stale] * 2
    with pytest.raises(StoreError, match=f"{gone.name}: No such file"):
        Onlooker(tmp_path).ask("zones", RANGE)


async def test_wrong_parameters_are_refused_as_by_the_collector(tmp_path: Path) -> None:
    """In the same words."""
    async with Chain(config(tmp_path), clock=StoppedClock()):
        """An empty store."""
    with pytest.raises(RefusedError, match='unknown parameter "x"'):
        Onlooker(tmp_path).ask("zones", [("x", "1")])


async def test_an_empty_store_has_empty_answers(tmp_path: Path) -> None:
    """Before the first checkpoint there is nothing, and that is no error."""
    async with Chain(config(tmp_path), clock=StoppedClock()):
        for question in FLAT:
            assert [] == Onlooker(tmp_path).ask(question, [])[question]
