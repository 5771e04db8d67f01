"""A task that outlives its bugs."""

import asyncio
import logging

import pytest

from agent.errors import PrivilegeError
from agent.faults import Faults


async def test_a_bug_is_counted_logged_and_the_task_restarted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two failures, then success: two counts, two tracebacks."""
    faults, turns = Faults(), iter([ValueError("one"), KeyError("two"), None])

    async def body() -> None:
        await asyncio.sleep(0)
        problem = next(turns)
        if problem is not None:
            raise problem

    with caplog.at_level(logging.ERROR):
        await faults.keep("prober", body, restart_delay_s=0)
    assert {"prober": 2} == faults.by_task
    assert [True, True] == [record.exc_info is not None for record in caplog.records]


async def test_an_error_of_the_world_is_the_callers() -> None:
    """A refused privilege does not go away by trying again."""
    faults = Faults()

    async def body() -> None:
        await asyncio.sleep(0)
        raise PrivilegeError("open an ICMP socket: refused")

    with pytest.raises(PrivilegeError, match="refused"):
        await faults.keep("prober", body)
    assert {} == faults.by_task


async def test_cancelling_ends_the_task() -> None:
    """A cancellation is no fault."""
    faults = Faults()
    task = asyncio.create_task(faults.keep("prober", asyncio.Event().wait))  # type: ignore[arg-type]  # never returns
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {} == faults.by_task
