"""Lists of clouds' ranges: what a package holds, and what the clouds themselves publish."""

import gzip
import json
from pathlib import Path

import msgspec

from collector.facts.atlas import Atlas, Table
from collector.facts.geodata import compile_table, sources

ROWS = (
    ("192.0.2.0/25", 0, "eu-west-3", "EC2"),
    ("192.0.2.0/25", 0, "eu-west-3", "AMAZON"),
    ("192.0.2.128/25", 0, "eu-west-3", "AMAZON"),
    ("198.51.100.0/24", 1, "europe-west9", "GOOGLE_CLOUD"),
    ("203.0.113.0/24", 1, "global", "GOOGLE_CLOUD"),
    ("203.0.113.0/24", 0, "eu-west-1", "EC2"),
    ("203.0.113.0/24", 0, "eu-west-2", "EC2"),
    ("2001:db8::/32", 2, "centralfrance", "AZURECLOUD"),
)
"""Prefix, number of the provider, region, service."""
PROVIDERS = ("aws", "gcp", "azure")


def published(rows: object = ROWS) -> bytes:
    """Return the file of the package."""
    listed = [dict(zip(["cidr", "p", "r", "s"], row, strict=True)) for row in rows]  # type: ignore[attr-defined]
    document = {"version": "2026-10-26", "providers": PROVIDERS, "ranges": listed}
    return gzip.compress(msgspec.msgpack.encode(document))


PUBLISHED = published()


def built(directory: Path) -> Atlas:
    """Return an atlas that holds the compiled table alone."""
    source = sources()[-1]
    source.path("ranges", directory).write_bytes(PUBLISHED)
    path = directory / "cloud.atlas"
    path.write_bytes(compile_table(source, directory))
    return Atlas({"cloud": Table(path)})


AWS = json.dumps(
    {
        "syncToken": "1",
        "createDate": "2026-11-20-01-02-03",
        "prefixes": [
            {"ip_prefix": "192.0.2.0/24", "region": "eu-west-3", "service": "AMAZON"},
            {"ip_prefix": "192.0.2.0/25", "region": "eu-west-3", "service": "EC2"},
            {"ip_prefix": "192.0.2.0/25", "region": "eu-west-3", "service": "AMAZON"},
            {"ip_prefix": "198.51.100.0/24", "region": "GLOBAL", "service": "CLOUDFRONT"},
            {"ip_prefix": "198.51.100.1/24", "region": "eu-west-3", "service": "EC2"},
        ],
        "ipv6_prefixes": [
            {"ipv6_prefix": "2001:db8::/32", "region": "eu-central-1", "service": "EC2"}
        ],
    }
).encode()
GOOGLE = json.dumps(
    {
        "syncToken": "1",
        "creationTime": "2026-11-21T01:02:03.4",
        "prefixes": [
            {"ipv4Prefix": "192.0.2.0/24", "service": "Google Cloud", "scope": "europe-west9"},
            {"ipv6Prefix": "2001:db8::/32", "service": "Google Cloud", "scope": "europe-west3"},
            {"ipv4Prefix": "198.51.100.0/24", "service": "Google Cloud", "scope": "global"},
        ],
    }
).encode()
AZURE = json.dumps(
    {
        "changeNumber": 1,
        "cloud": "Public",
        "values": [
            {
                "name": "AzureCloud.centralfrance",
                "properties": {
                    "region": "centralfrance",
                    "addressPrefixes": ["192.0.2.0/24", "2001:db8::/32"],
                },
            },
            {
                "name": "AzureCloud",
                "properties": {"region": "", "addressPrefixes": ["192.0.2.0/24"]},
            },
        ],
    }
).encode()
ORACLE = json.dumps(
    {
        "last_updated_timestamp": "2026-11-22T01:02:03.4",
        "regions": [
            {"region": "eu-paris-1", "cidrs": [{"cidr": "192.0.2.0/24", "tags": ["OCI"]}]},
        ],
    }
).encode()
