"""TLS: certificates are checked both ways, buffers are small, mistakes are named."""

import asyncio
import asyncio.sslproto
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from agent.collectorsettings import Certificates
from agent.errors import UplinkError
from agent.http import Client, Place
from collector.errors import ConfigError
from collector.gate import tls
from collector.settings.websettings import Tls
from collector.web.door import caller_of
from tests.fakes.certificates import Authority, Pair


class Room:
    """An authority, a collector's certificate and two agents', one of another authority."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory)
        self.server = self.authority.issue("collector", "DNS:localhost")
        self.agent = self.authority.issue("agent", "DNS:paris.example", "URI:urn:borne:paris")
        self.foreign = Authority(directory, "other").issue("foreign", "DNS:paris.example")

    def settings(self, *, required: bool = False) -> Tls:
        """Return how to serve."""
        return Tls(
            certificate_file=self.server.certificate,
            key_file=self.server.key,
            client_ca_file=self.authority.file,
            clients_required=required,
        )

    def client(self, port: int, pair: Pair | None = None) -> Client:
        """Return an agent's client."""
        files = Certificates(
            ca_file=self.authority.file,
            certificate_file=pair and pair.certificate,
            key_file=pair and pair.key,
        )
        return Client(Place(host="localhost", port=port, tls=files.context), timeout_s=5)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Room:
    """Certificates for all tests of this module."""
    return Room(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def serving(settings: Tls) -> AsyncIterator[int]:
    """Serve one address that answers with the names of its caller; gives the port."""

    async def names(request: web.Request) -> web.Response:
        return web.Response(text=" ".join(sorted(caller_of(request).names)))

    application = web.Application()
    application.router.add_get("/", names)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls.context(settings)).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def test_an_agent_is_known_by_its_certificate(room: Room) -> None:
    """The names of a verified certificate reach the door; without one there are none."""
    async with serving(room.settings()) as port:
        for pair, expected in ((room.agent, b"paris.example urn:borne:paris"), (None, b"")):
            client = room.client(port, pair)
            assert expected == (await client.get("/", ())).body
            await client.close()


async def test_a_certificate_of_another_authority_is_no_identity(room: Room) -> None:
    """Who is vouched for by nobody whom the settings name is not let in, whatever its names."""
    async with serving(room.settings()) as port:
        client = room.client(port, room.foreign)
        with pytest.raises(UplinkError):
            await client.get("/", ())


async def test_required_means_required(room: Room) -> None:
    """Where client certificates are required, nobody is heard without one."""
    async with serving(room.settings(required=True)) as port:
        with pytest.raises(UplinkError):
            await room.client(port).get("/", ())
        client = room.client(port, room.agent)
        assert 200 == (await client.get("/", ())).status
        await client.close()


async def test_the_agent_checks_the_collector(room: Room, tmp_path: Path) -> None:
    """A collector of another authority, or another name, is not spoken to."""
    other = Authority(tmp_path)
    async with serving(room.settings()) as port:
        for files, host in (
            (Certificates(ca_file=other.file), "localhost"),
            (Certificates(ca_file=room.authority.file), "127.0.0.1"),
        ):
            client = Client(Place(host=host, port=port, tls=files.context), timeout_s=5)
            with pytest.raises(UplinkError, match="certificate verify failed"):
                await client.get("/", ())


async def test_connections_have_small_buffers(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `settle` a TLS connection holds 16 KiB to read into, not 256, and still works."""
    monkeypatch.setattr(asyncio.sslproto.SSLProtocol, "max_size", 256 * 1024)
    tls.settle()
    made = []
    original = asyncio.sslproto.SSLProtocol.__init__

    def noted(self: asyncio.sslproto.SSLProtocol, *given: object, **named: object) -> None:
        original(self, *given, **named)  # type: ignore[arg-type]
        made.append(len(self._ssl_buffer))  # type: ignore[attr-defined]

    monkeypatch.setattr(asyncio.sslproto.SSLProtocol, "__init__", noted)
    async with serving(room.settings()) as port:
        client = room.client(port, room.agent)
        large = (("x-large", "x" * 6000),)
        assert 200 == (await client.get("/", large)).status
        await client.close()
    assert {16 * 1024} == set(made)


def test_old_versions_are_not_spoken(room: Room) -> None:
    """TLS 1.2 is the least."""
    assert ssl.TLSVersion.TLSv1_2 == tls.context(room.settings()).minimum_version


def test_what_cannot_be_used_is_named(room: Room, tmp_path: Path) -> None:
    """An absent file, a key of another certificate, an authority that is none: each is told."""
    absent = tmp_path / "absent"
    junk = tmp_path / "junk"
    junk.write_text("no certificate")
    good = room.settings()
    for certificate, key, authority, expected in (
        (absent, good.key_file, None, f"cannot use the certificate in {absent} and "),
        (good.certificate_file, room.agent.key, None, "cannot use the certificate in "),
        (good.certificate_file, good.key_file, junk, f"cannot use the client CA in {junk}: "),
    ):
        wrong = Tls(certificate_file=certificate, key_file=key, client_ca_file=authority)
        with pytest.raises(ConfigError) as caught:
            tls.context(wrong)
        assert f"[web.tls] {expected}" in str(caught.value)
        assert str(caught.value).endswith("; they must be PEM files")


def test_who_vouches_is_known_by_what_the_file_says(tmp_path: Path) -> None:
    """The same file with another content is another authority; without one nobody vouches."""
    room = Room(tmp_path)
    settings = room.settings()
    before = tls.vouching(settings)
    assert (before, None) == (tls.vouching(room.settings(required=True)), tls.vouching(None))
    room.authority.file.write_bytes((tmp_path / "other.pem").read_bytes())
    assert before != tls.vouching(settings)
    room.authority.file.unlink()
    with pytest.raises(ConfigError, match="cannot use the client CA"):
        tls.vouching(settings)
