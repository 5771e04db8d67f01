"""Shell: answers to questions, merged from what is in memory and what is in segments.

Rules
- Its methods may be called from any thread: they hold the state's lock only while they take what
  they need of it, and read files without it.
- What is sealed is seen in memory until its segment is listed, and both change under the lock: a
  question finds every sample once.
- Upkeep replaces segments under the lock, too: a question whose files go while it reads them
  begins again with the new list.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from collector.errors import GoneError
from collector.judgement.asked import Asked
from collector.judgement.control import HolderFinding
from collector.listed import Segment
from collector.positions import Position
from collector.records import (
    Crossing,
    PathRecord,
    Quantiles,
    SeriesQuery,
    SeriesRow,
    SeriesWindow,
    Vantage,
    ZoneRow,
)
from collector.samples import packing, summaries
from collector.samples.columns import Summaries
from collector.samples.quantiles import Columns, ranks, to_quantiles
from collector.samples.registry import Registered
from collector.samples.sums import Sums, TooManyError
from collector.samples.worst import WorstRow
from collector.state import State
from collector.store import archive, judged
from collector.store.asking import Question
from collector.store.bundles import Bundles
from collector.web import questions

Answer = TypeVar("Answer")

_ATTEMPTS: Final = 5
"""How often a question begins again because its segments were replaced while it read them."""


class StoreReader:
    """`collector.gate.intake.Reader` over the state and the store."""

    def __init__(
        self,
        state: State,
        lock: threading.Lock,
        *,
        segments_directory: Path,
        listed: list[Segment],
        bundles: Bundles,
        agents: Sequence[Vantage],
    ) -> None:
        """Read `state` and `listed` (all segments, which the owner changes) under `lock`."""
        self._state = state
        self._lock = lock
        self._directory = segments_directory
        self._listed = listed
        self._bundles = bundles
        self._agents = {vantage.agent_id: vantage.name for vantage in agents}

    def zones(self, from_ns: int, to_ns: int) -> Sequence[ZoneRow]:
        """Return a row per (agent, zone) with samples in [from_ns, to_ns)."""
        groups: dict[tuple[str, str], int] = {}

        def merge(asked: Question, known: Sequence[Registered]) -> Columns:
            keys = ((row.series.zone, self._agent(row)) for row in known)
            numbers = (groups.setdefault(key, len(groups)) for key in keys)
            return asked.whole(Sums(group_of=np.fromiter(numbers, np.uint32, len(known))))

        _, merged = self._asked(None, from_ns, to_ns, merge)
        keys = list(groups)
        rows = []
        for group, quantiles in zip(merged.row.tolist(), to_quantiles(merged), strict=True):
            ident, agent = keys[group]
            provider, _, region = ident.partition("/")
            rows.append(ZoneRow(provider=provider, region=region, agent=agent, quantiles=quantiles))
        return sorted(rows, key=lambda row: (row.provider, row.region, row.agent))

    def series(self, query: SeriesQuery) -> Sequence[SeriesRow]:
        """Return the series that match and have windows, with these merged to the step.

        Raises:
            RefusedError: There are more than `query.most_windows`.
        """

        def merge(asked: Question, _: Sequence[Registered]) -> Columns | Summaries:
            if query.ranks_ppm:
                return asked.whole(Sums(query.step_ns, most=query.most_windows))
            return asked.told(query.step_ns, query.most_windows)

        try:
            known, found = self._asked(query, query.from_ns, query.to_ns, merge)
        except TooManyError as error:
            raise questions.too_many(error.series, error.windows, query) from error
        windows: dict[int, list[SeriesWindow]] = {}
        begins = zip(found.row.tolist(), found.start_ns.tolist(), strict=True)
        for (row, start_ns), (quantiles, found_s) in zip(begins, _told(found, query), strict=True):
            window = SeriesWindow(start_ns=start_ns, quantiles=quantiles, ranks_s=found_s)
            windows.setdefault(row, []).append(window)
        return [
            SeriesRow(
                agent=self._agent(known[row]),
                zone=known[row].series.zone,
                series=known[row].series,
                windows=tuple(found),
            )
            for row, found in windows.items()
        ]

    def latest_paths(self) -> Sequence[PathRecord]:
        """Return the newest path of each (agent, target, family)."""
        with self._lock:
            newest = self._state.routes.newest.copy()
        return [newest[key] for key in sorted(newest)]

    def paths(
        self, agent: str | None, target: str | None, limit: int, before_ns: int | None = None
    ) -> Sequence[PathRecord]:
        """Return the newest paths that match, newest first, `limit` at most.

        With `before_ns`, those alone that started earlier.

        Raises:
            StoreError: A segment is missing or damaged; the message names it.
        """
        for attempt in range(_ATTEMPTS):
            with self._lock:
                fresh = self._state.routes.fresh[:]
                listed = self._listed[:]
            names = [segment.name for segment in listed if segment.kind == "paths"]
            try:
                found = judged.read_paths(
                    *(self._directory, names),
                    agent=agent,
                    target=target,
                    limit=limit,
                    before_ns=before_ns,
                )
            except GoneError:
                if attempt + 1 == _ATTEMPTS or self._stands(listed):
                    raise
                continue
            found += [
                record
                for record in fresh
                if agent in {None, record.judgement.agent}
                and target in {None, record.judgement.target}
                and (before_ns is None or record.judgement.started_ns < before_ns)
            ]
            found.sort(key=lambda record: record.judgement.started_ns, reverse=True)
            return found[: max(limit, 0)]
        raise AssertionError("the last attempt raises")

    def crossings(self) -> Sequence[Crossing]:
        """Return confirmed episodes, newest first."""
        with self._lock:
            return self._state.routes.crossings()

    def findings(self) -> Sequence[HolderFinding]:
        """Return confirmed findings of administration, newest first."""
        with self._lock:
            return self._state.routes.findings()

    def positions(self) -> Mapping[str, Position]:
        """Return what is known of where each configured agent stands."""
        with self._lock:
            return self._state.routes.vantages.positions()

    def requests(self, now_ns: int) -> Asked:
        """Return what became of the requests to witnesses."""
        with self._lock:
            return self._state.routes.witness.asked(now_ns)

    def evidence(self, digest: str) -> bytes | None:
        """Return the canonical JSON of the Statement with this SHA-256 (hex), None if unknown.

        Raises:
            StoreError: It cannot be read, or its octets do not match its name.
        """
        for attempt in range(_ATTEMPTS):
            with self._lock:
                listed = self._listed[:]
            names = [segment.name for segment in listed if segment.kind == "evidence"]
            try:
                found = self._bundles.read(digest) or archive.read(self._directory, names, digest)
            except GoneError:
                if attempt + 1 == _ATTEMPTS or self._stands(listed):
                    raise
            else:
                if found is not None or self._stands(listed):
                    return found
        return None

    def last_batch_ns(self) -> Mapping[str, int]:
        """Return when each configured agent last delivered (collector's wall clock), 0 if never."""
        with self._lock:
            arrivals = dict(self._state.arrivals)
        return {name: arrivals.get(agent_id, 0) for agent_id, name in self._agents.items()}

    def worst(self, from_ns: int, to_ns: int, limit: int) -> Sequence[WorstRow]:
        """Return the series with the highest p99 of any minute in [from_ns, to_ns), worst first.

        A p99 is that of its bucket, within 0.55 %; of equal ones the series known first.

        Raises:
            StoreError: A segment is missing or damaged; the message names it.
        """
        known, best = self._asked(None, from_ns, to_ns, lambda asked, _: asked.worst())
        order = np.argsort(-best, kind="stable")[:limit]
        return [
            WorstRow(
                agent=self._agent(known[row]),
                series=known[row].series,
                p99_s=packing.middle_s(bucket),
            )
            for row, bucket in zip(order.tolist(), best[order].tolist(), strict=True)
            if bucket != packing.NOTHING
        ]

    def _asked(
        self,
        query: SeriesQuery | None,
        from_ns: int,
        to_ns: int,
        answer: Callable[[Question, Sequence[Registered]], Answer],
    ) -> tuple[list[Registered], Answer]:
        """Return all known series, and the answer to a question about those that match.

        Raises:
            StoreError: A segment is missing or damaged; the message names it.
        """
        for attempt in range(_ATTEMPTS):
            with self._lock:
                known = self._state.registry.rows[:]
                standing = self._state.standing()
                listed = self._listed[:]
            held = standing()
            rows = None if query is None else set(self._matching(known, query))
            inside = (held.start_ns >= from_ns) & (held.start_ns < to_ns)
            if rows is not None:
                inside &= np.isin(held.row, list(rows))
            question = Question(
                directory=self._directory,
                listed=listed,
                held=held.take(np.flatnonzero(inside)),
                rows=rows,
                from_ns=from_ns,
                to_ns=to_ns,
            )
            try:
                return known, answer(question, known)
            except GoneError:
                if attempt + 1 == _ATTEMPTS or self._stands(listed):
                    raise
        raise AssertionError("the last attempt raises")

    def _stands(self, listed: list[Segment]) -> bool:
        """Return whether the list is still the same: then a file that is gone is missing."""
        with self._lock:
            return listed == self._listed

    def _matching(self, known: Sequence[Registered], query: SeriesQuery) -> Iterator[int]:
        """Yield the rows that a question asks for."""
        for candidate in known:
            series = candidate.series
            if (
                query.agent in {None, self._agent(candidate)}
                and query.zone in {None, series.zone}
                and query.target in {None, series.target}
                and query.protocol in {None, series.protocol}
                and query.family in {None, series.family}
            ):
                yield candidate.row

    def _agent(self, known: Registered) -> str:
        """Return the agent's name as the settings have it now, else as it was."""
        return self._agents.get(known.agent_id, known.agent)


def _told(
    found: Columns | Summaries, query: SeriesQuery
) -> Iterator[tuple[Quantiles, tuple[float | None, ...]]]:
    """Yield what is said of each window: the usual, and the quantiles asked for besides."""
    if isinstance(found, Columns):
        yield from zip(to_quantiles(found), ranks(found, query.ranks_ppm), strict=True)
    else:
        yield from ((quantiles, ()) for quantiles in summaries.to_quantiles(found))
