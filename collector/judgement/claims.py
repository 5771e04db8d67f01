"""Decider: whether a router's name may speak for its address.

Rules
- A name in the domain of a known operator is that operator's claim only where the operator has
  something to do with the address (`borne-verdict-rules/2`, decision record 0004):

      the name resolves back | origin AS of the address | it counts
      -----------------------+--------------------------+---------------------------------------
      yes                    | any                      | yes: the operator's own zone says so
      no                     | any                      | no: stale, or invented by the holder
      not checked            | one of the operator's    | yes: the operator wrote the name
      not checked            | somebody else's          | no: anybody may borrow a domain
      not checked            | none known               | where the registrant's country is that
                             |                          | of the operator, nothing contradicts

- In a domain that others have names in too (`Operator.shared`: routers of OVHcloud call themselves
  `*.qc.ca`, and so does all Quebec) a name counts on the operator's own addresses alone.
- What contradicts an address without origin: a name in another operator's domain, or that the
  address is of an exchange.
- Without an atlas there is no registrant, so the last row never counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from collector.facts.knowledge import Knowledge
from collector.facts.operators import Operator
from collector.judgement.sightings import Sighting


@dataclass(frozen=True, slots=True)
class Claim:
    """One name of an address under the domain of a known operator."""

    name: str
    operator: Operator
    counts: bool
    grounds: str
    """Why it does not count; of one that counts unconfirmed, what the address has to do with it."""

    @property
    def called(self) -> str:
        """Return a claim that counts as sentences name it."""
        return (
            f"name {self.name}, {self.grounds}," if self.grounds else f"confirmed name {self.name}"
        )


def claims(address: str, sighting: Sighting, knowledge: Knowledge) -> tuple[Claim, ...]:
    """Return the claims about `address`, confirmed names first, each group by the alphabet."""
    known = [
        (name, operator)
        for name in sighting.confirmed + sighting.unconfirmed
        if (operator := knowledge.names.operator(name)) is not None
    ]
    alone = len({operator.id for _, operator in known}) == 1
    return tuple(
        Claim(name, operator, *_weigh(address, sighting.names[name], operator, knowledge, alone))
        for name, operator in known
    )


def _weigh(
    address: str,
    checked: bool | None,  # noqa: FBT001 - the value of name_confirmed
    operator: Operator,
    knowledge: Knowledge,
    alone: bool,  # noqa: FBT001 - whether no other operator's domain names the address
) -> tuple[bool, str]:
    """Apply the table of the module's rules."""
    if checked and not operator.shared:
        return True, ""
    if checked is False:
        return False, "it does not resolve back to the address"
    origin = knowledge.networks.origin(address)
    if origin is not None and origin.asn in operator.asns:
        return True, f"on an address that its operator announces (AS{origin.asn})"
    if operator.shared:
        return False, (
            "others have names in that domain too, and nobody knows that the address is announced "
            f"by {operator.name}"
        )
    if origin is not None:
        return False, (
            "nobody checked that it resolves back to the address, which is announced by "
            f"AS{origin.asn}, not by {operator.name}"
        )
    registrant = knowledge.networks.registrant(address)
    home = registrant is not None and registrant.country in set(_homes(operator, knowledge))
    if registrant is not None and home and alone and knowledge.exchange(address) is None:
        return True, f"on an unannounced address registered in {registrant.country}"
    return False, "nobody checked that it resolves back to the address"


def _homes(operator: Operator, knowledge: Knowledge) -> Iterator[str]:
    """Yield the countries in which the operator's AS numbers are registered."""
    for asn in operator.asns:
        carrier = knowledge.carriers.get(asn)
        if carrier is not None:
            yield carrier.registrant
