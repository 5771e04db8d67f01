"""Bytes: writes TOML tables: JSON's notation of strings, numbers and lists is also TOML's.

Except for the octet 127 (DEL), which JSON leaves as it is and TOML forbids.
"""

import json

Value = str | int | float | bool | list[str]


def table(heading: str, **values: Value) -> str:
    """Return one TOML table with its heading (`[name]` or `[[name]]`) and a line for each value."""
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join([heading, *lines, ""]).replace("\x7f", "\\u007f")
