"""Bytes: the OpenAPI 3.1 document of the collector, made of the tables that it answers by.

Rules
- Questions and their parameters are those of `collector.web.questions`, answers those of
  `collector.web.schemas`: only what is no question is described here, in `OTHERS`.
- The tests hold the routes of the server against it, in both directions.
"""

from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any, Final

import msgspec

from agent.records import Plan
from collector.web import api, parameters, questions, schemas, tabular
from collector.web.parameters import Parameter
from collector.web.questions import Question

VERSION: Final = "3.1.0"

_HTML: Final = "text/html"
_PLAIN: Final = "text/plain"
_OCTETS: Final = "application/octet-stream"
_STRING: Final = {"schema": {"type": "string"}}
_AS_TEXT: Final = {_PLAIN: _STRING}
_ERROR: Final = {api.JSON_TYPE: {"schema": {"$ref": "#/components/schemas/Error"}}}
_STARTING: Final = "The collector is starting, or its store cannot be read; come again."

Object = dict[str, Any]


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """One address that is no question."""

    method: str
    path: str
    says: str
    answers: Mapping[str, tuple[str, Mapping[str, Any]]]
    """By status: what it means, and the content by type."""
    token: bool = False
    """Whether one is needed: an agent's, or an operator's."""
    body: str | None = None
    """What is sent, if anything is."""


OTHERS: Final = (
    Other(
        method="post",
        path="/v1/batches",
        says="Store one batch of an agent.",
        body="A batch, `agent/wire.py`; Content-Encoding identity, deflate or zstd.",
        token=True,
        answers={
            "204": ("It is durable.", {}),
            "400": ("It is no batch.", _ERROR),
            "401": ("No agent has this token, or it is another agent's.", _ERROR),
            "409": ("It uses series that are not described here: `unknown_series`.", _ERROR),
            "413": ("It is too large.", _ERROR),
            "503": ("Come again: Retry-After says when.", _ERROR),
        },
    ),
    Other(
        method="get",
        path="/v1/plan",
        says="What an agent is asked to do; waits 25 s for a change of what If-None-Match names.",
        token=True,
        answers={
            "200": (
                "The plan.",
                {api.JSON_TYPE: {"schema": {"$ref": "#/components/schemas/Plan"}}},
            ),
            "304": ("Nothing changed.", {}),
            "401": ("No agent has this token.", _ERROR),
        },
    ),
    Other(
        method="get",
        path="/metrics",
        says="Metrics for Prometheus, chosen by `name[]`.",
        answers={"200": ("In the format of the Accept header.", _AS_TEXT)},
    ),
    Other(
        method="get",
        path="/-/healthy",
        says="Whether the process lives.",
        answers={"200": ("It does.", _AS_TEXT)},
    ),
    Other(
        method="get",
        path="/-/ready",
        says="Whether batches are taken and questions answered.",
        answers={"200": ("They are.", _AS_TEXT), "503": ("Not yet.", _AS_TEXT)},
    ),
    *(
        Other(
            method=method,
            path="/-/reload",
            token=True,
            says="Read the settings again; an operator's token is needed. Connections stay open.",
            answers={
                "200": ("They are in force.", _AS_TEXT),
                "401": ("A token is needed.", _ERROR),
                "403": ("It must be an operator's.", _ERROR),
                "500": (
                    "They cannot be used: those before are kept, and `error` says why.",
                    _ERROR,
                ),
            },
        )
        for method in ("post", "put")
    ),
    Other(
        method="get",
        path="/",
        says="The page; `agent` and `zone` choose rows of its table of zones.",
        answers={"200": ("HTML.", {_HTML: _STRING})},
    ),
    Other(
        method="get",
        path="/crossings/{id}",
        says="The page of one crossing.",
        answers={
            "200": ("HTML.", {_HTML: _STRING}),
            "404": ("There is none.", {_HTML: _STRING}),
        },
    ),
    Other(
        method="get",
        path="/static/{name}",
        says="A file of the pages.",
        answers={
            "200": ("The file.", {_OCTETS: _STRING}),
            "404": ("There is none.", {_HTML: _STRING}),
        },
    ),
)
"""Every address of the server that is no question."""


def document() -> Object:
    """Return the document."""
    paths: dict[str, Object] = {}
    for question in questions.QUESTIONS:
        paths.setdefault(question.path, {})["get"] = _asked(question)
    for other in OTHERS:
        paths.setdefault(other.path, {})[other.method] = _other(other)
    _, plan = msgspec.json.schema_components([Plan], ref_template="#/components/schemas/{name}")
    return {
        "openapi": VERSION,
        "info": {
            "title": "Borne collector",
            "version": metadata.version("borne"),
            "description": "What agents measured, and what follows from it. Times of day are RFC "
            "3339 in UTC with nanoseconds, durations seconds. GET goes with HEAD.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {**schemas.SCHEMAS, **plan},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _asked(question: Question) -> Object:
    content = {_type_of(question): {"schema": _named(question.answer)}}
    if any(row.name == "format" for row in question.parameters):
        content |= {tabular.CSV_TYPE: _STRING, tabular.ARROW_TYPE: _STRING}
    answers: Object = {
        "200": {"description": "The answer.", "headers": _TAGGED, "content": content},
        "304": {"description": "What If-None-Match names is still the answer."},
        "400": {"description": "A parameter is wrong; it says which.", "content": _ERROR},
        "401": {"description": "A token of a reader or an operator is needed.", "content": _ERROR},
        "403": {"description": "This token opens other addresses.", "content": _ERROR},
        "503": {"description": _STARTING, "content": _ERROR},
    }
    if "{" in question.path:
        answers["404"] = {"description": "There is none.", "content": _ERROR}
    return {
        "operationId": question.name,
        "security": [{}, {"token": []}],
        "summary": question.says,
        "parameters": [*map(_parameter, question.parameters), *_places(question.path)],
        "responses": answers,
    }


_TAGGED: Final = {
    "ETag": {"description": "Names this answer, for If-None-Match.", "schema": {"type": "string"}}
}


def _other(other: Other) -> Object:
    found: Object = {
        "summary": other.says,
        "parameters": list(_places(other.path)),
        "responses": {
            status: {"description": says, "content": dict(content)}
            for status, (says, content) in other.answers.items()
        },
    }
    if other.token:
        found["security"] = [{"token": []}]
    if other.body is not None:
        found["requestBody"] = {
            "required": True,
            "description": other.body,
            "content": {_OCTETS: {}},
        }
    return found


def _type_of(question: Question) -> str:
    return api.STATEMENT_TYPE if question.answer == "Statement" else api.JSON_TYPE


def _named(schema: str) -> Object:
    return {"$ref": f"#/components/schemas/{schema}"}


def _parameter(row: Parameter) -> Object:
    """Return a parameter of the query; its schema says what `collector.web.parameters` takes."""
    found = {"name": row.name, "in": "query", "description": row.says, "schema": _schema(row)}
    if row.example is not None:
        found["example"] = row.example
    return found


def _schema(row: Parameter) -> Object:
    match row.kind:
        case "integer":
            return {"type": "integer", "minimum": row.minimum, "maximum": row.maximum}
        case "word":
            return {"type": "string", "enum": list(row.words)}
        case "quantiles":
            return {"type": "string", "pattern": parameters.QUANTILES_PATTERN}
        case "time":
            return {"type": "string", "pattern": parameters.TIME_PATTERN}
        case "text":
            return {"type": "string", "minLength": 1}


def _places(path: str) -> Iterable[Object]:
    """Yield the parameters that stand in the path itself."""
    for part in path.split("/"):
        if part.startswith("{"):
            yield {
                "name": part.strip("{}"),
                "in": "path",
                "required": True,
                "schema": {"type": "string"},
            }
