"""The store against a list of samples: nothing lost, nothing twice, in whatever order it came."""

import math
import random
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np
import pytest

from agent.records import Batch, Descriptors, Outcome
from collector.chain import Chain
from collector.listed import DAY_NS
from collector.records import Quantiles, SeriesQuery
from collector.samples.quantiles import RELATIVE_ERROR
from collector.settings.retention import Retention
from tests.fakes.collector_durable import (
    MS_NS,
    N_AGENTS,
    NOW_NS,
    S_NS,
    SPOOL,
    StoppedClock,
    agent_id,
    config,
    send,
    series,
)

pytestmark = pytest.mark.slow

TARGETS: Final = {1: "marseille", 2: "second"}
KEPT: Final = Retention(windows_10s_days=2, windows_60s_days=3, windows_1h_days=5)
STEPS_S: Final = (10, 30, 60, 90, 600, 3600, 7200, 86_400, 604_800)
Key = tuple[str, str]


class Sample(NamedTuple):
    """One probe of one series; without a time it was lost."""

    key: Key
    at_ns: int
    rtt_s: float | None


class Model:
    """A chain, and the plain list of all that it acknowledged."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.directory = directory / "0"
        self.clock = StoppedClock()
        self.sequences = [0] * N_AGENTS
        self.samples: list[Sample] = []
        self.lives = 0
        self.chain: Chain

    async def open(self) -> None:
        """Start the collector."""
        settings = msgspec.structs.replace(config(self.directory), retention=KEPT)
        self.chain = Chain(settings, clock=self.clock)
        await self.chain.__aenter__()

    async def close(self) -> None:
        """Stop it in order."""
        await self.chain.__aexit__(None, None, None)

    async def crash(self) -> None:
        """Go on with what is on the disk at this moment."""
        self.lives += 1
        now = self.directory.with_name(str(self.lives))
        shutil.copytree(self.directory, now)
        await self.close()
        self.directory = now
        await self.open()

    async def send(self) -> None:
        """Deliver a batch, mostly of now, sometimes of an hour or of days ago."""
        agent = self.dice.randrange(N_AGENTS)
        late_ns = self.dice.choice([0, 0, 0, 100, 4000, 40_000, 86_400, 400_000]) * S_NS
        base_ns = self.clock.at_ns - int(self.dice.random() * late_ns)
        sent = self._batch(agent, base_ns // MS_NS * MS_NS)
        await send(self.chain, sent)
        self.samples += _samples(sent)

    def _batch(self, agent: int, base_ns: int) -> Batch:
        self.sequences[agent] += 1
        sizes = [self.dice.randrange(6) for _ in TARGETS]
        lost = self.dice.randrange(4)
        return Batch(
            agent_id=agent_id(agent),
            boot_id=b"b" * 16,
            spool_id=SPOOL,
            sequence=self.sequences[agent],
            base_ns=base_ns,
            clock_error_ns=1000,
            series_ids=tuple(TARGETS),
            offsets=(0, sizes[0], sum(sizes)),
            rtt_s=[
                float(np.float32(self.dice.lognormvariate(-4.5, 0.7))) for _ in range(sum(sizes))
            ],
            reply_dt_ms=[self.dice.randrange(65_000) for _ in range(sum(sizes))],
            event_series=[self.dice.choice(list(TARGETS)) for _ in range(lost)],
            event_dt_ms=[self.dice.randrange(65_000) for _ in range(lost)],
            event_outcome=[Outcome.LOST] * lost,
            descriptors=Descriptors(series=tuple(series(*row) for row in TARGETS.items())),
        )

    def _times_s(self, count: int) -> list[float]:
        return [float(np.float32(self.dice.lognormvariate(-4.5, 0.7))) for _ in range(count)]

    async def step(self) -> None:
        """Do something, then hold an answer against the list."""
        match self.dice.randrange(16):
            case 0:
                await self.chain.checkpoint()
            case 1 | 2 | 3:
                await self.chain.checkpoint()
                await self.chain._upkeep.turn(self.clock.at_ns)
            case 4:
                await self.close()
                await self.open()
            case 5:
                await self.crash()
            case 6 | 7:
                self.clock.at_ns += int(self.dice.random() * 20 * 3600) * S_NS
            case _:
                for _ in range(self.dice.randrange(1, 8)):
                    await self.send()
                    self.clock.at_ns += self.dice.randrange(60) * S_NS
        self.check()

    def check(self) -> None:
        """Ask a random question and the whole."""
        step_s = self.dice.choice(STEPS_S)
        first_ns = min((s.at_ns for s in self.samples), default=NOW_NS) - DAY_NS
        ends = sorted(self.dice.randrange(first_ns, self.clock.at_ns + DAY_NS) for _ in range(2))
        for from_ns, to_ns in ((first_ns, self.clock.at_ns + DAY_NS), ends):
            self._ask(from_ns, to_ns, step_s)
        self._ask(first_ns // DAY_NS * DAY_NS, self.clock.at_ns + DAY_NS, 86_400)

    def _ask(self, from_ns: int, to_ns: int, step_s: int) -> None:
        level_ns = self._finest_s(from_ns, to_ns) * S_NS
        step_ns = max(step_s * S_NS, level_ns)
        if step_ns % level_ns:
            return
        from_ns, to_ns = from_ns // level_ns * level_ns, -(-to_ns // level_ns) * level_ns
        width_ns = max(level_ns, 10 * S_NS)
        expected: dict[tuple[Key, int], list[Sample]] = defaultdict(list)
        for sample in self.samples:
            if from_ns <= sample.at_ns // width_ns * width_ns < to_ns:
                expected[sample.key, sample.at_ns // step_ns * step_ns].append(sample)
        for more in ((), (0, 250_000, 999_000, 1_000_000)):
            query = SeriesQuery(from_ns=from_ns, to_ns=to_ns, step_ns=step_ns, ranks_ppm=more)
            found = {
                ((row.agent, row.series.target), window.start_ns): (
                    window.quantiles,
                    window.ranks_s,
                )
                for row in self.chain.reader.series(query)
                for window in row.windows
            }
            assert expected.keys() == found.keys()
            for key, (told, ranks_s) in found.items():
                _assert_told(expected[key], told)
                _assert_ranks(expected[key], more, ranks_s)

    def _finest_s(self, from_ns: int, to_ns: int) -> int:
        """Return the finest level that is left of each day of a range."""
        days: dict[int, set[int]] = defaultdict(set)
        for segment in self.chain._start.segments:
            if segment.kind == "windows" and segment.stage == "day":
                days[segment.first_ns // DAY_NS].add(segment.level_s)
        inside = range(from_ns // DAY_NS, to_ns // DAY_NS + 1)
        return max([min(levels) for day, levels in days.items() if day in inside], default=1)


def _samples(sent: Batch) -> Iterator[Sample]:
    name = f"agent-{sent.agent_id[0]}"
    for place, ident in enumerate(sent.series_ids):
        for at in range(sent.offsets[place], sent.offsets[place + 1]):
            moment_ns = sent.base_ns + sent.reply_dt_ms[at] * MS_NS
            yield Sample((name, TARGETS[ident]), moment_ns, sent.rtt_s[at])
    for ident, dt_ms in zip(sent.event_series, sent.event_dt_ms, strict=True):
        yield Sample((name, TARGETS[ident]), sent.base_ns + dt_ms * MS_NS, None)


def _assert_told(samples: Sequence[Sample], told: Quantiles) -> None:
    times_s = sorted(s.rtt_s for s in samples if s.rtt_s is not None)
    assert (len(times_s), len(samples) - len(times_s)) == (told.received, told.lost)
    if times_s:
        assert (times_s[0], times_s[-1]) == (told.min_s, told.max_s)
        assert told.mean_s == pytest.approx(math.fsum(times_s) / len(times_s), rel=1e-9)
        ranks_s = (told.p50_s, told.p90_s, told.p99_s)
        _assert_ranks(samples, (500_000, 900_000, 990_000), ranks_s)


def _assert_ranks(
    samples: Sequence[Sample], ppm: Sequence[int], found_s: Sequence[float | None]
) -> None:
    times_s = sorted(s.rtt_s for s in samples if s.rtt_s is not None)
    assert len(ppm) == len(found_s)
    for rank, value_s in zip(ppm, found_s, strict=True):
        if not times_s:
            assert value_s is None
            continue
        exact_s = times_s[max(1, -(-rank * len(times_s) // 1_000_000)) - 1]
        assert value_s == pytest.approx(exact_s, rel=RELATIVE_ERROR * 1.001)


@pytest.mark.parametrize("seed", [0, 5])
async def test_any_course_of_things_keeps_every_sample_once(tmp_path: Path, seed: int) -> None:
    """Late data, checkpoints, upkeep, stops and crashes by dice; answers as a list gives them."""
    model = Model(tmp_path, seed)
    await model.open()
    for _ in range(80):
        await model.step()
    await model.close()
