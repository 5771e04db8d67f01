"""Bytes: the same batch in three forms: Borne's own, JSON, and Prometheus' remote write 1.0.

    form    body                                                  peer's library
    csr     `agent.wire`, zstd or deflate                         -
    json    columns as JSON arrays, the friendliest form of it    orjson
    remote  WriteRequest of protobuf, snappy (prometheus.io/docs  protobuf (upb), cramjam
            /specs/prw/remote_write_spec)

All three hold the same samples: 10 s of some series, 100 replies each, log-normal around 10 ms, in
whole nanoseconds.
"""

from array import array
from collections.abc import Callable
from typing import Any, NamedTuple

import cramjam
import msgspec
import numpy as np
import orjson
import zstandard
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from agent import wire
from agent.records import AgentId, Batch, Descriptors, Protocol, Series, SpoolId, Stamp

PER_SERIES = 100
SAMPLES = 10_000
STEP_NS = 10_000_000_000
SPOOL = SpoolId(b"s" * 16)
_LABELS = ("agent", "zone", "target", "family", "protocol", "stamp")


class Form(NamedTuple):
    """How a batch travels, and how the server gets it back."""

    encoding: str
    pack: Callable[[Batch], bytes]
    unpack: Callable[[bytes], Batch]


def agent_id(number: int) -> AgentId:
    """Return the id of an agent."""
    return AgentId(number.to_bytes(16, "little"))


def series(number: int) -> Series:
    """Return the descriptor of a series."""
    return Series(
        id=number,
        zone="cloud/par",
        target=f"192.0.2.{number}",
        family=4,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL,
    )


def made(agent: int, sequence: int, first_ns: int, samples: int = SAMPLES) -> Batch:
    """Return a batch; the first of an agent describes its series."""
    rows = max(1, samples // PER_SERIES)
    dice = np.random.default_rng([agent, sequence])
    rtt_ns = np.exp(dice.normal(np.log(1e7), 0.5, samples)).round()
    ends = np.linspace(0, samples, rows + 1).astype(np.uint32)
    return Batch(
        agent_id=agent_id(agent),
        boot_id=b"b" * 16,
        spool_id=SPOOL,
        sequence=sequence,
        base_ns=first_ns + sequence * STEP_NS,
        clock_error_ns=1000,
        series_ids=array("I", range(rows)),
        offsets=array("I", ends.tobytes()),
        rtt_s=array("f", (rtt_ns * 1e-9).astype(np.float32).tobytes()),
        reply_dt_ms=array("H", (np.arange(samples) * 100 % 10_000).astype(np.uint16).tobytes()),
        event_series=array("I"),
        event_dt_ms=array("H"),
        event_outcome=array("B"),
        descriptors=Descriptors(series=tuple(map(series, range(rows))) if sequence == 0 else ()),
    )


def _json(batch: Batch) -> bytes:
    columns = {
        "agent_id": batch.agent_id.hex(),
        "sequence": batch.sequence,
        "base_ns": batch.base_ns,
        "series_ids": list(batch.series_ids),
        "offsets": list(batch.offsets),
        "rtt_ns": (np.asarray(batch.rtt_s, np.float64) * 1e9).round().astype(int).tolist(),
        "dt_ms": list(batch.reply_dt_ms),
        "series": msgspec.to_builtins(batch.descriptors.series),
    }
    return orjson.dumps(columns)


def _from_json(content: bytes) -> Batch:
    found = orjson.loads(content)
    return _batch(
        bytes.fromhex(found["agent_id"]),
        found["sequence"],
        found["base_ns"],
        found["series_ids"],
        np.array(found["offsets"], np.uint32),
        (np.array(found["rtt_ns"], np.float64) * 1e-9).astype(np.float32),
        np.array(found["dt_ms"], np.uint16),
        msgspec.convert(found["series"], tuple[Series, ...]),
    )


def _batch(
    agent: bytes,
    sequence: int,
    base_ns: int,
    ids: Any,  # noqa: ANN401 - columns of any kind
    offsets: Any,  # noqa: ANN401
    rtt_s: Any,  # noqa: ANN401
    dt_ms: Any,  # noqa: ANN401
    described: tuple[Series, ...],
) -> Batch:
    return Batch(
        agent_id=AgentId(agent),
        boot_id=b"b" * 16,
        spool_id=SPOOL,
        sequence=sequence,
        base_ns=base_ns,
        clock_error_ns=-1,
        series_ids=ids,
        offsets=offsets,
        rtt_s=rtt_s,
        reply_dt_ms=dt_ms,
        event_series=array("I"),
        event_dt_ms=array("H"),
        event_outcome=array("B"),
        descriptors=Descriptors(series=described),
    )


def _write_request() -> Any:  # noqa: ANN401 - a class made at run time
    """Return the message class of prometheus.WriteRequest, as its .proto describes it."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="p", syntax="proto3")
    rows = {
        "Label": (("name", 1, field.TYPE_STRING, ""), ("value", 2, field.TYPE_STRING, "")),
        "Sample": (("value", 1, field.TYPE_DOUBLE, ""), ("timestamp", 2, field.TYPE_INT64, "")),
        "TimeSeries": (
            ("labels", 1, field.TYPE_MESSAGE, ".p.Label"),
            ("samples", 2, field.TYPE_MESSAGE, ".p.Sample"),
        ),
        "WriteRequest": (("timeseries", 1, field.TYPE_MESSAGE, ".p.TimeSeries"),),
    }
    for name, fields in rows.items():
        message = file.message_type.add(name=name)
        for word, number, kind, of in fields:
            label = field.LABEL_REPEATED if of else field.LABEL_OPTIONAL
            message.field.add(
                name=word, number=number, type=kind, type_name=of or None, label=label
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("p.WriteRequest"))


_REQUEST = _write_request()


def _remote(batch: Batch) -> bytes:
    request = _REQUEST()
    for place in range(len(batch.series_ids)):
        row = request.timeseries.add()
        known = series(place)
        values = (
            *(batch.agent_id.hex(), known.zone, known.target, str(known.family)),
            *(known.protocol, known.stamp),
        )
        for name, value in (("__name__", "borne_rtt_seconds"), *zip(_LABELS, values, strict=True)):
            row.labels.add(name=name, value=value)
        for at in range(batch.offsets[place], batch.offsets[place + 1]):
            row.samples.add(
                value=float(batch.rtt_s[at]),
                timestamp=batch.base_ns // 1_000_000 + batch.reply_dt_ms[at],
            )
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


def _from_remote(content: bytes) -> Batch:
    """Read a request back; its sequence is its time, since the protocol has none."""
    request = _REQUEST.FromString(content)
    rtt_s: list[float] = []
    at_ms: list[int] = []
    offsets, described = [0], []
    agent = b""
    for number, row in enumerate(request.timeseries):
        labels = {label.name: label.value for label in row.labels}
        agent = bytes.fromhex(labels["agent"])
        described.append(
            Series(
                id=number,
                zone=labels["zone"],
                target=labels["target"],
                family=4,
                protocol=Protocol(labels["protocol"]),
                stamp=Stamp(labels["stamp"]),
            )
        )
        rtt_s += [sample.value for sample in row.samples]
        at_ms += [sample.timestamp for sample in row.samples]
        offsets.append(len(rtt_s))
    first_ms = min(at_ms)
    return _batch(
        agent,
        first_ms,
        first_ms * 1_000_000,
        range(len(described)),
        np.array(offsets, np.uint32),
        np.array(rtt_s, np.float32),
        (np.array(at_ms, np.int64) - first_ms).astype(np.uint16),
        tuple(described),
    )


FORMS = {
    "csr": Form("zstd", lambda batch: zstandard.compress(wire.encode(batch), level=1), wire.decode),
    "identity": Form("identity", wire.encode, wire.decode),
    "deflate": Form("deflate", lambda batch: wire.deflate(wire.encode(batch)), wire.decode),
    "json": Form("identity", _json, _from_json),
    "remote": Form("snappy", _remote, _from_remote),
}
