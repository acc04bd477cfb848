"""Reads the committed test vectors, as any other program would."""

import json
import sys
from base64 import b64decode, b64encode
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "vectors"


@cache
def document(kind: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / f"{kind}.json").read_text())
    return read


def cases(kind: str) -> list[Any]:
    """Each vector of a kind as a named case of a test."""
    return [pytest.param(v, id=v["name"]) for v in document(kind)["vectors"]]


def b64(data: bytes) -> str:
    return b64encode(data).decode()


@cache
def key_sets() -> dict[str, bytes]:
    """The key sets of the vectors of responses, by name."""
    return {name: b64decode(text) for name, text in document("responses")["key_sets"].items()}


def independent_verifier() -> Any:
    """docs/vectors/verify.py, which no package holds."""
    return _module("verify")


def independent_loader() -> Any:
    """docs/vectors/loader.py, which builds on verify.py beside it."""
    with mock.patch.dict(sys.modules, verify=_module("verify")):
        return _module("loader")


def independent_reader() -> Any:
    """docs/vectors/readings.py, which reads what Windows and macOS answer."""
    return _module("readings")


def independent_typist() -> Any:
    """docs/vectors/typed.py, which reads typed lines and scanned codes."""
    return _module("typed")


def _module(name: str) -> Any:
    spec = spec_from_file_location(f"independent_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
