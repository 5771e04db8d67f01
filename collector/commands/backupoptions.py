"""Shell: the options of `borne-collector backup` and `restore`, without what does the work."""

import argparse
import sys
from pathlib import Path


def describe_backup(backup: argparse.ArgumentParser) -> None:
    """Add what `borne-collector backup` takes."""
    backup.description = (
        "Copy a store, also while a collector uses it: all that was acknowledged before, each "
        "sample once. The collector is not asked and does not wait."
    )
    backup.add_argument("store", type=Path, metavar="DIR", help="[store] directory")
    backup.add_argument("target", type=Path, metavar="TARGET", help="a new or empty directory")
    backup.add_argument(
        "--copy",
        dest="copies",
        action="store_true",
        help="copy segments and evidence, too: they are hard-linked where that can be",
    )


def describe_restore(restore: argparse.ArgumentParser) -> None:
    """Add what `borne-collector restore` takes."""
    restore.description = (
        "Make a store of a backup. Every file is held against its checksum; where one does not "
        "match, nothing is left of the store."
    )
    restore.add_argument("source", type=Path, metavar="BACKUP", help="what backup wrote")
    restore.add_argument("store", type=Path, metavar="DIR", help="a new or empty directory")


def run_backup(options: argparse.Namespace) -> int:
    """Back up, and say what was taken over."""
    from collector.commands import backup  # noqa: PLC0415 - heavy: for those who back up alone

    made = backup.run(options.store, options.target, copies=options.copies)
    octets = sum(file.octets for file in made.files)
    sys.stdout.write(f"{options.target}: {len(made.files)} files, {octets} octets\n")
    return 0


def run_restore(options: argparse.Namespace) -> int:
    """Restore, and say of when the backup is."""
    from collector.commands import restore  # noqa: PLC0415 - heavy: for those who restore alone

    made = restore.run(options.source, options.store)
    octets = sum(file.octets for file in made.files)
    sys.stdout.write(
        f"{options.store}: {len(made.files)} files, {octets} octets, as acknowledged before"
        f" {made.began_at}\n"
    )
    return 0
