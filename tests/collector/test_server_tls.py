"""The real program behind TLS: an agent without a token, known by its certificate alone."""

import asyncio
import contextlib
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent import wire
from agent.collectorsettings import Certificates
from agent.errors import UplinkError
from agent.http import Client, Place
from tests.fakes.certificates import Authority
from tests.fakes.collector_durable import batch

TOML = """
[web]
listen = ["127.0.0.1:{port}"]

[web.tls]
certificate_file = "served.pem"
key_file = "served.key"
client_ca_file = "authority.pem"

[store]
directory = "store"

[[agents]]
name = "agent-0"
id = "{ident}"
certificate = "urn:borne:agent-0"
city = "Paris"
territory = "FR"
latitude = 48.85
longitude = 2.35
radius_km = 10
"""


class Room:
    """A directory with settings, certificates and a free port."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority(directory)
        self.agent = self.authority.issue("agent", "URI:urn:borne:agent-0")
        self.other = self.authority.issue("other", "URI:urn:borne:agent-1")
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self.serve("first")
        text = TOML.format(port=self.port, ident=bytes(16).hex())
        (directory / "c.toml").write_text(text, encoding="utf-8")

    def serve(self, name: str) -> None:
        """Let the collector have a certificate of this name."""
        pair = self.authority.issue(name, "DNS:localhost")
        for file, kind in ((pair.certificate, "pem"), (pair.key, "key")):
            (self.directory / f"served.{kind}").write_bytes(file.read_bytes())

    def client(self, name: str) -> Client:
        """Return the client of an agent."""
        files = Certificates(
            ca_file=self.authority.file,
            certificate_file=self.directory / f"{name}.pem",
            key_file=self.directory / f"{name}.key",
        )
        return Client(Place(host="localhost", port=self.port, tls=files.context), timeout_s=10)

    def served(self) -> str:
        """Return the common name of the certificate that a newcomer sees."""
        context = ssl.create_default_context(cafile=self.authority.file)
        with (
            socket.create_connection(("127.0.0.1", self.port), 5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as found,
        ):
            certificate = found.getpeercert()
        assert certificate is not None
        return str(certificate["subject"][0][0][1])  # type: ignore[index]


@contextlib.asynccontextmanager
async def program(room: Room) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the real program until it is ready; it must end with 0."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "collector.cli", "serve", "--config.file", "c.toml"),
        cwd=room.directory,
    )
    client = room.client("agent")
    try:
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(UplinkError):
                    if (await client.get("/-/ready", ())).status == 200:
                        break
                await asyncio.sleep(0.05)
        await client.close()
        yield child
        child.terminate()
        assert await asyncio.wait_for(child.wait(), 10) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


@pytest.mark.slow
async def test_an_agent_without_a_token_delivers_and_certificates_are_renewed(
    tmp_path: Path,
) -> None:
    """Its certificate is its identity, another one's is refused; SIGHUP serves a new certificate.

    The connection that was open before goes on after, unless its authority is taken out.
    """
    room = Room(tmp_path)
    now_ns = time.time_ns() - 60 * 10**9
    async with program(room) as child:
        client, other = room.client("agent"), room.client("other")

        async def send(sequence: int, by: Client) -> int:
            body = wire.encode(batch(sequence, base_ns=now_ns + sequence * 10**9))
            return (await by.post("/v1/batches", (), body)).status

        assert (204, 401) == (await send(0, client), await send(0, other))
        wire_before = client._wire
        assert "first" == await asyncio.to_thread(room.served)
        await asyncio.to_thread(room.serve, "second")
        child.send_signal(signal.SIGHUP)
        async with asyncio.timeout(20):
            while await asyncio.to_thread(room.served) != "second":  # noqa: ASYNC110 - a signal
                await asyncio.sleep(0.05)
        assert (204, 204) == (await send(0, client), await send(1, client))
        assert wire_before is client._wire
        (tmp_path / "authority.pem").write_bytes(Authority(tmp_path, "later").file.read_bytes())
        child.send_signal(signal.SIGHUP)
        async with asyncio.timeout(20):
            with contextlib.suppress(UplinkError):
                while await send(1, client):  # noqa: ASYNC110 - a signal
                    await asyncio.sleep(0.05)
        with pytest.raises(UplinkError):
            await send(1, client)
        await client.close()
        await other.close()
