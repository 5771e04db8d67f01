"""Lines of a window as the official client writes them: the slow obvious version."""

from collections.abc import Mapping

from influxdb_client import Point

from agent.records import Protocol, Series, Stamp


def series(target: str = "192.0.2.1", zone: str = "aws/eu-west-3", family: int = 4) -> Series:
    """Return a series with these labels."""
    return Series(
        id=7, zone=zone, target=target, family=family, protocol=Protocol.ICMP, stamp=Stamp.KERNEL
    )


def tags(agent: str, series: Series) -> dict[str, str]:
    """Return the tags of a series."""
    return {
        "agent": agent,
        "family": str(series.family),
        "protocol": series.protocol.value,
        "stamp": series.stamp.value,
        "target": series.target,
        "zone": series.zone,
    }


def line(agent: str, series: Series, fields: Mapping[str, float | None], start_ns: int) -> bytes:
    """Return the line with its newline; nothing where no field has a value."""
    point = Point("borne").time(start_ns)
    for name, label in tags(agent, series).items():
        point = point.tag(name, label)
    for name, value in fields.items():
        point = point.field(name, value)
    text = point.to_line_protocol()
    return f"{text}\n".encode() if text else b""
