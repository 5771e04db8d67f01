"""`make run` on the catalogue's names, inside the lab: it never leaves the box.

Every run here, also one that must be refused, is started in the lab: a broken refusal would send
packets to other people's machines. It lives in the namespace of the agent `paris`, where the
lab's resolver knows the names of the zones in five cities, some of which stand behind a dead wire,
and no others.
"""

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from collector.facts import zones
from tests.fakes import catalogue_world
from tests.fakes.lab_process import ROOT, Lab, running

FOR_S = 14
ASKED = {row.zone.ident: row.zone for row in zones.load() if row.probed}
ANSWERING = catalogue_world.here() - catalogue_world.SILENT

PATIENCE_S = 60
"""A table on a terminal is drawn for ever: what does not come by then never does."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lab with the catalogue's names."""
    with running(str(catalogue_world.write(tmp_path_factory.mktemp("world")))) as lab:
        yield lab


def command(lab: Lab, directory: Path, *options: str, resolver: str | None = None) -> list[str]:
    """Return the command line of a run in the namespace of the agent in Paris."""
    return lab.enter(
        "paris",
        *(sys.executable, "-m", "deploy.run", "--directory", str(directory)),
        *("--resolver", resolver or lab.ready["resolver"], "--interval", "1", "--round", "4"),
        *options,
    )


def start(line: list[str]) -> subprocess.Popen[str]:
    """Start a run without a terminal."""
    return subprocess.Popen(
        line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that two runs share."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def told(lab: Lab, kept: Path) -> dict[str, Any]:
    """What a run with a declared position says in JSON, after it ended by itself."""
    options = ("--at", "48.85,2.35,10", "--country", "FR", "--for", str(FOR_S), "--json")
    done = subprocess.run(
        command(lab, kept, *options), cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_each_zone_is_told_as_it_is(told: dict[str, Any]) -> None:
    """What answers, what is silent and what has no name are told apart."""
    states = told["states"]
    assert set(states) == set(ASKED)
    assert {zone for zone, state in states.items() if state == "answer"} == ANSWERING
    assert {zone for zone, state in states.items() if state == "silent"} == catalogue_world.SILENT
    unknown = {zone for zone, state in states.items() if state == "no address"}
    assert unknown == catalogue_world.elsewhere()


def test_zones_have_their_times_and_the_silent_their_loss(told: dict[str, Any]) -> None:
    """Percentiles of those that answer; of the silent, that all was lost; no row of the rest."""
    rows = {f"{row['provider']}/{row['region']}": row for row in told["zones"]}
    assert set(rows) == ANSWERING | catalogue_world.SILENT
    assert {1.0} == {rows[zone]["loss_ratio"] for zone in catalogue_world.SILENT}
    assert all(0 < rows[zone]["p50_s"] < 0.1 for zone in ANSWERING)


def test_paths_are_judged_by_the_catalogue(told: dict[str, Any]) -> None:
    """From Paris to Paris is inside FX, to Frankfurt and London outside, by names and zones."""
    territory = {
        target: zone.place.territory
        for ident, zone in ASKED.items()
        if ident in ANSWERING
        for target in zone.targets
    }
    found = {
        (territory[row["target"]], row["verdict"])
        for row in told["verdicts"]
        if (row["jurisdiction"], row["axis"]) == ("FX", "territory") and row["target"] in territory
    }
    assert found >= {("FR", "SUPPORTED_INSIDE"), ("DE", "SUPPORTED_OUTSIDE")}
    assert {verdict for country, verdict in found if country == "FR"} == {"SUPPORTED_INSIDE"}
    assert told["crossings"] == []


def test_undeclared_it_says_so_and_ends_on_sigterm(
    lab: Lab, kept: Path, told: dict[str, Any]
) -> None:
    """Without a position the premises are printed; SIGTERM ends all; the agent is the same one."""
    assert told["zones"]
    ident = (kept / "agent.id").read_text()
    with start(command(lab, kept)) as run:
        assert run.stdout is not None
        said = []
        for text in run.stdout:
            said.append(text.strip())
            if " zones answer; " in text:
                break
        family = below(run.pid)
        run.send_signal(signal.SIGTERM)
        rest, errors = run.communicate(timeout=30)
    assert (run.returncode, errors) == (0, "")
    assert said[1:3] == [
        "no position was declared (AT=LAT,LON,RADIUS_KM): no distance is used",
        "no country was declared (COUNTRY=FR): no jurisdiction is demanded",
    ]
    assert any(text.startswith("no zone has answered yet: ") for text in said)
    assert "no address: " in rest
    assert (kept / "agent.id").read_text() == ident
    assert [] == [pid for pid in family if Path(f"/proc/{pid}").exists()]


def test_where_nothing_answers_it_goes_on(lab: Lab, tmp_path: Path) -> None:
    """With a resolver that is not there no name resolves: said plainly, and tried again."""
    options = ("--for", "16", "--at", "48.85,2.35")
    done = subprocess.run(
        command(lab, tmp_path, *options, resolver="203.0.113.254"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(
        r"no zone has answered yet: \d+ no address(, \d+ not .*)?; trying again", last
    )


def test_a_program_that_cannot_work_is_named(lab: Lab, tmp_path: Path) -> None:
    """An agent that refuses its file ends a run long before its time, with its own sentence."""
    done = subprocess.run(
        command(lab, tmp_path, "--for", "40", resolver="nowhere"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("run: agent ended by itself with code 2; its last words in ")
    assert "[resolver] address: must be" in done.stderr


def test_a_second_run_is_refused(lab: Lab, tmp_path: Path) -> None:
    """Two runs cannot share their files: the second says so and starts nothing."""
    with start(command(lab, tmp_path)) as first:
        assert first.stdout is not None
        first.stdout.readline()
        second = subprocess.run(
            command(lab, tmp_path), cwd=ROOT, capture_output=True, text=True, timeout=30
        )
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=30)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith(f"run: another run works in {tmp_path}; end it first")
    assert first.returncode == 0


def test_the_end_of_its_parent_ends_it(lab: Lab, tmp_path: Path) -> None:
    """Who started it may be killed: neither the run nor its programs stay behind."""
    program = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    inner = command(lab, tmp_path)
    place = inner.index("--") + 1
    line = [*inner[:place], sys.executable, "-c", program, *inner[place:]]
    with start(line) as parent:
        assert parent.stdout is not None
        for text in parent.stdout:
            if text.startswith("page: "):
                break
        family = [os.pidfd_open(pid) for pid in below(parent.pid)]
        assert len(family) >= 3
        parent.kill()
    for process in family:
        assert [process] == select.select([process], [], [], 20)[0]
        os.close(process)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--at", "Paris"], "AT='Paris': expected LAT,LON or LAT,LON,RADIUS_KM, such as AT=48"),
        (["--country", "fr"], "COUNTRY='fr': expected two capital letters, such as COUNTRY=FR"),
        (["--for", "soon"], "'soon': expected a number of seconds above 0"),
    ],
)
def test_wrong_options_end_with_one_sentence(
    lab: Lab, tmp_path: Path, options: list[str], expected: str
) -> None:
    """A wrong option starts nothing: exit code 2, the mistake on stderr, stdout empty."""
    done = subprocess.run(
        command(lab, tmp_path, *options), cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (2, "") == (done.returncode, done.stdout)
    assert expected in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_shows_the_table(lab: Lab, tmp_path: Path) -> None:
    """On a terminal the table and the page's address stand on the screen; Ctrl-C ends the run."""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (70, 140))
    line = command(lab, tmp_path, "--at", "48.85,2.35,10", "--country", "FR")
    with subprocess.Popen(
        line, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=follower, stderr=subprocess.PIPE
    ) as run:
        os.close(follower)
        screen, last_s = b"", time.monotonic() + PATIENCE_S
        while b"FX inside" not in screen and time.monotonic() < last_s:
            if select.select([leader], [], [], 1)[0]:
                screen += os.read(leader, 65536)
        run.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # the terminal of a program that has ended
            while part := os.read(leader, 65536):
                screen += part
        _, errors = run.communicate(timeout=30)
    os.close(leader)
    assert (run.returncode, errors) == (0, b"")
    assert b"FX inside" in screen
    assert b"scaleway/fr-par" in screen
    assert b"Ctrl-C ends everything" in screen
    assert f" of {len(ASKED)} zones answer".encode() in screen


def below(leader: int) -> set[int]:
    """Return the processes below `leader`."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    family = {leader}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return family - {leader}
