"""Shell: `borne-collector place`: what is known of one address, from tables alone.

Rules
- An address is judged as the only hop of a path without a time and without an origin: `place`
  never says anything of it that `explain` would not.
- A name that is given counts as one that nobody checked.
- With `--redact` a special address and its name are replaced as everywhere; what is known stays.
- Exit codes: 0 the address was explained, 2 it is no address.
"""

import secrets
import sys

import msgspec

from agent.records import Path, PathReply, Protocol
from collector import terminal
from collector.audit.redaction import SALT_OCTETS, Redactor
from collector.commands import explanation, offline, pathtable
from collector.commands.offline import NOTHING, Given
from collector.errors import ConfigError
from collector.facts.networks import parse
from collector.facts.regions import JURISDICTIONS
from collector.imports import fields
from collector.judgement import borders


def run(
    address: str,
    *,
    name: str | None,
    as_json: bool,
    redact: bool = False,
    added: Given = NOTHING,
) -> int:
    """Print what is known of `address`; return the exit code.

    Raises:
        ConfigError: it is no IP address.
    """
    if parse(address) is None:
        raise ConfigError(f"place {address!r}: no IP address; give one such as 62.115.125.171")
    reply = PathReply(address=address, name=name)
    path = Path(
        id=address,
        tool="borne-collector place",
        origin=None,
        rtt_resolution_ns=1,
        target=None,
        address=None,
        zone=None,
        family=fields.family([address]),
        protocol=Protocol.ICMP,
        reached=False,
        started_at="",
        hops=fields.hops({1: [reply]}),
    )
    tables = offline.tables(added)
    judgement = borders.judge(
        path, agent="", zone=None, knowledge=tables, jurisdictions=JURISDICTIONS
    )
    if redact:
        elsewhere = msgspec.structs.replace(path, address=address, hops=fields.hops({2: [reply]}))
        redactor = Redactor(secrets.token_bytes(SALT_OCTETS), tables.networks)
        redactor.learn_path(elsewhere)  # the address that was asked for is nobody's gateway
        _, judgement = redactor.shown(elsewhere, judgement)
    hop = judgement.hops[0]
    if as_json:
        sys.stdout.write(f"{explanation.encode_hop(hop).decode()}\n")
        return 0
    terminal.show(pathtable.draw_address(hop))
    return 0
