"""The command line: exit codes, one-line errors, nothing heavy before it is needed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from collector.cli import main
from collector.facts import atlas
from tests.fakes import atlas_tables

GOOD = Path(__file__).parent / "config" / "good.toml"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the name and the version."""
    assert main(["--version"]) == 0
    assert re.fullmatch(r"borne-collector \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_version_tells_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--version --verbose` adds what is compiled; a damaged table is one line and exit 1."""
    directory = atlas_tables.built(tmp_path)
    monkeypatch.setattr(atlas, "BESIDE", directory)
    assert main(["--version", "--verbose"]) == 0
    assert "\n  origin: tables of a test, data of 2026-06-17, read\n" in capsys.readouterr().out
    (directory / "origin.atlas").write_bytes(b"damaged")
    assert main(["--version", "--verbose"]) == 1
    found = capsys.readouterr().err
    assert found.startswith(f"borne-collector: open the table {directory / 'origin.atlas'}: it is")
    assert found.count("\n") == 1


def test_the_users_data_become_an_atlas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`atlas build` writes both tables, prints their paths, and dates them as it was told."""
    published, to = atlas_tables.write(tmp_path / "published"), tmp_path / "mine"
    options = ["--from", str(published), "--to", str(to), "--date", "2026-10-01"]
    assert main(["atlas", "build", *options]) == 0
    assert f"{to / 'origin.atlas'}\n{to / 'registrant.atlas'}\n" == capsys.readouterr().out
    header = atlas.load(to).tables["origin"].header
    assert ("2026-10-01", str(published)) == (header.date, header.source)
    assert main(["atlas", "build", *options, "--source", "registry dump"]) == 0
    assert atlas.load(to).tables["registrant"].header.source == "registry dump"


def test_wrong_data_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A directory without the files is the operator's mistake: exit 2, the file is named."""
    assert main(["atlas", "build", "--from", str(tmp_path), "--date", "2026-10-01"]) == 2
    expected = (
        f"borne-collector: cannot read {tmp_path / 'asn-ipv4-num.csv'}: No such file or directory;"
        " is the package whole?\n"
    )
    assert expected == capsys.readouterr().err


def test_check_of_good_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """Good settings are fine: exit 0, and nothing is started."""
    assert main(["serve", "--config.file", str(GOOD), "--config.check"]) == 0
    assert capsys.readouterr().out == f"{GOOD}: fine\n"


@pytest.mark.parametrize("check", [[], ["--config.check"]])
def test_wrong_settings(check: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong settings are one line on stderr and exit 2, with and without the check."""
    path = GOOD.with_name("latitude-range.toml")
    assert main(["serve", "--config.file", str(path), *check]) == 2
    expected = f"borne-collector: {path}:21: [[agents]] latitude: must be from -90 to 90, not 91\n"
    assert ("", expected) == capsys.readouterr()


def test_missing_settings(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is named."""
    assert main(["serve", "--config.file", "nowhere.toml"]) == 2
    expected = (
        "borne-collector: cannot read the settings file nowhere.toml: No such file or directory\n"
    )
    assert expected == capsys.readouterr().err


def test_wrong_address(capsys: pytest.CaptureFixture[str]) -> None:
    """An address of no known form is refused before anything starts."""
    options = ["--config.file", str(GOOD), "--web.listen-address", "9465"]
    assert main(["serve", *options]) == 2
    expected = (
        "borne-collector: --web.listen-address must be HOST:PORT, [IPV6]:PORT, unix:PATH or fd:N, "
        "not '9465'\n"
    )
    assert expected == capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["serve"], "the following arguments are required: --config.file"),
        (["serve", "--config.file", "x", "--log.level", "loud"], "invalid choice: 'loud'"),
        (["--verbose"], "the following arguments are required: COMMAND"),
        (["query"], "the following arguments are required: QUESTION"),
        (["ask"], "invalid choice: 'ask'"),
        (["atlas"], "the following arguments are required: build"),
        (["atlas", "build", "--date", "2026-06-17"], "arguments are required: --from"),
        (["atlas", "build", "--from", "x"], "arguments are required: --date"),
        (["atlas", "build", "--from", "x", "--date", "today"], "'today' is no day such as"),
        (["serve", "--config.fil", "x"], "required: --config.file"),
    ],
)
def test_usage_errors(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong option is one line on stderr and exit 2."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    found = capsys.readouterr().err
    assert caught.value.code == 2
    assert expected in found
    assert found.count("\n") == 1


def test_version_imports_nothing_heavy() -> None:
    """`--version` and `--config.check` load neither numba nor pyarrow nor aiohttp."""
    program = (
        "import sys; from collector.cli import main; "
        f"main(['serve', '--config.file', {str(GOOD)!r}, '--config.check']); "
        "print(sorted({'numba', 'numpy', 'pyarrow', 'aiohttp', 'jinja2'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.splitlines()[-1] == "[]"
