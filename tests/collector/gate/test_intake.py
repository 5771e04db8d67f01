"""What the server sees: the chain satisfies it, and an unknown series is a refusal."""

from pathlib import Path

from collector.chain import Chain
from collector.errors import RefusedError
from collector.gate.intake import Counts, Intake, Recovered, UnknownSeriesError
from tests.fakes.collector_durable import StoppedClock, config


async def test_the_chain_is_an_intake(tmp_path: Path) -> None:
    """Everything of the port is there, and nothing has happened yet."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        intake: Intake = chain
        assert intake.ready
        assert ["journal"] == list(intake.counts.queues)
        expected = Counts(queues=intake.counts.queues)
        assert (expected, Recovered()) == (intake.counts, intake.recovered)
        assert [] == list(intake.reader.crossings())
    assert not intake.ready


def test_unknown_series_are_a_refusal_with_ids() -> None:
    """A server that knows only refusals still answers 409."""
    error = UnknownSeriesError([3, 5])
    assert isinstance(error, RefusedError)
    assert (409, "unknown_series", (3, 5)) == (error.status, error.reason, error.ids)
    assert "2 series of this batch have no descriptor here; send it with them" == str(error)
