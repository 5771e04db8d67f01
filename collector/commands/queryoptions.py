"""Shell: the options of `borne-collector query`, without what answers them.

Rules
- They are the parameters of the API under the same names; a test holds both together, so that
  nothing heavy is imported to print a usage.
"""

import argparse
from pathlib import Path
from typing import Final

DEFAULT_URL: Final = "http://127.0.0.1:9465"
FORMS: Final = ("table", "csv", "json", "parquet")

_SAYS: Final = {
    "agent": "of this agent alone",
    "zone": "of this zone alone, PROVIDER/REGION",
    "target": "of this target alone",
    "protocol": "of this protocol alone: icmp, udp, tcp",
    "family": "of IPv4 (4) or IPv6 (6) alone",
    "from": "begin of the range, RFC 3339 in UTC or seconds since the epoch; of episodes those that"
    " went on then or later",
    "to": "its end, itself outside (default: now; for --store, where the store ends; for episodes"
    " none)",
    "range_s": "in place of --from: so many seconds",
    "step_s": "merge windows to steps of so many seconds",
    "q": "quantiles besides p50, p90 and p99, such as 0.5,0.999",
    "limit": "rows at most (default: 100 paths, 100 of the worst, all crossings)",
}
_RANGE: Final = ("from", "to", "range_s")
TAKES: Final = {
    "series": ("agent", "zone", "target", "protocol", "family", *_RANGE, "step_s", "q"),
    "zones": _RANGE,
    "worst": (*_RANGE, "limit"),
    "paths": ("agent", "target", "limit"),
    "crossings": ("agent", "target", "from", "to", "limit"),
    "findings": ("agent", "target", "from", "to", "limit"),
}
"""The questions and their options, by the names of the API's parameters."""
_HELP: Final = {
    "series": "windows of each series, merged to steps",
    "zones": "each agent's view of each zone",
    "worst": "series with the highest p99 of a minute, worst first",
    "paths": "judged paths, the newest first",
    "crossings": "confirmed crossings, the newest first",
    "findings": "confirmed findings of administration, the newest first",
}


def describe(query: argparse.ArgumentParser) -> None:
    """Add what `borne-collector query` takes."""
    query.description = (
        "Ask a running collector, or the directory of its store: that is read without its lock as "
        "its last checkpoint left it, also while a collector uses it."
    )
    query.epilog = "Exit codes: 0 answered, 1 it could not be, 2 the question is wrong."
    asked = query.add_subparsers(dest="question", required=True, metavar="QUESTION")
    for question, names in TAKES.items():
        parser = asked.add_parser(question, help=_HELP[question], allow_abbrev=False)
        for name in names:
            parser.add_argument(
                f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", help=_SAYS[name]
            )
        _add_source(parser)
        parser.add_argument(
            "--format", dest="form", choices=FORMS, default="table", help="what is printed"
        )
        parser.add_argument(
            "--redact",
            action="store_true",
            help="replace agents and private addresses by hashes that hold for this run",
        )
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="write it there, whole or not at all"
        )


def _add_source(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--url",
        default=DEFAULT_URL,
        help=f"of the collector: http://, https:// or unix:PATH (default: {DEFAULT_URL})",
    )
    source.add_argument(
        "--store", type=Path, metavar="DIR", help="its directory, [store] directory"
    )
    parser.add_argument(
        "--token-file", dest="token", type=Path, metavar="FILE", help="holds a token for --url"
    )
    parser.add_argument(
        "--ca-file", dest="ca", type=Path, metavar="FILE", help="the certificates that --url trusts"
    )


def run(options: argparse.Namespace) -> int:
    """Ask and print."""
    from collector.commands import query  # noqa: PLC0415 - heavy: for those who ask alone

    given = {name: getattr(options, name) for name in TAKES[options.question]}
    return query.run(
        query.Request(
            question=options.question,
            pairs=tuple((name, text) for name, text in given.items() if text is not None),
            url=options.url,
            store=options.store,
            token=options.token,
            ca=options.ca,
            form=options.form,
            output=options.output,
            redact=options.redact,
        )
    )
