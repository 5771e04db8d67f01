"""A recipe is read as strictly as a scenario, and leaves out what has a good default."""

import tomllib
from typing import Any

import msgspec
import pytest

from deploy.lab.recipe import Recipe, Shares
from deploy.lab.scenario import SCENARIOS


def document() -> dict[str, Any]:
    """Return the delivered recipe as TOML gives it."""
    return tomllib.loads((SCENARIOS / "world.toml").read_text(encoding="utf-8"))


def test_shares_have_defaults() -> None:
    """A recipe that says nothing of its shares gets those of the class."""
    assert Shares() == msgspec.convert(document(), Recipe).world.shares


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"carriers": []}, "at `$.carriers`"),
        ({"hosters": []}, "at `$.hosters`"),
        ({"agents": []}, "at `$.agents`"),
        ({"world": {"targets": 0}}, "at `$.world.targets`"),
        ({"world": {"targets": 1, "shares": {"silent": 1.5}}}, "at `$.world.shares.silent`"),
        ({"routers": []}, "unknown field `routers`"),
    ],
)
def test_a_wrong_recipe_names_its_key(change: dict[str, Any], says: str) -> None:
    """Every wrong shape is refused with the key at fault."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(document() | change, Recipe)
    assert says in str(caught.value)
