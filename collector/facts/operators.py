"""Words: operators, the domains that name their routers, and the rules of their names.

Rules
- A rule belongs to one operator and holds only under that operator's own domains: the same
  three letters mean Roubaix in one network and an airport in South Sudan in another.
- Every code is a row with status, source and date. `observed`: a name with it stands in a
  published traceroute whose times agree, named in the source. `read`: a published list says so.
  `recalled`: from memory; it is shown and decides nothing.
- A pattern describes how routers of the operator are named, and so leaves out the names that
  the operator gives to customers' and peers' ends of a link: those may be anywhere.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec

from collector.records import Status


class CodeRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one code of a rule means."""

    code: str
    """Lower case, as the pattern's group `code` yields it."""
    place: str
    """Key of the table of places."""
    status: Status
    source: str
    date: str


class NameRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one kind of name of an operator carries a place."""

    id: str
    """Unique in the table; reasons and evidence name it."""
    pattern: str
    """Must match the whole name left of the domain, lower case; its group `code` is looked up."""
    codes: tuple[CodeRow, ...]
    remark: str = ""
    """Which names the pattern leaves out on purpose, and why; may be empty."""
    caveat: str = ""
    """What every reading by this rule must say of its own limits; may be empty."""
    fabric: bool = False
    """True where it names a port on an exchange's network: the place that the packet crossed."""


class Operator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator with its domains and rules."""

    id: str
    name: str
    domains: tuple[str, ...]
    rules: tuple[NameRule, ...]
    asns: tuple[int, ...] = ()
    """The operator's own AS numbers: a name counts where one of them is the address's origin."""
    shared: bool = False
    """True where the domains are not its own alone: that a name resolves back says nothing then."""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: its date stands once and holds for every code without one of its own."""

    date: str
    operators: tuple[dict[str, Any], ...]


def load() -> Sequence[Operator]:
    """Return the table of operators, every code complete with status, source and date."""
    document = (files("collector") / "tables" / "names.toml").read_bytes()
    table = msgspec.toml.decode(document, type=_Table)
    for operator in table.operators:
        for rule in operator["rules"]:
            rule["codes"] = [{"date": table.date, **code} for code in rule["codes"]]
    return msgspec.convert(table.operators, type=tuple[Operator, ...])
