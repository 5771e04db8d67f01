"""Shell: `make demo`: everything at work on the internet in a box, shown as it happens.

Rules
- Standard output carries the demo alone; with `--json` that is one line at the end.
- Without a terminal the demo ends by itself after a minute; with one it runs until Ctrl-C.
- The end of the parent (`make`, a shell) ends the demo in good order; the end of the demo, also by
  `kill -9`, ends everything below it at once.
- The files of the newest run stay in `.demo/` of the checkout, so that the evidence it names can
  still be read; the next run replaces them.
"""

import argparse
import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
from rich.console import Console
from rich.live import Live

from deploy.lab import outcome, picture
from deploy.lab.errors import LabError, ScenarioError
from deploy.lab.kernel import die_with_parent
from deploy.lab.live import announce, demands, lateness, screen
from deploy.lab.scenario import load
from deploy.lab.stand import ROOT, Stand

DEFAULT_SCENARIO = "timed"
UNATTENDED_S = 60.0
REFRESH_S = 1.0
PLAIN_COLUMNS = 100
"""Width of the tables where no terminal has one."""
FOREVER_S = float("inf")
NEWEST_PATHS = 100
ALL_PATHS = 1000
"""What one answer of the API holds at most."""


def main(arguments: list[str] | None = None) -> int:
    """Run the demo and return its exit code: 0 fine, 1 a part failed, 2 usage."""
    options = _parser().parse_args(arguments)
    try:
        die_with_parent(os.getppid(), signal.SIGTERM)
        return asyncio.run(_run(options))
    except LabError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 2 if isinstance(error, ScenarioError) else 1


def _parser() -> argparse.ArgumentParser:
    """Return the command line; each option's default comes from the Makefile's variable."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", default=os.environ.get("SCENARIO") or DEFAULT_SCENARIO)
    parser.add_argument(
        "--for", dest="for_s", type=_seconds, default=os.environ.get("FOR") or None, metavar="S"
    )
    parser.add_argument("--json", action="store_true", default=os.environ.get("JSON") == "1")
    parser.add_argument(
        "--record", type=Path, help="write a crossing and, beside it, its picture (.svg)"
    )
    return parser


def _seconds(text: str) -> float:
    """Return a positive number of seconds.

    Raises: ArgumentTypeError.
    """
    with contextlib.suppress(ValueError):
        if (value := float(text)) > 0:
            return value
    message = f"FOR={text!r}: expected a number of seconds above 0"
    raise argparse.ArgumentTypeError(message)


async def _run(options: argparse.Namespace) -> int:
    """Play the scenario until its time is over or Ctrl-C."""
    console = Console(file=sys.stderr if options.json else sys.stdout, highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_COLUMNS
    attended = console.is_terminal and not options.json
    for_s = options.for_s or (FOREVER_S if attended else UNATTENDED_S)
    scenario = load(options.scenario)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    with _run_directory() as directory:
        if not options.json:
            console.print(f"[bold]{scenario.name}[/]: {scenario.scenario.says}")
            console.print("starting collector, lab and agents ...")
        async with Stand(scenario, options.scenario, directory) as stand:
            await _watch(stand, console, stop, for_s, live=attended)
            await stand.drain()
            answers = await _ask(stand, ALL_PATHS)
            record = await _record(stand, answers) if options.record else None
        _report(options, console, stand, answers)
        if record is not None:
            options.record.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))
            options.record.with_suffix(".svg").write_text(picture.draw(record), encoding="utf-8")
    return 0


async def _watch(
    stand: Stand, console: Console, stop: asyncio.Event, for_s: float, *, live: bool
) -> None:
    """Show the newest state every second until the time is over or `stop` is set."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    told: set[tuple[str, str]] = set()
    asked = demands(stand.scenario)
    view = Live(console=console, auto_refresh=False) if live else contextlib.nullcontext()
    with view as shown:
        while not stop.is_set() and loop.time() - began_s < for_s:
            answers = await _ask(stand)
            if shown is None:
                announce(console, answers, told)
            else:
                shown.update(screen(answers, asked, stand.address), refresh=True)
            rest_s = max(0.0, min(REFRESH_S, for_s - (loop.time() - began_s)))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), rest_s)


async def _ask(stand: Stand, paths: int = NEWEST_PATHS) -> outcome.Answers:
    """Ask the collector's API for what the demo shows, with the newest `paths` of each agent."""
    began_ns = outcome.nanoseconds(stand.ready.began_at)
    newest = [
        await stand.get("/v1/paths", agent=agent, limit=str(paths))
        for agent in stand.ready.namespaces
    ]
    return outcome.Answers(
        scenario=stand.scenario.name,
        began_ns=began_ns,
        zones=await stand.get("/v1/zones", **{"from": stand.ready.began_at}),
        recent_zones=await stand.get("/v1/zones", range_s="30"),
        paths={"paths": [path for answer in newest for path in answer["paths"]]},
        crossings=await stand.get("/v1/crossings"),
    )


async def _record(stand: Stand, answers: outcome.Answers) -> picture.Record | None:
    """Return what the picture of the first ended crossing is drawn from, None without one."""
    crossing = outcome.ended_crossing(answers)
    if crossing is None:
        return None
    series = await stand.get(
        "/v1/series",
        agent=crossing["agent"],
        target=crossing["target"],
        **{"from": stand.ready.began_at},
    )
    return outcome.record(answers, crossing, series)


def _report(
    options: argparse.Namespace, console: Console, stand: Stand, answers: outcome.Answers
) -> None:
    """Print the end of the demo: one JSON line, or the tables and where the evidence lies."""
    lab = stand.statistics
    late = None if lab is None else lateness(lab.late_p99_us)
    if late is not None:
        console.print(late, style="bold yellow")
    if options.json:
        sys.stdout.write(outcome.line(answers) + "\n")
        return
    console.print(screen(answers, demands(stand.scenario), stand.address, over=True))
    if lab is not None:
        console.print(f"the lab carried {lab.packets} packets")
    console.print(f"evidence and logs of this run: {stand.directory}")


@contextlib.contextmanager
def _run_directory() -> Iterator[Path]:
    """Give an empty directory that no other demo uses: `.demo`, or a temporary one."""
    home = ROOT / ".demo"
    with contextlib.ExitStack() as stack:
        try:
            home.mkdir(exist_ok=True)
            lock = stack.enter_context((home / "lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="borne-demo-")))
            return
        run = home / "run"
        shutil.rmtree(run, ignore_errors=True)
        run.mkdir()
        yield run


if __name__ == "__main__":
    sys.exit(main())
