"""Bytes: `[[sinks]]` of `collector.toml`, read strictly.

    [[sinks]]                                   kind               also needs
    kind = "victoriametrics"                    influx2, influx    org, bucket
    url = "http://127.0.0.1:8428"               influx3            database
    token_file = "/etc/borne/sink.token"        victoriametrics    nothing; may have vmrange
    name = "victoria"
    backlog_s = 86400
    lag_s = 15

Rules
- A key that a kind has no use for is a mistake, as everywhere in the file.
- `influx`, the word of the first release, is `influx2`.
- A token file is looked at when it is used.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from agent.settings import Table
from collector import keys

Kind = Literal["influx2", "influx3", "victoriametrics"]

DEFAULT_BACKLOG_S: Final = 86_400
DEFAULT_LAG_S: Final = 15
LONGEST_BACKLOG_S: Final = 31 * 86_400
LONGEST_LAG_S: Final = 3600

_ALIASES: Final[dict[str, Kind]] = {"influx": "influx2"}
_HTTP: Final = re.compile(r"https?://[^\s/@?#]+(/[^\s@?#]*)?")


class SinkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A database that speaks InfluxDB's write API and is handed every sealed window."""

    kind: Kind
    name: str
    """What metrics, messages and the store's catalogue call it."""
    url: str
    org: str = ""
    bucket: str = ""
    """InfluxDB 3 calls it a database."""
    token_file: Path | None = None
    """Relative to the working directory; read at each connection. None: no token is asked for."""
    backlog_s: int = DEFAULT_BACKLOG_S
    """How long sealed windows wait for it; older ones are dropped and counted."""
    lag_s: int = DEFAULT_LAG_S
    """How long accepted windows are kept, to be sent again if the database starts again."""
    vmrange: bool = False
    """Whether the distribution of each window is written beside its quantiles."""


def sinks(tables: Iterable[Table]) -> tuple[SinkSettings, ...]:
    """Return the databases; names are unique.

    Raises: ConfigError.
    """
    names = keys.Once("sink")
    return tuple(_sink(table, names) for table in tables)


def _sink(table: Table, names: keys.Once) -> SinkSettings:
    written = table.text("kind")
    kind = _kind(table, written)
    token_file = table.text("token_file", None)
    row = SinkSettings(
        kind=kind,
        name=names.take(table, "name", table.text("name", written)),
        url=keys.matching(table, "url", _HTTP, "http://HOST[:PORT] or https://", fold=False),
        org=table.text("org") if kind == "influx2" else "",
        bucket=_bucket(table, kind),
        token_file=None if token_file is None else Path(token_file),
        backlog_s=table.integer(
            "backlog_s", DEFAULT_BACKLOG_S, minimum=60, maximum=LONGEST_BACKLOG_S
        ),
        lag_s=table.integer("lag_s", DEFAULT_LAG_S, minimum=0, maximum=LONGEST_LAG_S),
        vmrange=table.boolean("vmrange", default=False) if kind == "victoriametrics" else False,
    )
    table.done()
    return row


def _kind(table: Table, written: str) -> Kind:
    known: tuple[Kind, ...] = get_args(Kind)
    for kind in known:
        if kind == _ALIASES.get(written, written):
            return kind
    listed = ", ".join(f'"{kind}"' for kind in known)
    raise table.wrong("kind", f'must be one of {listed}, not "{written}"')


def _bucket(table: Table, kind: Kind) -> str:
    match kind:
        case "influx2":
            return table.text("bucket")
        case "influx3":
            return table.text("database")
        case "victoriametrics":
            return ""
