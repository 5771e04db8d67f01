"""`borne-collector redact`: writes what verifies, keeps a salt where it is told to."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path as File
from unittest import mock

import pytest

from collector.cli import main
from collector.facts import knowledge
from tests.collector.audit.test_redactedstatement import CROSSING
from tests.fakes.imports import ABROAD

KNOWN = knowledge.load()


@pytest.fixture(autouse=True, scope="module")
def _tables() -> Iterator[None]:
    """Load the tables once."""
    with (
        mock.patch("collector.commands.offline.tables", return_value=KNOWN),
        mock.patch("collector.commands.verify._release", return_value=KNOWN),
    ):
        yield


@pytest.fixture(name="file")
def _file(tmp_path: File) -> File:
    """Return a Statement as it was exported."""
    found = tmp_path / "statement.json"
    found.write_bytes(CROSSING)
    return found


def redacted(capfdbinary: pytest.CaptureFixture[bytes], *words: str) -> bytes:
    """Return what the command writes."""
    assert 0 == main(["redact", *words])
    return capfdbinary.readouterr().out


def test_what_it_writes_verifies(
    file: File, tmp_path: File, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """And names no agent; two runs without a salt have nothing in common."""
    one, other = (redacted(capfdbinary, str(file)) for _ in range(2))
    assert json.loads(one)["predicate"]["agent"] != json.loads(other)["predicate"]["agent"]
    assert b'"agent-0"' not in one
    made = tmp_path / "redacted.json"
    made.write_bytes(one)
    assert 0 == main(["verify", str(made)])
    assert b"CONSISTENT" in capfdbinary.readouterr().out


def test_a_salt_that_is_kept_gives_the_same_hashes(
    file: File, tmp_path: File, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """It is made where it is not there, and nobody else may read it."""
    salt = tmp_path / "salt"
    words = (str(file), "--salt-file", str(salt))
    assert redacted(capfdbinary, *words) == redacted(capfdbinary, *words)
    assert 0o600 == stat.S_IMODE(salt.stat().st_mode)


@pytest.mark.parametrize(
    ("content", "says"), [(None, "cannot be read"), (json.dumps(ABROAD), "no in-toto Statement")]
)
def test_what_it_cannot_redact_is_named(
    content: str | None, says: str, tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, nothing on stdout."""
    file = tmp_path / "other.json"
    if content is not None:
        file.write_text(content)
    assert 2 == main(["redact", str(file)])
    out, err = capsys.readouterr()
    assert ("", True) == (out, says in err)


@pytest.mark.parametrize("octets", [b"", b"short"])
def test_a_salt_that_is_none_is_refused(
    octets: bytes, file: File, tmp_path: File, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hashes of little salt can be guessed."""
    salt = tmp_path / "salt"
    salt.write_bytes(octets)
    assert 2 == main(["redact", str(file), "--salt-file", str(salt)])
    assert f"it has {len(octets)} octets, a salt has 32 at least" in capsys.readouterr().err
    assert 2 == main(["redact", str(file), "--salt-file", str(tmp_path / "no" / "salt")])
    assert "give another file" in capsys.readouterr().err
