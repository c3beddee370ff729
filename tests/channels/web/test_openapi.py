"""The API description is valid, and says neither more nor less than there is."""

from __future__ import annotations

import re
from typing import Any

import requests
from openapi_spec_validator import openapi_v31_spec_validator

from bot.channels.web.channel import WebChannel
from bot.channels.web.problems import KINDS
from bot.channels.web.turn_request import CONTROLS, MAX_TEXT


def description(server: Any) -> dict[str, Any]:
    response = requests.get(server.base + "/api/v1/openapi.json", timeout=10)
    assert response.headers["Content-Type"] == "application/json"
    document: dict[str, Any] = response.json()
    return document


def test_the_description_is_valid_openapi_3_1(bare_server: Any) -> None:
    """As served, by an independent validator."""
    document = description(bare_server)
    assert document["openapi"].startswith("3.1.")
    openapi_v31_spec_validator.validate(document)


def test_every_route_is_described_and_every_description_is_a_route(bare_server: Any) -> None:
    """Path by path, method by method; OPTIONS and HEAD are the same everywhere."""
    from sanic import Sanic

    from bot.settings import Settings

    app = Sanic("routes_of_the_web_channel", configure_logging=False)
    app.ctx.settings = Settings()
    app.blueprint(WebChannel().blueprint(lambda message: message))
    routes = {
        ("/" + re.sub(r"<(\w+)(:\w+)?>", r"{\1}", route.path), method.lower())
        for route in app.router.routes
        for method in route.methods
        if method not in ("OPTIONS", "HEAD")
    }
    described = {
        (path, method)
        for path, item in description(bare_server)["paths"].items()
        for method in item
    }
    assert routes == described


def test_every_problem_is_described(bare_server: Any) -> None:
    """Each kind has its response, and each operation names statuses that are documented."""
    document = description(bare_server)
    # Those of any path and method, which no single operation can list.
    everywhere = {"wrong-method"}
    assert set(document["components"]["responses"]) == set(KINDS) - everywhere
    for item in document["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if "$ref" in response:
                    slug = response["$ref"].rpartition("/")[2]
                    assert KINDS[slug].status == int(status)


def test_the_limits_and_controls_are_the_real_ones(bare_server: Any) -> None:
    """What the description says of a turn is what the server checks."""
    schemas = description(bare_server)["components"]["schemas"]
    assert schemas["Turn"]["properties"]["text"]["maxLength"] == MAX_TEXT
    for control in CONTROLS:
        assert f"`{control}`" in schemas["Answer"]["description"]


def test_every_field_of_a_message_is_described(bare_server: Any, client: Any) -> None:
    """Whatever a question, a summary and an assessment hold stands in the description."""
    schemas = description(bare_server)["components"]["schemas"]
    common = schemas["Message"]["properties"]
    messages = client.messages + client.say("swollen for a week, no fever, no injury, I am 30")
    for _ in range(20):
        last = messages[-1]
        if last["kind"] == "assessment":
            break
        if last["kind"] == "summary":
            messages += client.tap("summary", last["choices"][0]["value"])
        else:
            first = last["choices"][0]["value"] if last["choices"] else last["min"]
            messages += client.tap(last["finding"], [] if last["input"] == "checklist" else first)
    kinds = {"question": "Question", "summary": "Summary", "assessment": "Assessment"}
    assert set(kinds) <= {message["kind"] for message in messages}
    for message in messages:
        schema = schemas[kinds.get(message["kind"], "Plain")]["properties"]
        assert set(message) <= set(common) | set(schema)
        for part in ("choices", "reasons", "findings", "counterfactuals", "references"):
            for item in message.get(part, ()):
                described = schema[part]["items"]
                if "$ref" in described:
                    described = schemas[described["$ref"].rpartition("/")[2]]
                assert set(item) <= set(described["properties"])
