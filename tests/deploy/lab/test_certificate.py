"""The certificate of the box convinces a strict client, for its own hosts alone."""

import ssl

import pytest

from deploy.lab import certificate
from deploy.lab.errors import HostError

NAMES, ADDRESSES = ["web.example.net", "www.example.net"], ["192.0.2.80", "2001:db8::80"]


@pytest.fixture(scope="module")
def made() -> certificate.Certificate:
    """A certificate for two names and two addresses."""
    return certificate.make(NAMES, ADDRESSES)


def handshake(made: certificate.Certificate, host: str) -> None:
    """Let a client that trusts this certificate alone ask for `host`, without a network."""
    client_in, client_out = ssl.MemoryBIO(), ssl.MemoryBIO()
    trusting = ssl.create_default_context(cadata=made.certificate)
    client = trusting.wrap_bio(client_in, client_out, server_hostname=host)
    server = certificate.context(made).wrap_bio(client_out, client_in, server_side=True)
    for end in (client, server, client):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.mark.parametrize("host", [*NAMES, *ADDRESSES])
def test_a_client_accepts_every_host(made: certificate.Certificate, host: str) -> None:
    """Names and addresses of both families are in the certificate."""
    handshake(made, host)


@pytest.mark.parametrize("host", ["other.example.net", "192.0.2.81"])
def test_a_client_refuses_any_other_host(made: certificate.Certificate, host: str) -> None:
    """What is not in the certificate is not vouched for."""
    with pytest.raises(ssl.SSLCertVerificationError, match=r"mismatch|not valid"):
        handshake(made, host)


def test_each_start_has_its_own_key(made: certificate.Certificate) -> None:
    """No key is kept anywhere."""
    assert made.key != certificate.make(NAMES, ADDRESSES).key


def test_without_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the program and its package."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HostError, match=r"needs the program openssl .Debian: apt install openssl"):
        certificate.make(NAMES, ADDRESSES)


def test_what_openssl_refuses() -> None:
    """Its own words are passed on."""
    with pytest.raises(HostError, match=r"(?s)made no certificate for the lab: .*bad ip address"):
        certificate.make([], ["no address"])
