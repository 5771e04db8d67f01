"""What the first release sends: one batch with everything that version 1 of the wire can say.

`python -m tests.fakes.wire_sample DIRECTORY` writes the kept sample; it is written once, and the
tests hold the present programs against it.
"""

import hashlib
import json
import sys
from pathlib import Path as File

import msgspec

from agent import wire
from agent.records import (
    AddressChange,
    Batch,
    Descriptors,
    Hop,
    Outcome,
    Path,
    PathReply,
    Plan,
    Protocol,
    Series,
    Stamp,
    WitnessReply,
    WitnessTask,
)
from collector.gate import frames
from collector.gate.frames import Entry
from tests.fakes.collector_durable import NOW_NS, S_NS, batch, path, series, vantage

EVENTS = tuple(outcome for outcome in Outcome if outcome is not Outcome.REPLY)
PLAN = Plan(
    version="abc",
    witness=(
        WitnessTask(
            id="a1",
            address="62.115.134.138",
            family=4,
            protocols=("icmp", "udp", "tcp"),
            deadline="2026-11-24T15:02:46.250000000Z",
        ),
    ),
)


def whole_path() -> Path:
    """Return a path with every key."""
    reply = PathReply(
        address="62.115.137.1",
        name="ffm-bb1-link.ip.twelve99.net",
        name_confirmed=True,
        rtt_ns=12_000_000,
        flow=1,
        icmp=(11, 0),
        mpls=((24001, 0, 1, 1),),
        reply_ttl=250,
        stamp=Stamp.KERNEL,
    )
    return msgspec.structs.replace(
        path(NOW_NS, abroad=True),
        hops=(Hop(ttl=1, replies=(reply, PathReply(lost=True))),),
        links=(("62.115.137.1", "51.15.0.1"),),
    )


def sample() -> Batch:
    """Return the batch."""
    own = batch(6)
    described = (
        *(series(1), series(2, "second")),
        *(
            Series(
                id=10 + place,
                zone="ovh/mrs",
                target=f"t{place}",
                family=6,
                protocol=list(Protocol)[place % len(Protocol)],
                stamp=stamp,
            )
            for place, stamp in enumerate(Stamp)
        ),
    )
    return msgspec.structs.replace(
        own,
        event_series=[2] * len(EVENTS),
        event_dt_ms=list(range(len(EVENTS))),
        event_outcome=[int(outcome) for outcome in EVENTS],
        descriptors=Descriptors(
            series=described,
            addresses=(AddressChange(series=1, dt_ms=5, address="51.15.0.1"),),
            paths=(whole_path(),),
            dropped_batches=2,
            witness=(
                WitnessReply(
                    address="62.115.137.1",
                    sent_at="2026-11-24T15:02:31.000000000Z",
                    rtt_min_ns=9_000_000,
                    samples=3,
                    protocol=Protocol.ICMP,
                    stamp=Stamp.KERNEL,
                ),
            ),
        ),
    )


def entry() -> Entry:
    """Return the sample as the journal keeps it."""
    bare = msgspec.structs.replace(vantage(0), token_sha256="")
    return Entry(received_ns=NOW_NS + 7 * S_NS, vantage=bare, body=wire.encode(sample()))


def vocabulary() -> dict[str, list[str]]:
    """Return the words that a reader of version 1 knows; another one makes it refuse a batch."""
    return {
        "protocol": sorted(Protocol),
        "stamp": sorted(Stamp),
        "outcome": sorted(str(int(outcome)) for outcome in Outcome),
    }


def _write(directory: File) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "batch.deflate").write_bytes(wire.deflate(wire.encode(sample())))
    (directory / "journal.bin").write_bytes(frames.encode(entry()))
    (directory / "plan.json").write_bytes(msgspec.json.encode(PLAN))
    (directory / "words.json").write_text(json.dumps(vocabulary(), indent=1) + "\n")
    digest = hashlib.sha256(wire.encode(sample())).hexdigest()
    sys.stderr.write(f"{digest}\n")


if __name__ == "__main__":
    _write(File(sys.argv[1]))
