"""The host's own table of names."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.hosts import parse, read

TEXT = """\
127.0.0.1 localhost
::1\tlocalhost ip6-localhost  # comment
# 192.0.2.9 commented
192.0.2.7 GRA.example gra
192.0.2.8 gra
nonsense name
192.0.2.10 <odd>
192.0.2.11

fe80::1%eth0 scoped
"""


def test_names_of_the_file(tmp_path: Path) -> None:
    """The first address of a name in each family counts; comments and nonsense do not."""
    (tmp_path / "hosts").write_text(TEXT)
    assert read(tmp_path / "hosts") == {
        ("localhost", 4): "127.0.0.1",
        ("localhost", 6): "::1",
        ("ip6-localhost", 6): "::1",
        ("gra.example", 4): "192.0.2.7",
        ("gra", 4): "192.0.2.7",
        ("scoped", 6): "fe80::1%eth0",
    }


def test_a_host_without_the_file(tmp_path: Path) -> None:
    """No file, no names."""
    assert read(tmp_path / "absent") == {}


@given(st.text())
def test_any_text_is_a_file(text: str) -> None:
    """Whatever other programs wrote there, nothing is raised."""
    assert all(address for address in parse(text).values())
