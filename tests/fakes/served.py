"""An application that is served in a thread of its own, for programs that block while they ask."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web


@contextmanager
def served(application: web.Application, path: Path | None = None) -> Iterator[str]:
    """Serve in a thread of its own; give the address."""
    loop, begun, where = asyncio.new_event_loop(), threading.Event(), []
    over = asyncio.Event()

    async def serve() -> None:
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0) if path is None else web.UnixSite(runner, path)
        await site.start()
        where.append(
            f"http://127.0.0.1:{runner.addresses[0][1]}" if path is None else f"unix:{path}"
        )
        begun.set()
        await over.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert begun.wait(10)
    try:
        yield where[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
