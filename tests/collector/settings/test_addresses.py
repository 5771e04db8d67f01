"""The addresses to listen on: each documented form, and nothing else."""

from pathlib import Path

import pytest

from agent.errors import ConfigError
from collector.settings.addresses import InheritedSocket, TcpAddress, UnixAddress, parse_listen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9465", TcpAddress("127.0.0.1", 9465)),
        ("collector.example:80", TcpAddress("collector.example", 80)),
        (":9465", TcpAddress(None, 9465)),
        ("[::1]:0", TcpAddress("::1", 0)),
        ("unix:collector.sock", UnixAddress(Path("collector.sock"))),
        ("unix:/run/a:b", UnixAddress(Path("/run/a:b"))),
        ("fd:3", InheritedSocket(3)),
    ],
)
def test_listen_forms(text: str, expected: object) -> None:
    """Each documented form is understood."""
    assert expected == parse_listen(text)


@pytest.mark.parametrize(
    "text", ["", "9465", "host", "host:", "::1:80", "unix:", "fd:", "fd:-1", "h:65536"]
)
def test_other_listen_forms_are_refused(text: str) -> None:
    """What is no documented form is refused and shown."""
    with pytest.raises(ConfigError) as caught:
        parse_listen(text)
    assert str(caught.value).endswith(f"unix:PATH or fd:N, not {text!r}")
