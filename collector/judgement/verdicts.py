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

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress, dropwhile, groupby
from typing import Final, NamedTuple, TypeAlias

import msgspec

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

_NO_HOPS: Final = ((), (), (), (), ())
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


class Strand(msgspec.Struct, frozen=True):
    """One flow of a path, its hops judged."""

    flow: int
    hops: Sequence[HopJudgement]
    territory: Sequence[Bearing]
    """Of each hop, as is the next."""
    administration: Sequence[Bearing]
    reached: bool
    samples: int
    rtt_min_ns: int | None
    """Smallest time of the target, None where this flow did not reach it."""
    contained: Mapping[str, str] = {}
    """Why the flow had no time to leave, by the jurisdictions where that is proven."""


class _Way(msgspec.Struct, frozen=True):
    """One flow: what is the same on both axes."""

    strand: Strand
    called: Sequence[str]
    """What sentences call each hop."""
    responding: int
    silent: int
    longest_silent_gap: int
    untold: Sequence[HopJudgement]


class _Column(msgspec.Struct, frozen=True):
    """What the hops of one flow are to a jurisdiction."""

    of: Mapping[HopWord | None, Sequence[_Number]]
    """Which hops are what; those that were not judged are None."""
    countries: tuple[str, ...]
    """Of the decided hops, in the order of the way, equal neighbours merged."""

    def which(self, word: HopWord) -> Sequence[_Number]:
        """Return the hops that are `word`, in the order of the way."""
        return self.of.get(word, ())


class _Side(msgspec.Struct, frozen=True):
    """One flow on one axis: what is the same for every jurisdiction."""

    axis: Axis
    way: _Way
    said: Sequence[str]
    """Everything said of each hop but proofs."""
    proofs: Sequence[tuple[Evidence, ...]]
    """Of each hop."""
    columns: Sequence[_Column]
    """For each jurisdiction in turn."""
    coverage: Coverage
    on_soil: bool
    """True for territory."""
    proven: bool
    """Whether anything is proven of any hop."""


class _Question(msgspec.Struct, frozen=True):
    """What a verdict of one flow answers."""

    jurisdiction: str
    side: _Side
    column: _Column
    stayed: str | None
    """Why the flow had no time to leave, None where it is not proven."""

    def proofs(self, number: _Number) -> list[Evidence]:
        """Return what is proven of a hop; a proof counts for its own jurisdiction alone."""
        name, rows = self.jurisdiction, self.side.proofs[number]
        return [row for row in rows if row.proof is not None and row.proof.jurisdiction == name]

    def said(self, number: _Number) -> str:
        """Return everything said of a hop; of proofs those for this jurisdiction alone."""
        proofs = self.proofs(number)
        if not proofs:
            return self.side.said[number]
        rows = self.side.way.strand.hops[number].evidence
        return _joined(row for row in rows if row.proof is None or row in proofs)

    def because(self, numbers: Iterable[_Number], conclusion: str) -> list[str]:
        """Return a sentence for each hop: what follows, and everything said of the matter."""
        called, said = self.side.way.called, self.side.said
        if self.side.proven:
            return [f"{called[number]} {conclusion}: {self.said(number)}" for number in numbers]
        return [f"{called[number]} {conclusion}: {said[number]}" for number in numbers]


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
            yield _conclude([_question(row.name, at, side) for side in sides])


def _conclude(questions: Sequence[_Question]) -> PathVerdict:
    """Return the verdict of the worst flow."""
    if len(questions) == 1:
        question = questions[0]
        verdict = _verdict(question)
        reasons = _reasons(question, verdict)
    else:
        found = [_verdict(question) for question in questions]
        at = _worst(found)
        question, verdict = questions[at], found[at]
        which = f"flow {at + 1} of {len(found)}"
        reasons = [f"{which}: {reason}" for reason in _reasons(question, verdict)]
    side = question.side
    return PathVerdict(
        jurisdiction=question.jurisdiction,
        axis=side.axis,
        verdict=verdict,
        coverage=side.coverage,
        countries=question.column.countries,
        reasons=tuple(reasons),
        flow=side.way.strand.flow,
    )


def _worst(verdicts: Sequence[Verdict]) -> int:
    """Return where the worst stands, the first of equals."""
    ranks = [SEVERITY[verdict] for verdict in verdicts]
    return ranks.index(min(ranks))


def _way(strand: Strand) -> _Way:
    silent = [hop.address is None for hop in strand.hops]
    runs = groupby(silent) if True in silent else ()
    gaps = [len(list(run)) for is_silent, run in runs if is_silent]
    return _Way(
        strand=strand,
        called=[f"hop {hop.ttl} ({hop.address})" for hop in strand.hops],
        responding=sum([hop.address is not None and not hop.excluded for hop in strand.hops]),
        silent=sum(gaps),
        longest_silent_gap=max(gaps, default=0),
        untold=_untold(strand),
    )


def _side(way: _Way, axis: Axis, jurisdictions: int) -> _Side:
    territory = axis is Axis.TERRITORY
    bearings = way.strand.territory if territory else way.strand.administration
    words, countries, known, said, proofs = zip(*bearings, strict=True) if bearings else _NO_HOPS
    by_jurisdiction = list(zip(*words, strict=True)) or [()] * jurisdictions
    made = {each: _column(each, countries) for each in set(by_jurisdiction)}
    return _Side(
        axis=axis,
        way=way,
        said=said,
        proofs=proofs,
        columns=[made[each] for each in by_jurisdiction],
        coverage=_coverage(way, sum(known)),
        on_soil=territory,
        proven=any(proofs),
    )


def _column(words: _Words, countries: Iterable[tuple[str, ...]]) -> _Column:
    of: dict[HopWord | None, list[_Number]] = defaultdict(list)
    for number, word in enumerate(words):
        of[word].append(number)
    return _Column(of, merged(compress(countries, map(_DECIDED.__contains__, words))))


def _question(jurisdiction: str, at: int, side: _Side) -> _Question:
    stayed = side.way.strand.contained.get(jurisdiction) if side.on_soil else None
    return _Question(jurisdiction, side, side.columns[at], stayed)


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
    of, way, stayed = question.column.of, question.side.way, question.stayed is not None
    outside = of.get("outside")
    if outside and not stayed:
        proven = question.side.proven and any(map(question.proofs, outside))
        return Verdict.PROVEN_OUTSIDE if proven else Verdict.SUPPORTED_OUTSIDE
    if outside or "contradictory" in of:
        return Verdict.CONTRADICTORY
    if stayed:
        return Verdict.PROVEN_INSIDE
    heard = way.strand.reached and not way.silent and not way.untold
    if heard and "inside" in of and _LACKING.isdisjoint(of):
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
        if conflicts := question.column.which("contradictory"):
            found += question.because(conflicts, "has no possible place left")
    if question.side.way.silent:
        found.append(_silence(question.side.way))
    return found


def _are(word: HopWord, question: _Question) -> list[str]:
    """Return a sentence for each hop that is inside or outside; outside, the proven ones first."""
    side, name, numbers = question.side, question.jurisdiction, question.column.which(word)
    plain = f"is {word} {name}" if side.on_soil else f"is held by a group {word} {name}"
    if not side.proven:
        return question.because(numbers, plain)
    proven = [number for number in numbers if question.proofs(number)]
    others = [number for number in numbers if number not in proven]
    return [
        sentence
        for number in (proven + others if word == "outside" else numbers)
        for sentence in question.because(
            [number], f"is proven {word} {name}" if number in proven else plain
        )
    ]


def _gaps(question: _Question) -> Iterator[str]:
    """Yield why a flow without an outside and without a conflict is not inside either."""
    column, way, territory = question.column, question.side.way, question.side.on_soil
    if not way.strand.reached:
        yield "no answer came from the target's own address: the end of the way is unseen"
    if not column.of.keys() - {None}:
        yield "no address that can have a place answered"
    both = "has places on both sides" if territory else "is held by groups on both sides"
    under = "is where" if territory else "is held by a group from where"
    name = question.jurisdiction
    yield from question.because(column.which("mixed"), f"{both} of {name}'s border")
    yield from question.because(column.which("unsettled"), f"{under} {name} holds under conditions")
    unknown = column.which("unknown")
    doubtful = [number for number in unknown if territory and question.said(number)]
    yield from question.because(doubtful, "has no place that could be told")
    lacking = [way.strand.hops[number] for number in unknown if number not in doubtful]
    if lacking:
        what = "a place for" if territory else "the group behind"
        which = ", ".join([f"{hop.address} (hop {hop.ttl})" for hop in lacking])
        yield f"no evidence of {what} {which}"
    for hop in way.untold:
        yield f"hop {hop.ttl} ({hop.address}) is untold: {hop.evidence[0].says}"


def _silence(way: _Way) -> str:
    hops = "hop" if way.silent == 1 else "hops"
    seen = f"{way.silent} silent {hops}, {way.longest_silent_gap} in a row at most"
    return f"{seen}: what is there is unseen"
