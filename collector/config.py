"""Words: the collector's settings, and the strict reading of `collector.toml` into them.

Rules
- Every mistake is a `ConfigError` that names the file, the line, the key and what to write.
- Nothing is guessed: positions, territories and holders are declared by the operator, and two
  rows that could contradict each other (the same agent, id, token, zone, target or prefix twice)
  are refused rather than merged.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from agent import settings
from agent.errors import ConfigError
from agent.settings import Table
from collector import answerlimits, keys, policyrows, regions, sinkrows
from collector.answerlimits import AnswerLimits
from collector.limits import Limits, limits
from collector.policy import Policy, PolicyRow
from collector.records import Jurisdiction, NetworkOverride, Place, Vantage, Zone
from collector.sinkrows import SinkSettings

DEFAULT_LISTEN = ("127.0.0.1:9465",)
DEFAULT_CHECKPOINT_INTERVAL_S = 60
DEFAULT_GRACE_S = 30
EVERYWHERE_KM = 20_038
"""Half of the longest circle on Earth: a position that nothing is known of."""

_HEX_32 = re.compile(r"[0-9a-f]{32}")
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_ZONE_PART = re.compile(r"[^\s/]+")
_TCP = re.compile(r"(?:\[(?P<six>[^\]]*)\]|(?P<host>[^\[\]:]*)):(?P<port>\d{1,5})", re.ASCII)
_FD = re.compile(r"\d{1,9}", re.ASCII)
_MAX_PORT = 65535


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `collector.toml` says."""

    directory: Path
    """Where the store lives; relative to the working directory of the program."""
    agents: tuple[Vantage, ...]
    zones: tuple[Zone, ...] = ()
    networks: tuple[NetworkOverride, ...] = ()
    listen: tuple[str, ...] = DEFAULT_LISTEN
    """Each understood by `parse_listen`."""
    limits: Limits = Limits()
    answers: AnswerLimits = AnswerLimits()
    checkpoint_interval_s: int = DEFAULT_CHECKPOINT_INTERVAL_S
    window_s: int = 10
    """Width of a window; a constant of this version, no key of the file."""
    grace_s: int = DEFAULT_GRACE_S
    """How long after its end a window stays open for late samples."""
    sinks: tuple[SinkSettings, ...] = ()
    atlas: Path | None = None
    """Directory of the compiled tables; None: those beside the package, if any."""
    jurisdictions: tuple[Jurisdiction, ...] = ()
    """The operator's own lists."""
    policy: tuple[PolicyRow, ...] = ()

    @property
    def lists(self) -> Mapping[str, Jurisdiction]:
        """Return all jurisdictions by name, those of this release first."""
        return regions.lists(self.jurisdictions)

    @property
    def judged(self) -> tuple[Jurisdiction, ...]:
        """Return what paths are judged for beyond what all are: lists the policy names, own ones.

        A list of this release that no row of the policy names is not judged: it would cost each
        path time, and nobody asked.
        """
        named = (
            name
            for row in self.policy
            for name in (*row.demands.territory, *row.demands.administration)
        )
        return (*regions.further(named), *self.jurisdictions)

    @property
    def demanded(self) -> Policy:
        """Return what is demanded of paths."""
        return Policy(self.policy)


class TcpAddress(msgspec.Struct, frozen=True):
    """`HOST:PORT`; `host` None means every address of the machine."""

    host: str | None
    port: int


class UnixAddress(msgspec.Struct, frozen=True):
    """`unix:PATH`."""

    path: Path


class InheritedSocket(msgspec.Struct, frozen=True):
    """`fd:N`: a listening socket that the parent process opened."""

    fd: int


Listen = TcpAddress | UnixAddress | InheritedSocket


def parse_listen(text: str) -> Listen:
    """Return what `HOST:PORT`, `[IPV6]:PORT`, `unix:PATH` or `fd:N` names.

    Raises: ConfigError naming the three forms.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "unix" and rest:
        return UnixAddress(Path(rest))
    if scheme == "fd" and _FD.fullmatch(rest):
        return InheritedSocket(int(rest))
    found = _TCP.fullmatch(text)
    if found is None or scheme in {"unix", "fd"} or int(found["port"]) > _MAX_PORT:
        raise ConfigError(f"must be HOST:PORT, [IPV6]:PORT, unix:PATH or fd:N, not {text!r}")
    return TcpAddress(found["six"] or found["host"] or None, int(found["port"]))


def load(path: Path) -> Config:
    """Read and check the settings file at `path`.

    Raises: ConfigError for the first mistake, in the order of the tables below.
    """
    document = settings.read(path)
    web, store, rows, atlas = (document.table(name) for name in ("web", "store", "limits", "atlas"))
    tables = atlas.text("directory", None)
    agents, zones = _agents(document.tables("agents")), _zones(document.tables("zones"))
    own = policyrows.jurisdictions(document.tables("jurisdictions"))
    config = Config(
        listen=_listen(web),
        directory=Path(store.text("directory")),
        checkpoint_interval_s=store.integer(
            "checkpoint_interval_s", DEFAULT_CHECKPOINT_INTERVAL_S, minimum=1, maximum=3600
        ),
        grace_s=store.integer("grace_s", DEFAULT_GRACE_S, minimum=0, maximum=3600),
        limits=limits(rows),
        answers=answerlimits.read(rows),
        agents=agents,
        zones=zones,
        networks=_networks(document.tables("networks")),
        sinks=sinkrows.sinks(document.tables("sinks")),
        atlas=None if tables is None else Path(tables),
        jurisdictions=own,
        policy=policyrows.policy(document.tables("policy"), agents, zones, regions.lists(own)),
    )
    for table in (web, store, rows, atlas):
        table.done()
    document.done()
    if not config.agents:
        raise document.wrong("agents", "at least one table [[agents]] is needed: who may deliver")
    return config


def _listen(web: Table) -> tuple[str, ...]:
    """Return the addresses to listen on, each of a known form and given once."""
    found = web.texts("listen", DEFAULT_LISTEN)
    if not found:
        raise web.wrong("listen", "must name at least one address")
    for number, text in enumerate(found):
        try:
            parse_listen(text)
        except ConfigError as error:
            raise web.wrong("listen", str(error)) from error
        if text in found[:number]:
            raise web.wrong("listen", f'"{text}" stands twice')
    return found


def _agents(tables: Iterable[Table]) -> tuple[Vantage, ...]:
    """Return the vantage points; names, ids and tokens are each unique."""
    rows = []
    names, ids, tokens, owners = (keys.Once("agent") for _ in range(4))
    for table in tables:
        name = names.take(table, "name", table.text("name"))
        agent_id = ids.take(table, "id", keys.matching(table, "id", _HEX_32, "32 hex digits"), name)
        token = _token(table)
        tokens.take(table, "token_sha256", token, name)
        rows.append(
            Vantage(
                name=name,
                agent_id=bytes.fromhex(agent_id),
                token_sha256=token,
                place=_place(table, "city"),
                addresses=tuple(_addresses(table, owners, name)),
            )
        )
        table.done()
    return tuple(rows)


def _addresses(table: Table, owners: keys.Once, name: str) -> Iterator[str]:
    """Yield the agent's own addresses, each given once among all agents."""
    for text in table.texts("addresses", ()):
        try:
            address = str(ipaddress.ip_address(text))
        except ValueError as error:
            message = f'must be addresses such as 192.0.2.1 or 2001:db8::1, not "{text}"'
            raise table.wrong("addresses", message) from error
        yield owners.take(table, "addresses", address, name)


def _zones(tables: Iterable[Table]) -> tuple[Zone, ...]:
    """Return the zones; a zone stands once, and a target belongs to one zone."""
    rows = []
    idents, owners = keys.Once("zone"), keys.Once("zone")
    for table in tables:
        provider, region = (
            keys.matching(table, key, _ZONE_PART, "one word without a slash", fold=False)
            for key in ("provider", "region")
        )
        ident = idents.take(table, "region", f"{provider}/{region}")
        targets = table.texts("targets")
        if not targets:
            raise table.wrong("targets", "must name at least one target")
        for target in targets:
            owners.take(table, "targets", target, ident)
        rows.append(
            Zone(
                provider=provider,
                region=region,
                place=_place(table, "place"),
                group_country=keys.territory(table, "group_country"),
                targets=targets,
            )
        )
        table.done()
    return tuple(rows)


def _networks(tables: Iterable[Table]) -> tuple[NetworkOverride, ...]:
    """Return the operator's own rows about prefixes, each prefix once."""
    rows = []
    prefixes = keys.Once("network")
    for table in tables:
        prefix = keys.parsed(
            table,
            "prefix",
            lambda text: str(ipaddress.ip_network(text)),
            "a prefix such as 192.0.2.0/24 without host bits",
        )
        holder = table.text("holder")
        prefixes.take(table, "prefix", prefix, holder)
        rows.append(
            NetworkOverride(
                prefix=prefix,
                asn=table.integer("asn", minimum=1, maximum=2**32 - 1),
                holder=holder,
                author=table.text("author"),
                date=keys.day(table, "date"),
                reason=table.text("reason"),
                registrant=keys.territory(table, "registrant") if "registrant" in table else None,
                **_group(table),
            )
        )
        table.done()
    return tuple(rows)


def _group(table: Table) -> dict[str, str | None]:
    """Return who controls the holder: its country decides, its name alone nothing."""
    if "group_country" in table:
        country = keys.territory(table, "group_country")
        return {"group": table.text("group", None), "group_country": country}
    if "group" in table:
        raise table.wrong("group", "needs group_country: the country of the group's seat")
    return {}


def _token(table: Table) -> str:
    """Return the digest of a token; what stands there instead could be the token: not shown."""
    digest = table.text("token_sha256").lower()
    if not _HEX_64.fullmatch(digest):
        raise table.wrong("token_sha256", "must be 64 hex digits, as sha256sum prints them")
    return digest


def _place(table: Table, name_key: str) -> Place:
    return Place(
        name=table.text(name_key),
        territory=keys.territory(table, "territory"),
        latitude=table.number("latitude", minimum=-90, maximum=90),
        longitude=table.number("longitude", minimum=-180, maximum=180),
        radius_km=table.number("radius_km", minimum=0, maximum=EVERYWHERE_KM),
    )
