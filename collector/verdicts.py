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
from typing import Final, NamedTuple, TypeAlias

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
_LACKING: Final = frozenset({"mixed", "unsettled", "unknown"})

_Number: TypeAlias = int
"""Of a hop in its flow, from 0 in the order of the way."""
_Words: TypeAlias = tuple[HopWord | None, ...]


class Bearing(NamedTuple):
    """What one hop means to the verdicts on one axis, whatever its TTL."""

    words: _Words
    """What the hop is to each jurisdiction, in their order; None where it was not judged."""
    countries: tuple[str, ...]
    """Those that the axis names for the hop, once each."""
    known: bool
    """Whether there is evidence on this axis."""
    said: str
    """Everything said of the matter but proofs, which are for one jurisdiction alone."""
    proofs: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Strand:
    """One flow of a path, its hops judged."""

    flow: int
    hops: Sequence[HopJudgement]
    bearings: Mapping[Axis, Sequence[Bearing]]
    """Of each hop."""
    reached: bool
    samples: int
    rtt_min_ns: int | None
    """Smallest time of the target, None where this flow did not reach it."""
    contained: Mapping[str, str] = field(default_factory=dict)
    """Why the flow had no time to leave, by the jurisdictions where that is proven."""


class _Way(NamedTuple):
    """One flow: what is the same on both axes."""

    strand: Strand
    responding: int
    silent: int
    longest_silent_gap: int
    untold: Sequence[HopJudgement]


class _Side(NamedTuple):
    """One flow on one axis: what is the same for every jurisdiction."""

    axis: Axis
    way: _Way
    bearings: Sequence[Bearing]
    words: Sequence[_Words]
    """What the hops are to each jurisdiction in turn."""
    coverage: Coverage
    on_soil: bool
    """True for territory."""
    proven: bool
    """Whether anything is proven of any hop."""


class _Question(NamedTuple):
    """What a verdict of one flow answers."""

    jurisdiction: str
    side: _Side
    words: _Words
    """What each hop is to the jurisdiction."""
    stayed: str | None
    """Why the flow had no time to leave, None where it is not proven."""

    def which(self, word: HopWord) -> list[_Number]:
        """Return the hops that are this to the jurisdiction."""
        return [number for number, each in enumerate(self.words) if each == word]

    def proofs(self, number: _Number) -> list[Evidence]:
        """Return what is proven of a hop; a proof counts for its own jurisdiction alone."""
        name, rows = self.jurisdiction, self.side.bearings[number].proofs
        return [row for row in rows if row.proof is not None and row.proof.jurisdiction == name]

    def said(self, number: _Number) -> str:
        """Return everything said of a hop; of proofs those for this jurisdiction alone."""
        proofs = self.proofs(number)
        if not proofs:
            return self.side.bearings[number].said
        rows = self.side.way.strand.hops[number].evidence
        return _joined(row for row in rows if row.proof is None or row in proofs)

    def because(self, word: HopWord, conclusion: str) -> list[str]:
        """Return a sentence for each hop that is `word`: what follows, and why."""
        if word not in self.words:
            return []
        if self.side.proven:
            return [self.sentence(number, conclusion) for number in self.which(word)]
        ways = zip(self.words, self.side.way.strand.hops, self.side.bearings, strict=True)
        return [
            f"hop {hop.ttl} ({hop.address}) {conclusion}: {bearing.said}"
            for each, hop, bearing in ways
            if each == word
        ]

    def sentence(self, number: _Number, conclusion: str) -> str:
        """Return what follows of a hop, and everything said of the matter."""
        hop = self.side.way.strand.hops[number]
        return f"hop {hop.ttl} ({hop.address}) {conclusion}: {self.said(number)}"


def on_territory(hop: HopJudgement, jurisdictions: Iterable[Jurisdiction]) -> Bearing:
    """Return what a hop means on territory."""
    countries = _once(place.territory for place in hop.candidates)
    proofs = tuple([row for row in hop.evidence if row.proof is not None])
    said = _joined(row for row in hop.evidence if row.proof is None)
    words = tuple([hop.verdicts.get(row.name) for row in jurisdictions])
    return Bearing(words, countries, bool(countries or proofs), said, proofs)


def on_administration(hop: HopJudgement, jurisdictions: Iterable[Jurisdiction]) -> Bearing:
    """Return what a hop means on administration."""
    countries = _once(group.country for group in hop.groups)
    said = "; ".join([row.says for row in hop.holders if row.kind in _HOLDERS])
    words = tuple([hop.administration.get(row.name) for row in jurisdictions])
    return Bearing(words, countries, bool(countries), said)


def _joined(evidence: Iterable[Evidence]) -> str:
    return "; ".join([row.says for row in evidence if row.kind in _PLACES])


def conclude(
    jurisdictions: Sequence[Jurisdiction], strands: Sequence[Strand]
) -> Iterator[PathVerdict]:
    """Yield the verdicts of a path on each axis in turn.

    Its flows are `strands`, in the order of their numbers.
    """
    ways = [_way(strand) for strand in strands]
    for axis in Axis:
        sides = [_side(way, axis, len(jurisdictions)) for way in ways]
        for at, row in enumerate(jurisdictions):
            yield _conclude([_question(row.name, side, side.words[at]) for side in sides])


def _conclude(questions: Sequence[_Question]) -> PathVerdict:
    """Return the verdict of the worst flow."""
    found = [_verdict(question) for question in questions]
    ranks = [SEVERITY[verdict] for verdict in found]
    at = ranks.index(min(ranks))
    question, verdict, side = questions[at], found[at], questions[at].side
    reasons = _reasons(question, verdict)
    if len(found) > 1:
        reasons = [f"flow {at + 1} of {len(found)}: {reason}" for reason in reasons]
    return PathVerdict(
        jurisdiction=question.jurisdiction,
        axis=side.axis,
        verdict=verdict,
        coverage=side.coverage,
        countries=_countries(question),
        reasons=tuple(reasons),
        flow=side.way.strand.flow,
    )


def _way(strand: Strand) -> _Way:
    silent = [hop.address is None for hop in strand.hops]
    gaps = [len(list(run)) for is_silent, run in groupby(silent) if is_silent]
    return _Way(
        strand=strand,
        responding=sum([hop.address is not None and not hop.excluded for hop in strand.hops]),
        silent=sum(gaps),
        longest_silent_gap=max(gaps, default=0),
        untold=_untold(strand),
    )


def _side(way: _Way, axis: Axis, jurisdictions: int) -> _Side:
    bearings = way.strand.bearings[axis]
    words = [bearing.words for bearing in bearings]
    return _Side(
        axis=axis,
        way=way,
        bearings=bearings,
        words=list(zip(*words, strict=True)) or [()] * jurisdictions,
        coverage=_coverage(way, sum([bearing.known for bearing in bearings])),
        on_soil=axis is Axis.TERRITORY,
        proven=any(bearing.proofs for bearing in bearings),
    )


def _question(jurisdiction: str, side: _Side, words: _Words) -> _Question:
    stayed = side.way.strand.contained.get(jurisdiction) if side.on_soil else None
    return _Question(jurisdiction, side, words, stayed)


def _coverage(way: _Way, known: int) -> Coverage:
    """Return how much of a flow a verdict rests on, `known` of its hops having evidence."""
    strand = way.strand
    return Coverage(
        hops_responding=way.responding,
        hops_with_evidence=known,
        hops_silent=way.silent,
        longest_silent_gap=way.longest_silent_gap,
        rtt_min_s=None if strand.rtt_min_ns is None else strand.rtt_min_ns / 1e9,
        samples=strand.samples,
    )


def _countries(question: _Question) -> tuple[str, ...]:
    """Return the countries of the decided hops in the order of the way."""
    pairs = zip(question.side.bearings, question.words, strict=True)
    return merged([bearing.countries for bearing, word in pairs if word in _DECIDED])


def _once(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*codes}))


def merged(countries: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the countries in order, equal neighbours merged."""
    found: list[str] = []
    last = None
    for codes in countries:
        for code in codes:
            if code != last:
                found.append(code)
                last = code
    return tuple(found)


def _verdict(question: _Question) -> Verdict:
    """Apply the table of the module's rules to one flow."""
    words, way, stayed = question.words, question.side.way, question.stayed is not None
    outside = "outside" in words
    if outside and not stayed:
        proven = question.side.proven and any(map(question.proofs, question.which("outside")))
        return Verdict.PROVEN_OUTSIDE if proven else Verdict.SUPPORTED_OUTSIDE
    if outside or "contradictory" in words:
        return Verdict.CONTRADICTORY
    if stayed:
        return Verdict.PROVEN_INSIDE
    heard = way.strand.reached and not way.silent and not way.untold
    if heard and "inside" in words and _LACKING.isdisjoint(words):
        return Verdict.SUPPORTED_INSIDE
    return Verdict.UNDETERMINED


def _untold(strand: Strand) -> Sequence[HopJudgement]:
    """Return the excluded hops behind the first one that can have a place."""
    behind = dropwhile(lambda hop: hop.excluded or hop.address is None, strand.hops)
    return [hop for hop in behind if hop.excluded]


def _reasons(question: _Question, verdict: Verdict) -> list[str]:
    """Return what led to the verdict of a flow."""
    found: list[str] = []
    if question.stayed is not None:
        why = f"the packets of the target's fastest answer had no time to leave: {question.stayed}"
        found.append(why)
    if verdict is Verdict.UNDETERMINED:
        found += _gaps(question)
    elif verdict in INSIDE:
        found += _are("inside", question)
    else:
        found += _are("outside", question)
        found += question.because("contradictory", "has no possible place left")
    found += _silence(question.side.way)
    return found


def _are(word: HopWord, question: _Question) -> list[str]:
    """Return a sentence for each hop that is inside or outside; outside, the proven ones first."""
    side, name = question.side, question.jurisdiction
    plain = f"is {word} {name}" if side.on_soil else f"is held by a group {word} {name}"
    if not side.proven:
        return question.because(word, plain)
    numbers = question.which(word)
    proven = [number for number in numbers if question.proofs(number)]
    if word == "outside":
        numbers = proven + [number for number in numbers if number not in proven]
    return [
        question.sentence(number, f"is proven {word} {name}" if number in proven else plain)
        for number in numbers
    ]


def _gaps(question: _Question) -> Iterator[str]:
    """Yield why a flow without an outside and without a conflict is not inside either."""
    way, territory = question.side.way, question.side.on_soil
    if not way.strand.reached:
        yield "no answer came from the target's own address: the end of the way is unseen"
    if not any(question.words):
        yield "no address that can have a place answered"
    both = "has places on both sides" if territory else "is held by groups on both sides"
    under = "is where" if territory else "is held by a group from where"
    yield from question.because("mixed", f"{both} of {question.jurisdiction}'s border")
    yield from question.because(
        "unsettled", f"{under} {question.jurisdiction} holds under conditions"
    )
    lacking = []
    for number in question.which("unknown"):
        if territory and question.said(number):
            yield question.sentence(number, "has no place that could be told")
        else:
            lacking.append(way.strand.hops[number])
    if lacking:
        what = "a place for" if territory else "the group behind"
        which = ", ".join([f"{hop.address} (hop {hop.ttl})" for hop in lacking])
        yield f"no evidence of {what} {which}"
    for hop in way.untold:
        yield f"hop {hop.ttl} ({hop.address}) is untold: {hop.evidence[0].says}"


def _silence(way: _Way) -> list[str]:
    if not way.silent:
        return []
    hops = "hop" if way.silent == 1 else "hops"
    seen = f"{way.silent} silent {hops}, {way.longest_silent_gap} in a row at most"
    return [f"{seen}: what is there is unseen"]
