"""Rows of the tables of facts, read from their files without the collector's readers."""

import tomllib
from pathlib import Path as File
from typing import Any

from collector.facts import exchanges


def table_file(name: str) -> dict[str, Any]:
    """Read a table of the release as TOML, without the collector."""
    file = File(__file__).parents[2] / "collector" / "tables" / f"{name}.toml"
    return tomllib.loads(file.read_text("utf-8"))


def names_of_the_file() -> list[Any]:
    """Return operators as the digest has them: each code with the table's date."""
    table = table_file("names")
    return [
        {
            **{key: operator[key] for key in ("id", "name", "domains", "asns")},
            "shared": operator.get("shared", False),
            "rules": [
                {
                    "remark": "",
                    "caveat": "",
                    "fabric": False,
                    **rule,
                    "codes": [{"date": table["date"], **code} for code in rule["codes"]],
                }
                for rule in operator.get("rules", [])
            ],
        }
        for operator in table["operators"]
    ]


def carriers_of_the_file() -> list[Any]:
    """Return carriers with the table's date and the source of the names."""
    table = table_file("carriers")
    shared = {"date": table["date"], "names_source": table["names_source"], "since": ""}
    return [{**shared, **row} for row in table["carriers"]]


def exchanges_of_the_file() -> list[Any]:
    """Return a row per prefix, with the reserve that goes with every exchange."""
    table = table_file("exchanges")
    return [
        {
            "prefix": lan["prefix"],
            "exchange": row["name"],
            "place": row.get("place"),
            "territory": row.get("territory"),
            "remote_peering": "; ".join(
                filter(None, (exchanges.POSSIBLE, row.get("remote_peering", "")))
            ),
            "status": lan["status"],
            "source": "; ".join(table["documents"].get(key, key) for key in lan["sources"]),
            "date": table["date"],
        }
        for row in table["exchanges"]
        for lan in row["lans"]
    ]


def places_of_the_file() -> list[Any]:
    """Return places with the table's defaults."""
    table = table_file("places")
    return [{**table["defaults"], **row} for row in table["places"]]


def special_of_the_file() -> list[Any]:
    """Return special ranges with the table's status and date."""
    table = table_file("special")
    shared = {"status": table["status"], "date": table["date"]}
    return [{**shared, **row} for row in table["ranges"]]


def anycast_of_the_file() -> list[Any]:
    """Return a row per prefix of a service in many places."""
    table = table_file("anycast")
    return [
        {
            "prefix": prefix,
            "service": row["service"],
            "status": row.get("status", "read"),
            "source": "; ".join(table["documents"][key] for key in row["sources"]),
            "date": table["date"],
        }
        for row in table["ranges"]
        for prefix in row["prefixes"]
    ]
