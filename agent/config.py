"""Words: the agent's configuration, read from `agent.toml` and checked whole before anything runs.

    [agent]      name, id (32 hex digits), latitude, longitude, radius_km, state_directory,
                 contact (in each packet, for the people whose machines are probed)
    [collector]  url ("http://host:port", "https://host:port" or "unix:/path"), token_file, ca_file,
                 certificate_file, key_file (see `collectorsettings`); without it: no uplink
    [uplink]     interval_s, spool_batches
    [resolver]   address ("ip", "ipv4:port" or "[ipv6]:port"), search (domains), names, cache_s,
                 timeout_s
    [limits]     packets_per_s, per_target_per_s, per_prefix_per_s (of one /24 or /48),
                 opt_out (prefixes that nothing is ever sent to),
                 witness = {enabled, per_minute} (pinging hops that the collector asks about)
    [[targets]]  target (an address or a name), zone ("provider/region"), interval_s, timeout_s,
                 trace_interval_s, trace_protocol ("icmp" or "udp"), flows (of a round),
                 families (4, 6 or both; of a name, each is used where it has such an address)

Rules
- Relative paths count from the directory of the file that names them.
- A token is never in the file itself, and its file is closed to everybody but owner and group.
"""

import ipaddress
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agent import resolvconf, settings
from agent.collectorsettings import Collector, collector
from agent.dns import is_host_name
from agent.records import AgentId, Family, Origin, Protocol
from agent.targets import (
    DEFAULT_FLOWS,
    MAX_FLOWS,
    Limits,
    Network,
    ProbeTarget,
    WitnessLimits,
    objection,
    opted_out,
)

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

NS_PER_S = 1_000_000_000
MAX_TARGETS = 10_000
MAX_INTERVAL_S = 86_400
MIN_NAME_LIFE_S = 3600
MAX_SEARCH = 6
"""Domains of a search list: each may cost a question for each name."""
MAX_WITNESS_PER_MINUTE = 6000
MAX_OPT_OUT = 1000
MAX_CONTACT_OCTETS = 80
_HOME_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ID = re.compile(r"[0-9a-f]{32}")


class Uplink(msgspec.Struct, frozen=True, kw_only=True):
    """How batches are cut and how many may wait."""

    interval_s: float = 5.0
    spool_batches: int = 20_000


class Dns(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask for names, and whether."""

    server: tuple[str, int] | None = None
    """(address, port); None takes the host's own resolvers."""
    search: tuple[str, ...] | None = None
    """Domains that complete names; None: the host's, where its own resolvers are asked, too."""
    names: bool = True
    """Whether PTR names of hops are looked up at all."""
    cache_s: int = MIN_NAME_LIFE_S
    timeout_s: float = 1.0


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `borne-agent run` needs to know."""

    name: str
    agent_id: AgentId
    origin: Origin
    state_directory: Path
    contact: str | None = None
    """Whom to ask about our packets; None puts nobody's address into them."""
    collector: Collector | None
    uplink: Uplink
    dns: Dns
    limits: Limits
    targets: tuple[ProbeTarget, ...]


def load(path: Path) -> Config:
    """Read and check the file at `path`.

    Raises: ConfigError naming file, line and key of the first mistake.
    """
    document = settings.read(path)
    agent = document.table("agent")
    limits = _limits(document.table("limits"))
    config = Config(
        name=_name(agent),
        agent_id=_agent_id(agent),
        origin=Origin(
            latitude=agent.number("latitude", minimum=-90, maximum=90),
            longitude=agent.number("longitude", minimum=-180, maximum=180),
            radius_km=agent.number("radius_km", minimum=0.001, maximum=20_038),
        ),
        state_directory=path.parent / agent.text("state_directory", _default_state()),
        contact=_contact(agent),
        collector=collector(document, path.parent) if "collector" in document else None,
        uplink=_uplink(document.table("uplink")),
        dns=_dns(document.table("resolver")),
        limits=limits,
        targets=_targets(document, limits.opt_out),
    )
    agent.done()
    document.done()
    return config


def _default_state() -> str:
    """Return systemd's state directory, else XDG's, else the one below the home directory."""
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return given.partition(":")[0]
    home = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return str(Path(home) / "borne")


def _name(agent: settings.Table) -> str:
    name = agent.text("name")
    if not _HOME_PART.fullmatch(name):
        raise agent.wrong(
            "name", f"must be letters, digits, dot, hyphen or underscore (64 at most), not {name!r}"
        )
    return name


def _agent_id(agent: settings.Table) -> AgentId:
    text = agent.text("id")
    if not _ID.fullmatch(text):
        raise agent.wrong("id", "must be 32 hexadecimal digits in lower case (16 octets)")
    return AgentId(bytes.fromhex(text))


def _contact(agent: settings.Table) -> str | None:
    contact = agent.text("contact", None)
    if contact is not None and not (contact.isascii() and len(contact) <= MAX_CONTACT_OCTETS):
        raise agent.wrong(
            "contact", f"must be an address or a name of {MAX_CONTACT_OCTETS} ASCII letters at most"
        )
    return contact


def _uplink(table: settings.Table) -> Uplink:
    found = Uplink(
        interval_s=table.number("interval_s", 5.0, minimum=0.1, maximum=60),
        spool_batches=table.integer("spool_batches", 20_000, minimum=1, maximum=10_000_000),
    )
    table.done()
    return found


def _dns(table: settings.Table) -> Dns:
    address = table.text("address", None)
    try:
        place = None if address is None else resolvconf.server(address)
    except ValueError as error:
        forms = '"ip", "ipv4:port" or "[ipv6]:port"'
        raise table.wrong("address", f"must be {forms}: {error}") from error
    found = Dns(
        server=place,
        search=_search(table),
        names=table.boolean("names", default=True),
        cache_s=table.integer(
            "cache_s", MIN_NAME_LIFE_S, minimum=MIN_NAME_LIFE_S, maximum=MAX_INTERVAL_S
        ),
        timeout_s=table.number("timeout_s", 1.0, minimum=0.05, maximum=10),
    )
    table.done()
    return found


def _search(table: settings.Table) -> tuple[str, ...] | None:
    """Return the domains that complete names, without final dots; None where none are given."""
    given = table.texts("search", None)
    if given is None:
        return None
    domains = tuple(domain.removesuffix(".") for domain in given)
    for domain in domains:
        if not is_host_name(domain):
            raise table.wrong("search", f'must be a list of domains; "{domain}" is none')
    if len(domains) > MAX_SEARCH:
        raise table.wrong("search", f"at most {MAX_SEARCH} are possible, not {len(domains)}")
    return domains


def _limits(table: settings.Table) -> Limits:
    default = Limits()
    found = Limits(
        packets_per_s=table.number(
            "packets_per_s", default.packets_per_s, minimum=0.1, maximum=10_000
        ),
        per_target_per_s=table.number(
            "per_target_per_s", default.per_target_per_s, minimum=0.01, maximum=1000
        ),
        per_prefix_per_s=table.number(
            "per_prefix_per_s", default.per_prefix_per_s, minimum=1, maximum=10_000
        ),
        opt_out=_opt_out(table),
        witness=_witness(table.table("witness"), default.witness),
    )
    table.done()
    return found


def _opt_out(table: settings.Table) -> tuple[Network, ...]:
    given = table.texts("opt_out", ())
    if len(given) > MAX_OPT_OUT:
        raise table.wrong("opt_out", f"at most {MAX_OPT_OUT} are possible, not {len(given)}")
    try:
        return tuple(ipaddress.ip_network(prefix) for prefix in given)
    except ValueError as error:
        raise table.wrong("opt_out", f"must be a list of prefixes: {error}") from error


def _witness(table: settings.Table, default: WitnessLimits) -> WitnessLimits:
    found = WitnessLimits(
        enabled=table.boolean("enabled", default=default.enabled),
        per_minute=table.integer(
            "per_minute", default.per_minute, minimum=1, maximum=MAX_WITNESS_PER_MINUTE
        ),
    )
    table.done()
    return found


def _targets(document: settings.Document, opt_out: Sequence[Network]) -> tuple[ProbeTarget, ...]:
    tables = document.tables("targets")
    if not tables:
        raise document.wrong("targets", "there is no [[targets]] table: nothing would be probed")
    if len(tables) > MAX_TARGETS:
        raise document.wrong("targets", f"at most {MAX_TARGETS} are possible, not {len(tables)}")
    found = [_target(table) for table in tables]
    counts = Counter((item[0].zone, item[0].target) for item in found)
    for table, (first, *_) in zip(tables, found, strict=True):
        if first.address is not None and (refused := opted_out(first.address, opt_out)):
            raise table.wrong(
                "target",
                f"{first.address} is in {refused} of [limits] opt_out: take one of them out",
            )
        if counts[first.zone, first.target] > 1:
            raise table.wrong("target", f'"{first.target}" stands in zone {first.zone} twice')
    return tuple(target for item in found for target in item)


def _target(table: settings.Table) -> list[ProbeTarget]:
    """Return one target for each of the table's families: at least one."""
    target, address = _destination(table)
    interval_s = table.number("interval_s", 1.0, minimum=0.05, maximum=MAX_INTERVAL_S)
    trace_s = table.number("trace_interval_s", None, minimum=1, maximum=MAX_INTERVAL_S)
    timeout_s = table.number("timeout_s", 1.0, minimum=0.01, maximum=60)
    found = [
        ProbeTarget(
            target=target,
            zone=_zone(table),
            address=None if address is None else str(address),
            family=family,
            interval_ns=round(interval_s * NS_PER_S),
            trace_interval_ns=None if trace_s is None else round(trace_s * NS_PER_S),
            trace_protocol=_trace_protocol(table),
            flows=table.integer("flows", DEFAULT_FLOWS, minimum=1, maximum=MAX_FLOWS),
            timeout_ns=round(timeout_s * NS_PER_S),
        )
        for family in _families(table, address)
    ]
    table.done()
    return found


def _destination(table: settings.Table) -> tuple[str, IpAddress | None]:
    """Return the target as the file names it and its address, None where it is a name."""
    target = table.text("target")
    try:
        address = ipaddress.ip_address(target)
    except ValueError:
        if not is_host_name(target.removesuffix(".")):
            raise table.wrong(
                "target", f'must be an address or a host name, not "{target}"'
            ) from None
        return target, None
    refused = objection(address)
    if refused is not None:
        raise table.wrong("target", refused)
    return target, address


def _families(table: settings.Table, address: IpAddress | None) -> list[Family]:
    """Return the families to probe, in the file's order."""
    known: tuple[Family, ...] = (4, 6)
    own = known if address is None else tuple(each for each in known if each == address.version)
    given = table.integers("families", own)
    wanted = [each for number in given for each in known if each == number]
    if not wanted or len(wanted) != len(given) or len(set(wanted)) != len(wanted):
        raise table.wrong("families", f"must be [4], [6] or [4, 6], not {list(given)}")
    if address is not None and wanted != list(own):
        raise table.wrong("families", f"{address} is of family {own[0]} alone, not {wanted}")
    return wanted


def _trace_protocol(table: settings.Table) -> Protocol:
    text = table.text("trace_protocol", Protocol.ICMP.value)
    for protocol in (Protocol.ICMP, Protocol.UDP):
        if text == protocol.value:
            return protocol
    raise table.wrong("trace_protocol", f'must be "icmp" or "udp", not "{text}"')


def _zone(table: settings.Table) -> str:
    zone = table.text("zone")
    provider, _, region = zone.partition("/")
    if not (_HOME_PART.fullmatch(provider) and _HOME_PART.fullmatch(region)):
        raise table.wrong("zone", f'must be "provider/region", not "{zone}"')
    return zone
