"""Traces through a real kernel against a network on a TUN device, whose octets are known.

What an error queue shows depends on the kernel: where extensions begin (RFC 4884), what is left
of a quoted datagram. Both families, both protocols, with privilege and without any capability.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.tun_driver import ROUTERS, TARGETS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NOTHING = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
PREFIXES = {"with": (), "without": NOTHING}
LABELS = ("24001/5/1", "18/0/254")
STACK = [[24001, 5, 0, 1], [18, 0, 1, 254]]


def traced(form: str, privilege: str, *arguments: str) -> dict[str, Any]:
    """Trace through the network; return the path."""
    trace = (sys.executable, "-m", "agent.cli", "trace", "--json", "--no-names", *arguments)
    play = (sys.executable, "-m", "tests.fakes.tun_driver", form, *LABELS, "--")
    done = subprocess.run(
        ("unshare", "-Urn", *play, *PREFIXES[privilege], *trace),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (0, "") == (done.returncode, done.stderr)
    path: dict[str, Any] = json.loads(done.stdout)
    return path


def answers(path: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the replies of each hop that are no losses."""
    return [[each for each in hop["replies"] if not each.get("lost")] for hop in path["hops"]]


@pytest.mark.parametrize("form", ["announced", "implied"])
@pytest.mark.parametrize("privilege", PREFIXES)
@pytest.mark.parametrize("protocol", ["icmp", "udp"])
@pytest.mark.parametrize("family", [4, 6])
def test_every_hop_and_its_labels(family: int, protocol: str, privilege: str, form: str) -> None:
    """Addresses, kernel times, TTLs of the answers, the label stack of the second hop alone."""
    path = traced(form, privilege, "--flows", "2", "--protocol", protocol, TARGETS[family])
    hops = answers(path)
    expected = [*ROUTERS[family], TARGETS[family]]
    assert [[address] * 2 for address in expected] == [[x["address"] for x in hop] for hop in hops]
    assert [[None] * 2, [STACK] * 2, [None] * 2] == [[x.get("mpls") for x in hop] for hop in hops]
    assert [61, 60, 59] == [hop[0]["reply_ttl"] for hop in hops]
    assert {"kernel"} == {reply["stamp"] for hop in hops for reply in hop}
    assert (True, family, protocol) == (path["reached"], path["family"], path["protocol"])


@pytest.mark.parametrize("privilege", PREFIXES)
@pytest.mark.parametrize("family", [4, 6])
def test_a_router_that_quotes_eight_octets(family: int, privilege: str) -> None:
    """Nothing of a datagram's payload is left: the hop is found all the same, in its place."""
    path = traced("short", privilege, "--protocol", "udp", TARGETS[family])
    expected = [*ROUTERS[family], TARGETS[family]]
    assert expected == [hop[-1]["address"] for hop in answers(path)]
    assert path["reached"]


@pytest.mark.parametrize("family", [4, 6])
def test_echo_requests_need_no_more_than_eight(family: int) -> None:
    """Identifier and sequence are in them: no probe is sent twice."""
    path = traced("short", "without", TARGETS[family])
    expected = [*ROUTERS[family], TARGETS[family]]
    assert [[address] for address in expected] == [
        [reply.get("address") for reply in hop["replies"]] for hop in path["hops"]
    ]


def test_every_way_of_a_single_way() -> None:
    """`--flows auto` takes six flows where there is one way."""
    path = traced("announced", "without", "--flows", "auto", TARGETS[4])
    assert [6, 6, 6] == [len({reply["flow"] for reply in hop}) for hop in answers(path)]
    assert [[*ROUTERS[4]], [ROUTERS[4][1], TARGETS[4]]] == path["links"]


@pytest.mark.parametrize("privilege", PREFIXES)
@pytest.mark.parametrize("protocol", ["icmp", "udp"])
def test_each_flow_has_a_flow_label_of_its_own(
    protocol: str, privilege: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Routers may spread load by it alone: one for all packets of a flow, another for each flow."""
    log = tmp_path / "labels"
    monkeypatch.setenv("BORNE_TUN_LOG", str(log))
    traced("announced", privilege, "--flows", "4", "--protocol", protocol, TARGETS[6])
    # An echo's flow shows in its checksum, a datagram's in its source port.
    begin, shown = {"icmp": (" 58 80", slice(4, 8)), "udp": (" 17 ", slice(0, 4))}[protocol]
    lines = [line for line in log.read_text().splitlines() if line[5:].startswith(begin)]
    pairs = {(line[:5], line.split()[2][shown]) for line in lines}
    assert 4 == len(pairs) == len({label for label, _ in pairs}) == len({flow for _, flow in pairs})
    assert "00000" not in {label for label, _ in pairs}
