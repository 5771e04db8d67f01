"""Decider: the verdict of a path for one jurisdiction on one axis: that of its worst flow.

Rules
- Each flow is a path of its own; the first row that fits decides it:

      any hop is outside, and the flow had no time to leave     CONTRADICTORY
      any hop is proven outside                                PROVEN_OUTSIDE
      any hop is outside                                       SUPPORTED_OUTSIDE
      any hop is contradictory                                 CONTRADICTORY
      the flow had no time to leave (`Strand.contained`)       PROVEN_INSIDE
      the target answered, no hop was silent or untold, and
      every responding hop is inside                           SUPPORTED_INSIDE
      anything else                                            UNDETERMINED

  A contradictory hop does not cancel another hop's outside; it is named in the reasons. It does
  cancel that a flow had no time to leave, and so does evidence outside: then somebody is wrong, a
  name, or who declared where agent and target stand.
- *Untold* is an excluded address behind the first hop that can have a place: a private or squatted
  block inside a carrier, a target behind a translator. It neither responds nor keeps silent, and
  whoever uses it may stand anywhere, as whoever keeps silent. Before that hop it is the agent's
  own network.
- The path has the verdict of its worst flow, in the order of `records.Verdict`; of equals the one
  with the lowest number. Coverage, countries and reasons are that flow's own.
- The axes have the same table. On that of administration no hop is ever contradictory, and
  nothing is ever proved.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import dropwhile, groupby
from typing import Final, TypeAlias, get_args

from collector.records import (
    INSIDE,
    SEVERITY,
    Axis,
    Coverage,
    Evidence,
    HopJudgement,
    HopWord,
    PathVerdict,
    Verdict,
)

_PLACES: Final = frozenset({"proof", "zone", "name", "exchange", "refuted", "anycast"})
_HOLDERS: Final = frozenset({"zone", "network", "carrier"})

_Sorted: TypeAlias = Mapping[HopWord, Sequence[HopJudgement]]
"""Hops by what they are to a jurisdiction, in the order of the way."""


@dataclass(frozen=True, slots=True)
class Strand:
    """One flow of a path, its hops judged."""

    flow: int
    hops: tuple[HopJudgement, ...]
    reached: bool
    samples: int
    rtt_min_ns: int | None
    """Smallest time of the target, None where this flow did not reach it."""
    contained: Mapping[str, str] = field(default_factory=dict)
    """Why the flow had no time to leave, by the jurisdictions where that is proven."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What a verdict answers."""

    jurisdiction: str
    axis: Axis

    def words(self, hop: HopJudgement) -> Mapping[str, HopWord]:
        """Return what a hop is to each jurisdiction on the axis."""
        return hop.verdicts if self.axis is Axis.TERRITORY else hop.administration

    def countries(self, hop: HopJudgement) -> tuple[str, ...]:
        """Return the countries that the axis names for a hop, once each."""
        if self.axis is Axis.TERRITORY:
            return territories(hop)
        return tuple(sorted({group.country for group in hop.groups}))

    def sort(self, hops: Iterable[HopJudgement]) -> _Sorted:
        """Return the hops by what they are to the jurisdiction."""
        of: dict[HopWord, list[HopJudgement]] = {word: [] for word in get_args(HopWord)}
        for hop in hops:
            word = self.words(hop).get(self.jurisdiction)
            if word is not None:
                of[word].append(hop)
        return of

    def stayed(self, strand: Strand) -> str | None:
        """Return why a flow had no time to leave, None where it is not proven."""
        on_soil = self.axis is Axis.TERRITORY
        return strand.contained.get(self.jurisdiction) if on_soil else None

    def proofs(self, hop: HopJudgement) -> list[Evidence]:
        """Return what is proven of a hop; a proof counts for its own jurisdiction alone."""
        rows = hop.evidence if self.axis is Axis.TERRITORY else ()
        return [row for row in rows if row.proof and row.proof.jurisdiction == self.jurisdiction]


def conclude(jurisdiction: str, axis: Axis, strands: Sequence[Strand]) -> PathVerdict:
    """Return the verdict of a path, whose flows are `strands` in the order of their numbers."""
    question = _Question(jurisdiction, axis)
    sorted_hops = [question.sort(strand.hops) for strand in strands]
    found = [
        _verdict(question, of, strand) for of, strand in zip(sorted_hops, strands, strict=True)
    ]
    at = min(range(len(found)), key=lambda place: SEVERITY[found[place]])
    verdict, strand = found[at], strands[at]
    which = f"flow {at + 1} of {len(strands)}: " if len(strands) > 1 else ""
    reasons = _reasons(question, verdict, strand, sorted_hops[at])
    return PathVerdict(
        jurisdiction=jurisdiction,
        axis=axis,
        verdict=verdict,
        coverage=coverage(strand, axis),
        countries=merged(
            question.countries(hop)
            for hop in strand.hops
            if question.words(hop).get(jurisdiction) in {"inside", "outside"}
        ),
        reasons=tuple(f"{which}{reason}" for reason in reasons),
        flow=strand.flow,
    )


def coverage(strand: Strand, axis: Axis) -> Coverage:
    """Return how much of a flow a verdict on `axis` rests on."""
    responding = [hop for hop in strand.hops if hop.address is not None and not hop.excluded]
    runs = [
        len(list(run))
        for silent, run in groupby(strand.hops, lambda hop: hop.address is None)
        if silent
    ]
    known = [_placed(hop) if axis is Axis.TERRITORY else hop.groups for hop in responding]
    return Coverage(
        hops_responding=len(responding),
        hops_with_evidence=sum(map(bool, known)),
        hops_silent=sum(runs),
        longest_silent_gap=max(runs, default=0),
        rtt_min_s=None if strand.rtt_min_ns is None else strand.rtt_min_ns / 1e9,
        samples=strand.samples,
    )


def _placed(hop: HopJudgement) -> bool:
    return bool(hop.candidates) or any(row.proof is not None for row in hop.evidence)


def territories(hop: HopJudgement) -> tuple[str, ...]:
    """Return the territories of the places that a hop may be at, once each."""
    return tuple(sorted({place.territory for place in hop.candidates}))


def merged(countries: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the countries in order, equal neighbours merged."""
    return tuple(code for code, _ in groupby(code for codes in countries for code in codes))


def _verdict(question: _Question, of: _Sorted, strand: Strand) -> Verdict:
    """Apply the table of the module's rules to one flow."""
    stayed = question.stayed(strand) is not None
    if of["outside"] and not stayed:
        proven = any(map(question.proofs, of["outside"]))
        return Verdict.PROVEN_OUTSIDE if proven else Verdict.SUPPORTED_OUTSIDE
    if of["outside"] or of["contradictory"]:
        return Verdict.CONTRADICTORY
    if stayed:
        return Verdict.PROVEN_INSIDE
    heard = strand.reached and all(hop.address is not None for hop in strand.hops)
    if heard and not _untold(strand) and of["inside"] and not of["mixed"] and not of["unknown"]:
        return Verdict.SUPPORTED_INSIDE
    return Verdict.UNDETERMINED


def _untold(strand: Strand) -> list[HopJudgement]:
    """Return the excluded hops behind the first one that can have a place."""
    behind = dropwhile(lambda hop: hop.excluded or hop.address is None, strand.hops)
    return [hop for hop in behind if hop.excluded]


def _reasons(question: _Question, verdict: Verdict, strand: Strand, of: _Sorted) -> Iterator[str]:
    """Yield what led to the verdict of a flow."""
    stayed = question.stayed(strand)
    if stayed is not None:
        yield f"the packets of the target's fastest answer had no time to leave: {stayed}"
    if verdict is Verdict.UNDETERMINED:
        yield from _gaps(question, strand, of)
    elif verdict in INSIDE:
        for hop in of["inside"]:
            yield _because(hop, question, _is(question, "inside", hop))
    else:
        for hop in sorted(of["outside"], key=lambda hop: not question.proofs(hop)):
            yield _because(hop, question, _is(question, "outside", hop))
        for hop in of["contradictory"]:
            yield _because(hop, question, "has no possible place left")
    yield from _silence(coverage(strand, question.axis))


def _gaps(question: _Question, strand: Strand, of: _Sorted) -> Iterator[str]:
    """Yield why a flow without an outside and without a conflict is not inside either."""
    if not strand.reached:
        yield "no answer came from the target's own address: the end of the way is unseen"
    if not any(of.values()):
        yield "no address that can have a place answered"
    territory = question.axis is Axis.TERRITORY
    both = "has places on both sides" if territory else "is held by groups on both sides"
    for hop in of["mixed"]:
        yield _because(hop, question, f"{both} of {question.jurisdiction}'s border")
    open_ones = [hop for hop in of["unknown"] if territory and _spoken(hop, question)]
    for hop in open_ones:
        yield _because(hop, question, "has no place that could be told")
    lacking = [hop for hop in of["unknown"] if hop not in open_ones]
    if lacking:
        what = "a place for" if territory else "the group behind"
        which = ", ".join(f"{hop.address} (hop {hop.ttl})" for hop in lacking)
        yield f"no evidence of {what} {which}"
    for hop in _untold(strand):
        yield f"hop {hop.ttl} ({hop.address}) is untold: {hop.evidence[0].says}"


def _is(question: _Question, word: str, hop: HopJudgement) -> str:
    if question.axis is Axis.TERRITORY:
        proven = "proven " if question.proofs(hop) else ""
        return f"is {proven}{word} {question.jurisdiction}"
    return f"is held by a group {word} {question.jurisdiction}"


def _because(hop: HopJudgement, question: _Question, conclusion: str) -> str:
    """Return one sentence: the hop, what follows, and everything said of the matter."""
    return f"hop {hop.ttl} ({hop.address}) {conclusion}: {_spoken(hop, question)}"


def _spoken(hop: HopJudgement, question: _Question) -> str:
    if question.axis is Axis.TERRITORY:
        proofs = question.proofs(hop)
        rows = [row for row in hop.evidence if row.kind in _PLACES]
        return "; ".join(row.says for row in rows if row.proof is None or row in proofs)
    return "; ".join(row.says for row in hop.holders if row.kind in _HOLDERS)


def _silence(found: Coverage) -> Iterator[str]:
    if found.hops_silent:
        hops = "hop" if found.hops_silent == 1 else "hops"
        yield (
            f"{found.hops_silent} silent {hops}, {found.longest_silent_gap} in a row at most: "
            "what is there is unseen"
        )
