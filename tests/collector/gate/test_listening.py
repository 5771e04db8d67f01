"""The addresses: taken, kept from others, and renewed without a connection lost."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from collector.errors import ConfigError
from collector.gate import tls
from collector.gate.listening import Listening
from collector.settings.websettings import Tls
from tests.fakes.certificates import Authority


@asynccontextmanager
async def listening(
    *addresses: str, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Listening, web.AppRunner]]:
    """Listen on these addresses with an application that says "here"."""

    async def here(_: web.Request) -> web.Response:
        return web.Response(text="here")

    application = web.Application()
    application.router.add_get("/", here)
    runner = web.AppRunner(application)
    await runner.setup()
    found = Listening(runner)
    try:
        await found.open(addresses, context)
        yield found, runner
    finally:
        await runner.cleanup()
        found.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return the body of an answer."""
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(5):
        await reader.readuntil(b"\r\n\r\n")
        return await reader.readexactly(4)


async def test_no_host_means_every_address() -> None:
    """Both families are listened on."""
    async with listening(":0") as (_, runner):
        families = [":" in address[0] for address in runner.addresses]
    assert {True, False} == set(families)


async def test_a_renewal_loses_no_connection(tmp_path: Path) -> None:
    """Open connections go on, new ones see the new certificate, and nobody is refused between."""
    authority = Authority(tmp_path)
    contexts = []
    for name in ("first", "second"):
        pair = authority.issue(name, "DNS:localhost")
        contexts.append(tls.context(Tls(certificate_file=pair.certificate, key_file=pair.key)))
    trust = ssl.create_default_context(cafile=authority.file)
    path = tmp_path / "s"
    async with listening("127.0.0.1:0", f"unix:{path}", context=contexts[0]) as (found, runner):
        port = runner.addresses[0][1]

        async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
            streams = await asyncio.open_connection(
                "127.0.0.1", port, ssl=trust, server_hostname="localhost"
            )
            subject = streams[1].get_extra_info("peercert")["subject"]
            return *streams, subject[0][0][1]

        kept = await connect()
        plain = await asyncio.open_unix_connection(path)
        assert (b"here", b"here", "first") == (await ask(*kept[:2]), await ask(*plain), kept[2])
        for context in (contexts[1], contexts[0], contexts[1]):
            await found.renew(context)
        fresh = await connect()
        assert (b"here", "second") == (await ask(*fresh[:2]), fresh[2])
        assert (b"here", b"here") == (await ask(*kept[:2]), await ask(*plain))
        again = await asyncio.open_unix_connection(path)
        assert b"here" == await ask(*again)
        for writer in (kept[1], plain[1], fresh[1], again[1]):
            writer.close()
    assert not path.exists()


async def test_an_authority_that_is_taken_out_vouches_for_nobody(tmp_path: Path) -> None:
    """Who came in by its certificate is out at once, and not let in again; others stay."""
    before = Authority(tmp_path)
    after = Authority(tmp_path, "after")
    served = before.issue("served", "DNS:localhost")
    files = {"certificate_file": served.certificate, "key_file": served.key}
    old, new = (tls.context(Tls(**files, client_ca_file=one.file)) for one in (before, after))
    path = tmp_path / "s"
    async with listening("127.0.0.1:0", f"unix:{path}", context=old) as (found, runner):

        async def connect(*by: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            trust = ssl.create_default_context(cafile=before.file)
            if by:
                trust.load_cert_chain(*by)
            port = runner.addresses[0][1]
            return await asyncio.open_connection(
                "127.0.0.1", port, ssl=trust, server_hostname="localhost"
            )

        known = await connect(*before.issue("agent", "DNS:agent"))
        others = [await connect(), await asyncio.open_unix_connection(path)]
        assert [b"here"] * 3 == [await ask(*one) for one in (known, *others)]
        await found.renew(new)
        found.dismiss(new)
        assert b"" == await asyncio.wait_for(known[0].read(), 5)
        fresh = await connect(*after.issue("fresh", "DNS:agent"))
        assert [b"here"] * 3 == [await ask(*one) for one in (fresh, *others)]
        found.dismiss(new)
        assert b"here" == await ask(*fresh)
        for _, writer in (known, fresh, *others):
            writer.close()


async def test_nobody_listens_after_the_end(tmp_path: Path) -> None:
    """Once the runner has stopped its sites a newcomer finds nobody, renewed or not."""
    path = tmp_path / "s"
    async with listening(f"unix:{path}", "127.0.0.1:0") as (found, runner):
        await found.renew(None)
        port = runner.addresses[-1][1]
        await runner.cleanup()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_unix_connection(path)


async def test_a_taken_port_is_named() -> None:
    """What cannot be had is named; a name that does not resolve, too."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError, match="Address already in use"):
            async with listening(address):
                raise AssertionError("it listens")
    with pytest.raises(ConfigError, match=r"cannot listen on no\.such\.host\.invalid:1: "):
        async with listening("no.such.host.invalid:1"):
            raise AssertionError("it listens")
