"""The schemas hold together: whatever one refers to is there, and none allows a field by chance."""

from collections.abc import Iterator
from typing import Any

from collector.web import openapi


def parts(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    """Give every object of a document, at any depth."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from parts(inner)


DOCUMENT = openapi.document()
SCHEMAS = DOCUMENT["components"]["schemas"]


def test_every_reference_leads_somewhere() -> None:
    """And every schema is referred to."""
    prefix = "#/components/schemas/"
    told = {part["$ref"] for part in parts(DOCUMENT) if "$ref" in part}
    assert {prefix + name for name in SCHEMAS} == told


def test_what_an_object_must_have_is_described() -> None:
    """No field is demanded that nothing says the type of."""
    objects = [part for part in parts(SCHEMAS) if "properties" in part]
    assert objects
    missing = [set(part.get("required", ())) - set(part["properties"]) for part in objects]
    assert [set()] * len(objects) == missing
