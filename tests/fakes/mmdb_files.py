"""Small MaxMind DB files, written by a library of their own."""

from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import mmdb_writer
from netaddr import IPSet

BUILT_S = 1_795_651_200
"""2026-11-26."""


def write(path: Path, rows: Mapping[str, object], *, version: int = 6) -> Path:
    """Write a file with one record for each prefix; return its path."""
    writer = mmdb_writer.MMDBWriter(
        ip_version=version, ipv4_compatible=version == 6, database_type="Test-City"
    )
    for prefix, record in rows.items():
        writer.insert_network(IPSet([prefix]), record)
    with mock.patch.object(mmdb_writer.time, "time", return_value=BUILT_S):
        writer.to_db_file(str(path))
    return path
