"""`borne-collector query`: what is printed, in each form, and what goes wrong by name."""

import asyncio
import csv
import hashlib
import io
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from collector import cli
from collector.commands import query
from collector.settings.websettings import Access, Role, Secret
from collector.web import handlers
from collector.web.parameters import Pairs
from collector.web.tabular import Column
from tests.fakes.asked_store import filled
from tests.fakes.collector_durable import NOW_NS, S_NS
from tests.fakes.collector_face import CONFIG, ENDED, OPEN
from tests.fakes.collector_ports import FakeClock, FakeIntake
from tests.fakes.served import served


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of one minute, closed."""
    directory = tmp_path_factory.mktemp("store")

    async def fill() -> None:
        async with filled(directory):
            """It ends with a checkpoint."""

    asyncio.run(fill())
    return directory


def run(*arguments: str) -> int:
    """Run the command in this process."""
    return cli.main(["query", *arguments])


def test_a_table_for_people(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Milliseconds, percent and seconds; what a reader does not need is left out."""
    assert 0 == run("series", "--step-s", "60", "--agent", "agent-0", "--store", str(store))
    lines = capsys.readouterr().out.splitlines()
    assert [
        (
            "agent    zone     target     family  protocol  start                 p50 ms  p90 ms"
            "  p99 ms  max ms  received   loss"
        ),
        (
            "agent-0  ovh/mrs  marseille       4  icmp      2026-11-24 15:02:00Z  10.989  13.068"
            "  13.945  14.000        90   0.0%"
        ),
    ] == lines[:2]
    assert 5 == len(lines)


def test_a_name_cannot_command_the_terminal() -> None:
    """Agents choose what targets are called; in a table a row stays one line of plain text."""
    column = Column("target", "text", ["x\x1b[31m\ny\x07", None, "ü"])
    assert ["x�[31m�y�", "-", "ü"] == query._cells(column)


@pytest.mark.parametrize("question", ["series", "zones", "worst", "paths", "crossings", "findings"])
def test_every_question_has_every_form(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], question: str
) -> None:
    """CSV, JSON and Parquet hold the same rows; the table has a line for each and its head."""
    counts = {}
    for form in ("csv", "json", "parquet", "table"):
        path = tmp_path / form
        common = (question, "--store", str(store), "--format", form)
        assert 0 == run(*common, "--output", str(path))
        assert "" == capsys.readouterr().out
        counts[form] = _rows(form, question, path.read_bytes())
        if form in {"csv", "json"}:
            assert 0 == run(*common)
            assert path.read_text("utf-8") == capsys.readouterr().out
    assert 1 == len(set(counts.values())), counts


def _rows(form: str, question: str, octets: bytes) -> int:
    if form == "csv":
        return len(list(csv.DictReader(io.StringIO(octets.decode()))))
    if form == "table":
        return len(octets.splitlines()) - 1
    if form == "parquet":
        return int(pq.read_table(io.BytesIO(octets)).num_rows)
    rows = msgspec.json.decode(octets)[question]
    return sum(len(row["windows"]) for row in rows) if question == "series" else len(rows)


def test_quantiles_become_columns(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is asked for is printed."""
    assert 0 == run("series", "--q", "0.25,0.999", "--format", "csv", "--store", str(store))
    head = capsys.readouterr().out.splitlines()[0]
    assert head.endswith("loss_ratio,q0.25_s,q0.999_s")


class Paged:
    """A source of 2,500 crossings."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    def ask(self, question: str, pairs: Pairs) -> Mapping[str, Any]:
        """Return a page."""
        given = dict(pairs)
        self.asked.append(given)
        first, limit = int(given.get("cursor", "0")), int(given["limit"])
        rows = list(range(first, min(first + limit, 2500)))
        after = first + len(rows)
        return {question: rows, "next": str(after) if after < 2500 else None}


@pytest.mark.parametrize(
    ("limit", "expected", "pages"), [(None, 2500, 3), ("10", 10, 1), ("1500", 1500, 2)]
)
def test_pages_are_put_together(limit: str | None, expected: int, pages: int) -> None:
    """As many as are wanted, each once, and what is left over is known."""
    source = Paged()
    pairs = (("agent", "paris"), *((("limit", limit),) if limit else ()))
    asked = query.Request(
        question="crossings",
        pairs=pairs,
        url="",
        store=None,
        token=None,
        ca=None,
        form="json",
        output=None,
    )
    found = query._fetched(source, asked)
    assert list(range(expected)) == found["crossings"]
    assert (pages, expected < 2500) == (len(source.asked), found["next"] is not None)
    assert {"paris"} == {page["agent"] for page in source.asked}


def test_a_collector_answers_as_its_store_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over HTTP, with a token that the collector asks for; without it the question is refused."""
    intake = FakeIntake()
    access = Access(
        open_reading=False,
        secrets={hashlib.sha256(b"secret").hexdigest(): Secret("grafana", Role.READER)},
    )
    guarded = msgspec.structs.replace(CONFIG, access=access)
    token = tmp_path / "token"
    token.write_text("secret\n", "utf-8")
    with served(handlers.application(intake, guarded, FakeClock())) as url:
        common = ("crossings", "--url", url, "--format", "csv")
        assert 0 == run(*common, "--token-file", str(token))
        assert [OPEN.id, ENDED.id] == [
            row["id"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))
        ]
        assert 2 == run(*common)
        assert "crossings: a token of [web] tokens_file is needed" in capsys.readouterr().err


def test_what_is_left_over_is_said(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, so that stdout stays what it is."""
    assert 0 == run("paths", "--limit", "2", "--format", "csv", "--store", str(store))
    printed = capsys.readouterr()
    assert 3 == len(printed.out.splitlines())
    assert "borne-collector: there are more paths; ask for them with --limit\n" == printed.err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("zones", "--range-s", "x"), 2, "zones: range_s: must be a whole number from 1"),
        (("paths", "--limit", "0"), 2, "--limit: must be a whole number from 1 to 1000000"),
        (("paths", "--limit", "²"), 2, "--limit: must be a whole number from 1 to 1000000"),
        (("zones", "--token-file", "x"), 2, "--store: needs no --token-file and no --ca-file"),
        (("zones", "--output", "/proc/none/x"), 1, "write /proc/none/x: No such file"),
    ],
)
def test_mistakes_are_named(
    store: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    """One line on stderr, 2 where the question is wrong, 1 where the world is."""
    assert code == run(*arguments, "--store", str(store))
    printed = capsys.readouterr()
    assert "" == printed.out
    assert f"borne-collector: {says}" in printed.err
    assert 1 == len(printed.err.splitlines())


def test_a_store_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what to name."""
    assert 1 == run("zones", "--store", str(tmp_path))
    assert "name the directory of a collector's store" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"two\nlines\n", b"\xff", "é".encode()])
def test_a_token_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    """Whatever else the file holds is named, and never sent."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    assert 2 == run("zones", "--token-file", str(path), "--url", "http://127.0.0.1:1")
    assert f"--token-file {path}" in capsys.readouterr().err


def test_parquet_is_nothing_for_a_terminal(store: Path) -> None:
    """It would be noise there; a file or a pipe takes it."""
    command = [sys.executable, "-m", "collector.cli", "query", "zones", "--format", "parquet"]
    command += ["--store", str(store)]
    ours, theirs = pty.openpty()
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    os.close(ours)
    assert 2 == done.returncode
    assert "give --output FILE" in done.stderr
    piped = subprocess.run(command, capture_output=True, check=True)
    assert 2 == pq.read_table(io.BytesIO(piped.stdout)).num_rows


def test_a_pipe_that_closes_early_is_no_traceback(store: Path) -> None:
    """`| head -1` ends the program, and nothing is complained about."""
    span = ("--from", str(NOW_NS // S_NS), "--to", str(NOW_NS // S_NS + 60))
    for form in ("csv", "table", "parquet"):
        command = [sys.executable, "-m", "collector.cli", "query", "series", *span]
        command += ["--format", form, "--store", str(store)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.close()
        _, errors = process.communicate(timeout=60)
        assert (1, b"") == (process.returncode, errors)
