"""Where to listen, behind what, and who may ask: what is said, and what must be said."""

from pathlib import Path

import pytest

from agent import settings
from agent.errors import ConfigError
from collector.settings.websettings import Access, Role, Secret, Tls, Web, unguarded, web

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are relative to the working directory."""
    monkeypatch.chdir(tmp_path)


def read(text: str, *instead: str) -> Web:
    """Return what a file with this table says."""
    path = Path("c.toml")
    path.write_text(f"[web]\n{text}\n", encoding="utf-8")
    return web(settings.read(path).table("web"), instead)


def test_an_empty_table_is_open_on_loopback() -> None:
    """Nothing has to be said on a host of one's own."""
    assert Web() == read("")
    assert (("127.0.0.1:9465",), None, Access()) == (Web().listen, Web().tls, Web().access)


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        (("127.0.0.1:1", "[::1]:1", "localhost:1", "unix:s", "fd:3"), None),
        (("127.0.0.1:1", "192.0.2.1:1"), "192.0.2.1:1"),
        (("[::]:1",), "[::]:1"),
        ((":1",), ":1"),
        (("collector.example:1",), "collector.example:1"),
    ],
)
def test_who_is_reached_from_elsewhere(listen: tuple[str, ...], expected: str | None) -> None:
    """Loopback, Unix and inherited sockets are this host's; a name could be anything."""
    assert expected == unguarded(listen)


def test_open_reading_beyond_this_host_has_to_be_said() -> None:
    """By the file or by the command line: whoever is reached from elsewhere says who may read."""
    wanted = (
        "c.toml:2: [web] listen: anybody who reaches :80 could read everything: name a tokens_file,"
        " or write open_reading = true"
    )
    with pytest.raises(ConfigError) as caught:
        read('listen = [":80"]')
    assert wanted == str(caught.value)
    with pytest.raises(ConfigError, match="anybody who reaches :80"):
        read("", ":80")
    assert (":80",) == read("open_reading = true", ":80").listen
    Path("tokens").write_text(f"reader a {DIGEST}\n", encoding="utf-8")
    assert not read('listen = [":80"]\ntokens_file = "tokens"').access.open_reading


def test_tokens_close_reading_unless_it_is_open() -> None:
    """A file of tokens is there to be used; comments and empty lines are passed over."""
    text = f"# who\n\nreader grafana {DIGEST.upper()}  # dashboards\noperator alice {'a' * 64}\n"
    Path("tokens").write_text(text, encoding="utf-8")
    secrets = {
        DIGEST: Secret("grafana", Role.READER),
        "a" * 64: Secret("alice", Role.OPERATOR),
    }
    expected = Access(secrets=secrets, open_reading=False)
    assert expected == read('tokens_file = "tokens"').access
    assert read('tokens_file = "tokens"\nopen_reading = true').access.open_reading
    assert not read("open_reading = false").access.open_reading


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("reader a secret", "tokens:1: must be"),
        (f"writer a {DIGEST}", "tokens:1: must be"),
        (f"reader {DIGEST}", "tokens:1: must be"),
        (f"reader a b {DIGEST}", "tokens:1: must be"),
        (f"reader -a {DIGEST}", "tokens:1: must be"),
        (f"reader a {DIGEST}\noperator b {DIGEST}", 'tokens:2: "a" has the same token'),
        ("# nobody", "tokens declares no token"),
    ],
)
def test_wrong_tokens_are_named_and_never_shown(line: str, expected: str) -> None:
    """Each mistake has its line; what could be the token itself stands in no message."""
    Path("tokens").write_text(line, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read('tokens_file = "tokens"')
    assert expected in str(caught.value)
    assert "secret" not in str(caught.value)


FILES = 'certificate_file = "c"\nkey_file = "k"\n'


def test_tls() -> None:
    """A certificate and its key are enough; client certificates are optional unless required."""
    base = Tls(certificate_file=Path("c"), key_file=Path("k"))
    assert base == read(f"[web.tls]\n{FILES}").tls
    asked = read(f'[web.tls]\n{FILES}client_ca_file = "a"').tls
    assert Tls(certificate_file=Path("c"), key_file=Path("k"), client_ca_file=Path("a")) == asked
    text = f'[web.tls]\n{FILES}client_ca_file = "a"\nclient_certificates = "required"'
    required = read(text).tls
    assert required is not None
    assert required.clients_required


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[web.tls]", 'the key "certificate_file" is missing'),
        (f'[web.tls]\n{FILES}client_certificates = "required"', "needs client_ca_file"),
        (f'[web.tls]\n{FILES}client_certificates = "none"', 'must be "optional" or "required"'),
        (f'[web.tls]\n{FILES}cert = "x"', 'unknown key "cert"'),
        ('tokens_file = "absent"', "cannot read absent: No such file or directory"),
    ],
)
def test_mistakes_are_named(text: str, expected: str) -> None:
    """What is missing, unknown or contradicts itself is told."""
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert expected in str(caught.value)
