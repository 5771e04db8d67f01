"""The zone catalogue mapped into the lab: its names lead to hosts of the scenario `inside`.

Paris, Marseille, Roubaix, Frankfurt and London are in that scenario, so that the zones there have
hosts; what stands elsewhere has no name in the lab's resolver, as a name that nobody registered.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from collector.facts import zones
from deploy.lab.scenario import find
from deploy.tables import table

ROUTERS = {
    "Paris": "pastr1",
    "Marseille": "mrs02",
    "Roubaix": "rbx-d2",
    "Frankfurt am Main": "fra03",
    "London": "lon13",
}
CITIES = {"Frankfurt am Main": "Frankfurt"}
SILENT = {"oracle/eu-marseille-1", "linode/fr-par-1", "ibm/eu-gb"}
"""Zones whose hosts stand behind a wire that loses everything."""
VOID = {
    "id": "void",
    "city": "Paris",
    "network": "bench",
    "address": "203.0.113.254",
}
VOID_LINK = {"between": ["prs-b1", "void"], "delay_ms": 0.1, "loss_ratio": 1.0}
FIRST_HOST = 100
"""Hosts stand in a prefix that one of the scenario's networks announces: they can have a place."""


def write(directory: Path) -> Path:
    """Write the scenario `catalogue` into `directory`; return its file."""
    world = tomllib.loads(find("inside").read_text(encoding="utf-8"))
    world["scenario"] |= {"name": "catalogue", "says": "the names of the catalogue, in a box"}
    world["routers"].append(VOID)
    world["links"].append(VOID_LINK)
    world["targets"] = list(_targets())
    file = directory / "catalogue.toml"
    file.write_text("\n".join(_tables(world)), encoding="utf-8")
    return file


def here() -> set[str]:
    """Return the zones that have a host in the lab."""
    return {row["provider"] + "/" + row["region"] for row in _targets()}


def elsewhere() -> set[str]:
    """Return the zones of the catalogue that `make run` asks and the lab does not know."""
    return {row.zone.ident for row in zones.load() if row.probed} - here()


def _targets() -> Iterator[dict[str, Any]]:
    probed = [row.zone for row in zones.load() if row.probed and row.zone.place.name in ROUTERS]
    pairs = [(zone, name) for zone in probed for name in zone.targets]
    for number, (zone, name) in enumerate(pairs, start=FIRST_HOST):
        place = zone.place.name
        yield {
            "provider": zone.provider,
            "region": zone.region,
            "place": CITIES.get(place, place),
            "country": zone.place.territory,
            "group_country": zone.group_country,
            "address": f"37.187.200.{number}",
            "name": name,
            "router": VOID["id"] if zone.ident in SILENT else ROUTERS[place],
            "access_ms": 0.2,
        }


def _tables(world: dict[str, Any]) -> Iterator[str]:
    for name, value in world.items():
        if isinstance(value, list):
            yield from (table(f"[[{name}]]", **row) for row in value)
        else:
            yield table(f"[{name}]", **value)
