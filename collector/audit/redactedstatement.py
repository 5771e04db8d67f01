"""Decider: a Statement in which nobody finds an agent or its network, and which still verifies.

    tried in this order            positions of agents      names of gateways
    first                          to a degree              left out
    then                           as they are declared     left out
    then                           to a degree              kept
    last                           as they are declared     kept

Rules
- Its paths are rewritten (`pseudonyms`), judged again and stated again. The first form in which
  every verdict, country and time of the original stands is taken; where none has them, there is
  none.
- One that is not consistent has none: what was changed in it would be made good on the way.
- It says of which Statement it is a redacted form, by SHA-256. Whoever has both can compare them;
  that it is one, it alone does not show.
- The times of all replies stay: whoever knows where hops stand can tell about where the agent is.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Final, NamedTuple, TypeVar

import msgspec
import rfc8785

from agent.records import Origin, Path, PathReply
from collector.audit import envelope, evidence, stated
from collector.audit.pseudonyms import Pseudonyms
from collector.audit.redaction import coarse
from collector.audit.restatement import Restated, restate
from collector.audit.stated import Stated
from collector.audit.verification import on_soil, verify
from collector.errors import UnreadableError
from collector.facts.knowledge import Knowledge
from collector.nearness import Landmark, Nearness, Several
from collector.positions import Standing
from collector.records import RULES, Place, Vantage, Zone
from collector.settings.policy import ANY, Ruling

SOMEWHERE: Final = "a place"


class _Form(NamedTuple):
    """How much is left out."""

    coarse: bool
    nameless: bool


_FORMS: Final = tuple(
    _Form(coarse=coarsely, nameless=nameless)
    for nameless in (True, False)
    for coarsely in (True, False)
)
Row = TypeVar("Row")


def redact(octets: bytes, salt: bytes, release: Knowledge, *, own: Iterable[str] = ()) -> bytes:
    """Return the redacted form of a Statement, the same one for the same salt.

    `own` are the addresses of agents, as far as they are known.

    Raises:
        UnreadableError: it cannot be judged again here, or has no redacted form.
    """
    opened = envelope.read(octets)
    if opened.rules != RULES:
        raise UnreadableError(f"follows other rules than {RULES}: it cannot be judged again here")
    if verify(octets, release, version=version("borne")).result != "consistent":
        raise UnreadableError("is not consistent: its redacted form would hide that; verify it")
    inputs = stated.read(opened.predicate)
    inputs = on_soil(inputs, opened.predicate["tables"].get("soil"), release)
    pseudonyms = Pseudonyms(salt, (inputs.knowledge, release), own)
    pseudonyms.learn(inputs.paths)
    wanted = _said(restate(inputs))
    for form in _FORMS:
        made = restate(_rewritten(inputs, pseudonyms, form))
        if _said(made) == wanted:
            found = _marked(made.statement, evidence.digest(octets), form)
            if verify(found, release, version=version("borne")).result == "consistent":
                return found
    raise UnreadableError("has no redacted form in which every verdict stays what it is")


def _said(made: Restated) -> object:
    """Return what must stay the same."""
    verdicts = [
        [(one.jurisdiction, one.axis, one.verdict, one.countries) for one in row.judgement.verdicts]
        for row in made.records
    ]
    hidden = {"id", "agent", "target", "reasons", "path"}
    episode = {} if made.episode is None else msgspec.to_builtins(made.episode)
    return verdicts, {key: value for key, value in episode.items() if key not in hidden}


def _marked(statement: bytes, original: str, form: _Form) -> bytes:
    """Return the Statement with what it is a redacted form of."""
    value = json.loads(statement)
    told = {
        "original": original,
        "positions": "to a degree" if form.coarse else "as declared",
        "gateway_names": "left out" if form.nameless else "kept",
    }
    value["predicate"]["redacted"] = told
    value["predicate"]["digests"]["redacted"] = envelope.sha256(told)
    return rfc8785.dumps(value)


def _rewritten(inputs: Stated, by: Pseudonyms, form: _Form) -> Stated:
    path = next(iter(inputs.paths), None)
    named = (
        {}
        if path is None
        else {text: _target(path, text, by) for text in (path.target, path.address) if text}
    )
    return replace(
        inputs,
        paths=tuple(_path(one, by, form) for one in inputs.paths),
        vantage=_vantage(inputs.vantage, by, form),
        zone=None if inputs.zone is None else _zone(inputs.zone, named),
        policy=None if inputs.policy is None else _ruling(inputs.policy, by, named),
        several=_by_path(inputs.several, by, lambda row: _several(row, by, form)),
        landmarks=_by_path(inputs.landmarks, by, lambda row: _landmark(row, by, form)),
        standings=_by_path(
            inputs.standings, by, lambda row: Standing(agent=by.agent(row.agent), says=row.says)
        ),
    )


def _path(path: Path, by: Pseudonyms, form: _Form) -> Path:
    hops = tuple(
        msgspec.structs.replace(
            hop, replies=tuple(_reply(reply, by, form) for reply in hop.replies)
        )
        for hop in path.hops
    )
    return msgspec.structs.replace(
        path,
        id=by.path(path.id),
        origin=None if path.origin is None else _origin(path.origin, form),
        target=None if path.target is None else _target(path, path.target, by),
        address=None if path.address is None else by.address(path.address),
        hops=hops,
        links=tuple((by.address(one), by.address(other)) for one, other in path.links),
    )


def _target(path: Path, text: str, by: Pseudonyms) -> str:
    """Return what the target is called: a name for a hidden address is hidden, too."""
    renamed = by.address(text)
    return by.name(text) if by.hides(path.address) and renamed == text else renamed


def _reply(reply: PathReply, by: Pseudonyms, form: _Form) -> PathReply:
    if reply.address is None or not by.hides(reply.address):
        return reply
    if form.nameless:
        reply = msgspec.structs.replace(reply, name=None, name_confirmed=None)
    return msgspec.structs.replace(reply, address=by.address(reply.address or ""))


def _origin(origin: Origin, form: _Form) -> Origin:
    return coarse(origin) if form.coarse else origin


def _vantage(vantage: Vantage, by: Pseudonyms, form: _Form) -> Vantage:
    at = _origin(vantage.place.origin, form)
    place = Place(
        name=SOMEWHERE,
        territory=vantage.place.territory,
        latitude=at.latitude,
        longitude=at.longitude,
        radius_km=at.radius_km,
    )
    name, ident = by.agent(vantage.name), by.agent_id(vantage.agent_id)
    return msgspec.structs.replace(vantage, name=name, agent_id=ident, place=place)


def _zone(zone: Zone, named: Mapping[str, str]) -> Zone:
    """Return the zone with the target of these paths alone: the others are nobody's business."""
    targets = tuple(named[target] for target in zone.targets if target in named)
    return msgspec.structs.replace(zone, targets=targets)


def _ruling(ruling: Ruling, by: Pseudonyms, named: Mapping[str, str]) -> Ruling:
    agent = ruling.agent if ruling.agent == ANY else by.agent(ruling.agent)
    target = named.get(ruling.target, ruling.target)
    return msgspec.structs.replace(ruling, agent=agent, target=target)


def _several(row: Several, by: Pseudonyms, form: _Form) -> Several:
    one, other = row.seen
    seen = (_nearness(one, by, form), _nearness(other, by, form))
    return msgspec.structs.replace(row, address=by.address(row.address), seen=seen)


def _nearness(row: Nearness, by: Pseudonyms, form: _Form) -> Nearness:
    origin = _origin(row.origin, form)
    return msgspec.structs.replace(row, agent=by.agent(row.agent), origin=origin)


def _landmark(row: Landmark, by: Pseudonyms, form: _Form) -> Landmark:
    address, agent = by.address(row.address), by.agent(row.agent)
    origin = _origin(row.origin, form)
    return msgspec.structs.replace(row, address=address, agent=agent, origin=origin)


def _by_path(
    rows: Mapping[str, Sequence[Row]], by: Pseudonyms, change: Callable[[Row], Row]
) -> dict[str, tuple[Row, ...]]:
    return {by.path(path): tuple(map(change, found)) for path, found in rows.items()}
