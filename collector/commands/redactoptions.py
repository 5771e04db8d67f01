"""Shell: the words of `borne-collector redact` on the command line, and what they start."""

import argparse


def describe(command: argparse.ArgumentParser) -> None:
    """Add the words of the command."""
    command.description = (
        "Write a Statement again in which agents have hashes for names, private addresses and "
        "gateways stand for others, and every verdict is what it was: it still verifies. Nothing "
        "is asked of a network."
    )
    command.epilog = "Exit codes: 0 written to stdout, 2 it cannot be read, judged or redacted."
    command.add_argument("file", metavar="EVIDENCE", help="a Statement as exported; - is stdin")
    command.add_argument(
        "--salt-file",
        metavar="FILE",
        help="keep the salt here, so that the same agent has the same hash the next time "
        "(default: a new salt, forgotten)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the redacted form."""
    from collector.commands import redact  # noqa: PLC0415 - the command's own rooms are loaded for it alone

    return redact.run(options.file, options.salt_file)
