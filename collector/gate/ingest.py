"""Shell: the door for batches, from a token and a body to "stored".

    what is found                                         status  reason
    no token, or one that no agent has                    401     token
    a certificate of another agent than the token         403     identity
    a body that `collector.gate.bodies` refuses                400 ... its reason
    another agent's batch                                 403     identity
    a base time before 2020, or ahead of our clock        422     clock
    series without a descriptor                           409     unknown_series
    a sequence at or below the spool's mark               204     a duplicate: stored before
    the same, and other measurements (`collector.gate.twins`)  403     twin
    more waits for the disk than `backlog_octets`         503     backlog
    the disk fails                                        503     store

Rules
- What is refused is not stored, in no part, and is counted by its reason.
- One batch of an agent at a time: the next waits until the one before is durable and applied. A
  repeated batch thus finds either the mark of the first, and is answered as stored, or nothing,
  and is stored itself.
- A client that goes away changes nothing: what the journal was handed is stored, and its agent's
  turn and its place in the queue last until then.
"""

import asyncio
import hashlib
import logging
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from agent.records import EARLIEST_NS, Batch
from collector.clock import Clock
from collector.errors import RefusedError, StoreError
from collector.gate import bodies
from collector.gate.callers import Caller
from collector.gate.frames import Entry
from collector.gate.intake import Counts, UnknownSeriesError
from collector.gate.journal import Journal
from collector.gate.twins import Print, Twins, print_of
from collector.records import Vantage
from collector.samples.marks import SPOOLS
from collector.samples.queues import Queue
from collector.settings.limits import Limits
from collector.state import State

_S_NS: Final = 1_000_000_000
_READ_AT_ONCE_OCTETS: Final = 64 * 1024
"""A body up to this size is read on the event loop, which costs less than a thread's turn: a tenth
of a millisecond; some tens of ms where an agent that has a token sends the tightest bomb."""
_LOG: Final = logging.getLogger(__name__)


class Ingest:
    """The door of one collector."""

    def __init__(
        self,
        agents: Sequence[Vantage],
        limits: Limits,
        *,
        state: State,
        lock: threading.Lock,
        journal: Journal,
        clock: Clock,
        counts: Counts,
        twins: Twins,
    ) -> None:
        """Let `agents` in; `state` is changed under `lock` alone."""
        self._vantage_of = {row.token_sha256: row for row in agents if row.token_sha256}
        self._certified = {row.certificate: row for row in agents if row.certificate}
        self._turns = {vantage.agent_id: asyncio.Lock() for vantage in agents}
        self._limits = limits
        self._state = state
        self._lock = lock
        self._journal = journal
        self._clock = clock
        self._counts = counts
        self._idle = asyncio.Event()
        self._idle.set()
        self._waiting = Queue("journal", limits.backlog_octets)
        counts.queues[self._waiting.name] = self._waiting
        self._twins = twins
        self._told: set[tuple[str, str]] = set()
        self._failing = False

    async def accept(self, body: bytes, encoding: str, caller: Caller) -> None:
        """Store one batch durably; see `collector.gate.intake.Intake.accept`."""
        try:
            await self._take(self.identify(caller), body, encoding)
        except RefusedError as error:
            self._counts.rejected[error.reason] += 1
            raise

    async def drain(self) -> None:
        """Wait until all that was begun is stored or refused."""
        await self._idle.wait()

    async def _take(self, vantage: Vantage, body: bytes, encoding: str) -> None:
        """Check a batch and store it; it waits in the queue for all that time.

        Room for the body is asked for before it is inflated, room for what it held after.
        """
        self._idle.clear()
        try:
            with self._waiting.place(self._clock.now_ns()) as place:
                place.take(len(body))
                content, batch = await self._read(body, encoding)
                place.take(max(0, len(content) - len(body)))
                _check_identity(vantage, batch)
                self._check_clock(batch)
                await self._store(vantage, content, batch)
        finally:
            if not self._waiting:
                self._idle.set()

    async def _read(self, body: bytes, encoding: str) -> tuple[bytes, Batch]:
        """Return the content and the batch; a large body is read in a thread."""
        if len(body) <= _READ_AT_ONCE_OCTETS:
            return bodies.read(body, encoding, self._limits)
        return await asyncio.to_thread(bodies.read, body, encoding, self._limits)

    def identify(self, caller: Caller) -> Vantage:
        """Return the agent whose token or certificate this is; only a token's digest is compared.

        Raises: RefusedError 401, or 403 where both are given and are not of one agent.
        """
        certified = [self._certified[name] for name in caller.names & self._certified.keys()]
        if caller.token is None and certified:
            return certified[0]
        digest = hashlib.sha256((caller.token or "").encode(errors="replace")).hexdigest()
        vantage = self._vantage_of.get(digest)
        if caller.token is None or vantage is None:
            raise _nobody(caller)
        if certified and vantage not in certified:
            raise RefusedError(
                403,
                "identity",
                f"the token is that of {vantage.name}, the certificate that of"
                f" {certified[0].name}: give each agent its own",
            )
        return vantage

    def _check_clock(self, batch: Batch) -> None:
        latest_ns = self._clock.now_ns() + self._limits.skew_s * _S_NS
        if not EARLIEST_NS <= batch.base_ns <= latest_ns:
            raise RefusedError(
                422,
                "clock",
                f"a batch dated {batch.base_ns} ns lies outside {EARLIEST_NS} to {latest_ns} ns:"
                " set the agent's clock (or this host's)",
            )

    async def _store(self, vantage: Vantage, content: bytes, batch: Batch) -> None:
        """Write the batch to the journal and apply it, unless it is there already."""
        found = print_of(content, batch)
        async with self._turns[vantage.agent_id]:
            if self._state.has(batch):
                if self._twins.differs(batch, found):
                    raise _twin(vantage, batch)
                self._counts.duplicates[vantage.name] += 1
                return
            if unknown := self._state.unknown(batch):
                raise UnknownSeriesError(unknown)
            received_ns = self._clock.now_ns()
            entry = Entry(received_ns=received_ns, vantage=vantage, body=content)
            try:
                await self._journal.append(entry, partial(self._deliver, entry, batch, found))
            except StoreError as error:
                self._fail(error)
                raise RefusedError(503, "store", "the store fails; send it again later") from error

    def _fail(self, error: StoreError) -> None:
        """Count that the disk failed; say it once, until it takes a batch again."""
        self._counts.faults["journal"] += 1
        if not self._failing:
            self._failing = True
            _LOG.error("%s", error, extra={"event": "journal_failed"})

    def _deliver(self, entry: Entry, batch: Batch, found: Print) -> None:
        """Apply a durable batch and remember it; in the journal's thread, in the agent's turn."""
        if self._failing:
            self._failing = False
            _LOG.info("the journal takes batches again", extra={"event": "journal_healed"})
        self._apply(entry.vantage, batch, entry.received_ns)
        self._twins.remember(batch, found)
        self._counts.accepted[entry.vantage.name] += 1

    def _apply(self, vantage: Vantage, batch: Batch, received_ns: int) -> None:
        """Apply a batch; a bug in that is caught here, the batch stays in the journal."""
        try:
            with self._lock:
                crowded = self._state.marks.is_crowded(batch.agent_id, batch.spool_id)
                left_out = self._state.apply(vantage, batch, received_ns)
        except Exception:  # noqa: BLE001 - the top of this shell: counted, logged, gone on
            self._counts.faults["apply"] += 1
            _LOG.exception(
                "apply a batch of %s: a bug; the batch counts in part",
                vantage.name,
                extra={"event": "apply_bug"},
            )
            return
        if crowded:
            self._tell_crowd(vantage)
        self._tell_limits(vantage, left_out)
        self._counts.rejected_samples.update(left_out)
        self._say_left_out(vantage.name, left_out)
        if batch.descriptors.dropped_batches:
            self._counts.dropped_batches[vantage.name] += batch.descriptors.dropped_batches

    def _tell_crowd(self, vantage: Vantage) -> None:
        """Count a spool that is forgotten for a new one; say once of each agent that it is so."""
        if not self._counts.forgotten_spools[vantage.name]:
            _LOG.warning(
                "%s brings one spool more, and %d of its are known: the quietest is forgotten; an"
                " agent that loses its state directory at each start loses what it had not"
                " delivered: let it keep the directory (a volume)",
                *(vantage.name, SPOOLS),
                extra={"event": "spool_forgotten"},
            )
        self._counts.forgotten_spools[vantage.name] += 1

    def _tell_limits(self, vantage: Vantage, left_out: Mapping[str, int]) -> None:
        """Say once since the start that a limit leaves something out, and which."""
        for reason, key in (("series_limit", "series"), ("target_limit", "targets")):
            if left_out.get(reason) and not self._counts.rejected_samples[reason]:
                _LOG.warning(
                    "leaves out what %s sends of new names: [limits] %s are all used; raise it, or "
                    "look at which targets agents invent (borne_samples_rejected_total counts on)",
                    vantage.name,
                    key,
                    extra={"event": reason},
                )

    def _say_left_out(self, agent: str, left_out: Mapping[str, int]) -> None:
        """Name the agent whose samples were left out, once for each reason: a metric goes on."""
        for reason, count in left_out.items():
            if count and (agent, reason) not in self._told:
                self._told.add((agent, reason))
                _LOG.warning(
                    "%d samples of %s were left out (%s), the rest of the batch is stored; more of"
                    " them show in borne_samples_rejected_total alone",
                    *(count, agent, reason),
                    extra={"event": "samples_left_out"},
                )


def _nobody(caller: Caller) -> RefusedError:
    if caller.token is None and caller.names:
        names = ", ".join(sorted(caller.names))
        says = f"no agent has a certificate of {names:.200}; compare [[agents]] certificate"
    else:
        says = (
            "no agent has this token; compare [[agents]] token_sha256 with"
            " `sha256sum` of the agent's token file without its line end"
        )
    return RefusedError(401, "token", says)


def _check_identity(vantage: Vantage, batch: Batch) -> None:
    if batch.agent_id != vantage.agent_id:
        raise RefusedError(
            403,
            "identity",
            f"the caller is {vantage.name}, the batch says agent {batch.agent_id.hex()}: give each"
            " agent its own id and token or certificate",
        )


def _twin(vantage: Vantage, batch: Batch) -> RefusedError:
    return RefusedError(
        403,
        "twin",
        f"batch {batch.sequence} of {vantage.name} is not what its spool had under that number: two"
        " agents use copies of one state directory, or one was set back to an old copy; give it an"
        " empty directory, and a second agent an id of its own",
    )
