"""Events and truths: every rule has a file that breaks it."""

from pathlib import Path

import pytest

from deploy.lab.errors import ScenarioError
from deploy.lab.scenario import load
from tests.fakes.lab_worlds import dual_world

TRUTH = 'verdict = ["SUPPORTED_INSIDE", "UNDETERMINED"]'


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('link = ["a", "b"]', 'link = ["a", "x"]', "events[0].link: no link joins a and x"),
        ("at_s = 1.2", "at_s = 0.2", "events[1].at_s: 0.2 is out of order"),
        ("at_s = 1.2", "at_s = 11.0", "events[1].at_s: 11.0 is out of order or after duration_s"),
        ("up = false", 'up = false\nrouter = "a"', "events[0]: give exactly one of link, router"),
        ('link = ["a", "b"]\nup = false', "up = false", "events[0]: give exactly one of link"),
        ("up = false", "answers = false", "events[0]: a link's event gives up, loss_ratio or"),
        ("up = false", "", "events[0]: a link's event gives up, loss_ratio or jitter_ms"),
        ('router = "b"\nanswers', 'router = "z"\nanswers', "events[2].router: no router is called"),
        (
            'target = "192.0.2.80"\nanswers',
            'target = "192.0.2.81"\nanswers',
            "events[3].target: no",
        ),
        ('router = "b"\nanswers = false', 'router = "b"', "events[2]: the event of a router or"),
        ('router = "b"\nanswers', 'router = "b"\nup = true\nanswers', "events[2]: the event of a"),
        ("answers = false", "answers = 1", "at `$.events[2].answers`"),
        (
            'jurisdiction = ["FX"]',
            'jurisdiction = ["FX", "FX"]',
            "truth[0].jurisdiction: one is named twice",
        ),
        ('agent = "one"', 'agent = "won"', "truth[0].agent: no agent is called 'won'"),
        ('target = "2001:db8::80"', 'target = "2001:db8::81"', "truth[0].target: no target or"),
        (TRUTH, 'verdict = ["PROVEN_INSIDE"]', "truth[0].verdict: PROVEN_INSIDE stands where"),
        (TRUTH, 'verdict = ["OUTSIDE"]', "at `$.truth[0].verdict[0]`"),
        (TRUTH, "verdict = []", "at `$.truth[0].verdict`"),
        ("provable = true", 'provable = true\naxis = "administration"', "nothing proves admin"),
        ("to_s = 4.0", "to_s = 11.0", "truth[0]: 0.0 s to 11.0 s is no time within duration_s"),
        ("to_s = 4.0", "to_s = 0.0", "truth[0]: 0.0 s to 0.0 s is no time within duration_s"),
        ("from_s = 4.0", "from_s = 3.9", "truth[1]: speaks of the same as truth[0]"),
        ("to_s = 4.0\n", "", "truth[1]: speaks of the same as truth[0] at the same time"),
    ],
)
def test_a_wrong_story_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    """What happens to nothing, at no time, or claims more than can be is named."""
    with pytest.raises(ScenarioError) as caught:
        load(dual_world(tmp_path, (old, new)))
    assert says in str(caught.value)


def test_truths_follow_each_other(tmp_path: Path) -> None:
    """A truth holds from its beginning to just before its end."""
    first, second = load(dual_world(tmp_path)).truth
    moments = (0.0, 3.9, 4.0, 9.0)
    assert [first.holds_at(at_s) for at_s in moments] == [True, True, False, False]
    assert [second.holds_at(at_s) for at_s in moments] == [False, False, True, True]
