"""Shell: what people and programs are shown where the settings say `[web] redact = true`.

    asked for                        shown
    agents, their positions          hashes of their names; positions to a degree; no city
    paths, pages, crossings, ...     as `redaction` rewrites them; ids of crossings are hashed
    a Statement                      its redacted form (`redactedstatement`), which verifies
    metrics                          the same hashes as labels

Rules
- Everything goes through here: the API, the pages and the metrics ask `RedactedIntake`, and know no
  other one. Batches and plans come in by another door, where agents have their names.
- The salt lies in the store, for the collector alone: hashes stay the same over restarts. Who asks
  for an agent or a target does so by its hash; its name is unknown here.
- A Statement that has no redacted form is not shown (404, `not_redactable`).
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Final, TypeVar

import msgspec

from agent.records import Plan
from collector.audit import redactedstatement
from collector.audit.redaction import Redactor, coarse
from collector.audit.salts import kept_salt
from collector.errors import RefusedError, UnreadableError
from collector.facts import atlas, knowledge
from collector.facts.knowledge import Knowledge
from collector.facts.networks import Networks, load_special, parse
from collector.facts.soil import Soil
from collector.gate.callers import Caller
from collector.gate.intake import Counts, Intake, Reader, Recovered
from collector.judgement.asked import Asked
from collector.judgement.control import HolderFinding
from collector.positions import Position
from collector.records import Crossing, PathRecord, SeriesQuery, SeriesRow, Vantage, ZoneRow
from collector.samples.worst import WorstRow
from collector.settings.config import Config

SALT_FILE: Final = "redaction.salt"
_STATEMENTS_KEPT: Final = 64
Row = TypeVar("Row", SeriesRow, WorstRow)


def shown(intake: Intake, config: Config) -> tuple[Intake, Config]:
    """Return what answers questions, and the settings as they may be shown.

    Raises:
        ConfigError: the salt cannot be read or made.
    """
    if not config.redact:
        return intake, config
    config.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    veil = Veil(config, kept_salt(config.directory / SALT_FILE))
    return RedactedIntake(intake, veil), veil.config()


class Veil:
    """What is replaced: the agents of the settings, and what each record shows of their side."""

    def __init__(self, config: Config, salt: bytes) -> None:
        """Hash with `salt`."""
        self._config = config
        self._salt = salt
        self._networks = Networks(load_special(), config.networks)
        self._agents = tuple(agent.name for agent in config.agents)
        self._own = tuple(one for agent in config.agents for one in agent.addresses)
        self.statement = lru_cache(_STATEMENTS_KEPT)(self._statement)
        self.latest: dict[int, tuple[PathRecord, PathRecord]] = {}
        """The newest paths and how they are shown, by identity: each scrape asks for all of them.
        """

    def redactor(self, *texts: str | None) -> Redactor:
        """Return what rewrites one record; those of `texts` that are special are hidden, too."""
        found = Redactor(self._salt, self._networks)
        found.learn("agent", self._agents)
        found.learn("address", self._own)
        found.learn("address", (text for text in texts if self._is_private(text)))
        return found

    def agent(self, name: str) -> str:
        """Return what stands for an agent."""
        return self.redactor().token("agent", name)

    def target(self, text: str, names: Collection[str] = ()) -> str:
        """Return what stands for a target: itself, unless its address is nobody's business.

        `names` are those of targets with such an address.
        """
        if text in names:
            return self.redactor().token("name", text)
        hidden = text in self._own or self._is_private(text)
        return self.redactor().token("address", text) if hidden else text

    def names(self, records: Iterable[PathRecord]) -> frozenset[str]:
        """Return the names of targets whose address is nobody's business."""
        paths = (record.path for record in records if self._is_private(record.path.address))
        found = (path.target for path in paths if path.target is not None)
        return frozenset(name for name in found if parse(name) is None)

    def config(self) -> Config:
        """Return the settings as they may be shown."""
        plain = self._config
        return msgspec.structs.replace(
            plain,
            agents=tuple(map(self._vantage, plain.agents)),
            zones=tuple(
                msgspec.structs.replace(zone, targets=tuple(map(self.target, zone.targets)))
                for zone in plain.zones
            ),
            policy=tuple(
                msgspec.structs.replace(
                    row,
                    agent=self.agent(row.agent) if row.agent in self._agents else row.agent,
                    target=self.target(row.target),
                )
                for row in plain.policy
            ),
        )

    def named(self, token: str | None) -> str | None:
        """Return the agent that a hash stands for; what is no hash of one stands for nobody."""
        if token is None:
            return None
        return {self.agent(name): name for name in self._agents}.get(token, "")

    def _is_private(self, text: str | None) -> bool:
        return text is not None and self._networks.special(text) is not None

    def _vantage(self, agent: Vantage) -> Vantage:
        at = coarse(agent.place.origin)
        place = msgspec.structs.replace(
            agent.place,
            name=redactedstatement.SOMEWHERE,
            latitude=at.latitude,
            longitude=at.longitude,
            radius_km=at.radius_km,
        )
        name = self.agent(agent.name)
        return msgspec.structs.replace(agent, name=name, place=place, addresses=())

    def _statement(self, octets: bytes) -> bytes:
        return redactedstatement.redact(octets, self._salt, self._knowledge, own=self._own)

    @cached_property
    def _knowledge(self) -> Knowledge:
        """Load the tables that Statements are judged again by, when the first one is asked for."""
        place, config = self._config.atlas, self._config
        borders = Soil.open(place or atlas.BESIDE)
        return knowledge.load(config.networks, atlas.load(place), borders, config.judged)


class RedactedReader:
    """Answers as another reader does, without agents; satisfies `collector.gate.intake.Reader`."""

    def __init__(self, reader: Reader, veil: Veil) -> None:
        """Ask `reader`."""
        self._reader = reader
        self._veil = veil

    def zones(self, from_ns: int, to_ns: int) -> Sequence[ZoneRow]:
        """Return a row per (agent, zone)."""
        return [
            msgspec.structs.replace(row, agent=self._veil.agent(row.agent))
            for row in self._reader.zones(from_ns, to_ns)
        ]

    def series(self, query: SeriesQuery) -> Sequence[SeriesRow]:
        """Return the series that match; agent and target are asked for by their hashes."""
        plain = msgspec.structs.replace(
            query, agent=self._veil.named(query.agent), target=self._target(query.target)
        )
        return [self._hidden(row) for row in self._reader.series(plain)]

    def worst(self, from_ns: int, to_ns: int, limit: int) -> Sequence[WorstRow]:
        """Return the series with the highest p99 of a minute."""
        return [self._hidden(row) for row in self._reader.worst(from_ns, to_ns, limit)]

    def latest_paths(self) -> Sequence[PathRecord]:
        """Return the newest path of each (agent, target, family)."""
        known, found = self._veil.latest, {}
        for record in self._reader.latest_paths():
            before, shown = known.get(id(record), (None, None))
            if shown is None or before is not record:
                shown = self._record(record)
            found[id(record)] = (record, shown)
        self._veil.latest = found
        return [shown for _, shown in found.values()]

    def paths(
        self, agent: str | None, target: str | None, limit: int, before_ns: int | None = None
    ) -> Sequence[PathRecord]:
        """Return the newest paths that match; agent and target are asked for by their hashes."""
        plain = self._veil.named(agent), self._target(target)
        return list(map(self._record, self._reader.paths(*plain, limit, before_ns)))

    def crossings(self) -> Sequence[Crossing]:
        """Return confirmed episodes."""
        found = []
        for row in self._reader.crossings():
            by = self._veil.redactor(row.target)
            by.learn("name", self._names)
            told = {"agent": by.text(row.agent), "target": by.text(row.target)}
            found.append(msgspec.structs.replace(row, id=by.token("crossing", row.id), **told))
        return found

    def findings(self) -> Sequence[HolderFinding]:
        """Return confirmed findings of administration."""
        found = []
        for row in self._reader.findings():
            by = self._veil.redactor(row.target)
            by.learn("name", self._names)
            by.learn_gateways(row.reasons)
            told = {"agent": by.text(row.agent), "target": by.text(row.target)}
            named = {"id": by.token("crossing", row.id), "path": by.token("path", row.path)}
            reasons = tuple(map(by.text, row.reasons))
            found.append(msgspec.structs.replace(row, reasons=reasons, **told, **named))
        return found

    def positions(self) -> Mapping[str, Position]:
        """Return what is known of where each agent is declared."""
        return {
            self._veil.agent(name): msgspec.structs.replace(
                row, by=tuple(map(self._veil.agent, row.by))
            )
            for name, row in self._reader.positions().items()
        }

    def requests(self, now_ns: int) -> Asked:
        """Return what became of the requests to witnesses: numbers alone."""
        return self._reader.requests(now_ns)

    def evidence(self, digest: str) -> bytes | None:
        """Return the redacted form of the Statement with this SHA-256.

        Raises: RefusedError 404 where it has none.
        """
        octets = self._reader.evidence(digest)
        try:
            return None if octets is None else self._veil.statement(octets)
        except UnreadableError as error:
            says = f"the Statement {digest} {error}"
            raise RefusedError(404, "not_redactable", says) from error

    def last_batch_ns(self) -> Mapping[str, int]:
        """Return when each agent last delivered."""
        found = self._reader.last_batch_ns()
        return {self._veil.agent(name): at_ns for name, at_ns in found.items()}

    def _hidden(self, row: Row) -> Row:
        """Return a series without its agent and its private target."""
        series = msgspec.structs.replace(
            row.series, target=self._veil.target(row.series.target, self._names)
        )
        return msgspec.structs.replace(row, agent=self._veil.agent(row.agent), series=series)

    def _record(self, record: PathRecord) -> PathRecord:
        by = self._veil.redactor(record.path.address, record.path.target)
        path, judgement = by.shown(record.path, record.judgement)
        several = tuple(
            msgspec.structs.replace(
                row,
                address=by.text(row.address),
                seen=tuple(
                    msgspec.structs.replace(one, agent=by.text(one.agent)) for one in row.seen
                ),
            )
            for row in record.several
        )
        return PathRecord(path=path, judgement=judgement, several=several)

    @cached_property
    def _names(self) -> frozenset[str]:
        return self._veil.names(self._reader.latest_paths())

    def _target(self, text: str | None) -> str | None:
        """Return the target that a hash stands for, among those that are seen now."""
        if text is None:
            return None
        known = {record.judgement.target for record in self._reader.latest_paths()}
        hashes = {self._veil.target(target, self._names): target for target in known}
        return hashes.get(text, text)


class RedactedIntake:
    """A chain that is asked and told as before; satisfies `collector.gate.intake.Intake`."""

    def __init__(self, intake: Intake, veil: Veil) -> None:
        """Ask `intake`."""
        self._intake = intake
        self._veil = veil

    @property
    def ready(self) -> bool:
        """Return whether the chain is open."""
        return self._intake.ready

    @property
    def reader(self) -> Reader:
        """Return what answers questions."""
        return RedactedReader(self._intake.reader, self._veil)

    @property
    def counts(self) -> Counts:
        """Return the counts, those by agent under their hashes."""
        counts = self._intake.counts
        return dataclasses.replace(
            counts,
            accepted=self._hashed(counts.accepted),
            duplicates=self._hashed(counts.duplicates),
            forgotten_spools=self._hashed(counts.forgotten_spools),
            dropped_batches=self._hashed(counts.dropped_batches),
        )

    @property
    def recovered(self) -> Recovered:
        """Return what the start found in the journal."""
        return self._intake.recovered

    @property
    def geodata(self) -> Mapping[str, int]:
        """Return the day of each compiled table."""
        return self._intake.geodata

    def identify(self, caller: Caller) -> Vantage:
        """Return which agent calls."""
        return self._intake.identify(caller)

    async def accept(self, body: bytes, encoding: str, caller: Caller) -> None:
        """Store one batch durably."""
        await self._intake.accept(body, encoding, caller)

    async def plan(self, caller: Caller, known: str | None) -> Plan | None:
        """Return the plan of the agent that calls."""
        return await self._intake.plan(caller, known)

    def release(self) -> None:
        """Let nobody wait for a plan any more."""
        self._intake.release()

    def _hashed(self, counted: Counter[str]) -> Counter[str]:
        return Counter({self._veil.agent(name): count for name, count in counted.items()})
