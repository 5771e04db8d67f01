"""Real kernels over a narrow link: TCP learns its size, and what is cut comes together again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.lab_meshes import TARGET, TARGET_6, TWO, TWO_6, mesh
from tests.fakes.lab_process import DEBIAN_PYTHON, Lab, can_tun, require, running

pytestmark = pytest.mark.slow

MODES = ("tun", "veth") if can_tun() else ("veth",)
MTU = 1300
ECHO = """
import socket, sys, threading
with socket.create_connection((sys.argv[1], 7), 5) as stream:
    option = (41, 24) if ":" in sys.argv[1] else (0, 14)  # IPV6_MTU, IP_MTU
    before = stream.getsockopt(*option)
    sent = bytes(range(256)) * 400
    threading.Thread(target=stream.sendall, args=(sent,)).start()
    came = b""
    while len(came) < len(sent):
        came += stream.recv(65536)
    print(before, stream.getsockopt(*option), came == sent)
"""


@pytest.fixture(params=MODES)
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """Three routers, the last link narrow; a kernel that has not learned anything yet."""
    words = {"b-z": f"mtu = {MTU}\n", "target": 'serves = ["tcp"]\n'}
    mesh(tmp_path, "a-b b-z", last="z", words=words)
    file = tmp_path / "mesh.toml"
    with running(str(file), "--mode", request.param) as ready:
        yield ready


@pytest.mark.parametrize("target", [TARGET, TARGET_6])
def test_tcp_learns_the_size(lab: Lab, target: str) -> None:
    """A stream of 100,000 octets arrives and comes back; both kernels begin with 1,500."""
    assert lab.run("one", DEBIAN_PYTHON, "-c", ECHO, target).stdout.split() == [
        *("1500", str(MTU), "True")
    ]


@pytest.mark.parametrize(("target", "lost"), [(TARGET, 1), (TARGET_6, 1), (TWO, 1), (TWO_6, 2)])
def test_large_echoes_come_back(lab: Lab, target: str, lost: int) -> None:
    """The first is too big and teaches its kernel; then each is answered whole.

    By IPv6 a kernel that answers has to learn as well.
    """
    ping = require("ping", "iputils-ping")
    large = ("-n", "-c", "3", "-i", "0.05", "-W", "2")
    learned = lab.run("one", ping, *large, "-s", "1400", target).stdout
    assert f"mtu = {MTU}" in learned or f"mtu: {MTU}" in learned or f"mtu={MTU}" in learned
    assert f"{3 - lost} received" in learned
    assert "3 received" in lab.run("one", ping, *large, "-s", "4000", target).stdout


def test_what_may_be_cut_is_cut_on_the_way(lab: Lab) -> None:
    """IPv4 without the bit DF crosses at once, to a host of the box and to another kernel."""
    ping = (require("ping", "iputils-ping"), "-n", "-c", "2", "-i", "0.05", "-M", "dont")
    for target in (TARGET, TWO):
        assert "2 received" in lab.run("one", *ping, "-s", "1400", target).stdout
