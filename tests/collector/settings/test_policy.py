"""What is demanded of a path: the first row that fits, and the default where none does."""

import pytest

from collector.records import Place, Vantage, Verdict, Zone
from collector.settings.policy import Demands, Policy, PolicyRow

PARIS = Place(name="Paris", territory="FR", latitude=48.85, longitude=2.35, radius_km=20)
BERLIN = Place(name="Berlin", territory="DE", latitude=52.52, longitude=13.4, radius_km=20)
AGENT = Vantage(name="paris", agent_id=b"p" * 16, token_sha256="0" * 64, place=PARIS)
HOME = Zone(
    provider="ovh", region="par", place=PARIS, group_country="FR", targets=("t1", "t2", "t3")
)
ABROAD = Zone(provider="aws", region="fra", place=BERLIN, group_country="US", targets=("t4",))
FX, EU, NONE = Demands(("FX",)), Demands((), ("EU",)), Demands()


def test_without_rows_the_smallest_that_holds_both_ends_is_demanded() -> None:
    """The default speaks of territory alone, opens at what is supported, and of zones alone."""
    policy = Policy()
    assert Demands(("FX",), (), Verdict.SUPPORTED_OUTSIDE) == policy.of(AGENT, HOME, "t1")
    assert Demands(("EU",)) == policy.of(AGENT, ABROAD, "t4")
    assert NONE == policy.of(AGENT, None, "t1")


@pytest.mark.parametrize(
    ("row", "fitting"),
    [
        (PolicyRow(demands=EU), {"t1", "t2", "t3", "t4"}),
        (PolicyRow(zone="*", demands=EU), {"t1", "t2", "t3", "t4"}),
        (PolicyRow(zone="ovh/*", demands=EU), {"t1", "t2", "t3"}),
        (PolicyRow(zone="aws/fra", demands=EU), {"t4"}),
        (PolicyRow(zone="aws/par", demands=EU), set()),
        (PolicyRow(target="t2", demands=EU), {"t2"}),
        (PolicyRow(zone="aws/*", target="t2", demands=EU), set()),
        (PolicyRow(agent="paris", target="t2", demands=EU), {"t2"}),
        (PolicyRow(agent="lyon", demands=EU), set()),
    ],
)
def test_a_row_speaks_of_what_it_names(row: PolicyRow, fitting: set[str]) -> None:
    """Zone, target and agent all have to fit; the default holds for the rest."""
    found = Policy([row]).over([AGENT], [HOME, ABROAD])
    assert fitting == {target for _, _, target, demands in found if demands == EU}


def test_the_first_row_that_fits_decides_alone() -> None:
    """A later row adds nothing to an earlier one, also where the earlier one demands nothing."""
    policy = Policy(
        [
            PolicyRow(target="t1", demands=NONE),
            PolicyRow(zone="ovh/*", demands=EU),
            PolicyRow(demands=FX),
        ]
    )
    found = {target: demands for _, _, target, demands in policy.over([AGENT], [HOME, ABROAD])}
    assert {"t1": NONE, "t2": EU, "t3": EU, "t4": FX} == found


def test_a_target_is_known_by_its_name_and_its_address() -> None:
    """A row about an address speaks of the target that a path names otherwise."""
    policy = Policy([PolicyRow(target="t1", demands=EU)])
    assert EU == policy.of(AGENT, HOME, None, "t1")
    assert FX == policy.of(AGENT, HOME, "t2", None)


@pytest.mark.parametrize(
    ("before", "row", "hidden"),
    [
        (PolicyRow(demands=FX), PolicyRow(zone="ovh/*", target="t1", demands=EU), True),
        (PolicyRow(zone="ovh/*", demands=FX), PolicyRow(zone="ovh/par", demands=EU), True),
        (PolicyRow(zone="ovh/*", demands=FX), PolicyRow(zone="ovh/*", demands=EU), True),
        (PolicyRow(zone="ovh/par", demands=FX), PolicyRow(zone="ovh/*", demands=EU), False),
        (PolicyRow(zone="ovh/*", demands=FX), PolicyRow(demands=EU), False),
        (PolicyRow(agent="a", demands=FX), PolicyRow(demands=EU), False),
        (PolicyRow(agent="a", demands=FX), PolicyRow(agent="a", target="t", demands=EU), True),
        (PolicyRow(target="t", demands=FX), PolicyRow(demands=EU), False),
    ],
)
def test_a_row_behind_a_wider_one_is_hidden(
    before: PolicyRow, row: PolicyRow, *, hidden: bool
) -> None:
    """Whatever fits the second fits the first, in all three of its words."""
    assert hidden is before.hides(row)


def test_a_demand_says_at_which_verdict_a_crossing_opens() -> None:
    """One verdict for all its jurisdictions of territory, and none of administration."""
    demands = Demands(("FX", "EU"), ("FR",), Verdict.PROVEN_OUTSIDE)
    assert {"FX": Verdict.PROVEN_OUTSIDE, "EU": Verdict.PROVEN_OUTSIDE} == demands.crossings
