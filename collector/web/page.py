"""Bytes: the pages for people: what is known now, as plain HTML that needs no script.

Rules
- Everything that came from a network (names of routers above all) is escaped by the template
  engine; nothing is marked safe here or there.
- A colour never stands alone: every verdict has a mark and a word. Times are UTC.
- The page says what was seen, and beside it what was not: coverage, silence, premises.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata, resources
from typing import Final

import jinja2

from agent.records import Family
from collector.audit import rounds
from collector.audit.rounds import Rounds
from collector.errors import RefusedError
from collector.facts.regions import BY_NAME
from collector.gate.intake import Reader
from collector.judgement import sentences
from collector.judgement.control import HolderFinding
from collector.records import (
    Axis,
    Crossing,
    HopJudgement,
    Judgement,
    PathRecord,
    Verdict,
)
from collector.settings.config import Config
from collector.settings.policy import Demands
from collector.web import agentview, pagewords, zonesview
from collector.web.pagewords import View

ZONES_RANGE_S: Final = 60
"""The zones' table shows the last minute."""
ABSENT_S: Final = 60
"""An agent that has not delivered for so long is named on the page."""
MAX_CROSSINGS: Final = 100
MAX_SENTENCES: Final = 20
"""Open crossings of which the headline tells each by itself."""

HTML_TYPE: Final = "text/html"
ASSETS: Final[Mapping[str, str]] = {"borne.css": "text/css", "borne.svg": "image/svg+xml"}
"""Files served beside the pages, with their media types."""

_ALL: Final = zonesview.Chosen()

Key = tuple[str, str, Family]
"""(agent, target, family)."""


def asset(name: str) -> bytes:
    """Return the content of one of `ASSETS`."""
    return (resources.files("collector") / "templates" / name).read_bytes()


def notice(title: str, text: str, *, depth: int = 0, refresh_s: int | None = None) -> str:
    """Return a page that only says something: that the collector starts, that nothing is here.

    `depth` is how many folders below `/` it is served, for its links.
    """
    view = {"title": title, "text": text, "root": "../" * depth, "refresh_s": refresh_s}
    return _engine().get_template("notice.html").render(view)


def overview(reader: Reader, config: Config, now_ns: int, chosen: zonesview.Chosen = _ALL) -> str:
    """Return the page `/`: headline, zones (those that were chosen), crossings."""
    newest = {_key(row.judgement): row for row in reader.latest_paths()}
    crossings = reader.crossings()
    lists, policy = config.lists, _policy(config)
    findings = reader.findings()
    going_on = [row for row in crossings if row.ended_ns is None]
    told = going_on[:MAX_SENTENCES]
    judged = {
        key: found
        for key, row in newest.items()
        if (found := pagewords.worst(row.judgement, _demands(policy, row.judgement))) is not None
    }
    verdicts = list(judged.values())
    oldest_ns = min((newest[key].judgement.started_ns for key in judged), default=now_ns)
    absent = sentences.absent(now_ns, dict(reader.last_batch_ns()), ABSENT_S)
    return (
        _engine()
        .get_template("overview.html")
        .render(
            root="",
            now=pagewords.time(now_ns),
            headline=sentences.headline(going_on, verdicts, lists),
            mood=sentences.mood(going_on, verdicts, absent),
            going_on=[sentences.crossing_sentence(row, lists) for row in told],
            untold=len(going_on) - len(told),
            returning=_returning(told, newest),
            ground=sentences.ground(verdicts, now_ns - oldest_ns),
            absent=(*absent, *agentview.refuted(reader.positions())),
            agents=agentview.rows(reader, config.agents),
            several=sentences.several(one for row in newest.values() for one in row.several),
            zones=zonesview.table(
                reader.zones(now_ns - ZONES_RANGE_S * sentences.NS_PER_S, now_ns),
                (row.judgement for row in newest.values()),
                *(policy, lists, chosen),
            ),
            range_s=ZONES_RANGE_S,
            crossings=[_crossing(row, lists, now_ns) for row in crossings[:MAX_CROSSINGS]],
            more=max(0, len(crossings) - MAX_CROSSINGS),
            findings=[_finding(row, now_ns) for row in findings[:MAX_CROSSINGS]],
            watched=bool(findings) or any(found.administration for found in policy.values()),
        )
    )


def crossing(reader: Reader, ident: str, now_ns: int, lists: sentences.Lists = BY_NAME) -> str:
    """Return the page of one crossing, with the round that confirmed it out of its Statement.

    `lists` are the jurisdictions by name.

    Raises: RefusedError 404; StoreError where the Statement is damaged.
    """
    row = next((row for row in reader.crossings() if row.id == ident), None)
    if row is None:
        raise RefusedError(404, "not_found", f"there is no crossing {ident[:80]!r}")
    statement = None if row.evidence is None else reader.evidence(row.evidence)
    view: View = {
        "root": "../",
        "now": pagewords.time(now_ns),
        "crossing": _crossing(row, lists, now_ns),
        "wider": [pagewords.word(row.wider[name], name) for name in row.wider],
        "basis": None if statement is None else _basis(rounds.read(statement), row),
    }
    return _engine().get_template("crossing.html").render(view)


@cache
def _engine() -> jinja2.Environment:
    engine = jinja2.Environment(
        loader=jinja2.PackageLoader("collector"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.globals["version"] = metadata.version("borne")
    engine.globals["legend"] = _legend(sentences.MEANINGS)
    engine.globals["holding"] = _legend(sentences.HOLDING)
    return engine


def _legend(meanings: Mapping[Verdict, str]) -> list[View]:
    return [
        {**pagewords.word(verdict, ""), "code": verdict.value, "meaning": meaning}
        for verdict, meaning in meanings.items()
    ]


def _key(judged: Judgement) -> Key:
    return judged.agent, judged.target, judged.family


def _policy(config: Config) -> zonesview.Policies:
    """Return what is demanded of each (agent, target)."""
    found = config.demanded.over(config.agents, config.zones)
    return {(agent, target): demands for agent, _, target, demands in found}


def _demands(policy: zonesview.Policies, judged: Judgement) -> Demands:
    return policy.get((judged.agent, judged.target), Demands())


def _returning(going_on: Sequence[Crossing], newest: Mapping[Key, PathRecord]) -> list[str]:
    """Return a sentence for each open crossing whose newest round came back."""
    found = []
    for row in going_on:
        record = newest.get((row.agent, row.target, row.family))
        verdict = None if record is None else pagewords.found(record.judgement, row.jurisdiction)
        found.append(sentences.returning(row, verdict))
    return [sentence for sentence in found if sentence is not None]


def _episode(row: Crossing | HolderFinding, now_ns: int) -> View:
    """Return what a crossing and a finding have in common."""
    until_ns = now_ns if row.ended_ns is None else row.ended_ns
    return {
        "id": row.id,
        "agent": row.agent,
        "zone": row.zone,
        "target": row.target,
        "family": row.family,
        "going_on": row.ended_ns is None,
        "jurisdiction": row.jurisdiction,
        "first_seen": pagewords.time(row.first_seen_ns),
        "confirmed": None if row.confirmed_ns is None else pagewords.time(row.confirmed_ns),
        "ended": None if row.ended_ns is None else pagewords.time(row.ended_ns),
        "lasted": sentences.duration(until_ns - row.first_seen_ns),
        "rounds": sentences.count(row.rounds, "round"),
    }


def _crossing(row: Crossing, lists: sentences.Lists, now_ns: int) -> View:
    """Return the view of one crossing."""
    return {
        **_episode(row, now_ns),
        "sentence": sentences.crossing_sentence(row, lists),
        "verdict": pagewords.word(row.verdict, row.jurisdiction),
        "countries": pagewords.countries(row.countries, (row.jurisdiction,), lists),
        "evidence": row.evidence,
    }


def _finding(row: HolderFinding, now_ns: int) -> View:
    """Return the view of one finding of administration."""
    return {
        **_episode(row, now_ns),
        "sentence": sentences.finding_sentence(row),
        "reasons": row.reasons,
        "evidence": row.evidence,
    }


def _basis(found: Rounds, row: Crossing) -> View:
    """Return what the crossing rests on: the round that confirmed it, the premise, the limits."""
    judged = next(
        (one for one in found.judgements if one.started_ns == row.confirmed_ns),
        found.judgements[-1],
    )
    verdict = pagewords.found(judged, row.jurisdiction)
    held = pagewords.found(judged, row.jurisdiction, Axis.ADMINISTRATION)
    return {
        "round": pagewords.time(judged.started_ns),
        "rounds": sentences.count(len(found.judgements), "round"),
        "hops": _hops(judged, row.jurisdiction),
        "flows": len(judged.flows),
        "held": None if held is None else pagewords.word(held.verdict, row.jurisdiction),
        "holders": () if held is None else held.reasons,
        "reached": judged.reached,
        "placed": sentences.UNKNOWN if verdict is None else sentences.placed(verdict),
        "silent": 0 if verdict is None else verdict.coverage.hops_silent,
        "reasons": () if verdict is None else verdict.reasons,
        "supposed": found.supposed.get(judged.id, ()),
        "premise": found.premise,
        "limits": found.limits,
        "redacted": found.redacted,
    }


def _hops(judged: Judgement, jurisdiction: str) -> list[View]:
    """Return the path's hops, silent ones too."""
    return [
        {
            "ttl": hop.ttl,
            "address": hop.address,
            "name": hop.name,
            "rtt": sentences.milliseconds(
                None if hop.rtt_min_ns is None else hop.rtt_min_ns / sentences.NS_PER_S, 3
            ),
            "place": sentences.places(hop),
            "operator": hop.operator,
            "asn": hop.asn,
            "groups": [f"{group.name} ({group.country})" for group in hop.groups],
            "flows": sentences.flows(hop.flows, judged.flows),
            "verdict": _hop_word(hop, jurisdiction),
            "excluded": hop.excluded,
            "evidence": sentences.evidence_sentences(hop.evidence + hop.holders),
        }
        for hop in judged.hops
    ]


def _hop_word(hop: HopJudgement, jurisdiction: str) -> View | None:
    """Return what one hop is to the jurisdiction, None for silent and excluded hops."""
    word = hop.verdicts.get(jurisdiction)
    return None if word is None else {"mark": sentences.HOPS[word], "word": word, "kind": word}
