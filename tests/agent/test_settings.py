"""The strict reader of settings: types are exact, and lines are those of the text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import settings
from agent.errors import ConfigError


def document(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> settings.Document:
    """Return `text` read as the file `a.toml`."""
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(text, encoding="utf-8")
    return settings.read(Path("a.toml"))


def test_values_and_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of value is handed out; a default stands where the key is absent."""
    table = document(
        tmp_path,
        '[a]\ntext = "x"\nint = 3\nreal = 2\nflag = true\nlist = ["p", "q"]\nints = [4, 6]\n',
        monkeypatch,
    ).table("a")
    found = (
        table.text("text"),
        table.integer("int"),
        table.number("real"),
        table.boolean("flag"),
        table.texts("list"),
        table.integers("ints"),
        table.integers("absent", (4,)),
        table.text("absent", None),
        table.integer("absent", 7),
    )
    table.done()
    assert found == ("x", 3, 2.0, True, ("p", "q"), (4, 6), (4,), None, 7)


def test_lines_are_those_of_the_right_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrays of tables, texts over many lines, quoted keys and comments do not mislead."""
    text = (
        "# [a]\n"  # 1
        "[a]\n"  # 2
        'long = """\n'  # 3
        "[b]\n"  # 4
        "wrong = 1\n"  # 5
        '"""\n'  # 6
        '"wrong" = 2 # wrong = 3\n'  # 7
        "[[c]]\n"  # 8
        "x = 1\n"  # 9
        "[[c]] # again\n"  # 10
        "x = 2\n"  # 11
        "wrong.part = 1\n"  # 12
    )
    read = document(tmp_path, text, monkeypatch)
    found = []
    table = read.table("a")
    assert "long" in table
    for item in (table, *read.tables("c")):
        found += [item.integer("x", 0)]
        with pytest.raises(ConfigError) as caught:
            item.boolean("wrong")
        found.append(str(caught.value))
    assert found == [
        0,
        "a.toml:7: [a] wrong: must be true or false, not the number 2",
        1,
        'a.toml:8: [[c]]: the key "wrong" is missing',
        2,
        "a.toml:12: [[c]] wrong: must be true or false, not a table",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a]\nx = 1\nx = 2\n", "a.toml:3: not TOML: Cannot overwrite a value (at line 3, col"),
        ('[a]\nx = "', "a.toml:2: not TOML: Unterminated string (at end of document)"),
        ("x = 1\n[a]\n", 'a.toml:1: unknown key "x"; known here: a'),
        ("[a]\nyy = 1\n", 'a.toml:2: [a] unknown key "yy"; known here: x'),
        ("[a]\nx = [1]\n", "a.toml:2: [a] x: must be a text, not the number 1"),
        ("[a]\nx = 3\n", "a.toml:2: [a] x: must be a list of texts, not the number 3"),
        ("[a]\nx = 2020-01-01\n", "a.toml:2: [a] x: must be a list of texts, not the date 2020-"),
        ("[a]\nx = inf\n", "a.toml:2: [a] x: must be a list of texts, not the number inf"),
        ('[a]\nx = ["a\\tb"]\n', "a.toml:2: [a] x: must be a visible text without control"),
    ],
)
def test_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    """Every mistake names file, line, table and key."""

    def read() -> None:
        found = document(tmp_path, text, monkeypatch)
        table = found.table("a")
        table.texts("x", ())
        table.done()
        found.done()

    with pytest.raises(ConfigError) as caught:
        read()
    assert str(caught.value)[: len(message)] == message


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        (None, "cannot read the settings file a.toml: No such file or directory"),
        (b"\n\n\xff", "a.toml:3: not UTF-8 text: save the file as UTF-8"),
        (b"#" * (settings.FILE_LIMIT_OCTETS + 1), "a.toml: refused: over 4194304 octets is no"),
    ],
)
def test_unreadable_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, octets: bytes | None, message: str
) -> None:
    """A file that cannot be read, or is no text, is named with what to do."""
    monkeypatch.chdir(tmp_path)
    if octets is not None:
        Path("a.toml").write_bytes(octets)
    with pytest.raises(ConfigError) as caught:
        settings.read(Path("a.toml"))
    assert str(caught.value)[: len(message)] == message


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_raises_only_config_error(
    tmp_path_factory: pytest.TempPathFactory, octets: bytes
) -> None:
    """Any octets at all are either settings or a ConfigError."""
    path = tmp_path_factory.mktemp("settings") / "a.toml"
    path.write_bytes(octets)
    try:
        found = settings.read(path)
        found.done()
    except ConfigError as error:
        message = str(error)
    else:
        message = str(path)
    assert str(path) in message


def test_bounds_are_written_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound is printed as a person writes it."""
    table = document(tmp_path, "[a]\nx = -1\n", monkeypatch).table("a")
    messages = []
    for bounds in ({"minimum": 0}, {"minimum": 0, "maximum": 10_000_000}, {"maximum": -2}):
        with pytest.raises(ConfigError) as caught:
            table.integer("x", **bounds)
        messages.append(str(caught.value).partition("must be ")[2])
    assert messages == ["at least 0, not -1", "from 0 to 10000000, not -1", "at most -2, not -1"]


def test_tables_within_tables_are_unknown_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table below a table counts as a key of it, at the line of its own header."""
    read = document(tmp_path, '[a]\nx = 1\n\n[a."b".c]\ny = 2\n[[a.d]]\nz = 3\n', monkeypatch)
    table = read.table("a")
    table.integer("x")
    with pytest.raises(ConfigError) as caught:
        table.done()
    assert str(caught.value) == 'a.toml:4: [a] unknown key "b"; known here: x'


@pytest.mark.parametrize(
    ("value", "kind"),
    [("true", "true"), ("[1]", "a list"), ("{y = 1}", "a table"), ('"1"', 'the text "1"')],
)
def test_what_was_found_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, kind: str
) -> None:
    """A value of the wrong type is described as the file has it."""
    table = document(tmp_path, f"[a]\nx = {value}\n", monkeypatch).table("a")
    with pytest.raises(ConfigError) as caught:
        table.integer("x")
    assert str(caught.value) == f"a.toml:2: [a] x: must be an integer, not {kind}"


def test_a_table_within_a_table_has_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inline or under a header of its own; an absent one is empty; a value is none."""
    for text in ("[a]\nb = {x = 1, y = 2}\n", "[a]\n[a.b]\nx = 1\ny = 2\n"):
        table = document(tmp_path, text, monkeypatch).table("a")
        within = table.table("b")
        assert (1, None) == (within.integer("x"), table.table("c").text("x", None))
        table.done()
        with pytest.raises(ConfigError) as caught:
            within.done()
        assert str(caught.value) == 'a.toml:2: [a.b] unknown key "y"; known here: x'
    table = document(tmp_path, "[a]\nb = 1\n", monkeypatch).table("a")
    with pytest.raises(ConfigError) as caught:
        table.table("b")
    assert str(caught.value) == "a.toml:2: [a] b: must be a table, not the number 1"
