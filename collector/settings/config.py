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
from agent.settings import Table
from collector import keys
from collector.facts import regions
from collector.facts.imported import Import
from collector.records import Jurisdiction, NetworkOverride, Place, Vantage, Zone
from collector.settings import answerlimits, importrows, policyrows, sinkrows
from collector.settings.answerlimits import AnswerLimits
from collector.settings.limits import Limits, limits
from collector.settings.policy import Policy, PolicyRow
from collector.settings.retention import Retention, retention
from collector.settings.sinkrows import SinkSettings
from collector.settings.websettings import DEFAULT_LISTEN, Access, Tls, web

DEFAULT_CHECKPOINT_INTERVAL_S = 60
DEFAULT_GRACE_S = 30
EVERYWHERE_KM = 20_038
"""Half of the longest circle on Earth: a position that nothing is known of."""

_HEX_32 = re.compile(r"[0-9a-f]{32}")
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_ZONE_PART = re.compile(r"[^\s/]+")


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `collector.toml` says."""

    directory: Path
    """Where the store lives; relative to the working directory of the program."""
    agents: tuple[Vantage, ...]
    zones: tuple[Zone, ...] = ()
    networks: tuple[NetworkOverride, ...] = ()
    listen: tuple[str, ...] = DEFAULT_LISTEN
    """Each understood by `addresses.parse_listen`."""
    tls: Tls | None = None
    """How TCP addresses are served; None: in the clear."""
    access: Access = Access()
    limits: Limits = Limits()
    answers: AnswerLimits = AnswerLimits()
    checkpoint_interval_s: int = DEFAULT_CHECKPOINT_INTERVAL_S
    window_s: int = 10
    """Width of a window; a constant of this version, no key of the file."""
    grace_s: int = DEFAULT_GRACE_S
    """How long after its end a window stays open for late samples."""
    retention: Retention = Retention()
    """For how long what is kept."""
    sinks: tuple[SinkSettings, ...] = ()
    atlas: Path | None = None
    """Directory of the compiled tables; None: those beside the package, if any."""
    imports: tuple[Import, ...] = ()
    """Databases, geofeeds and clouds' lists that the operator adds."""
    jurisdictions: tuple[Jurisdiction, ...] = ()
    """The operator's own lists."""
    policy: tuple[PolicyRow, ...] = ()
    redact: bool = False
    """Whether all that is shown is shown without agents and private addresses."""

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


def load(path: Path, listen: tuple[str, ...] = (), *, serves: bool = True) -> Config:
    """Read and check the settings file at `path`; `listen` stands in place of its addresses.

    Who does not serve needs neither agents nor a store.

    Raises: ConfigError for the first mistake, in the order of the tables below.
    """
    document = settings.read(path)
    table, store, rows, atlas = (
        document.table(name) for name in ("web", "store", "limits", "atlas")
    )
    found = web(table, listen)
    tables = atlas.text("directory", None)
    agents, zones = _agents(document.tables("agents")), _zones(document.tables("zones"))
    own = policyrows.jurisdictions(document.tables("jurisdictions"))
    config = Config(
        listen=found.listen,
        tls=found.tls,
        access=found.access,
        redact=found.redact,
        directory=Path(store.text("directory") if serves else store.text("directory", "")),
        checkpoint_interval_s=store.integer(
            "checkpoint_interval_s", DEFAULT_CHECKPOINT_INTERVAL_S, minimum=1, maximum=3600
        ),
        grace_s=store.integer("grace_s", DEFAULT_GRACE_S, minimum=0, maximum=3600),
        retention=retention(store.table("retention")),
        limits=limits(rows),
        answers=answerlimits.read(rows),
        agents=agents,
        zones=zones,
        networks=_networks(document.tables("networks")),
        sinks=sinkrows.sinks(document.tables("sinks")),
        atlas=None if tables is None else Path(tables),
        imports=importrows.imports(document.tables("imports")),
        jurisdictions=own,
        policy=policyrows.policy(document.tables("policy"), agents, zones, regions.lists(own)),
    )
    for each in (table, store, rows, atlas):
        each.done()
    document.done()
    if serves and not config.agents:
        raise document.wrong("agents", "at least one table [[agents]] is needed: who may deliver")
    return config


def _agents(tables: Iterable[Table]) -> tuple[Vantage, ...]:
    """Return the vantage points; names, ids and tokens are each unique."""
    rows = []
    names, ids, tokens, certificates, owners = (keys.Once("agent") for _ in range(5))
    for table in tables:
        name = names.take(table, "name", table.text("name"))
        agent_id = ids.take(table, "id", keys.matching(table, "id", _HEX_32, "32 hex digits"), name)
        token, certificate = _token(table), table.text("certificate", None)
        if token:
            tokens.take(table, "token_sha256", token, name)
        if certificate is not None:
            certificates.take(table, "certificate", certificate, name)
        rows.append(
            Vantage(
                name=name,
                agent_id=bytes.fromhex(agent_id),
                token_sha256=token,
                place=_place(table, "city"),
                addresses=tuple(_addresses(table, owners, name)),
                certificate=certificate,
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
    """Return the digest of a token, "" where a certificate is all that the agent has.

    What stands there instead could be the token itself: it is not shown.
    """
    if "certificate" in table and "token_sha256" not in table:
        return ""
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
