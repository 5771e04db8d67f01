"""The house's rules that no linter knows: kinds of room, sizes, who may touch clocks and sockets.

A module's kind is the first word of its docstring. What it may import follows from the kind, so
that the arrows words <- bytes <- deciders <- shells <- cli cannot turn round unnoticed.
"""

import ast
import fnmatch
import os
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("agent", "collector", "deploy")
KINDS = ("Words", "Bytes", "Decider", "Shell")
NAMELESS = {"__init__", "__main__"}
READ_FROM_FILES = {"config", "scenario"}
MODULE_CAP_LINES = 400
FUNCTION_CAP_LINES = 50
FOLDER_CAP_MODULES = 60
WORLD = {"asyncio", "socket", "time", "random", "aiohttp", "subprocess", "select", "threading"}
ONE_CLOCK = ("agent", "collector", "deploy.lab")
VAGUE_NAMES = {"utils", "util", "helpers", "common", "base", "manager", "misc"}
TOP_LEVEL = {
    *(".ci", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "SECURITY.md"),
    *("agent", "benchmarks", "collector", "constraints.txt", "deploy", "pyproject.toml", "tests"),
}


class Module:
    """One source file, parsed once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)
        self.name = ".".join(path.relative_to(ROOT).with_suffix("").parts)

    @property
    def stem(self) -> str:
        """The file's own name."""
        return self.path.stem

    @property
    def kind(self) -> str:
        """The word before the first colon of the docstring."""
        return (ast.get_docstring(self.tree) or "").partition(":")[0]

    def imports(self) -> set[str]:
        """Everything imported anywhere in the file, also names from modules: `a.b` and `a.b.c`."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        return found

    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function, also nested ones and methods."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]

    def calls(self) -> set[str]:
        """The last word of every called name: `setsockopt` for `s.setsockopt(...)`."""
        functions = [node.func for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        attributes = {f.attr for f in functions if isinstance(f, ast.Attribute)}
        return attributes | {f.id for f in functions if isinstance(f, ast.Name)}


MODULES = {
    module.name: module
    for package in PACKAGES
    for module in map(Module, sorted((ROOT / package).rglob("*.py")))
}
ROOMS = [pytest.param(m, id=m.name) for m in MODULES.values() if m.stem not in NAMELESS]
EVERY_MODULE = [pytest.param(m, id=m.name) for m in MODULES.values()]


def kept_files() -> list[Path]:
    """List the files that belong to the project: all but those that `.gitignore` names."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = [line.rstrip("/") for line in lines if line and not line.startswith("#")]
    found = []
    for folder, folders, files in os.walk(ROOT):
        kept = [
            name
            for name in folders + files
            if name != ".git" and not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)
        ]
        folders[:] = [name for name in folders if name in kept]
        found += [Path(folder, name) for name in files if name in kept]
    return found


@pytest.mark.parametrize("module", ROOMS)
def test_docstring_names_the_kind_of_room(module: Module) -> None:
    """The first line says Words, Bytes, Decider or Shell, and then the purpose."""
    first_line = (ast.get_docstring(module.tree) or "").partition("\n")[0]
    assert re.match(rf"({'|'.join(KINDS)}): \S.{{10,}}", first_line) is not None, first_line


@pytest.mark.parametrize("module", ROOMS)
def test_arrows_point_from_shells_to_words(module: Module) -> None:
    """A room imports rooms of its own kind or of those before it, and nobody imports a cli.

    Words that are read from a file may use the rooms that parse and check that file.
    """
    allowed = KINDS[: KINDS.index("Decider" if module.stem in READ_FROM_FILES else module.kind) + 1]
    rooms = [MODULES[name] for name in module.imports() if name in MODULES]
    named = [room for room in rooms if room.stem not in NAMELESS]
    assert [] == [room.name for room in named if room.kind not in allowed]
    assert [] == [room.name for room in named if room.stem == "cli"]


@pytest.mark.parametrize("module", ROOMS)
def test_only_shells_touch_the_world(module: Module) -> None:
    """Words, bytes and deciders import nothing that waits, sends, starts or rolls dice."""
    roots = {name.partition(".")[0] for name in module.imports()}
    assert set() == (roots & WORLD if module.kind != "Shell" else set())


def test_the_import_contract_names_every_decider() -> None:
    """A new decider is added to the contract that also follows indirect imports."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    (named,) = [c["source_modules"] for c in contracts if c["name"].startswith("Deciders")]
    deciders = {name for name, module in MODULES.items() if module.kind == "Decider"}
    assert {name for name in deciders if not name.startswith("deploy.")} == set(named)


@pytest.mark.parametrize("module", ROOMS)
def test_only_clock_reads_clocks(module: Module) -> None:
    """In agent, collector and lab, `time` is imported and `now()` called by `clock` alone."""
    watched = module.name.startswith(tuple(f"{package}." for package in ONE_CLOCK))
    if not watched or module.stem == "clock":
        return
    assert "time" not in {name.partition(".")[0] for name in module.imports()}
    assert re.search(r"\b(datetime|date)\.(now|utcnow|today)\(", module.text) is None


@pytest.mark.parametrize("module", [m for m in ROOMS if m.id.startswith("agent.")])
def test_only_sockets_sets_socket_options(module: Module) -> None:
    """In the agent, `setsockopt` is called by `sockets` alone."""
    assert module.stem == "sockets" or "setsockopt" not in module.calls()


@pytest.mark.parametrize("module", [m for m in ROOMS if m.id.startswith(("agent.", "collector."))])
def test_only_metrics_knows_metric_names(module: Module) -> None:
    """A metric name such as `borne_x_total` is written in `metrics` and its table alone."""
    strings = [node.value for node in ast.walk(module.tree) if isinstance(node, ast.Constant)]
    names = [s for s in strings if isinstance(s, str) and re.fullmatch(r"borne(_[a-z0-9]+)+", s)]
    assert [] == ([] if module.stem in {"metrics", "metricrows"} else names)


@pytest.mark.parametrize("module", EVERY_MODULE)
def test_module_fits_on_a_few_screens(module: Module) -> None:
    """A module that outgrows the cap holds two nouns."""
    assert len(module.text.splitlines()) <= MODULE_CAP_LINES


@pytest.mark.parametrize("module", EVERY_MODULE)
def test_functions_are_short(module: Module) -> None:
    """A function that outgrows the cap does two things."""
    sizes = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in module.functions()}
    assert {} == {name: size for name, size in sizes.items() if size > FUNCTION_CAP_LINES}


@pytest.mark.parametrize("module", EVERY_MODULE)
def test_everything_public_is_documented(module: Module) -> None:
    """Every public class and function says in its docstring what it is for."""
    bodies = [module.tree, *(n for n in ast.walk(module.tree) if isinstance(n, ast.ClassDef))]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    nodes = [n for b in bodies for n in b.body if isinstance(n, kinds) and n.name[0] != "_"]
    public = [n for n in nodes if "overload" not in map(ast.unparse, n.decorator_list)]
    assert [] == [node.name for node in public if not ast.get_docstring(node)]


@pytest.mark.parametrize("module", EVERY_MODULE)
def test_module_is_named_by_a_noun(module: Module) -> None:
    """No drawer for odds and ends."""
    assert module.stem not in VAGUE_NAMES


def test_packages_are_at_most_two_folders_deep() -> None:
    """A newcomer finds a module without a map."""
    assert [] == [name for name in MODULES if name.count(".") > 3]


def test_no_folder_is_a_crowd() -> None:
    """A folder that outgrows the cap holds several rooms."""
    rooms = Counter(name.rpartition(".")[0] for name in MODULES)
    assert {} == {room: count for room, count in rooms.items() if count > FOLDER_CAP_MODULES}


def test_nothing_unfinished_is_left() -> None:
    """No mark of unfinished work, no unnamed suppression of a check, in any source file."""
    marks = r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|type: ignore(?!\[)|noqa(?!: [A-Z])"
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in kept_files()
        if path.suffix in {".py", ".toml", ".yml"} and path != Path(__file__)
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(marks, line)
    ]
    assert [] == found


def test_no_test_is_skipped() -> None:
    """A test that cannot run fails and says what it needs; it does not skip."""
    word = re.compile(r"mark\.(skip|skipif|xfail)\b|pytest\.(skip|xfail|importorskip)\(")
    files = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    assert [] == [str(p) for p in files if word.search(p.read_text(encoding="utf-8"))]


def test_no_file_names_an_index() -> None:
    """Where packages come from is the machine's business: no index address in any file."""
    address = re.compile(
        r"(--(extra-)?index-url|--find-links|--trusted-host)"
        r"|(pypi|pythonhosted|npmjs|debian|piwheels)\.(org|com)\b|deb\.debian",
        re.IGNORECASE,
    )
    found = [
        str(path.relative_to(ROOT))
        for path in kept_files()
        if path != Path(__file__) and address.search(path.read_bytes().decode("utf-8", "replace"))
    ]
    assert [] == found


def test_every_pinned_package_has_hashes() -> None:
    """The constraints name one version and at least one hash for each distribution."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    entries = re.findall(r"^[a-zA-Z0-9][^\n]*(?:\n    [^\n]*)*", text, flags=re.MULTILINE)
    assert len(entries) > 40
    assert [] == [e for e in entries if "==" not in e or "--hash=sha256:" not in e]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """`.ci/run` is executable and does nothing but `make test`."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").splitlines()[-1] == "exec make test"


def test_the_top_level_holds_only_what_the_design_names() -> None:
    """Nothing else belongs to the root."""
    assert set() == {path.relative_to(ROOT).parts[0] for path in kept_files()} - TOP_LEVEL


def test_tests_are_no_packages() -> None:
    """Tests are imported by file, so no package file stands below tests/."""
    assert [] == list((ROOT / "tests").rglob("__init__.py"))
