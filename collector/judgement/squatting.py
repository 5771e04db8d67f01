"""Decider: public addresses that a network uses inside as if they were private ones.

Rules
- What a table says of such an address is true of somebody else: neither its origin nor its
  registrant nor their group holds the equipment that answered.
- Blocks that thousands of networks squat are excluded by their table (`tables/special.toml`). Of a
  block that one network squats no table can tell. It shows by all of these together:

      in every flow, an excluded address stands before the hop and another one behind it
      no witness names a place for the router, or an exchange: nothing ties it to its holder
      light cannot have come to where the range is registered and back (`Prover.elsewhere`)

- Then nobody is known to hold the hop. Without a position of the agent, without borders or with a
  longer time nothing shows it, and the tables stand.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from collector.judgement.proven import Prover
from collector.records import Evidence, HopJudgement

_TIES: Final = frozenset({"zone", "name", "cloud", "exchange", "refuted"})
"""Evidence that somebody named the router by what its holder says of it."""


def unmasked(hops: Sequence[HopJudgement], prover: Prover) -> Sequence[HopJudgement]:
    """Return the hops of a path; those on squatted addresses without holder and group.

    Where there can be none, these are the hops themselves.
    """
    if sum([hop.excluded for hop in hops]) < 2:  # noqa: PLR2004 - one before, one behind
        return hops
    return [_unmasked(hop, hops, prover) for hop in hops]


def _unmasked(hop: HopJudgement, hops: Sequence[HopJudgement], prover: Prover) -> HopJudgement:
    if hop.address is None or hop.excluded or hop.registrant is None or _tied(hop):
        return hop
    if not all(_enclosed(hop, flow, hops) for flow in hop.flows):
        return hop
    why = prover.elsewhere(hop.address, hop.rtt_min_ns, hop.registrant)
    if why is None:
        return hop
    says = (
        f"registered in {hop.registrant} and used here inside, between addresses that are private "
        f"to a network: {why}; whoever uses it here is not known to be its holder"
    )
    return msgspec.structs.replace(
        hop,
        asn=None,
        operator=None,
        registrant=None,
        groups=(),
        administration=dict.fromkeys(hop.administration, "unknown"),
        holders=(
            *_doubted(hop.holders),
            Evidence(
                kind="unconfirmed",
                source="private addresses around it, and the smallest time at c",
                date="undated",
                says=says,
            ),
        ),
    )


def _tied(hop: HopJudgement) -> bool:
    return any(row.kind in _TIES for row in hop.evidence)


def _enclosed(hop: HopJudgement, flow: int, hops: Sequence[HopJudgement]) -> bool:
    """Tell whether excluded addresses stand on both sides of a hop in one flow."""
    at = {other.ttl < hop.ttl for other in hops if _beside(other, hop, flow)}
    return at == {True, False}


def _beside(other: HopJudgement, hop: HopJudgement, flow: int) -> bool:
    return other.excluded and flow in other.flows and other.ttl != hop.ttl


def _doubted(rows: Sequence[Evidence]) -> Iterator[Evidence]:
    """Yield what tables said of the holder, as something that does not count."""
    return (msgspec.structs.replace(row, kind="unconfirmed") for row in rows)
