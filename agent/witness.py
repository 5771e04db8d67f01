"""Shell: fetches the plan, pings the hops that it names, and hands on what became of that.

    what the collector answers     what happens next
    200 and a plan                 its requests are carried out; asked again at once
    304                            asked again at once: it waited for a change
    404                            an older collector: asked again after half a minute
    anything else, or nothing      asked again after ever longer pauses

Rules
- It runs only where the operator's own file allows it (`limits.witness`), over a connection of
  its own: a plan that is waited for must not hold up a batch.
- Hops are pinged from sockets of their own, one probe of a hop in the air at a time. `plan`
  decides what is pinged at all, by what, and how often.
- Two questions are half a second apart at least, whatever the collector answers.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from agent import icmp
from agent.clock import Clock, rfc3339
from agent.delivery import LONGEST_DELAY_S, Backoff, Standing
from agent.errors import UplinkError
from agent.flight import Doubt, Landing
from agent.handshake import shake
from agent.http import Headers, Response
from agent.plan import GAP_NS, TIMEOUT_NS, Grant, Trial, cost, decode, is_late
from agent.ports import OpenPort
from agent.records import Protocol, WitnessReply, WitnessTask
from agent.schedule import Budget
from agent.sender import Sender
from agent.senders import STAMPS_BEGIN_S, Purpose, Senders, opener
from agent.sockets import open_port
from agent.targets import WitnessLimits

TARGET = "/v1/plan"
PATIENCE_S = 40.0
"""Longer than a collector waits for a change."""
SHORTEST_PAUSE_S = 0.5
AT_ONCE = 8
"""Hops that are pinged side by side."""
NS_PER_S = 1_000_000_000

Fetch = Callable[[str | None], Awaitable[Response]]
"""Asks the collector for its plan, given the version that is known already."""
_log = logging.getLogger(__name__)


class Witness:
    """Pings hops for others for as long as it runs."""

    def __init__(
        self,
        fetch: Fetch,
        tell: Callable[[WitnessReply], None],
        limits: WitnessLimits,
        *,
        clock: Clock,
        budget: Budget,
        backoff: Backoff,
        open_socket: OpenPort = open_port,
        text: bytes = icmp.TEXT,
    ) -> None:
        """Take how to ask the collector and whom to tell; nothing is opened before `run`."""
        self.grant = Grant(limits, budget.opt_out)
        self._ask = fetch
        self._tell = tell
        self._clock = clock
        self._budget = budget
        self._backoff = backoff
        self._standing = Standing()
        self._version: str | None = None
        self._group: asyncio.TaskGroup | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._senders = Senders(opener(clock, _land, open_socket, text=text, watch=self._watch))

    async def run(self) -> None:
        """Fetch plans and carry them out until cancelled."""
        self.grant.forget_work()
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                while True:
                    await self._fetch(group)
        finally:
            self._senders.close()

    async def _fetch(self, group: asyncio.TaskGroup) -> None:
        """Ask once, begin what is to be done, and wait as long as the answer demands."""
        try:
            answer = await self._ask(self._version)
        except UplinkError as error:
            await self._pause("unreachable", str(error))
            return
        plan = decode(answer.body) if answer.status == HTTPStatus.OK else None
        if plan is not None:
            self._version = plan.version
            for task in self.grant.take(plan, self._clock.instant()):
                group.create_task(self._carry_out(task))
        if plan is None and answer.status != HTTPStatus.NOT_MODIFIED:
            await self._pause(f"answered {answer.status}", "no plan", answer.status)
            return
        self._backoff.reset()
        self._standing.succeeded(self._clock.monotonic_ns())
        await asyncio.sleep(SHORTEST_PAUSE_S)

    async def _pause(self, kind: str, says: str, status: int = 0) -> None:
        """Say once that there is no plan, and wait."""
        if self._standing.failed(kind, self._clock.monotonic_ns()):
            _log.info("no plan from the collector: %s (%s)", kind, says)
        absent = status == HTTPStatus.NOT_FOUND
        await asyncio.sleep(LONGEST_DELAY_S if absent else self._backoff.delay_s())

    async def _carry_out(self, task: WitnessTask) -> None:
        """Ping one hop by one protocol after the other, until it answers; tell what came of it.

        Where the deadline came first nothing is told: the hop did not have its chance.
        """
        try:
            async with self._turns:
                self._senders.renew(self._clock.monotonic_ns())
                reply = await self._ping(task)
        finally:
            self.grant.done(task.address, self._clock.monotonic_ns())
        if reply is not None:
            self._tell(reply)

    async def _ping(self, task: WitnessTask) -> WitnessReply | None:
        sent_at = rfc3339(self._clock.wall_ns())
        for protocol in self.grant.protocols(task):
            trial = await self._try(task, protocol)
            reply = trial.reply(task.address, sent_at)
            if reply is not None or not trial.over:
                return reply
        return WitnessReply(address=task.address, sent_at=sent_at)

    async def _try(self, task: WitnessTask, protocol: Protocol) -> Trial:
        """Send the probes of one protocol; the trial is not over where the deadline came first."""
        send = self._probe(task, protocol)
        await asyncio.sleep(STAMPS_BEGIN_S)
        trial = Trial(protocol)
        while not trial.over:
            await self._afford(task.address, cost(protocol))
            if is_late(task, self._clock.wall_ns()):
                break
            self._spend(task.address, cost(protocol))
            trial.landed(await send())
            if not trial.over:
                await asyncio.sleep(GAP_NS / NS_PER_S)
        return trial

    def _probe(self, task: WitnessTask, protocol: Protocol) -> Callable[[], Awaitable[Landing]]:
        """Return what sends one probe and waits for what becomes of it."""
        if protocol is Protocol.TCP:
            return lambda: shake(self._clock, task.address, TIMEOUT_NS)
        sender = self._senders.of(Purpose(task.family, protocol))

        def send() -> asyncio.Future[Landing]:
            landed: asyncio.Future[Landing] = asyncio.get_running_loop().create_future()
            sender.send(landed, task.address, TIMEOUT_NS)
            return landed

        return send

    async def _afford(self, address: str, packets: int) -> None:
        """Wait until every limit of this host allows one more probe."""
        while wait_ns := self._wait_ns(address, self._clock.monotonic_ns(), packets):  # noqa: ASYNC110 - computed
            await asyncio.sleep(wait_ns / NS_PER_S)

    def _wait_ns(self, address: str, now_ns: int, packets: int = 1) -> int:
        budget = self._budget
        every = budget.packet_wait_ns(now_ns), budget.prefix_wait_ns(address, now_ns)
        return max(self.grant.wait_ns(now_ns, packets), *every)

    def _spend(self, address: str, packets: int) -> None:
        now_ns = self._clock.monotonic_ns()
        self.grant.spend(now_ns, packets)
        for _ in range(packets):
            self._budget.take_packet(address, now_ns)

    def _watch(self, sender: Sender) -> None:
        if self._group is not None:
            self._group.create_task(sender.watch())


def headers(token: str | None, version: str | None) -> Headers:
    """Return the headers of the question."""
    bearer = () if token is None else (("authorization", f"Bearer {token}"),)
    return bearer if version is None else (*bearer, ("if-none-match", f'"{version}"'))


def _land(landing: Landing | Doubt) -> None:
    """Hand a landing to who waits for it; a doubt tells nobody anything."""
    match landing:
        case Landing(handle=asyncio.Future() as waiting) if not waiting.done():
            waiting.set_result(landing)
