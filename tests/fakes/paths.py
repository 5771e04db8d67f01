"""Paths for tests of the judgement: built from few words, or read from the corpus of real ones."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path as File
from typing import Any

from agent.records import Hop, Origin, Path, PathReply, Protocol
from collector.records import Axis, Judgement, PathVerdict, Place, Zone

STARTED_AT = "2026-11-24T12:00:00.000000001Z"
PARIS = Place(name="Paris", territory="FR", latitude=48.85341, longitude=2.3488, radius_km=30.0)
MARSEILLE = Place(
    name="Marseille", territory="FR", latitude=43.29695, longitude=5.38107, radius_km=30.0
)
FRANKFURT = Place(
    name="Frankfurt", territory="DE", latitude=50.11552, longitude=8.68417, radius_km=30.0
)
FROM_PARIS = Origin(latitude=48.85341, longitude=2.3488, radius_km=5.0)


def zone(place: Place, *, provider: str = "ovh", region: str = "x") -> Zone:
    """Return a zone at `place`."""
    return Zone(
        provider=provider, region=region, place=place, group_country="FR", targets=("target",)
    )


def reply(
    address: str,
    name: str | None = None,
    *,
    confirmed: bool | None = True,
    rtt_ms: float | None = 20.0,
) -> PathReply:
    """Return one answer."""
    return PathReply(
        address=address,
        name=name,
        name_confirmed=None if name is None else confirmed,
        rtt_ns=None if rtt_ms is None else round(rtt_ms * 1e6),
    )


LOST = PathReply(lost=True)


def path(
    *hops: Sequence[PathReply],
    address: str | None = "51.15.0.1",
    reached: bool = True,
    origin: Origin | None = FROM_PARIS,
    resolution_ns: int = 1,
    started_at: str = STARTED_AT,
) -> Path:
    """Return a path whose hops have TTL 1, 2, ..."""
    return Path(
        id=f"target@{started_at}",
        tool="borne-agent",
        origin=origin,
        rtt_resolution_ns=resolution_ns,
        target="target",
        address=address,
        zone="ovh/x",
        family=4,
        protocol=Protocol.ICMP,
        reached=reached,
        started_at=started_at,
        hops=tuple(Hop(ttl=ttl, replies=tuple(replies)) for ttl, replies in enumerate(hops, 1)),
    )


def verdict(
    judgement: Judgement, jurisdiction: str = "FX", axis: Axis = Axis.TERRITORY
) -> PathVerdict:
    """Return the verdict for one jurisdiction."""
    return next(
        row for row in judgement.verdicts if (row.jurisdiction, row.axis) == (jurisdiction, axis)
    )


def corpus_folder() -> File | None:
    """Return the folder of real paths, None where it is absent.

    `BORNE_CORPUS` names it; otherwise it lies beside the checkout.
    """
    beside = File(__file__).parents[3] / "shared" / "corpus"
    folder = File(os.environ.get("BORNE_CORPUS", beside))
    return folder if (folder / "truth.json").is_file() else None


def corpus(folder: File, *, names_confirmed: bool) -> Mapping[str, tuple[Path, dict[str, Any]]]:
    """Return (path, truth) by id; `names_confirmed` treats unchecked names as confirmed."""
    truths = json.loads((folder / "truth.json").read_text())
    return {
        key: (_read(folder / "paths" / f"{key}.json", names_confirmed), truth)
        for key, truth in truths.items()
    }


def _read(file: File, names_confirmed: bool) -> Path:
    raw = json.loads(file.read_text())
    hops = tuple(
        Hop(
            ttl=hop["ttl"],
            replies=tuple(_reply(answer, names_confirmed) for answer in hop["replies"]),
        )
        for hop in raw["hops"]
    )
    origin = raw["origin"]
    return Path(
        id=raw["id"],
        tool=raw["tool"],
        origin=None if origin is None else Origin(**origin),
        rtt_resolution_ns=raw["rtt_resolution_ns"],
        target=raw["target"],
        address=None,
        zone=None,
        family=6 if raw["tool"].endswith("6") else 4,
        protocol=Protocol.ICMP,
        reached=any(not answer.lost for answer in hops[-1].replies),
        started_at=STARTED_AT,
        hops=hops,
    )


def _reply(raw: dict[str, Any], names_confirmed: bool) -> PathReply:
    if raw.get("lost"):
        return LOST
    checked = raw.get("name_confirmed")
    if names_confirmed and checked is None and raw.get("name"):
        checked = True
    return PathReply(
        address=raw.get("address"),
        name=raw.get("name"),
        name_confirmed=checked,
        rtt_ns=raw.get("rtt_ns"),
    )
