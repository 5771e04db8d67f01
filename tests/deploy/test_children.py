"""Programs that were started: their last words, their end, and their parent's end."""

import asyncio
import os
import select
import sys
from pathlib import Path

import pytest

from deploy import children
from deploy.children import Children, listen_on_loopback, port_of
from deploy.lab.errors import StandError

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1); time.sleep(60)"
)


async def ended(family: Children, name: str) -> None:
    """Wait until a child has ended by itself, 10 s at most."""
    async with asyncio.timeout(10):
        await family._running[name].wait()


async def test_a_child_that_ends_by_itself_is_named_with_its_last_words(tmp_path: Path) -> None:
    """The error holds name, code, log file and the tail of what it said."""
    family = Children(tmp_path)
    words = "import sys; print('first\\n' * 20 + 'why'); sys.exit(3)"
    await family.spawn("part", [sys.executable, "-c", words])
    await ended(family, "part")
    with pytest.raises(StandError) as caught:
        family.check()
    first, *rest = str(caught.value).splitlines()
    assert (first, rest[-1], len(rest)) == (
        f"part ended by itself with code 3; its last words in {tmp_path / 'part.log'}:",
        "why",
        children.LOG_TAIL_LINES,
    )


async def test_an_end_that_was_asked_for_is_no_error(tmp_path: Path) -> None:
    """A child that is told to end is forgotten; while all is stopping nothing is complained of."""
    family = Children(tmp_path)
    await family.spawn("good", ["sleep", "60"])
    await family.end(["good", "unknown"])
    await family.spawn("quick", ["true"])
    await ended(family, "quick")
    family.stopping = True
    family.check()
    assert family.names == ("quick",)


async def test_who_does_not_end_is_killed(tmp_path: Path) -> None:
    """A child that ignores the request lives for the patience and no longer."""
    family = Children(tmp_path)
    child = await family.spawn("stubborn", [sys.executable, "-c", STUBBORN], pipe=True)
    assert child.stdout is not None
    await child.stdout.readline()
    assert family.pid_of("stubborn") == child.pid
    await family.end(["stubborn"], 0.2)
    assert child.returncode == -9


async def test_children_work_in_their_directory_on_this_checkout(tmp_path: Path) -> None:
    """Relative paths count from the directory, and imports find the checkout."""
    family = Children(tmp_path)
    words = "import os, deploy.tables; print(os.getcwd()); print(deploy.tables.__file__)"
    await family.spawn("who", [sys.executable, "-c", words])
    await ended(family, "who")
    directory, module = family.log("who").read_text().split()
    assert (directory, module) == (os.fspath(tmp_path), str(children.ROOT / "deploy" / "tables.py"))


async def test_the_start_of_a_child_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that is not ready in time is named with its last words."""
    monkeypatch.setattr(children, "READY_S", 0.05)
    family = Children(tmp_path)
    family.log("slow").write_text("compiling\n")
    with pytest.raises(StandError, match=r"(?s)for slow to be ready;.*slow.log:\ncompiling"):
        async with family.patience("slow"):
            await asyncio.Event().wait()


def test_a_free_port_of_loopback() -> None:
    """Two listeners have two ports of 127.0.0.1."""
    with listen_on_loopback() as one, listen_on_loopback() as two:
        assert (one.getsockname()[0], port_of(one) != port_of(two)) == ("127.0.0.1", True)


async def test_a_killed_parent_leaves_no_child(tmp_path: Path) -> None:
    """`kill -9` of who started them ends the children at once: the kernel sees to it."""
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from deploy.children import Children\n"
        "async def work():\n"
        "    child = await Children(Path(sys.argv[1])).spawn('long', ['sleep', '60'])\n"
        "    print(child.pid, flush=True)\n"
        "    await child.wait()\n"
        "asyncio.run(work())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, os.fspath(tmp_path)),
        cwd=children.ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = os.pidfd_open(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    ended, _, _ = await asyncio.to_thread(select.select, [child], [], [], 10)
    os.close(child)
    assert ended == [child]
