"""The tree of errors: whose fault it is decides how a program ends."""

import pytest

from agent import errors
from agent.errors import BorneError, DnsError, UplinkError, WireError

TREE = """
BorneError
    ConfigError
    PrivilegeError
    SpoolError
    UplinkError
    WireError
        DnsError
"""


def drawn(kind: type, depth: int = 0) -> str:
    """Draw the classes of the module from `kind` on."""
    below = sorted(kind.__subclasses__(), key=lambda each: each.__name__)
    lines = [drawn(each, depth + 1) for each in below if each.__module__ == "agent.errors"]
    return f"{'    ' * depth}{kind.__name__}\n" + "".join(lines)


def test_the_tree_is_the_one_that_is_documented() -> None:
    """Whoever catches a kind knows all that it may be; the drawing in the module names each."""
    assert TREE == "\n" + drawn(BorneError)
    assert all(name in (errors.__doc__ or "") for name in TREE.split())


@pytest.mark.parametrize("kind", [WireError, DnsError])
def test_a_peers_error_has_a_reason_for_a_label(kind: type[WireError]) -> None:
    """The word is for a metric, the sentence for people."""
    error = kind("truncated", "read a header: it is cut")
    assert ("truncated", "read a header: it is cut") == (error.reason, str(error))


def test_a_silent_collector_has_no_status() -> None:
    """None means that no answer came."""
    assert (None, 503) == (UplinkError("x").status, UplinkError("x", 503).status)
