"""docs/http-api.md lists the codes of docs/openapi.yaml, and that has the service's limits."""

import re
from pathlib import Path
from typing import Any

import yaml

from keyferry_protocol.envelope import MAX_FILE, REQUEST

DOCS = Path(__file__).parents[3] / "docs"
DOCUMENT: dict[str, Any] = yaml.safe_load((DOCS / "openapi.yaml").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]


def listed(heading: str) -> list[str]:
    """The codes in the table below a heading."""
    document = (DOCS / "http-api.md").read_text()
    section = document.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\|(?: \d+ \|)? `([a-z-]+)`", section, re.MULTILINE)


def codes(schema: str) -> list[str]:
    code = SCHEMAS[schema]["properties"]["code"]
    return list(code.get("enum", [code.get("const")]))


def test_each_refusal_is_listed() -> None:
    kinds = [kind["$ref"].rpartition("/")[2] for kind in SCHEMAS["Refusal"]["oneOf"]]
    assert sorted(listed("Refusals")) == sorted(code for kind in kinds for code in codes(kind))


def test_each_problem_is_listed() -> None:
    problems = [
        name for name, schema in SCHEMAS.items() if "status" in schema.get("properties", {})
    ]
    assert set(listed("Errors")) == {code for name in problems for code in codes(name)}


def test_each_state_is_listed() -> None:
    mapping = SCHEMAS["Ticket"]["discriminator"]["mapping"]
    assert listed("States of a ticket") == list(mapping)


def test_a_file_is_as_long_as_the_service_takes_it() -> None:
    upload = DOCUMENT["paths"]["/api/requests/{id}/file"]["put"]["requestBody"]
    schema = upload["content"]["application/octet-stream"]["schema"]
    assert (schema["minLength"], schema["maxLength"]) == (1, MAX_FILE[REQUEST])
