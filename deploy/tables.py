"""Bytes: writes TOML tables: JSON's notation of strings, numbers and lists is also TOML's.

Except for the octet 127 (DEL), which JSON leaves as it is and TOML forbids.
"""

import json
from collections.abc import Mapping, Sequence

Value = str | int | float | bool | list[str]


def table(heading: str, **values: Value) -> str:
    """Return one TOML table with its heading (`[name]` or `[[name]]`) and a line for each value."""
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join([heading, *lines, ""]).replace("\x7f", "\\u007f")


def document(values: Mapping[str, object]) -> str:
    """Return a whole TOML file of plain values, however deep; a key that is None is left out."""
    lines = [f"{_inline(key)} = {_inline(value)}\n" for key, value in _given(values)]
    return "".join(lines).replace("\x7f", "\\u007f")


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_inline(key)} = {_inline(one)}" for key, one in _given(value))
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _given(values: Mapping[str, object]) -> list[tuple[str, object]]:
    return [(key, value) for key, value in values.items() if value is not None]
