"""Shell: `borne-collector explain`: judges paths that other programs measured, without a network.

Rules
- Exit codes: 0 when everything was read and judged, 1 if a verdict is as bad as `--fail-on` or
  worse, 2 where something could not be read. One bad path never hides the others: it is named on
  stderr, the good ones are printed.
- The position that `--origin` gives stands for every path, whatever its file says. Without one,
  no distance is used.
- What glass fibre would allow (`suppositions`) is shown beside the verdicts and changes none.
- `--redact` rewrites what was judged, for people; no verdict depends on it (`redaction`).
"""

import math
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Final

from agent.records import Origin, Path
from collector import terminal
from collector.audit.redaction import SALT_OCTETS, Redactor
from collector.commands import explanation, offline, pathtable
from collector.commands.offline import NOTHING, Given
from collector.errors import ConfigError
from collector.imports import formats
from collector.judgement import borders
from collector.judgement.suppositions import suppose
from collector.nearness import Supposed
from collector.records import SEVERITY, Judgement, Jurisdiction, Verdict

STDIN: Final = "-"
DEFAULTS: Final = ("FX", "EU", "EEA")
_SEMI_MERIDIAN_KM: Final = 20_004
"""No two points of the Earth are farther apart (half a meridian of WGS84)."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, checked."""

    files: Sequence[str]
    origin: Origin | None
    jurisdictions: Sequence[Jurisdiction]
    fail_on: Verdict | None
    as_json: bool
    redact: bool = False
    added: Given = NOTHING


def request(
    files: Sequence[str],
    *,
    origin: str | None,
    jurisdictions: Sequence[str],
    fail_on: str | None,
    as_json: bool,
    redact: bool = False,
    added: Given = NOTHING,
) -> Request:
    """Return the options of the command line, checked.

    Raises:
        ConfigError: an option means nothing.
    """
    return Request(
        files=files,
        origin=None if origin is None else _origin(origin),
        jurisdictions=[
            _jurisdiction(name, added.lists) for name in dict.fromkeys(jurisdictions or DEFAULTS)
        ],
        fail_on=None if fail_on is None else _verdict(fail_on),
        as_json=as_json,
        redact=redact,
        added=added,
    )


def run(asked: Request) -> int:
    """Print an explanation of every path; return the exit code."""
    show = _lines if asked.as_json else _tables(asked)
    tables = offline.tables(asked.added)
    redactor = Redactor(secrets.token_bytes(SALT_OCTETS), tables.networks) if asked.redact else None
    unreadable = failed = False
    for name in asked.files:
        for found in _read(name, asked.origin):
            if isinstance(found, formats.Unreadable):
                unreadable = True
                where = f"{name}: {found.where}" if found.where else name
                why = "is unreadable; --redact hides how" if redactor else found.why
                sys.stderr.write(f"borne-collector: {where}: {why}\n")
                continue
            path = found
            judgement = borders.judge(
                path, agent="", zone=None, knowledge=tables, jurisdictions=asked.jurisdictions
            )
            failed = failed or _is_bad(judgement, asked.fail_on)
            supposed = suppose(path, judgement, jurisdictions=asked.jurisdictions, soil=tables.soil)
            if redactor is not None:
                path, judgement = redactor.shown(path, judgement)
                supposed = redactor.supposed(supposed)
            show(path, judgement, supposed)
    if not asked.as_json:
        terminal.show(pathtable.LIMITS)
    return 2 if unreadable else int(failed)


def _lines(_: Path, judgement: Judgement, supposed: Sequence[Supposed]) -> None:
    sys.stdout.write(f"{explanation.encode(judgement, supposed).decode()}\n")


def _tables(asked: Request) -> Callable[[Path, Judgement, Sequence[Supposed]], None]:
    """Return what prints a table for a path."""
    by = "the file" if asked.origin is None else "--origin"
    by = f"{by} (here rounded)" if asked.redact else by
    columns = terminal.columns()
    return lambda path, judgement, supposed: terminal.show(
        pathtable.draw(path, judgement, declared_by=by, columns=columns, supposed=supposed)
    )


def _read(name: str, origin: Origin | None) -> Iterator[Path | formats.Unreadable]:
    """Yield what a file holds; a file that cannot be read holds something unreadable."""
    try:
        octets = sys.stdin.buffer.read() if name == STDIN else File(name).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        yield formats.Unreadable("", f"cannot be read: {why}; give a file, or - for stdin")
        return
    yield from formats.read(octets, origin)


def _is_bad(judgement: Judgement, fail_on: Verdict | None) -> bool:
    return fail_on is not None and any(
        SEVERITY[row.verdict] <= SEVERITY[fail_on] for row in judgement.verdicts
    )


def _origin(text: str) -> Origin:
    try:
        latitude, longitude, radius_km = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(
            f"--origin must be LAT,LON,RADIUS_KM in degrees and kilometres, not {text!r}; "
            "for example 48.86,2.35,15"
        ) from None
    for name, value, most in (("latitude", latitude, 90), ("longitude", longitude, 180)):
        if not -most <= value <= most:
            raise ConfigError(f"--origin: the {name} must be from -{most} to {most}, not {value:g}")
    if not (math.isfinite(radius_km) and 0 <= radius_km <= _SEMI_MERIDIAN_KM):
        raise ConfigError(
            f"--origin: the radius must be from 0 to {_SEMI_MERIDIAN_KM} km, not {radius_km:g}"
        )
    return Origin(latitude=latitude, longitude=longitude, radius_km=radius_km)


def _jurisdiction(name: str, lists: Mapping[str, Jurisdiction]) -> Jurisdiction:
    if name not in lists:
        raise ConfigError(f"--jurisdiction {name!r} is not known; choose from {', '.join(lists)}")
    return lists[name]


def _verdict(name: str) -> Verdict:
    try:
        return Verdict(name)
    except ValueError:
        raise ConfigError(
            f"--fail-on {name!r} is no verdict; choose from {', '.join(Verdict)}"
        ) from None
