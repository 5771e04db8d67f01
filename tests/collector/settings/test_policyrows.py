"""Rows of policy and own jurisdictions; the message of each mistake is in `test_config`."""

from pathlib import Path

import pytest

from agent import settings
from agent.errors import ConfigError
from collector.facts.regions import BY_NAME
from collector.records import Place, Verdict, Zone
from collector.settings import policyrows
from collector.settings.policy import Demands, PolicyRow

PARIS = Place(name="Paris", territory="FR", latitude=48.85, longitude=2.35, radius_km=20)
ZONE = Zone(provider="ovh", region="par", place=PARIS, group_country="FR", targets=("t1",))


def rows(tmp_path: Path, text: str) -> tuple[PolicyRow, ...]:
    """Return the rows of a file."""
    path = tmp_path / "collector.toml"
    path.write_text(text, encoding="utf-8")
    return policyrows.policy(settings.read(path).tables("policy"), (), (ZONE,), BY_NAME)


def test_a_row_has_defaults(tmp_path: Path) -> None:
    """What is not named is any; a crossing opens at what is supported."""
    found = rows(tmp_path, '[[policy]]\nterritory = ["FR"]\n')
    assert (PolicyRow(demands=Demands(("FR",))),) == found
    assert Verdict.SUPPORTED_OUTSIDE is found[0].demands.open_at


@pytest.mark.parametrize("zone", ["*", "ovh/*", "ovh/par"])
def test_a_target_may_be_named_with_its_zone(tmp_path: Path, zone: str) -> None:
    """Each way to write the zone that the target is in."""
    text = f'[[policy]]\nzone = "{zone}"\ntarget = "t1"\nadministration = []\n'
    assert (PolicyRow(zone=zone, target="t1", demands=Demands()),) == rows(tmp_path, text)


def test_rows_behind_narrower_ones_stand(tmp_path: Path) -> None:
    """Only a row that could never decide is refused."""
    narrow = '[[policy]]\ntarget = "t1"\nterritory = []\n'
    wide = "[[policy]]\nterritory = []\n"
    assert 2 == len(rows(tmp_path, narrow + wide))
    with pytest.raises(ConfigError):
        rows(tmp_path, wide + narrow)
