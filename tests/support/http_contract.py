"""The published HTTP API, docs/openapi.yaml, held against every answer that any test here sees."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
PROBLEM = "application/problem+json"
NO_SUCH_ROUTE = "no-such-route"


@dataclass(frozen=True)
class Outcome:
    """One of the answers that the document names; `code` is a problem's, else empty."""

    route: str  # like GET /api/requests/{id}
    status: int
    code: str = ""


def check_answer(
    method: str, path: str, status: int, headers: Mapping[str, str], body: str
) -> Outcome:
    """Fail unless the answer is one that the document describes for this route."""
    route, operation = find_route(method, path)
    if operation is None:
        schema = {403: "Forbidden", 404: "NoSuchRoute", 429: "TooManyRequests"}[status]
        _validate(json.loads(body), schema)
        return Outcome(NO_SUCH_ROUTE, status, json.loads(body)["code"])
    assert str(status) in operation["responses"], f"{route} documents no {status}"
    response = resolve(operation["responses"][str(status)])
    _check_headers(response, {name.lower(): text for name, text in headers.items()})
    content = response.get("content", {})
    if not content:
        assert not body
        return Outcome(route, status)
    media_type = headers.get("Content-Type", headers.get("content-type", "")).partition(";")[0]
    assert media_type in content, f"{route} documents no {media_type} for {status}"
    if media_type in ("text/html", "application/octet-stream", "image/svg+xml"):
        return Outcome(route, status)
    document = json.loads(body)
    _validator(json.dumps(content[media_type]["schema"])).validate(document)
    return Outcome(route, status, document["code"] if media_type == PROBLEM else "")


def find_route(method: str, path: str) -> tuple[str, dict[str, Any] | None]:
    """The operation that answers a call; None where the document names none."""
    for template, item in document()["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in item:
            return f"{method} {template}", item[method.lower()]
    return NO_SUCH_ROUTE, None


def documented_outcomes() -> Iterator[Outcome]:
    """Every answer that the document names, one for each code of a problem."""
    for template, item in document()["paths"].items():
        for method in set(item) & {"get", "head", "post", "put", "patch", "delete"}:
            for status, response in item[method]["responses"].items():
                route = f"{method.upper()} {template}"
                content = resolve(response).get("content", {})
                if PROBLEM in content:
                    code = resolve(content[PROBLEM]["schema"])["properties"]["code"]
                    for each in code.get("enum", [code.get("const")]):
                        yield Outcome(route, int(status), each)
                if PROBLEM not in content or len(content) > 1:
                    yield Outcome(route, int(status))


@cache
def document() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(DOCUMENT.read_text())
    return read


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """What a node stands for: itself, or what it refers to."""
    if "$ref" not in node:
        return node
    target = document()
    for name in node["$ref"].split("/")[1:]:
        target = target[name]
    return target


def _check_headers(response: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    documented = {name: resolve(each) for name, each in response.get("headers", {}).items()}
    for name, each in documented.items():
        assert name.lower() in headers or not each.get("required"), f"{name} is missing"
        if name.lower() in headers:
            Draft202012Validator(each["schema"]).validate(headers[name.lower()])
    for name in ("Retry-After", "Location"):
        assert name in documented or name.lower() not in headers, f"{name} is not documented"


def _validate(document: object, schema: str) -> None:
    _validator(json.dumps({"$ref": f"#/components/schemas/{schema}"})).validate(document)


@cache
def _validator(schema: str) -> Draft202012Validator:
    """Knows the document's schemas, each of them closed: a new member must be documented."""
    closed = DRAFT202012.create_resource(_close(document()))
    registry = Registry().with_resource("urn:openapi", closed)
    absolute = schema.replace('"#/', '"urn:openapi#/')
    return Draft202012Validator(json.loads(absolute), registry=registry)


def _close(node: Any) -> Any:
    if isinstance(node, list):
        return [_close(each) for each in node]
    if not isinstance(node, dict):
        return node
    closed = {name: _close(each) for name, each in node.items()}
    if node.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed
