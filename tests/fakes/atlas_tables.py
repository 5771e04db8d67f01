"""A small atlas: three networks and three countries, two of them finer than a /24 or a /64."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path

from collector.facts import atlas, builder
from collector.facts.atlas import Atlas

IDENT = "tables of a test"
DATE = "2026-06-17"

ORIGIN_4 = (
    ("192.0.2.0", "192.0.2.99", "64500", "Example Transit"),
    ("192.0.2.100", "192.0.3.255", "64501", "Example\u00a0Access, Inc.\u00ad"),
    ("198.51.100.0", "198.51.100.255", "64500", "Example Transit"),
)
ORIGIN_6 = (("2001:db8::", "2001:db8::ffff", "64501", "Example\u00a0Access, Inc.\u00ad"),)
COUNTRY_4 = (("192.0.2.0", "192.0.2.255", "FR"), ("203.0.113.0", "203.0.113.255", "DE"))
COUNTRY_6 = (("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "LU"),)

FILES: Mapping[str, Sequence[tuple[str, ...]]] = {
    "asn-ipv4-num.csv": ORIGIN_4,
    "asn-ipv6-num.csv": ORIGIN_6,
    "asn-country-ipv4-num.csv": COUNTRY_4,
    "asn-country-ipv6-num.csv": COUNTRY_6,
}


def write(directory: Path) -> Path:
    """Write the published form of the tables into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, rows in FILES.items():
        lines = [
            ",".join((str(int(ip_address(first))), str(int(ip_address(last))), *map(_quoted, said)))
            for first, last, *said in rows
        ]
        (directory / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return directory


def _quoted(field: str) -> str:
    return f'"{field}"' if "," in field else field


def built(directory: Path) -> Path:
    """Return a directory that holds the compiled tables."""
    published, to = write(directory / "published"), directory / "compiled"
    assert len(list(builder.build_all(published, to, ident=IDENT, date=DATE))) == len(atlas.TABLES)
    return to


def opened(directory: Path) -> Atlas:
    """Return the atlas, built in `directory`."""
    return atlas.load(built(directory))
