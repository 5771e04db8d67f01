"""Requests are those that the databases' documents ask for, and answers mean what they say there.

InfluxDB itself is not at hand here: a strict server stands in for it. VictoriaMetrics is real in
`test_sink_victoria`.
"""

import asyncio
from pathlib import Path

import pytest

from collector.settings.sinkrows import SinkSettings
from collector.sinks import sinkclient
from collector.sinks.sinkclient import (
    SinkDownError,
    SinkGoneError,
    SinkLargeError,
    SinkRefusedError,
    connect,
)
from tests.fakes.lineserver import LineServer
from tests.fakes.timeseries import free_port

LINES = b"borne,agent=a probes_lost=1i 1795532550000000000\n"


def _settings(server: LineServer, kind: str, token: Path | None = None) -> SinkSettings:
    places = {"influx2": ("o", "b"), "influx3": ("", "db"), "victoriametrics": ("", "")}
    org, bucket = places[kind]
    return SinkSettings(
        kind=kind, name=kind, url=server.url, org=org, bucket=bucket, token_file=token
    )


@pytest.mark.parametrize(
    ("kind", "query", "scheme"),
    [
        ("influx2", {"org": "o", "bucket": "b", "precision": "ns"}, "Token"),
        ("influx3", {"org": "-", "bucket": "db", "precision": "ns"}, "Bearer"),
        ("victoriametrics", {"org": "-", "bucket": "-", "precision": "ns"}, "Bearer"),
    ],
)
async def test_a_write_is_what_the_document_asks_for(
    kind: str, query: dict[str, str], scheme: str, tmp_path: Path
) -> None:
    """Organisation, bucket, precision, the token by its scheme, and lines as plain text."""
    token = tmp_path / "token"
    token.write_text("s3cret\n", encoding="utf-8")
    async with LineServer(free_port()) as server:
        async with connect(_settings(server, kind, token)) as database:
            await database.write(LINES)
            assert 1795532550.0 == await database.started_s()
        ((asked, headers),) = server.requests
    assert query == asked
    assert f"{scheme} s3cret" == headers["authorization"]
    assert "text/plain" == headers["content-type"].partition(";")[0]
    assert headers.get("content-encoding", "identity") == "identity"
    assert [LINES.strip()] == server.lines
    assert [f"{scheme} s3cret"] == server.asked


async def test_without_a_token_nothing_is_said_of_who_asks() -> None:
    """A database on loopback asks for none."""
    async with LineServer(free_port()) as server:
        async with connect(_settings(server, "victoriametrics")) as database:
            await database.write(LINES)
            await database.started_s()
        ((_, headers),) = server.requests
    assert "authorization" not in headers
    assert [None] == server.asked


ANSWERS = {
    SinkRefusedError: (400, 405, 415, 422),
    SinkLargeError: (413,),
    SinkDownError: (200, 301, 401, 403, 404, 408, 429, 500, 502, 503, 504),
}


@pytest.mark.parametrize(
    ("status", "error"),
    [(status, error) for error, statuses in ANSWERS.items() for status in statuses],
)
async def test_an_answer_means_what_it_says(status: int, error: type[Exception]) -> None:
    """Contents are refused, too large, or it is to be tried again."""
    async with LineServer(free_port()) as server:
        server.status, server.body = status, b'{"message": "why"}'
        async with connect(_settings(server, "influx2")) as database:
            with pytest.raises((SinkDownError, SinkRefusedError)) as caught:
                await database.write(LINES)
    assert error is type(caught.value)


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (None, None),
        ("", None),
        ("go_goroutines 7\n", None),
        ("# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.5e+09\n", 1.5e9),
        ("x_process_start_time_seconds 3\n", None),
        ("process_start_time_seconds 1.2.3\n", None),
    ],
)
async def test_the_start_of_a_server_is_read_or_not_told(
    metrics: str | None, expected: float | None
) -> None:
    """The metric that every Prometheus client exports; anything else says nothing."""
    async with LineServer(free_port()) as server:
        server.metrics = metrics
        async with connect(_settings(server, "influx2")) as database:
            assert expected == await database.started_s()


async def test_a_server_that_is_not_there_is_down() -> None:
    """Both for a write and for the question who it is."""
    server = LineServer(free_port())
    async with connect(_settings(server, "influx2")) as database:
        for asked in (database.write(LINES), database.started_s()):
            with pytest.raises(SinkGoneError):
                await asked


@pytest.mark.parametrize("heard", [b"", b"HTTP/1.1 204 No"])
async def test_a_connection_that_breaks_is_down(heard: bytes) -> None:
    """Closed before an answer, or in it."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(heard)
        await writer.drain()
        writer.close()

    server = LineServer(free_port())
    async with (
        await asyncio.start_server(answer, "127.0.0.1", server.port),
        connect(_settings(server, "influx2")) as database,
    ):
        for asked in (database.write(LINES), database.started_s()):
            with pytest.raises(SinkGoneError):
                await asked


async def test_a_server_that_does_not_answer_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may take a bounded time."""
    monkeypatch.setattr(sinkclient, "REQUEST_S", 0.2)
    async with LineServer(free_port()) as server:
        server.may_answer.clear()
        async with connect(_settings(server, "influx2")) as database:
            with pytest.raises(SinkDownError) as caught:
                await database.write(LINES)
        server.may_answer.set()
    assert SinkDownError is type(caught.value)
    assert "no answer within 0.2 s" == str(caught.value)


async def test_a_token_file_that_is_not_there_is_a_database_that_is_down(tmp_path: Path) -> None:
    """The message names the file."""
    server = LineServer(free_port())
    with pytest.raises(SinkDownError, match=r"cannot read the token in .*absent"):
        async with connect(_settings(server, "influx3", tmp_path / "absent")):
            pass


@pytest.mark.parametrize("octets", ["two\nlines", "caf\u00e9", "a\x00b"])
async def test_a_token_that_no_header_holds_is_a_database_that_is_down(
    tmp_path: Path, octets: str
) -> None:
    """It can be mended: no segment may be given up for it, and the token is not in the message."""
    file = tmp_path / "token"
    file.write_text(octets)
    with pytest.raises(SinkDownError, match=r"token must be one line of ASCII$"):
        async with connect(_settings(LineServer(free_port()), "influx3", file)):
            pass
