"""The OpenAPI document: valid, whole in both directions, and true of real answers."""

import re
from pathlib import Path

import jsonschema
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from collector.web import handlers, openapi, questions, schemas
from tests.fakes.asked_store import filled
from tests.fakes.collector_durable import NOW_NS, S_NS, StoppedClock, config
from tests.fakes.collector_face import CONFIG, DIGEST, HELD
from tests.fakes.collector_ports import FakeClock, FakeIntake

ASKED = [row.path.replace("{sha256}", DIGEST) for row in questions.QUESTIONS] + [
    "/v1/series?q=0.5,0.999",
    "/v1/paths?limit=1",
    "/v1/crossings?limit=1",
]

LISTS = ["/v1/agents", "/v1/paths", "/v1/crossings", "/v1/evidence"]


def application() -> web.Application:
    """Return the server's application."""
    return handlers.application(FakeIntake(), CONFIG, FakeClock())


def document() -> dict[str, object]:
    """Return the document as a client reads it."""
    found: dict[str, object] = msgspec.json.decode(msgspec.json.encode(openapi.document()))
    return found


def answer_schema(path: str) -> dict[str, object]:
    """Return the schema of the 200 of a GET, with the components that it points to."""
    found = openapi.document()
    content = found["paths"][path]["get"]["responses"]["200"]["content"]
    (name,) = [row["schema"]["$ref"] for kind, row in content.items() if "json" in kind]
    return {"$ref": name, "components": found["components"]}


def test_the_document_is_openapi() -> None:
    """A validator of others accepts it."""
    OpenAPIV31SpecValidator(document()).validate()


def test_every_route_is_in_the_document_and_the_other_way_round() -> None:
    """Nothing is served that is not described, and nothing described that is not served."""
    served = {
        (route.method.lower(), route.resource.canonical)
        for route in application().router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    described = {
        (method, path)
        for path, methods in openapi.document()["paths"].items()
        for method in methods
    }
    assert served == described


def test_every_get_is_served_as_head_too() -> None:
    """The document says so once for all."""
    routes = [route for route in application().router.routes() if route.resource is not None]
    by_method = {
        method: {route.resource.canonical for route in routes if route.method == method}
        for method in ("GET", "HEAD")
    }
    assert by_method["GET"] == by_method["HEAD"]


@pytest.mark.parametrize("address", ASKED)
async def test_real_answers_are_as_described(address: str) -> None:
    """What the server sends holds against the schema that the document gives for it."""
    intake = FakeIntake()
    intake.reader.finding_rows = [HELD]
    server = TestServer(handlers.application(intake, CONFIG, FakeClock()))
    async with TestClient(server) as client:
        answer = await client.get(address)
        assert 200 == answer.status
        body = msgspec.json.decode(await answer.read())
    path = re.sub(DIGEST, "{sha256}", address.partition("?")[0])
    jsonschema.validate(body, answer_schema(path), cls=Draft202012Validator)


@pytest.mark.parametrize("redact", [False, True])
async def test_answers_of_a_real_chain_are_as_described(tmp_path: Path, redact: bool) -> None:
    """With every row that a store has: also where agents are shown to nobody."""
    settings = msgspec.structs.replace(config(tmp_path), redact=redact)
    span = f"from={NOW_NS // S_NS}&to={NOW_NS // S_NS + 60}"
    async with filled(tmp_path) as chain:
        server = TestServer(handlers.application(chain, settings, StoppedClock()))
        async with TestClient(server) as client:
            for address in (
                f"/v1/zones?{span}",
                f"/v1/series?{span}&q=0.9",
                f"/v1/worst?{span}",
                *LISTS,
            ):
                body = msgspec.json.decode(await (await client.get(address)).read())
                assert [] != next(value for value in body.values() if isinstance(value, list))
                path = address.partition("?")[0]
                jsonschema.validate(body, answer_schema(path), cls=Draft202012Validator)
            (listed, *_) = (await (await client.get("/v1/evidence")).json())["evidence"]
            stated = await client.get(f"/v1/evidence/{listed['sha256']}")
            body = msgspec.json.decode(await stated.read())
    jsonschema.validate(body, answer_schema("/v1/evidence/{sha256}"), cls=Draft202012Validator)


@pytest.mark.parametrize("address", ["/v1/zones?x=1", "/v1/evidence/short", "/v1/nothing"])
async def test_refusals_are_as_described(address: str) -> None:
    """An error is an `Error`."""
    async with TestClient(TestServer(application())) as client:
        body = await (await client.get(address)).json()
    jsonschema.validate(body, schemas.SCHEMAS["Error"], cls=Draft202012Validator)


def test_every_schema_is_used_and_closed() -> None:
    """No schema stands for nothing, and an unknown field would be found."""
    text = msgspec.json.encode(openapi.document()).decode()
    for name, schema in schemas.SCHEMAS.items():
        assert f'"#/components/schemas/{name}"' in text
        if "properties" in schema and name not in {"Error", "Statement"}:
            assert schema["additionalProperties"] is False


def test_parameters_are_those_that_are_read() -> None:
    """Each parameter of a question stands in the document with its bounds."""
    found = openapi.document()["paths"]["/v1/paths"]["get"]["parameters"]
    assert ["agent", "target", "limit", "cursor"] == [row["name"] for row in found]
    assert {"type": "integer", "minimum": 1, "maximum": 1000} == found[2]["schema"]
