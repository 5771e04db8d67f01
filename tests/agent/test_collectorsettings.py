"""Where batches go: by which address, and as whom."""

import ssl
import subprocess
from pathlib import Path

import pytest

from agent import settings
from agent.collectorsettings import Certificates, Collector, collector
from agent.errors import ConfigError
from tests.fakes.certificates import Authority, Pair

TOKEN = "t" * 16


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, Pair]:
    """An authority and an agent's certificate, beside a token."""
    directory = tmp_path_factory.mktemp("certificates")
    (directory / "token").write_text(TOKEN)
    (directory / "token").chmod(0o600)
    authority = Authority(directory)
    return authority, authority.issue("agent", "DNS:agent.example")


def read(directory: Path, text: str) -> Collector:
    """Return what a file with this table says."""
    path = directory / "a.toml"
    path.write_text(f"[collector]\n{text}\n")
    return collector(settings.read(path), directory)


TLS = 'url = "https://c.example"\nca_file = "authority.pem"\n'
OWN = 'certificate_file = "agent.pem"\nkey_file = "agent.key"\n'


def test_https_has_its_own_port_and_needs_no_more(files: tuple[Authority, Pair]) -> None:
    """Without files the system's authorities vouch for the collector."""
    found = read(files[0].file.parent, 'url = "https://c.example"\ntoken_file = "token"')
    assert found == Collector(
        host="c.example", port=443, socket=None, token=TOKEN, tls=Certificates()
    )
    assert "https://c.example:443" == found.place


def test_a_certificate_is_an_identity(files: tuple[Authority, Pair]) -> None:
    """An agent with a certificate needs no token, and may have both."""
    authority, pair = files
    home = authority.file.parent
    found = read(home, TLS + OWN)
    certificates = Certificates(
        ca_file=authority.file, certificate_file=pair.certificate, key_file=pair.key
    )
    assert (None, certificates) == (found.token, found.tls)
    assert TOKEN == read(home, TLS + OWN + 'token_file = "token"').token
    context = certificates.context()
    assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)
    assert ["authority"] == [row["subject"][0][0][1] for row in context.get_ca_certs()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'url = "http://c.example"\nca_file = "authority.pem"\ntoken_file = "token"',
            ":3: [collector] ca_file: is of use with an https:// url alone",
        ),
        (
            TLS + 'certificate_file = "agent.pem"',
            ":3: [collector] ca_file: a certificate_file and its key_file go together",
        ),
        (TLS, ':1: [collector]: the key "token_file" is missing'),
        (
            'url = "https://c.example"\nca_file = "absent"\ntoken_file = "token"',
            ":3: [collector] ca_file: cannot use HOME/absent: No such file or directory; they",
        ),
        (
            TLS.replace("authority.pem", "token") + 'token_file = "token"',
            ":3: [collector] ca_file: cannot use HOME/token: ",
        ),
    ],
)
def test_mistakes_are_named(files: tuple[Authority, Pair], text: str, expected: str) -> None:
    """What cannot be used is told with its place in the file."""
    home = files[0].file.parent
    with pytest.raises(ConfigError) as caught:
        read(home, text)
    found = str(caught.value).replace(str(home / "a.toml"), "").replace(str(home), "HOME")
    assert expected in found


def test_an_encrypted_key_is_refused(files: tuple[Authority, Pair], tmp_path: Path) -> None:
    """A daemon has nobody to ask for a passphrase, and does not ask."""
    key = files[1].key.read_text()
    (tmp_path / "agent.pem").write_text(files[1].certificate.read_text())
    (tmp_path / "agent.key").write_text(key)
    encrypted = tmp_path / "e.key"
    command = ["openssl", "ec", "-aes128", "-passout", "pass:x", "-in", "agent.key"]
    subprocess.run(
        [*command, "-out", str(encrypted)], cwd=tmp_path, check=True, capture_output=True
    )
    text = 'url = "https://c.example"\ncertificate_file = "agent.pem"\nkey_file = "e.key"'
    with pytest.raises(ConfigError, match="the key is encrypted"):
        read(tmp_path, text)
