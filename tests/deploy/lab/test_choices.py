"""The least ways and the choice among them."""

from collections import Counter
from itertools import product

import pytest

from deploy.lab.choices import choose, next_routers

Links = dict[tuple[str, str], int]


def back(links: Links) -> dict[str, dict[str, int]]:
    """Costs toward each router, from links by (from, to)."""
    found: dict[str, dict[str, int]] = {}
    for (before, after), cost in links.items():
        found.setdefault(after, {})[before] = cost
    return found


def both(pairs: str) -> Links:
    """Links of cost 1 in both directions."""
    ends = [tuple(pair.split("-")) for pair in pairs.split()]
    return {pair: 1 for one, two in ends for pair in ((one, two), (two, one))}


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ("a-b b-z", {"a": ("b",), "b": ("z",), "z": ()}),
        ("a-b a-c b-z c-z", {"a": ("b", "c"), "b": ("z",), "c": ("z",), "z": ()}),
        (
            "a-b a-c b-d b-e d-f e-f c-g g-f f-z",
            {
                "a": ("b", "c"),
                "b": ("d", "e"),
                "c": ("g",),
                "d": ("f",),
                "e": ("f",),
                "g": ("f",),
                "f": ("z",),
                "z": (),
            },
        ),
        ("a-z b-c", {"a": ("z",), "z": ()}),
    ],
)
def test_equal_next_routers(pairs: str, expected: dict[str, tuple[str, ...]]) -> None:
    """Lines, diamonds and nested uneven diamonds follow from equal sums; islands are absent."""
    assert next_routers(back(both(pairs)), ["z"]) == expected


def test_an_uneven_diamond_by_costs() -> None:
    """A branch of two links of cost 1 equals a branch of one link of cost 2."""
    links = {**both("a-b b-z"), ("a", "z"): 2, ("z", "a"): 2}
    assert next_routers(back(links), ["z"])["a"] == ("b", "z")


def test_directions_have_their_own_costs() -> None:
    """The way back avoids what is dear in that direction alone."""
    links = {**both("a-b b-z a-c c-z"), ("b", "a"): 5, ("a", "c"): 5}
    assert next_routers(back(links), ["z"])["a"] == ("b",)
    assert next_routers(back(links), ["a"])["z"] == ("c",)


def test_the_nearest_of_several_ends() -> None:
    """Where a destination stands behind two routers, each router goes to the nearer."""
    ahead = next_routers(back(both("a-b b-c c-d d-e")), ["a", "e"])
    assert ahead == {"a": (), "b": ("a",), "c": ("b", "d"), "d": ("e",), "e": ()}


def test_least_costs_equal_the_slow_way() -> None:
    """Every next router lies on a way that no other way beats (Floyd's sums)."""
    links = {**both("a-b b-c c-d d-a a-c b-e e-z d-z"), ("a", "b"): 3, ("d", "z"): 4}
    names = sorted({name for pair in links for name in pair})
    sums = {
        pair: links.get(pair, 0 if pair[0] == pair[1] else 99) for pair in product(names, names)
    }
    for by, one, two in product(names, names, names):
        sums[one, two] = min(sums[one, two], sums[one, by] + sums[by, two])
    expected = {
        one: tuple(
            by
            for by in names
            if one != "z"
            and (one, by) in links
            and links[one, by] + sums[by, "z"] == sums[one, "z"]
        )
        for one in names
    }
    assert next_routers(back(links), ["z"]) == expected


def test_flows_spread_evenly_and_anew_at_every_router() -> None:
    """Of 3,000 flows each of three branches gets a third, also within a branch one step on."""
    branches = ("x", "y", "z")
    first = {flow: choose(flow.to_bytes(4, "big"), "r:one", branches) for flow in range(9000)}
    counts = Counter(first.values())
    assert all(2800 < counts[branch] < 3200 for branch in branches)
    within = [flow for flow, branch in first.items() if branch == "x"]
    again = Counter(choose(flow.to_bytes(4, "big"), "r:two", branches) for flow in within)
    assert all(900 < again[branch] < 1100 for branch in branches)


def test_a_choice_is_kept() -> None:
    """The same flow takes the same branch at the same router."""
    assert {choose(b"flow", "r:one", ("x", "y")) for _ in range(5)} in ({"x"}, {"y"})
