"""The picture of a crossing is drawn from a record, and the one in the documents is that one."""

from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from deploy.lab.picture import Record, Stop, Window, draw, finding

DOCS = Path(__file__).parents[2] / "deploy" / "docs"
PARIS = Stop(name="Paris", territory="FR", latitude=48.85, longitude=2.35)
FRANKFURT = Stop(name="Frankfurt", territory="DE", latitude=50.12, longitude=8.68)
MARSEILLE = Stop(name="Marseille", territory="FR", latitude=43.3, longitude=5.38)


@pytest.fixture
def record() -> Record:
    """Return a small crossing with markup in a name."""
    return Record(
        scenario="timed",
        agent="paris",
        zone="<b>/x",
        jurisdiction="FX",
        verdict="SUPPORTED_OUTSIDE",
        countries=("FR", "DE", "FR"),
        first_seen_s=20.0,
        confirmed_s=30.0,
        ended_s=60.0,
        inside=(PARIS, MARSEILLE),
        outside=(PARIS, FRANKFURT, MARSEILLE),
        windows=tuple(
            Window(start_s=10.0 * n, width_s=10.0, p50_s=0.009 + n / 1e3, p99_s=0.02)
            for n in range(9)
        ),
        evidence="ab" * 32,
    )


def test_finding_names_the_foreign_territory_and_the_duration(record: Record) -> None:
    """The title states who left what through where, and for how long."""
    assert finding(record) == "paris → <b>/x left FX through DE for 40 s"


def test_drawing_is_one_escaped_svg(record: Record) -> None:
    """The document is well-formed, carries the finding as its title and escapes strangers' text."""
    root = ET.fromstring(draw(record))  # noqa: S314 - our own text

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.findtext("{http://www.w3.org/2000/svg}title") == finding(record)


def test_picture_in_the_documents_is_drawn_from_its_record() -> None:
    """`deploy/docs/crossing.svg` is what the recorded demo gives, to the letter."""
    recorded = msgspec.json.decode((DOCS / "crossing.json").read_bytes(), type=Record)

    assert (DOCS / "crossing.svg").read_text(encoding="utf-8") == draw(recorded)
