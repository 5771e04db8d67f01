"""Shell: the command line `borne-collector`.

Rules
- Heavy libraries are imported by the command that needs them: `--version` and a wrong option
  answer at once.
- Exit codes: 0 fine, 1 the work failed, 2 usage or configuration. An error is one line on stderr.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NoReturn

from agent.errors import BorneError, ConfigError

LEVELS = ("debug", "info", "warning", "error")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _serve(options)
    except ConfigError as error:
        print(f"borne-collector: {error}", file=sys.stderr)
        return 2
    except BorneError as error:
        print(f"borne-collector: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = _Parser(
        prog="borne-collector",
        description="Keeps what agents measured, and says with evidence where packets went.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"borne-collector {metadata.version('borne')}"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = commands.add_parser(
        "serve",
        help="take batches from agents, answer questions, show the page",
        description="Take batches from agents, answer questions, show the page.",
        allow_abbrev=False,
    )
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
    return parser


def _serve(options: argparse.Namespace) -> int:
    """Check the settings, and serve unless that was all."""
    import msgspec  # noqa: PLC0415 - see the rules

    from collector.config import load, parse_listen  # noqa: PLC0415 - see the rules

    config = load(options.file)
    for text in options.listen or ():
        try:
            parse_listen(text)
        except ConfigError as error:
            raise ConfigError(f"--web.listen-address {error}") from error
    if options.check:
        print(f"{options.file}: fine")
        return 0
    if options.listen:
        config = msgspec.structs.replace(config, listen=tuple(options.listen))
    logging.basicConfig(
        level=options.level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    import asyncio  # noqa: PLC0415 - see the rules

    from collector import memory  # noqa: PLC0415 - see the rules
    from collector.chain import Chain  # noqa: PLC0415 - see the rules
    from collector.server import serve  # noqa: PLC0415 - see the rules

    memory.settle()
    asyncio.run(serve(config, Chain(config)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
