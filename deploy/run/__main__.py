"""Shell: `make run`: agent and collector at work on this host, with the zone catalogue.

Rules
- Packets go to the zones of `collector/tables/zones.toml` that may be probed, and nowhere else.
- It runs until Ctrl-C, SIGTERM or the end of its parent, or for `--for` seconds; with `--json`
  for a minute, unless `--for` says otherwise, and prints one line at the end.
- Where nothing answers it says so, and goes on trying. What it knows stays in `.run/`.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from collector.facts import zones
from collector.facts.zones import CatalogueZone
from deploy.children import ROOT
from deploy.lab.errors import LabError
from deploy.lab.kernel import die_with_parent
from deploy.run import home, standing
from deploy.run.host import Host
from deploy.run.watch import Watch, line

Value = TypeVar("Value")

JSON_S = 60.0
FOREVER_S = float("inf")
PLAIN_COLUMNS = 110
"""Width of the tables where no terminal has one."""


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop and return the exit code: 0 fine, 1 a part failed, 2 usage."""
    options = _parser().parse_args(arguments)
    try:
        die_with_parent(os.getppid(), signal.SIGTERM)
        return asyncio.run(_run(options))
    except LabError as error:
        sys.stderr.write(f"run: {error}\n")
        return 1


async def _run(options: argparse.Namespace) -> int:
    console = Console(file=sys.stderr if options.json else sys.stdout, highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_COLUMNS
    wishes = _wishes(options)
    catalogue = zones.load()
    probed = [row.zone for row in catalogue if row.probed]
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    began_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
    with home.occupied(options.directory) as directory:
        _greet(console, catalogue, wishes.standing)
        async with Host(directory, wishes, probed, began_at) as host:
            console.print(f"page: {host.address}/    files: {directory}", soft_wrap=True)
            watch = Watch(host, console, probed, wishes.standing)
            await watch.until(stop, options.for_s or (JSON_S if options.json else FOREVER_S))
            states = await host.states()
            await host.drain()
            answers = await host.answers()
            if options.json:
                sys.stdout.write(line(answers, states) + "\n")
            else:
                watch.over(answers, states)
    return 0


def _wishes(options: argparse.Namespace) -> home.Wishes:
    place = {}
    if options.at is not None:
        place = dict(zip(("latitude", "longitude", "radius_km"), options.at, strict=True))
    if options.country is not None:
        place["territory"] = options.country
    return home.Wishes(
        standing=standing.Standing(**place),
        interval_s=options.interval,
        round_s=options.round,
        resolver=options.resolver,
        contact=options.contact,
    )


def _greet(console: Console, catalogue: Sequence[CatalogueZone], here: standing.Standing) -> None:
    """Say what will be probed, what not, and what was not declared."""
    probed = [row for row in catalogue if row.probed]
    targets = sum(len(row.zone.targets) for row in probed)
    others = len(catalogue) - len(probed)
    console.print(
        f"{len(probed)} zones with {targets} public names are probed from this host;"
        f" {others} more of the catalogue are not: no public name shows them,"
        " or they are known from memory alone",
        soft_wrap=True,
    )
    for premise in here.premises:
        console.print(premise, soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.run", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("--at", type=_checked(standing.position), metavar="LAT,LON[,KM]", help="where this host is")
    add("--country", type=_checked(standing.country), help="its country (ISO 3166-1), such as FR")
    add("--for", dest="for_s", type=_checked(_seconds), metavar="S", help="end after S seconds")
    add("--json", action="store_true", help="print one line of JSON at the end")
    add("--contact", metavar="WHO", help="whom strangers may ask about the packets")
    add("--resolver", metavar="ADDRESS", help="name server (default: the host's)")
    add("--directory", type=Path, default=ROOT / ".run", help="what is kept (default: .run)")
    add("--interval", type=_checked(_seconds), default=5.0, metavar="S", help="of echoes (5)")
    add("--round", type=_checked(_seconds), default=120.0, metavar="S", help="of traces (120)")
    return parser


def _checked(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return `parse` with its ValueError as argparse prints one."""

    def checked(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return checked


def _seconds(text: str) -> float:
    """Return a positive number of seconds. Raises: ValueError."""
    with contextlib.suppress(ValueError):
        if (value := float(text)) > 0:
            return value
    raise ValueError(f"{text!r}: expected a number of seconds above 0")


if __name__ == "__main__":
    sys.exit(main())
