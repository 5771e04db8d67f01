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
from typing import Final, NamedTuple, TypeAlias, get_args

from collector.records import (
    INSIDE,
    SEVERITY,
    Axis,
    Coverage,
    Evidence,
    HopJudgement,
    HopWord,
    Jurisdiction,
    PathVerdict,
    Verdict,
)

_PLACES: Final = frozenset({"proof", "zone", "name", "cloud", "exchange", "refuted", "anycast"})
_HOLDERS: Final = frozenset({"zone", "network", "carrier"})
_DECIDED: Final = frozenset({"inside", "outside"})
_WORDS: Final[tuple[HopWord, ...]] = get_args(HopWord)

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


class _Column(NamedTuple):
    """What the hops of one flow are to a jurisdiction."""

    of: _Sorted
    countries: tuple[str, ...]
    """Of the decided hops, in the order of the way, equal neighbours merged."""


class _Side(NamedTuple):
    """One flow on one axis: what is the same for every jurisdiction."""

    axis: Axis
    strand: Strand
    words: Sequence[Mapping[str, HopWord]]
    """What each hop is to each jurisdiction."""
    countries: Sequence[tuple[str, ...]]
    """The countries that the axis names for each hop, once each."""
    coverage: Coverage
    untold: Sequence[HopJudgement]
    on_soil: bool
    """True for territory."""
    proven: bool
    """Whether anything is proven of any hop."""
    columns: dict[tuple[HopWord | None, ...], _Column]
    """What follows for jurisdictions to which every hop is the same word: most are."""
    said: dict[tuple[int, str | None], str]
    """Everything said of a hop of which nothing is proven, by TTL and address."""


class _Question(NamedTuple):
    """What a verdict of one flow answers."""

    jurisdiction: str
    side: _Side
    column: _Column
    stayed: str | None
    """Why the flow had no time to leave, None where it is not proven."""

    def proofs(self, hop: HopJudgement) -> list[Evidence]:
        """Return what is proven of a hop; a proof counts for its own jurisdiction alone."""
        if not self.side.proven:
            return []
        name = self.jurisdiction
        return [row for row in hop.evidence if row.proof and row.proof.jurisdiction == name]


def conclude(
    axis: Axis, jurisdictions: Iterable[Jurisdiction], strands: Sequence[Strand]
) -> Iterator[PathVerdict]:
    """Yield the verdicts of a path, whose flows are `strands` in the order of their numbers."""
    sides = [_side(strand, axis) for strand in strands]
    for row in jurisdictions:
        yield _conclude([_question(row.name, side) for side in sides])


def _conclude(questions: Sequence[_Question]) -> PathVerdict:
    """Return the verdict of the worst flow."""
    found = [_verdict(question) for question in questions]
    at = min(range(len(found)), key=lambda place: SEVERITY[found[place]])
    question, verdict, side = questions[at], found[at], questions[at].side
    reasons = tuple(_reasons(question, verdict))
    if len(found) > 1:
        reasons = tuple(f"flow {at + 1} of {len(found)}: {reason}" for reason in reasons)
    return PathVerdict(
        jurisdiction=question.jurisdiction,
        axis=side.axis,
        verdict=verdict,
        coverage=side.coverage,
        countries=question.column.countries,
        reasons=reasons,
        flow=side.strand.flow,
    )


def _side(strand: Strand, axis: Axis) -> _Side:
    hops, territory = strand.hops, axis is Axis.TERRITORY
    rows = [row for hop in hops for row in hop.evidence] if territory else []
    return _Side(
        axis=axis,
        strand=strand,
        words=[hop.verdicts if territory else hop.administration for hop in hops],
        countries=[territories(hop) if territory else _seats(hop) for hop in hops],
        coverage=_coverage(strand, axis),
        untold=_untold(strand),
        on_soil=territory,
        proven=any(row.proof for row in rows),
        columns={},
        said={},
    )


def _question(jurisdiction: str, side: _Side) -> _Question:
    words = tuple([words.get(jurisdiction) for words in side.words])
    column = side.columns.get(words)
    if column is None:
        column = side.columns[words] = _column(words, side)
    stayed = side.strand.contained.get(jurisdiction) if side.on_soil else None
    return _Question(jurisdiction, side, column, stayed)


def _column(words: Sequence[HopWord | None], side: _Side) -> _Column:
    of: dict[HopWord, list[HopJudgement]] = {word: [] for word in _WORDS}
    for hop, word in zip(side.strand.hops, words, strict=True):
        if word is not None:
            of[word].append(hop)
    decided = [codes for codes, word in zip(side.countries, words, strict=True) if word in _DECIDED]
    return _Column(of, merged(decided))


def _coverage(strand: Strand, axis: Axis) -> Coverage:
    """Return how much of a flow a verdict on `axis` rests on."""
    responding = [hop for hop in strand.hops if hop.address is not None and not hop.excluded]
    silent = [hop.address is None for hop in strand.hops]
    runs = [len(list(run)) for is_silent, run in groupby(silent) if is_silent]
    known = [_placed(hop) if axis is Axis.TERRITORY else bool(hop.groups) for hop in responding]
    return Coverage(
        hops_responding=len(responding),
        hops_with_evidence=sum(known),
        hops_silent=sum(runs),
        longest_silent_gap=max(runs, default=0),
        rtt_min_s=None if strand.rtt_min_ns is None else strand.rtt_min_ns / 1e9,
        samples=strand.samples,
    )


def _placed(hop: HopJudgement) -> bool:
    return bool(hop.candidates) or any(row.proof for row in hop.evidence)


def territories(hop: HopJudgement) -> tuple[str, ...]:
    """Return the territories of the places that a hop may be at, once each."""
    return _once([place.territory for place in hop.candidates])


def _seats(hop: HopJudgement) -> tuple[str, ...]:
    """Return the countries of the groups that control a hop, once each."""
    return _once([group.country for group in hop.groups])


def _once(codes: Sequence[str]) -> tuple[str, ...]:
    return tuple(codes if len(codes) < 2 else sorted({*codes}))  # noqa: PLR2004 - nothing twice


def merged(countries: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the countries in order, equal neighbours merged."""
    found: list[str] = []
    for codes in countries:
        for code in codes:
            if not found or found[-1] != code:
                found.append(code)
    return tuple(found)


def _verdict(question: _Question) -> Verdict:
    """Apply the table of the module's rules to one flow."""
    of, strand, stayed = question.column.of, question.side.strand, question.stayed is not None
    if of["outside"] and not stayed:
        proven = any(map(question.proofs, of["outside"]))
        return Verdict.PROVEN_OUTSIDE if proven else Verdict.SUPPORTED_OUTSIDE
    if of["outside"] or of["contradictory"]:
        return Verdict.CONTRADICTORY
    if stayed:
        return Verdict.PROVEN_INSIDE
    heard = strand.reached and not question.side.coverage.hops_silent and not question.side.untold
    lacking = of["mixed"] or of["unsettled"] or of["unknown"]
    if heard and of["inside"] and not lacking:
        return Verdict.SUPPORTED_INSIDE
    return Verdict.UNDETERMINED


def _untold(strand: Strand) -> Sequence[HopJudgement]:
    """Return the excluded hops behind the first one that can have a place."""
    if not any(hop.excluded for hop in strand.hops):
        return ()
    behind = dropwhile(lambda hop: hop.excluded or hop.address is None, strand.hops)
    return [hop for hop in behind if hop.excluded]


def _reasons(question: _Question, verdict: Verdict) -> Iterator[str]:
    """Yield what led to the verdict of a flow."""
    of = question.column.of
    if question.stayed is not None:
        yield f"the packets of the target's fastest answer had no time to leave: {question.stayed}"
    if verdict is Verdict.UNDETERMINED:
        yield from _gaps(question)
    elif verdict in INSIDE:
        yield from _are("inside", of["inside"], question)
    else:
        yield from _are("outside", of["outside"], question)
        for hop in of["contradictory"]:
            yield _because(hop, question, "has no possible place left")
    yield from _silence(question.side.coverage)


def _are(word: HopWord, hops: Sequence[HopJudgement], question: _Question) -> Iterator[str]:
    """Yield a sentence for each hop that is inside or outside; outside, the proven ones first."""
    side, name = question.side, question.jurisdiction
    plain = f"is {word} {name}" if side.on_soil else f"is held by a group {word} {name}"
    if not side.proven:
        for hop in hops:
            yield _because(hop, question, plain)
        return
    proven = [hop for hop in hops if question.proofs(hop)]
    others = [hop for hop in hops if not question.proofs(hop)]
    for hop in hops if word == "inside" else proven + others:
        yield _because(hop, question, f"is proven {word} {name}" if hop in proven else plain)


def _gaps(question: _Question) -> Iterator[str]:
    """Yield why a flow without an outside and without a conflict is not inside either."""
    of, territory = question.column.of, question.side.on_soil
    if not question.side.strand.reached:
        yield "no answer came from the target's own address: the end of the way is unseen"
    if not any(of.values()):
        yield "no address that can have a place answered"
    both = "has places on both sides" if territory else "is held by groups on both sides"
    under = "is where" if territory else "is held by a group from where"
    for hop in of["mixed"]:
        yield _because(hop, question, f"{both} of {question.jurisdiction}'s border")
    for hop in of["unsettled"]:
        yield _because(hop, question, f"{under} {question.jurisdiction} holds under conditions")
    lacking = []
    for hop in of["unknown"]:
        if territory and _spoken(hop, question):
            yield _because(hop, question, "has no place that could be told")
        else:
            lacking.append(hop)
    if lacking:
        what = "a place for" if territory else "the group behind"
        which = ", ".join(f"{hop.address} (hop {hop.ttl})" for hop in lacking)
        yield f"no evidence of {what} {which}"
    for hop in question.side.untold:
        yield f"hop {hop.ttl} ({hop.address}) is untold: {hop.evidence[0].says}"


def _because(hop: HopJudgement, question: _Question, conclusion: str) -> str:
    """Return one sentence: the hop, what follows, and everything said of the matter."""
    return f"hop {hop.ttl} ({hop.address}) {conclusion}: {_spoken(hop, question)}"


def _spoken(hop: HopJudgement, question: _Question) -> str:
    """Return everything said of a hop; of proofs those for this jurisdiction alone."""
    proofs, said = question.proofs(hop), question.side.said
    if proofs:
        rows = [row for row in hop.evidence if row.kind in _PLACES]
        return "; ".join([row.says for row in rows if row.proof is None or row in proofs])
    found = said.get((hop.ttl, hop.address))
    if found is None:
        kinds, of = (_PLACES, hop.evidence) if question.side.on_soil else (_HOLDERS, hop.holders)
        found = "; ".join([row.says for row in of if row.kind in kinds and row.proof is None])
        said[hop.ttl, hop.address] = found
    return found


def _silence(found: Coverage) -> Iterator[str]:
    if found.hops_silent:
        hops = "hop" if found.hops_silent == 1 else "hops"
        yield (
            f"{found.hops_silent} silent {hops}, {found.longest_silent_gap} in a row at most: "
            "what is there is unseen"
        )
