"""What a person reads: numbers that add up, one line a hop, a frame that covers the last one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import views
from agent.records import Hop, Outcome, PathReply, Stamp
from agent.views import Statistics

MS = 1_000_000


def test_statistics_of_a_hundred_replies() -> None:
    """Nearest rank: of 1..100 the median is 50 and the 99th percentile 99."""
    expected = Statistics(
        target="rbx",
        address="192.0.2.1",
        sent=125,
        answered=100,
        loss_ratio=0.2,
        min_ns=1,
        p50_ns=50,
        p99_ns=99,
        max_ns=100,
    )
    assert expected == views.statistics("rbx", "192.0.2.1", 125, list(range(100, 0, -1)))


def test_statistics_of_nothing() -> None:
    """No replies, no times; nothing sent, no loss."""
    found = views.statistics("rbx", None, 0, [])
    assert (None, None, 0) == (found.p50_ns, found.loss_ratio, found.answered)


@given(st.lists(st.integers(0, 10**12), min_size=1), st.integers(1, 100))
def test_a_quantile_is_the_smallest_value_that_enough_values_do_not_exceed(
    values: list[int], percent: int
) -> None:
    """The definition itself is the oracle."""
    enough = [v for v in values if sum(x <= v for x in values) * 100 >= percent * len(values)]
    assert min(enough) == views._rank(sorted(values), percent)


def test_a_summary_reads_like_pings() -> None:
    """Who, how many, how long."""
    lines = views.statistics_lines(views.statistics("rbx", "192.0.2.1", 4, [2 * MS, MS, 3 * MS]))
    assert lines == [
        "--- rbx (192.0.2.1)",
        "4 sent, 3 answered, 25.0% loss",
        "rtt min/p50/p99/max = 1.000/2.000/3.000/3.000 ms",
    ]
    assert views.statistics_lines(views.statistics("rbx", None, 0, [])) == [
        "--- rbx",
        "0 sent, 0 answered",
    ]


def test_a_reply_reads_like_pings() -> None:
    """With the quality of the time in brackets; an unknown TTL is left out."""
    line = views.reply_line("192.0.2.1", 3, 1_234_567, Stamp.KERNEL, 57)
    assert line == "192.0.2.1: seq=3 ttl=57 time=1.235 ms (kernel)"
    line = views.reply_line("192.0.2.1", 3, 1_234_567, Stamp.USER, None)
    assert line == "192.0.2.1: seq=3 time=1.235 ms (user)"


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.REPLY])
def test_every_outcome_has_words(outcome: Outcome) -> None:
    """And who said so, where somebody did."""
    line = views.outcome_line("192.0.2.1", 3, outcome, "192.0.2.254")
    assert line.startswith("192.0.2.1: seq=3 ")
    assert line.endswith(" (from 192.0.2.254)")
    assert line.count(" ") >= 3


@pytest.mark.parametrize(
    ("hop", "line"),
    [
        pytest.param(
            Hop(ttl=3, replies=(PathReply(address="192.0.2.1", rtt_ns=MS, icmp=(11, 0)),)),
            "  3  r1.example (192.0.2.1)  1.000 ms",
            id="named",
        ),
        pytest.param(
            Hop(
                ttl=12,
                replies=(
                    PathReply(lost=True),
                    PathReply(address="192.0.2.2", rtt_ns=MS, icmp=(0, 0)),
                    PathReply(address="192.0.2.2", rtt_ns=2 * MS, icmp=(0, 0)),
                ),
            ),
            " 12  *  192.0.2.2  1.000 ms  2.000 ms",
            id="one lost, two answered",
        ),
        pytest.param(
            Hop(ttl=1, replies=(PathReply(address="192.0.2.2", rtt_ns=MS, icmp=(3, 13)),)),
            "  1  192.0.2.2  1.000 ms !X",
            id="prohibited",
        ),
        pytest.param(
            Hop(ttl=1, replies=(PathReply(address="192.0.2.2", rtt_ns=MS, icmp=(3, 7)),)),
            "  1  192.0.2.2  1.000 ms !<7>",
            id="rare code",
        ),
        pytest.param(
            Hop(ttl=1, replies=(PathReply(address="192.0.2.2", icmp=(0, 0)),)),
            "  1  192.0.2.2  ?",
            id="time rejected",
        ),
    ],
)
def test_a_hop_is_one_line(hop: Hop, line: str) -> None:
    """As traceroute writes it."""
    assert [line] == views.hop_lines(hop, {"192.0.2.1": "r1.example"}, 4)


def test_names_and_addresses() -> None:
    """A target given by address is not written twice."""
    assert views.named("192.0.2.1", "192.0.2.1") == "192.0.2.1"
    assert views.named("rbx.example", "192.0.2.1") == "rbx.example (192.0.2.1)"


def test_a_frame_covers_the_last_one() -> None:
    """Up as many lines as were drawn, clear, draw."""
    assert views.redrawn(["a", "b"], 0) == "\x1b[Ja\nb\n"
    assert views.redrawn(["a"], 2) == "\x1b[2F\x1b[Ja\n"


def test_a_frame_fits_on_the_terminal() -> None:
    """No line may wrap and the frame may not scroll; the farthest hops are what is watched."""
    assert views.fitted(["a" * 20, "b", "c"], 10, 4) == ["a" * 9, "b", "c"]
    assert views.fitted(["a", "b", "c"], 10, 3) == ["b", "c"]
    assert views.fitted(["a", "b", "c"], 10, 1) == ["c"]


def answered(address: str, flow: int, **more: object) -> PathReply:
    """Make an answer on a flow."""
    return PathReply(address=address, flow=flow, rtt_ns=MS, icmp=(11, 0), **more)


def test_flows_that_met_different_machines_have_a_line_each() -> None:
    """With the flows behind; a flow that nobody answered has the star."""
    lost = PathReply(lost=True, flow=3)
    replies = (answered("a", 0), answered("b", 1), answered("a", 2), lost, lost)
    assert views.hop_lines(Hop(ttl=5, replies=replies), {"b": "b.example"}, 4) == [
        "  5  a  1.000 ms  1.000 ms  [flow 0,2]",
        "     b.example (b)  1.000 ms  [flow 1]",
        "     *  *  [flow 3]",
    ]


def test_flows_that_met_one_machine_have_one_line() -> None:
    """And a loss on a flow that was answered later is not shown."""
    replies = (PathReply(lost=True), answered("a", 0), answered("a", 1))
    assert ["  5  a  1.000 ms  1.000 ms"] == views.hop_lines(Hop(ttl=5, replies=replies), {}, 4)


def test_many_flows_are_summed_up() -> None:
    """Eight are named; four times are shown."""
    replies = (*(answered("a", flow) for flow in range(20)), answered("b", 20))
    first, second = views.hop_lines(Hop(ttl=1, replies=replies), {}, 4)
    assert first.endswith("  [flow 0,1,2,3,4,5,6,7 and 12 more]")
    assert (4, "     b  1.000 ms  [flow 20]") == (first.count("ms"), second)


def test_labels_are_shown_where_they_are_new() -> None:
    """As traceroute -e writes them."""
    stack = ((24_001, 5, 0, 1), (18, 0, 1, 254))
    replies = tuple(answered("a", 0, mpls=stack) for _ in range(2))
    shown = "<MPLS:L=24001,E=5,S=0,T=1/L=18,E=0,S=1,T=254>"
    expected = [f"  2  a  {shown}  1.000 ms  1.000 ms"]
    assert expected == views.hop_lines(Hop(ttl=2, replies=replies), {}, 4)


@pytest.mark.parametrize(
    ("icmp", "mark"), [((1, 0), " !N"), ((1, 1), " !X"), ((1, 4), ""), ((3, 0), "")]
)
def test_refusals_over_ipv6_have_their_own_numbers(icmp: tuple[int, int], mark: str) -> None:
    """Type 3 is no refusal there."""
    reply = PathReply(address="a", rtt_ns=MS, icmp=icmp)
    assert [f"  1  a  1.000 ms{mark}"] == views.hop_lines(Hop(ttl=1, replies=(reply,)), {}, 6)
