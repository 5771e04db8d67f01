"""`borne-collector explain`: what is read, what is said, exit codes, and that nothing breaks it."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any, TypeAlias
from unittest import mock

import pytest

from collector.cli import main
from collector.facts import knowledge
from tests.collector.imports.test_formats import KINDS
from tests.fakes import soil_tables
from tests.fakes.imports import ABROAD, FRANKFURT, borne, said
from tests.fakes.paths import corpus_folder

Json: TypeAlias = Any
KNOWLEDGE = knowledge.load()


@pytest.fixture(autouse=True, scope="module")
def _tables() -> Iterator[None]:
    """Load the tables once."""
    with mock.patch("collector.commands.offline.tables", return_value=KNOWLEDGE):
        yield


@pytest.fixture(name="file")
def _file(tmp_path: File) -> File:
    """Return a file with one path abroad."""
    file = tmp_path / "path.json"
    file.write_text(json.dumps(ABROAD))
    return file


def test_one_object_a_line_for_each_path(
    file: File, tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several files of several formats give a line for each path, in order."""
    many = tmp_path / "many.ndjson"
    many.write_text("\n".join(json.dumps(kind) for kind in KINDS))
    assert main(["explain", str(file), str(many), "--json"]) == 0
    out, err = capsys.readouterr()
    assert "" == err
    found = [json.loads(line) for line in out.splitlines()]
    assert ["P1", "P1", "atlas-5006-1000318-1665720353", "mtr probe to 198.18.3.2"] == [
        row["id"] for row in found[:4]
    ]
    assert len(found) == 1 + len(KINDS)
    assert ["FX", "EU", "EEA"] == [
        row["jurisdiction"] for row in found[0]["verdicts"] if row["axis"] == "territory"
    ]


def test_tables_end_with_the_limits(file: File, capsys: pytest.CaptureFixture[str]) -> None:
    """Without `--json` each path is a table; the limits of the method stand once at the end."""
    assert main(["explain", str(file), str(file)]) == 0
    out = capsys.readouterr().out
    assert 2 == out.count("P1: traceroute, to 51.15.0.1")
    assert 1 == out.count("Limits: the way there was seen, not the way back.")
    assert [] == [line for line in out.splitlines() if line != line.rstrip() or len(line) > 100]


def test_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`-` is standard input."""
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(ABROAD).encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["explain", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "P1"


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("PROVEN_OUTSIDE", 0),
        ("SUPPORTED_OUTSIDE", 1),
        ("CONTRADICTORY", 1),
        ("UNDETERMINED", 1),
        ("PROVEN_INSIDE", 1),
    ],
)
def test_fail_on(verdict: str, code: int, file: File) -> None:
    """Exit 1 if any verdict is the named one or worse: here FX is SUPPORTED_OUTSIDE."""
    assert code == main(["explain", str(file), "--json", "--fail-on", verdict])


def test_fail_on_looks_at_the_asked_jurisdictions_alone(file: File) -> None:
    """What was not asked does not fail."""
    options = ["--jurisdiction", "EU", "--fail-on", "SUPPORTED_OUTSIDE"]
    assert main(["explain", str(file), *options]) == 0


def test_jurisdictions_in_the_order_asked(file: File, capsys: pytest.CaptureFixture[str]) -> None:
    """Each once, in the order of the command line."""
    options = [arg for name in ("EEA", "FX", "EEA") for arg in ("--jurisdiction", name)]
    assert main(["explain", str(file), "--json", *options]) == 0
    verdicts = json.loads(capsys.readouterr().out)["verdicts"]
    for axis in ("territory", "administration"):
        assert ["EEA", "FX"] == [row["jurisdiction"] for row in verdicts if row["axis"] == axis]


def _territory(file: File, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Return the verdict of the hop in Frankfurt."""
    assert main(["explain", str(file), "--json", *options]) == 0
    hops = json.loads(capsys.readouterr().out)["hops"]
    found: str = next(hop for hop in hops if hop["address"] == FRANKFURT)["territory"]["verdicts"][
        "FX"
    ]
    return found


def test_an_origin_gives_distances(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    """In 1 ms nobody answers from Frankfurt to Sydney; `--origin` stands above the file."""
    file = tmp_path / "near.json"
    near = {**said(FRANKFURT, "ffttr6.frankfurt.opentransit.net"), "rtt_ns": 1_000_000}
    frankfurt = {"latitude": 50.11, "longitude": 8.68, "radius_km": 5.0}
    file.write_text(json.dumps(borne([near], origin=frankfurt)))
    assert _territory(file, capsys) == "outside"
    assert _territory(file, capsys, "--origin", "-33.9,151.2,15") == "contradictory"
    assert _territory(file, capsys, "--origin=50.11,8.68,1") == "outside"


@pytest.mark.parametrize(
    "impossible",
    [{"latitude": 999.0, "longitude": 2.35, "radius_km": 5.0}, {"latitude": 1.0}, "Paris", [1, 2]],
)
def test_an_origin_stands_above_an_impossible_one(
    tmp_path: File, impossible: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alone the file is unreadable; what nobody asks of it cannot be wrong."""
    file = tmp_path / "lost.json"
    near = {**said(FRANKFURT, "ffttr6.frankfurt.opentransit.net"), "rtt_ns": 1_000_000}
    file.write_text(json.dumps(borne([near], origin=impossible)))
    assert main(["explain", str(file), "--json"]) == 2
    assert "origin" in capsys.readouterr().err
    assert _territory(file, capsys, "--origin=50.11,8.68,1") == "outside"


def test_the_printed_resolution_counts(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    """The weight of the last digit is given to the place: in whole milliseconds Paris may be it."""
    file = tmp_path / "coarse.json"
    near = {**said(FRANKFURT, "ffttr6.frankfurt.opentransit.net"), "rtt_ns": 2_500_000}
    found = []
    for resolution_ns in (1_000, 1_000_000):
        file.write_text(json.dumps(borne([near], rtt_resolution_ns=resolution_ns)))
        found.append(_territory(file, capsys, "--origin", "48.85,2.35,5"))
    assert ["contradictory", "outside"] == found


def test_what_glass_would_allow_is_said_and_changes_nothing(
    tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    """1.5 ms from Paris: inside if all were glass; no verdict, no exit code knows of it."""
    file = tmp_path / "near.json"
    near = {**said("81.253.184.118"), "rtt_ns": 1_500_000}
    origin = {"latitude": 48.85341, "longitude": 2.3488, "radius_km": 5.0}
    file.write_text(json.dumps(borne([near], origin=origin)))
    options = ["--jurisdiction", "FX", "--fail-on", "CONTRADICTORY"]
    with_borders = knowledge.load(soil=soil_tables.real())
    found = []
    for tables in (KNOWLEDGE, with_borders):
        with mock.patch("collector.commands.offline.tables", return_value=tables):
            assert main(["explain", str(file), "--json", *options]) == 0
        found.append(json.loads(capsys.readouterr().out))
    rows = found[1].pop("suppositions")
    assert [] == found[0].pop("suppositions")
    assert found[0] == found[1]
    assert [("terrestrial glass fibre", "FX", "inside", 1)] == [
        (row["hypothesis"], row["jurisdiction"], row["kind"], row["ttl"]) for row in rows
    ]
    with mock.patch("collector.commands.offline.tables", return_value=with_borders):
        assert main(["explain", str(file), "--redact"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "If all of the way were terrestrial glass fibre (not proven: no verdict rests on" in out
    assert re.search(r"would be inside FX: if the agent is at about 49, 2 \(within", out)
    assert "nearer than 1" not in out


def test_one_bad_path_among_many(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    """The good ones are printed, the bad one is named by file and line; exit 2."""
    file = tmp_path / "some.ndjson"
    file.write_text("\n".join([json.dumps(ABROAD), '{"format":', json.dumps(ABROAD)]))
    assert main(["explain", str(file), "--json", "--fail-on", "PROVEN_INSIDE"]) == 2
    out, err = capsys.readouterr()
    assert 2 == len(out.splitlines())
    assert (
        f"borne-collector: {file}: line 2: is no JSON: Input data was truncated; "
        "repair or remove it\n"
    ) == err


def test_a_missing_file_hides_no_other(file: File, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, the others are read; exit 2."""
    assert main(["explain", "nowhere.json", str(file), "--json"]) == 2
    out, err = capsys.readouterr()
    assert 1 == len(out.splitlines())
    assert (
        "borne-collector: nowhere.json: cannot be read: No such file or directory; "
        "give a file, or - for stdin\n"
    ) == err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--jurisdiction", "XX"], "--jurisdiction 'XX' is not known; choose from FX, "),
        (["--fail-on", "BAD"], "--fail-on 'BAD' is no verdict; choose from PROVEN_OUTSIDE, "),
        (["--origin", "48,2"], "--origin must be LAT,LON,RADIUS_KM in degrees and kilometres, not"),
        (["--origin", "a,b,c"], "--origin must be LAT,LON,RADIUS_KM in degrees and kilometres"),
        (["--origin", "91,2,5"], "--origin: the latitude must be from -90 to 90, not 91"),
        (["--origin", "9,nan,5"], "--origin: the longitude must be from -180 to 180, not nan"),
        (["--origin", "9,2,-1"], "--origin: the radius must be from 0 to 20004 km, not -1"),
        (["--origin", "9,2,inf"], "--origin: the radius must be from 0 to 20004 km, not inf"),
    ],
)
def test_wrong_options(
    options: list[str], message: str, file: File, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong option is one clear line and exit 2; nothing is printed."""
    assert main(["explain", str(file), *options]) == 2
    out, err = capsys.readouterr()
    assert ("", 1) == (out, err.count("\n"))
    assert err.startswith(f"borne-collector: {message}")


def test_the_corpus_of_real_paths(capsys: pytest.CaptureFixture[str]) -> None:
    """Every real path is explained, with verdicts for three jurisdictions."""
    folder = corpus_folder()
    if folder is None:
        sys.stdout.write("\nno corpus of real paths (BORNE_CORPUS): written ones alone explained\n")
        return
    files = sorted(map(str, (folder / "paths").glob("*.json")))
    assert main(["explain", *files, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [File(file).stem for file in files] == [row["id"] for row in found]
    assert main(["explain", *files]) == 0


@pytest.mark.parametrize("command", [["place", "10.0.0.1"], ["explain", "--json"]])
def test_a_reader_that_leaves(command: list[str], file: File) -> None:
    """A pipe that nobody reads ends the program without a word, few octets or many."""
    files = [str(file)] * 40 if command[0] == "explain" else []
    program = [sys.executable, "-m", "collector.cli", *command, *files]
    buffered = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(program, stdout=theirs, stderr=subprocess.PIPE, env=buffered)
    os.close(theirs)
    said = [line for line in done.stderr.splitlines() if b"goes on without" not in line]
    assert (1, []) == (done.returncode, said)


def test_a_full_disk_is_no_verdict(file: File) -> None:
    """One line and exit 2: 1 would be taken for what `--fail-on` asks about."""
    program = [sys.executable, "-m", "collector.cli", "explain", "--json", str(file)]
    with File("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True)
    said = [line for line in done.stderr.splitlines() if "goes on without" not in line]
    assert (2, ["borne-collector: write the output: No space left on device"]) == (
        done.returncode,
        said,
    )


@pytest.mark.parametrize(
    ("closed", "asked", "expected"), [("<&-", "-", 2), (">&-", "", 0), (">&- 2>&-", "", 0)]
)
def test_a_stream_that_the_caller_closed_is_empty(
    file: File, closed: str, asked: str, expected: int
) -> None:
    """No traceback, and what is to be told in words."""
    program = [sys.executable, "-m", "collector.cli", "explain", asked or str(file)]
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *program]
    done = subprocess.run(shell, capture_output=True, text=True)
    assert expected == done.returncode
    assert "Traceback" not in done.stderr


def test_nothing_heavy_is_imported(file: File) -> None:
    """Explaining needs neither server, segments nor sinks, and no compiler."""
    program = (
        "import sys; from collector.cli import main; "
        f"main(['explain', {str(file)!r}]); "
        "print(sorted({'aiohttp', 'pyarrow', 'influxdb_client', 'numba', 'asyncio'} "
        "& set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_is_printed_is_utf_8_whatever_the_locale(file: File, options: list[str]) -> None:
    """A job whose locale knows ASCII alone still gets the name of a place with its accents."""
    document = json.loads(file.read_text()) | {"id": "Orléans"}
    file.write_text(json.dumps(document))
    done = subprocess.run(
        [sys.executable, "-m", "collector.cli", "explain", str(file), *options],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert (0, True) == (done.returncode, "Orléans" in done.stdout.decode("utf-8"))
