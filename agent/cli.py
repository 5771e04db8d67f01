"""Shell: the command line of `borne-agent`: `ping`, `trace` and `run`.

Rules
- Exit codes: 0 fine, 1 the work failed, 2 usage, configuration or privilege. An error is one line
  on standard error, `borne-agent: ...`.
- What a command needs is imported when it runs: `--version` must answer within 60 ms.
"""

import argparse
import ipaddress
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from agent import __version__

if TYPE_CHECKING:
    from agent.config import Config
    from agent.records import Family
    from agent.targets import NameOf, Resolve

PROGRAM = "borne-agent"
LEVELS = ("debug", "info", "warning", "error")
SHORTEST_S = 0.01
LONGEST_INTERVAL_S = 86_400.0
LONGEST_TIMEOUT_S = 60.0
MAX_FLOWS = 16
_FILE_NAME = "agent.toml"


class _Parser(argparse.ArgumentParser):
    """argparse asks for a subclass where an error is to be one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with code 2."""
        self.exit(2, f"{PROGRAM}: {message}; {self.prog} --help shows what there is\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with `arguments` (None: those of the process) and return its exit code."""
    _hold_streams()
    try:
        try:
            return _done(arguments)
        finally:
            sys.stdout.flush()
    except (BrokenPipeError, BaseExceptionGroup) as error:
        return _unread(error)
    except KeyboardInterrupt:
        return 1


def _done(arguments: Sequence[str] | None) -> int:
    """Do what is asked; return the exit code of it, or of an error that was made for people."""
    options = _parser().parse_args(arguments)
    from agent.errors import BorneError  # noqa: PLC0415 - lazy, see above

    try:
        return _COMMANDS[options.command](options)
    except BorneError as error:
        return _failed(error)
    except BaseExceptionGroup as group:
        # Tasks that work together end together; where more is in it, it is no error for people.
        match group.exceptions:
            case (BorneError() as alone,):
                return _failed(alone)
        raise


def _hold_streams() -> None:
    """Write to nowhere where the caller closed an output: no socket may take its number."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open to the end
            setattr(sys, name, nowhere)


def _unread(error: BaseException) -> int:
    """End in silence where nobody reads the output any more; raise what is something else."""
    if isinstance(error, BaseExceptionGroup) and error.split(BrokenPipeError)[1] is not None:
        raise error
    # Without this the interpreter complains when it flushes at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _failed(error: Exception) -> int:
    from agent.errors import ConfigError, PrivilegeError, SpoolError  # noqa: PLC0415 - lazy

    print(f"{PROGRAM}: {error}", file=sys.stderr)
    return 2 if isinstance(error, ConfigError | PrivilegeError | SpoolError) else 1


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM, description="Measures round-trip times and routes from this host."
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_ping(commands.add_parser("ping", help="send echo requests to targets"))
    _add_trace(commands.add_parser("trace", help="show the hops towards a target"))
    _add_run(commands.add_parser("run", help="measure what a configuration file names"))
    return parser


def _add_ping(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets", metavar="TARGET", nargs="+", type=_target, help="an address or a name"
    )
    parser.add_argument("--count", type=_count, metavar="N", help="requests to each target")
    parser.add_argument(
        "--interval", type=_interval, default=1.0, metavar="S", help="between two (default 1)"
    )
    parser.add_argument("--protocol", choices=("icmp",), default="icmp", help="default icmp")
    _add_probe(parser)


def _add_trace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", type=_target, help="an address or a name")
    parser.add_argument(
        "--flows",
        type=_flows,
        default=1,
        metavar="N|auto",
        help=f"1 to {MAX_FLOWS} flows (default 1); auto: as many as every way needs",
    )
    parser.add_argument(
        "--protocol", choices=("icmp", "udp"), default="icmp", help="of the probes (default icmp)"
    )
    parser.add_argument("--no-names", action="store_true", help="do not look up names of hops")
    _add_probe(parser)


def _add_probe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout", type=_timeout, default=1.0, metavar="S", help="for an answer (default 1)"
    )
    parser.add_argument(
        "--resolver", type=_resolver, metavar="ADDRESS", help="name server (default: the host's)"
    )
    families = parser.add_mutually_exclusive_group()
    for family in (4, 6):
        families.add_argument(
            f"-{family}",
            dest="family",
            action="store_const",
            const=family,
            help=f"IPv{family} alone (default: IPv4 where there is such an address, else IPv6)",
        )
    parser.add_argument("--json", action="store_true", help="print JSON for programs")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        metavar="FILE",
        help=f"default: borne/{_FILE_NAME} in $XDG_CONFIG_HOME (~/.config), else in /etc",
    )
    parser.add_argument(
        "--config.check", dest="check", action="store_true", help="check the file and end"
    )
    parser.add_argument(
        "--web.listen-address",
        dest="listen",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="HOST:PORT, unix:PATH or fd:N to serve /metrics on; may be repeated",
    )
    parser.add_argument(
        "--log.level", dest="log_level", choices=LEVELS, default="info", help="default info"
    )
    parser.add_argument("--json", action="store_true", help="print each result as a JSON line")


def _target(text: str) -> str:
    """Refuse what is no address of one host in the world; what is no address may be a name."""
    from agent.targets import objection  # noqa: PLC0415 - lazy, see above

    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    refused = objection(address)
    if refused is not None:
        raise argparse.ArgumentTypeError(refused)
    return str(address)


def _flows(text: str) -> int | str:
    if text == "auto":
        return text
    flows = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= flows <= MAX_FLOWS:
        raise argparse.ArgumentTypeError(f'"{text}" is neither 1 to {MAX_FLOWS} nor auto')
    return flows


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f'"{text}" is no count of 1 or more')
    return int(text)


def _interval(text: str) -> float:
    return _seconds(text, LONGEST_INTERVAL_S)


def _timeout(text: str) -> float:
    return _seconds(text, LONGEST_TIMEOUT_S)


def _seconds(text: str, most: float) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not SHORTEST_S <= seconds <= most:
        raise argparse.ArgumentTypeError(
            f'"{text}" is no number of seconds from {SHORTEST_S} to {most:.0f}'
        )
    return seconds


def _resolver(text: str) -> tuple[str, int]:
    from agent.resolvconf import server  # noqa: PLC0415 - lazy, see above

    try:
        return server(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _ping(options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415 - lazy, see above

    from agent import ping  # noqa: PLC0415

    _check_family(options.targets, options.family)
    wanted = ping.Options(
        targets=tuple(options.targets),
        count=options.count,
        interval_s=options.interval,
        timeout_s=options.timeout,
        family=options.family,
        json=options.json,
    )

    async def work() -> int:
        return await ping.run(wanted, resolve=_resolve(options))

    return asyncio.run(work())


def _trace(options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415 - lazy, see above

    from agent import records, trace  # noqa: PLC0415

    _check_family([options.target], options.family)
    wanted = trace.Options(
        target=options.target,
        timeout_s=options.timeout,
        flows=options.flows,
        family=options.family,
        protocol=records.Protocol(options.protocol),
        json=options.json,
    )

    async def work() -> int:
        return await trace.run(wanted, resolve=_resolve(options), name_of=_name_of(options))

    return asyncio.run(work())


def _run(options: argparse.Namespace) -> int:
    from agent import config  # noqa: PLC0415 - lazy, see above

    file = options.config_file or _default_file()
    settings = config.load(file)
    if options.check:
        print(f"{file}: fine: agent {settings.name}, {len(settings.targets)} targets")
        return 0
    _log_to_stderr(options.log_level)
    return _run_daemon(settings, options)


def _run_daemon(settings: "Config", options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415 - lazy, see above

    from agent import daemon  # noqa: PLC0415

    wanted = daemon.Options(listen=tuple(options.listen), json=options.json)

    async def work() -> int:
        return await daemon.Daemon(settings, wanted).run()

    return asyncio.run(work())


def _resolve(options: argparse.Namespace) -> "Resolve | None":
    """Return how to find the address of a target: the given name server, or the host's way."""
    if options.resolver is None:
        return None
    from agent.resolvconf import ResolvConf  # noqa: PLC0415
    from agent.resolver import Resolver  # noqa: PLC0415

    found = Resolver(ResolvConf(servers=(options.resolver,)))

    async def resolve(target: str, family: "Family") -> str | None:
        own = _family_of(target)
        if own is not None:
            return target if own == family else None
        return await found.address(target, family)

    return resolve


def _name_of(options: argparse.Namespace) -> "NameOf | None":
    """Return how to find the name of a hop; None where that is not wanted, or not possible."""
    from agent.clock import SystemClock  # noqa: PLC0415
    from agent.errors import ConfigError  # noqa: PLC0415
    from agent.namecache import NameCache  # noqa: PLC0415
    from agent.resolvconf import chosen  # noqa: PLC0415
    from agent.resolver import Names, Resolver  # noqa: PLC0415

    if options.no_names:
        return None
    try:
        conf = chosen(options.resolver, None)
    except ConfigError:
        return None  # a host without a resolver still traces
    return Names(Resolver(conf), NameCache(), SystemClock()).name_of


def _check_family(targets: Sequence[str], wanted: int | None) -> None:
    """Refuse addresses of another family than the one that is asked for alone."""
    from agent.errors import ConfigError  # noqa: PLC0415 - lazy, see above

    for target in targets:
        own = _family_of(target)
        if wanted is not None and own not in {None, wanted}:
            raise ConfigError(f"{target} is an IPv{own} address: leave out -{wanted}")


def _family_of(text: str) -> int | None:
    """Return the family of an address; None for a name."""
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        return None


def _default_file() -> Path:
    from agent.errors import ConfigError  # noqa: PLC0415

    home = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    places = [Path(home) / "borne" / _FILE_NAME, Path("/etc/borne") / _FILE_NAME]
    for place in places:
        if place.exists():
            return place
    looked = " and ".join(str(place) for place in places)
    raise ConfigError(f"looked for {looked} and found neither; give a file with --config.file")


def _log_to_stderr(level: str) -> None:
    import logging  # noqa: PLC0415 - lazy, see above

    from agent.logfmt import LogfmtFormatter  # noqa: PLC0415

    handler = logging.StreamHandler()
    handler.setFormatter(LogfmtFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


_COMMANDS = {"ping": _ping, "trace": _trace, "run": _run}

if __name__ == "__main__":
    sys.exit(main())
