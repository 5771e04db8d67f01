"""Decider: a Statement made again from its own inputs.

Rules
- Paths are judged by the rows of the Statement, rounds are followed by a watch that knows nothing
  else but what the policy asked for, and both are stated in the same way as a collector does it.
- Distances and reaches of anycast come from two libraries of mathematics: stated and recomputed
  ones may differ in the last digits (one part in 10^9), and the stated ones then stand.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from collector.audit import evidence
from collector.audit.stated import Stated
from collector.episodes.administration import Administration
from collector.episodes.crossings import Crossings
from collector.facts.clouds import StatedClouds
from collector.facts.knowledge import Knowledge
from collector.facts.networks import Networks, RangeTables
from collector.judgement import anycast, borders, suppositions
from collector.judgement.control import HolderFinding
from collector.judgement.landmarks import discs
from collector.nearness import Several
from collector.positions import UNTESTED
from collector.records import Crossing, PathRecord, Verdict

_LAST_DIGITS: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Restated:
    """What follows from the inputs."""

    records: tuple[PathRecord, ...]
    episode: Crossing | HolderFinding | None
    """What the rounds confirm; None where they confirm none."""
    statement: bytes


def restate(stated: Stated) -> Restated:
    """Return the Statement that follows from the inputs; nothing in them makes it raise."""
    records = tuple(_records(stated))
    episode = _confirmed(records, stated)
    made = evidence.statement(
        episode or stated.episode,
        records,
        stated.vantage,
        stated.knowledge,
        zone=stated.zone,
        policy=stated.policy,
        supposed=suppositions.of_records(records, stated.zone, stated.knowledge)
        if stated.supposes
        else None,
    )
    return Restated(records, episode, made)


def world(stated: Stated, release: Knowledge, tables: RangeTables) -> Knowledge:
    """Return the tables of `release` with the Statement's own rows of holders, and `tables`."""
    special = release.networks.special_rows
    return Knowledge(
        operators=release.operators,
        names=release.names,
        places=release.places,
        networks=Networks(special, stated.overrides, tables),
        carriers=release.carriers,
        lans=release.lans,
        anycast=release.anycast,
        clouds=StatedClouds(stated.clouds, release.clouds),
        imports=stated.knowledge.imports,
        soil=release.soil,
        table_sha256=release.table_sha256,
        jurisdictions=release.jurisdictions,
    )


def _records(stated: Stated) -> list[PathRecord]:
    found = []
    for path in stated.paths:
        several = tuple(map(_again, stated.several.get(path.id, ())))
        near = stated.landmarks.get(path.id, ())
        standings = stated.standings.get(path.id, ())
        told = {row.agent: row.says for row in standings}
        judgement = borders.judge(
            path,
            agent=stated.vantage.name,
            zone=stated.zone,
            knowledge=stated.knowledge,
            jurisdictions=stated.jurisdictions,
            anycast=anycast.evidence(several, told),
            discs=discs(near, told),
            standing=told.get(stated.vantage.name, UNTESTED),
        )
        found.append(
            PathRecord(
                path=path,
                judgement=judgement,
                several=several,
                landmarks=near,
                standings=standings,
            )
        )
    return found


def _again(row: Several) -> Several:
    """Return what follows from the two times; the row itself where that is the same."""
    made = anycast.apart(row.address, row.seen)
    if made is None:
        return msgspec.structs.replace(row, distance_km=0.0, reach_km=0.0)
    same = (
        made.seen == row.seen
        and math.isclose(made.distance_km, row.distance_km, rel_tol=_LAST_DIGITS)
        and math.isclose(made.reach_km, row.reach_km, rel_tol=_LAST_DIGITS)
    )
    return row if same else made


def _confirmed(records: Sequence[PathRecord], stated: Stated) -> Crossing | HolderFinding | None:
    """Return the episode that the rounds confirm, by the lists of the Statement itself."""
    lists = {row.name: row for row in stated.jurisdictions}
    wanted = stated.episode.jurisdiction
    judged = [row.judgement for row in records]
    judged.sort(key=lambda judgement: (judgement.started_ns, judgement.id))
    if isinstance(stated.episode, HolderFinding):
        administration = Administration(lists)
        for judgement in judged:
            administration.observe(judgement, (wanted,))
        return next(iter(administration.findings()), None)
    crossings, ruling = Crossings(lists), stated.policy
    demanded = ruling is not None and wanted in ruling.territory
    open_at = ruling.open_at if ruling and demanded else Verdict.SUPPORTED_OUTSIDE
    for judgement in judged:
        crossings.observe(judgement, {wanted: open_at})
    return next((row for row in crossings.all() if row.confirmed_ns is not None), None)
