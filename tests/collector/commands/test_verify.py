"""`borne-collector verify`: what is said, exit codes, another machine, and what is hidden."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path as File
from unittest import mock

import pytest

from collector.audit.evidence import digest
from collector.cli import main
from collector.commands import auditlines, verify
from collector.facts import atlas, knowledge
from tests.collector.audit import test_evidence_rows
from tests.fakes.statements import real

REAL = real()
OLD = File(__file__).parents[1] / "kept" / "statement-rules-1.json"
KNOWLEDGE = knowledge.load()


@pytest.fixture(autouse=True)
def _tables() -> Iterator[None]:
    """Load the tables once."""
    with mock.patch("collector.facts.knowledge.load", return_value=KNOWLEDGE):
        yield


@pytest.fixture(name="good")
def _good(tmp_path: File) -> str:
    """Return a consistent Statement as the store names it."""
    file = tmp_path / f"{digest(REAL)}.json"
    file.write_bytes(REAL)
    return str(file)


@pytest.fixture(name="bad")
def _bad(tmp_path: File) -> str:
    """Return one whose first verdict was changed."""
    file = tmp_path / "bad.json"
    octets = REAL.replace(b'"verdict":"SUPPORTED_OUTSIDE"', b'"verdict":"SUPPORTED_INSIDE"', 1)
    file.write_bytes(octets)
    return str(file)


def test_exit_codes(good: str, bad: str, tmp_path: File) -> None:
    """0 consistent, 1 not, 2 unreadable or under other rules: the worst of all files."""
    assert [0, 1, 2, 2, 1, 2, 2] == [
        main(["verify", *files])
        for files in (
            [good],
            [bad],
            [str(tmp_path / "none")],
            [str(OLD)],
            [good, bad, good],
            [str(tmp_path / "none"), bad],
            [str(OLD), good],
        )
    ]


def test_what_it_says(good: str, bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Premise, checks, recomputed verdicts, every difference, and what consistency is not."""
    main(["verify", good, bad])
    out = capsys.readouterr().out
    assert f"{good}: Statement, SHA-256 {digest(REAL)}" in out.replace("\n", "")
    flat = " ".join(out.split())
    assert "everything hangs on this premise: if agent paris is at 48.85341, 2.3488" in flat
    assert "CONSISTENT: the Statement says what follows" in out
    assert "INCONSISTENT: the Statement was changed" in out
    assert "predicate.crossing.verdict is not what follows" in out
    assert 'found      "SUPPORTED_INSIDE"' in out
    assert 1 == flat.count("This shows consistency, not origin: nobody signed the Statement")


def test_json(bad: str, good: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line for programs, with what it does not show."""
    main(["verify", "--json", good, bad])
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert ("consistent", []) == (first["result"], first["differences"])
    assert auditlines.SHOWS == first["shows"]
    assert {"octets", "digests", "subject", "judgements", "crossing", "premise", "rows"} <= {
        check["what"] for check in first["checks"] if check["agrees"]
    }
    assert {"file", "sha256", "result", "rules", "version", "premise", "crossing", "rounds"} <= set(
        second
    )
    (row,) = [row for row in second["differences"] if row["path"] == "predicate.crossing.verdict"]
    assert ("SUPPORTED_INSIDE", "SUPPORTED_OUTSIDE") == (row["found"], row["recomputed"])


def test_a_renamed_statement_is_found(tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is named by another digest holds another Statement."""
    file = tmp_path / f"{'0' * 64}.json"
    file.write_bytes(REAL)
    assert 1 == main(["verify", str(file)])
    assert "file name names another SHA-256" in capsys.readouterr().out


def test_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`-` is standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(REAL)))
    assert 0 == main(["verify", "-", "--json"])
    assert "-" == json.loads(capsys.readouterr().out)["file"]


def test_older_rules_say_what_can_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """Octets and subjects agree; digests and verdicts are open, and why."""
    main(["verify", str(OLD)])
    flat = " ".join(capsys.readouterr().out.split())
    assert "agrees subject SHA-256 of 2 raw paths" in flat
    assert "open verdicts not recomputed: they follow borne-verdict-rules/1" in flat
    assert "NOT RECOMPUTED" in flat


def test_many_differences_are_cut_for_people(
    tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty are shown, the others counted; a terminal is not obeyed."""
    file = tmp_path / "many.json"
    file.write_bytes(REAL.replace(b"hop ", b"h\xc2\x9bp "))
    main(["verify", str(file)])
    out = capsys.readouterr().out
    assert re.search(r"and \d+ more; --json names all", out)
    assert "\x9b" not in out
    assert 20 == out.count("\n  - ")


@pytest.mark.parametrize("octets", [REAL, test_evidence_rows.OCTETS])
def test_redacted_output_names_no_agent(
    octets: bytes, tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither agents' names and ids nor a position, in table and JSON; verdicts stay."""
    file = tmp_path / "one.json"
    file.write_bytes(octets)
    main(["verify", "--json", str(file)])
    plain = json.loads(capsys.readouterr().out)
    for options in ([], ["--json"]):
        assert 0 == main(["verify", "--redact", *options, str(file)])
        out = capsys.readouterr().out
        assert re.search(r"\b(paris|lyon)\b", out.replace(str(file), "")) is None
        assert re.search(r"48\.8|192\.168\.|\d km (apart|away)", out) is None
        assert plain["crossing"]["id"] not in out
    hidden = json.loads(out)
    assert [
        [(v["verdict"], v["coverage"]) for v in row["verdicts"]] for row in plain["rounds"]
    ] == [[(v["verdict"], v["coverage"]) for v in row["verdicts"]] for row in hidden["rounds"]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"if agent paris is", b"if agent pariz is"),
        (b'"name":"paris"', b'"name":"pariz"'),
        (b'"latitude":48.', b'"latitude":48.8'),
        (b"borne-verdict-rules/4", b"borne-verdict-rules/9"),
    ],
)
def test_redacted_differences_show_no_value(
    old: bytes, new: bytes, tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Statement that somebody changed gives nothing away: places are named, values are not."""
    assert old in REAL
    file = tmp_path / "one.json"
    file.write_bytes(REAL.replace(old, new, 1))
    assert 1 == main(["verify", "--redact", "--json", str(file)])
    out = capsys.readouterr().out.replace(str(file), "")
    assert re.search(r"\bpari[sz]\b|48\.8", out) is None
    assert [] == [row for row in json.loads(out)["differences"] if row["found"] is not None]


def test_a_damaged_atlas_is_no_hindrance(
    good: str, tmp_path: File, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows of the Statement are enough; what is damaged is said."""
    (tmp_path / "origin.atlas").write_bytes(b"no table")
    monkeypatch.setattr(atlas, "BESIDE", tmp_path)
    assert 0 == main(["verify", good])
    assert "goes on without the compiled tables" in capsys.readouterr().err


def test_without_compiler_in_another_process(good: str) -> None:
    """With NUMBA_DISABLE_JIT=1 the verdicts are the same."""
    found = subprocess.run(
        [sys.executable, "-m", "collector.cli", "verify", "--json", good],
        capture_output=True,
        check=False,
        cwd=File(__file__).parents[3],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    assert (0, b"") == (found.returncode, found.stderr)
    assert "consistent" == json.loads(found.stdout)["result"]


def test_a_pattern_that_never_ends_is_given_up(
    tmp_path: File, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stranger's Statement cannot keep the auditor's machine busy."""
    value = json.loads(REAL)
    rows = value["predicate"]["rows"]["names"]
    for row in rows:
        row["pattern"] = r"(?P<code>(.|.|.)*)\x00"
    file = tmp_path / "endless.json"
    file.write_text(json.dumps(value))
    monkeypatch.setattr(verify, "PATIENCE_S", 0.2)
    assert rows
    assert 2 == main(["verify", str(file)])
    assert "was not judged within 0.2 s" in capsys.readouterr().err
