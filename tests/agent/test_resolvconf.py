"""The host's resolv.conf and the notation of name servers."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ConfigError
from agent.resolvconf import ResolvConf, chosen, parse, place, read, server

SERVERS = (("192.0.2.53", 53),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("::1", ("::1", 53)),
        ("2001:DB8::53", ("2001:db8::53", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:53", ("::1", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
        ("[fe80::1%eth0]:53", ("fe80::1%eth0", 53)),
    ],
)
def test_a_server_is_read(text: str, expected: tuple[str, int]) -> None:
    """An address alone means port 53; a port behind IPv6 needs brackets."""
    assert server(text) == expected


@pytest.mark.parametrize(
    "text", ["", "dns.example", "[::1", "[::1]53", "[192.0.2.1]:53", "1.2.3.4:0", "::1:x", "[]:53"]
)
def test_what_is_no_server_is_refused(text: str) -> None:
    """Names, halves of brackets and ports out of range are no servers."""
    with pytest.raises(ValueError, match=r".+"):
        server(text)


@given(st.ip_addresses().map(str), st.integers(1, 65535))
def test_a_server_is_written_as_it_is_read(address: str, port: int) -> None:
    """What `place` writes, `server` reads."""
    assert server(place((address, port))) == (address, port)


def test_the_whole_file() -> None:
    """Servers of both families in their order, three at most; the last search list; ndots."""
    text = (
        "# comment\n; comment\n"
        "domain first.example\n"
        "nameserver 2001:db8::53\nnameserver\nnameserver nowhere\nnameserver 192.0.2.53 # mine\n"
        "search corp.example. example <odd> corp.example .\n"
        "nameserver 192.0.2.54\nnameserver 192.0.2.55\n"
        "options timeout:1 ndots:3 rotate\n"
    )
    assert parse(text, "own.example") == ResolvConf(
        servers=(("2001:db8::53", 53), ("192.0.2.53", 53), ("192.0.2.54", 53)),
        search=("corp.example", "example"),
        ndots=3,
    )


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("nameserver 192.0.2.53\n", ("own.example",)),
        ("search corp.example\ndomain last.example\n", ("last.example",)),
        ("search\n", ()),
    ],
)
def test_what_completes_names(text: str, search: tuple[str, ...]) -> None:
    """The last of `search` and `domain` counts; without either, the domain of the host's name."""
    assert parse(text, "own.example").search == search


@pytest.mark.parametrize(
    ("options", "ndots"),
    [("ndots:0", 0), ("ndots:99", 15), ("ndots:2 ndots:5", 5), ("ndots:x", 1), ("", 1)],
)
def test_ndots(options: str, ndots: int) -> None:
    """The last usable value counts, 15 at most; 1 is the default."""
    assert parse(f"options {options}\n").ndots == ndots


@given(st.text())
def test_any_text_is_a_file(text: str) -> None:
    """Whatever other programs wrote there, nothing is raised."""
    found = parse(text)
    assert found.servers == found.servers[:3]


@pytest.mark.parametrize(
    ("name", "ndots", "expected"),
    [
        ("gra", 1, ("gra.corp.example", "gra.example", "gra")),
        ("gra.ovh", 1, ("gra.ovh", "gra.ovh.corp.example", "gra.ovh.example")),
        ("gra.ovh", 2, ("gra.ovh.corp.example", "gra.ovh.example", "gra.ovh")),
        ("gra", 0, ("gra", "gra.corp.example", "gra.example")),
        ("gra.", 1, ("gra",)),
        ("gra.ovh.", 5, ("gra.ovh",)),
    ],
)
def test_candidates(name: str, ndots: int, expected: tuple[str, ...]) -> None:
    """With enough dots a name is asked as it stands first, else last; absolute names alone."""
    conf = ResolvConf(servers=SERVERS, search=("corp.example", "example"), ndots=ndots)
    assert conf.candidates(name) == expected


def test_the_domain_of_the_hosts_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the file looks at the host's own name."""
    uname = os.uname_result(("Linux", "paris-1.corp.example", "6", "#1", "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: uname)
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    assert read(tmp_path / "resolv.conf") == ResolvConf(
        servers=SERVERS, search=("corp.example",), ndots=1
    )


def test_a_host_without_resolver(tmp_path: Path) -> None:
    """Where there is none the message says which key to set."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "absent")
    assert str(caught.value) == (
        f"looked for a name server in {tmp_path / 'absent'} and found none;"
        " give one as [resolver] address"
    )


def test_who_is_asked(tmp_path: Path) -> None:
    """A server of one's own leaves the host's file aside; a search list replaces the host's."""
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.53\nsearch corp.example\noptions ndots:2\n")
    own = ("::1", 53)
    found = [chosen(*each, file) for each in [(None, None), (None, ()), (own, None), (own, ("x",))]]
    assert found == [
        ResolvConf(servers=SERVERS, search=("corp.example",), ndots=2),
        ResolvConf(servers=SERVERS, search=(), ndots=2),
        ResolvConf(servers=(own,)),
        ResolvConf(servers=(own,), search=("x",)),
    ]
