"""Shell: the command line `borne-collector`.

Rules
- Heavy libraries are imported by the command that needs them: `--version` and a wrong option
  answer at once.
- Exit codes: 0 fine, 1 the work failed, 2 usage or configuration. An error is one line on stderr.
- A standard stream that is closed is an empty one. Where the output cannot be written the exit code
  is 2: 1 may stand for a verdict.
- What is printed is UTF-8 whatever the locale: JSON is nothing else, and a name of a place must not
  end a program.
"""

import argparse
import datetime as dt
import errno
import io
import logging
import os
import re
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from agent.errors import BorneError, ConfigError
from collector.commands import backupoptions, queryoptions, redactoptions

LEVELS = ("debug", "info", "warning", "error")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_SOUTHERN = re.compile(r"-[\d.]")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    _open_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    parser = _parser()
    options = parser.parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    if options.command is None and not options.version:
        parser.error("the following arguments are required: COMMAND")
    try:
        try:
            return (_version if options.version else _COMMANDS[options.command])(options)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads on. Without this the interpreter complains when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.errno not in _FULL:
            raise
        print(f"borne-collector: write the output: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except BorneError as error:
        print(f"borne-collector: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1


def _open_streams() -> None:
    """Open in place of each stream that the caller closed one that is empty."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - stays open
            setattr(sys, name, stream)


def _joined(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with a position of the south tied to its option.

    argparse takes `-33.9,151.2,15` for an option of its own.
    """
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1] == "--origin" and _SOUTHERN.match(argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="borne-collector",
        description="Keeps what agents measured, and says with evidence where packets went.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="with --version: also the tables, their ages, sources, licences and attributions",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (says, describe) in _HELP.items():
        describe(commands.add_parser(name, help=says, allow_abbrev=False))
    return parser


def _add_serve(serve: argparse.ArgumentParser) -> None:
    serve.description = "Take batches from agents, answer questions, show the page."
    serve.add_argument(
        "--config.file",
        dest="file",
        type=Path,
        required=True,
        metavar="FILE",
        help="settings in TOML",
    )
    serve.add_argument(
        "--config.check",
        dest="check",
        action="store_true",
        help="check the settings and exit: 0 fine, 2 not",
    )
    serve.add_argument(
        "--web.listen-address",
        dest="listen",
        action="append",
        metavar="ADDRESS",
        help="HOST:PORT, [IPV6]:PORT, unix:PATH or fd:N; may be repeated; in place of [web] listen",
    )
    serve.add_argument(
        "--log.level", dest="level", choices=LEVELS, default="info", help="least severe to log"
    )


def _add_explain(explain: argparse.ArgumentParser) -> None:
    explain.description = (
        "Judge paths that were measured, and show why: borne-path/1, RIPE Atlas, scamper and mtr "
        "JSON, recognised by content. Nothing is asked of a network."
    )
    explain.epilog = (
        "Exit codes: 0 all read and judged, 1 a verdict as bad as --fail-on or worse, 2 something "
        "was unreadable."
    )
    explain.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="one path, a JSON array, or a path a line; - is stdin",
    )
    explain.add_argument(
        "--origin",
        metavar="LAT,LON,RADIUS_KM",
        help="where the paths begin, in place of what the files say",
    )
    explain.add_argument(
        "--jurisdiction",
        dest="jurisdictions",
        action="append",
        default=[],
        metavar="J",
        help="FX, EU, EEA...; may be repeated (default: FX, EU and EEA)",
    )
    explain.add_argument(
        "--fail-on", metavar="VERDICT", help="exit 1 if a verdict is this one or worse"
    )
    explain.add_argument("--json", action="store_true", help="one object a line for each path")
    _add_redact(explain)
    _add_tables(explain)


def _add_verify(verify: argparse.ArgumentParser) -> None:
    verify.description = (
        "Recompute the verdicts of evidence Statements from themselves, and name what differs. "
        "Shows consistency, not origin: nobody signed them. Nothing is asked of a network."
    )
    verify.epilog = (
        "Exit codes: 0 all consistent, 1 one is not, 2 one is unreadable or follows rules that "
        "this release does not judge by."
    )
    verify.add_argument(
        "files", nargs="+", metavar="EVIDENCE", help="a Statement as exported; - is stdin"
    )
    verify.add_argument("--json", action="store_true", help="one object a line for each Statement")
    _add_redact(verify)


def _add_redact(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--redact",
        action="store_true",
        help="replace names of agents and private addresses by hashes that hold for this run",
    )


def _add_tables(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--config.file",
        dest="file",
        type=Path,
        metavar="FILE",
        help="settings of a collector, for their own rows: networks, imports, jurisdictions, atlas",
    )
    command.add_argument(
        "--import",
        dest="imports",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a MaxMind DB, a geofeed (RFC 8805) or a cloud's list of ranges; may be repeated",
    )


def _add_place(place: argparse.ArgumentParser) -> None:
    place.description = (
        "Show what the tables and rules of this release say of one address: special range, holder "
        "and group, exchange, place of its name. Nothing is asked of a network."
    )
    place.add_argument("address", metavar="ADDRESS", help="IPv4 or IPv6")
    place.add_argument("--name", metavar="PTR", help="its name, which nobody checked")
    place.add_argument("--json", action="store_true", help="one object, as a hop of explain --json")
    _add_redact(place)
    _add_tables(place)


def _add_atlas(atlas: argparse.ArgumentParser) -> None:
    atlas.description = "Compile tables of addresses: origin AS and registrant."
    actions = atlas.add_subparsers(dest="action", required=True, metavar="build")
    build = actions.add_parser(
        "build",
        help="compile newer data of yours",
        description="Compile asn-ipv4-num.csv, asn-ipv6-num.csv, asn-country-ipv4-num.csv and "
        "asn-country-ipv6-num.csv, as ip-location-db publishes them.",
        allow_abbrev=False,
    )
    build.add_argument(
        "--from",
        dest="directory",
        type=Path,
        required=True,
        metavar="DIR",
        help="where the four files lie",
    )
    build.add_argument(
        "--date", type=_day, required=True, metavar="YYYY-MM-DD", help="day of the data"
    )
    build.add_argument(
        "--source", metavar="TEXT", help="what evidence names as their source (default: DIR)"
    )
    build.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="where to write (default: beside the package, where it is found without settings)",
    )


def _day(text: str) -> str:
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-06-17") from error


def _version(options: argparse.Namespace) -> int:
    """Print the version, and what there is to be known of the tables."""
    print(f"borne-collector {metadata.version('borne')}")
    if options.verbose:
        from collector.commands import about  # noqa: PLC0415 - see the rules

        for line in about.lines():
            print(line)
    return 0


def _serve(options: argparse.Namespace) -> int:
    """Check the settings, and serve unless that was all."""
    from collector.settings.addresses import parse_listen  # noqa: PLC0415 - see the rules
    from collector.settings.config import Config, load  # noqa: PLC0415 - see the rules

    def read() -> Config:
        return load(options.file, tuple(options.listen or ()))

    for text in options.listen or ():
        try:
            parse_listen(text)
        except ConfigError as error:
            raise ConfigError(f"--web.listen-address {error}") from error
    config = read()
    if options.check:
        from collector.commands import check  # noqa: PLC0415 - see the rules

        return check.run(options.file, config)
    _log_to_stderr(options.level)
    import asyncio  # noqa: PLC0415 - see the rules

    from collector import memory  # noqa: PLC0415 - see the rules
    from collector.chain import Chain  # noqa: PLC0415 - see the rules
    from collector.live import Live  # noqa: PLC0415 - see the rules
    from collector.server import serve  # noqa: PLC0415 - see the rules

    memory.settle()
    asyncio.run(serve(config, Live(config, Chain), load=read))
    return 0


def _log_to_stderr(level: str) -> None:
    """Let every record of this level and above be a line of logfmt on stderr."""
    from collector.logfmt import LogfmtFormatter  # noqa: PLC0415 - see the rules

    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(LogfmtFormatter())
    logging.basicConfig(level=level.upper(), handlers=[lines])


def _explain(options: argparse.Namespace) -> int:
    """Judge the paths of files."""
    from collector.commands import explain, offline  # noqa: PLC0415 - see the rules

    asked = explain.request(
        options.files,
        origin=options.origin,
        jurisdictions=options.jurisdictions,
        fail_on=options.fail_on,
        as_json=options.json,
        redact=options.redact,
        added=offline.given(options.file, options.imports),
    )
    return explain.run(asked)


def _verify(options: argparse.Namespace) -> int:
    """Check Statements against themselves."""
    from collector.commands import verify  # noqa: PLC0415 - see the rules

    return verify.run(
        verify.Request(files=options.files, as_json=options.json, redact=options.redact)
    )


def _place(options: argparse.Namespace) -> int:
    """Say what is known of an address."""
    from collector.commands import offline, place  # noqa: PLC0415 - see the rules

    return place.run(
        options.address,
        name=options.name,
        as_json=options.json,
        redact=options.redact,
        added=offline.given(options.file, options.imports),
    )


def _atlas(options: argparse.Namespace) -> int:
    """Compile the user's tables."""
    from collector.facts import atlas, builder  # noqa: PLC0415 - see the rules

    to = options.to or atlas.BESIDE
    ident = options.source or str(options.directory.resolve())
    for path in builder.build_all(options.directory, to, ident=ident, date=options.date):
        print(path)
    return 0


_HELP = {
    "serve": ("take batches from agents, answer questions, show the page", _add_serve),
    "query": ("ask a collector, or the store of one", queryoptions.describe),
    "backup": ("copy a store, also while it is used", backupoptions.describe_backup),
    "restore": ("make a store of a backup", backupoptions.describe_restore),
    "explain": ("judge paths that were measured, and show why", _add_explain),
    "verify": ("recompute evidence from itself, and name what differs", _add_verify),
    "redact": ("write evidence without agents and private addresses", redactoptions.describe),
    "place": ("show what is known of one address", _add_place),
    "atlas": ("compile tables of addresses: origin AS and registrant", _add_atlas),
}
_COMMANDS = {
    "serve": _serve,
    "query": queryoptions.run,
    "backup": backupoptions.run_backup,
    "restore": backupoptions.run_restore,
    "explain": _explain,
    "verify": _verify,
    "redact": redactoptions.run,
    "place": _place,
    "atlas": _atlas,
}


if __name__ == "__main__":
    sys.exit(main())
