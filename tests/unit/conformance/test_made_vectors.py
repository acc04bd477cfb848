"""The committed vectors are what the script makes, and it does not use the code they check."""

import ast
from pathlib import Path

import pytest

from tests.unit.conformance.make_vectors import FOLDER, documents

pytestmark = pytest.mark.conformance

CASES = Path(__file__).parent / "cases"


def test_the_committed_vectors_are_what_the_script_makes() -> None:
    kept = (CASES / "kept_signatures.json").read_bytes()
    for name, data in documents().items():
        assert (FOLDER / name).read_bytes() == data, f"make {name} again"
    assert (CASES / "kept_signatures.json").read_bytes() == kept


def test_every_file_of_vectors_is_in_the_index() -> None:
    committed = {path.name for path in FOLDER.glob("*.json")}
    assert committed == set(documents())


@pytest.mark.parametrize("path", sorted(CASES.glob("*.py")), ids=lambda path: path.name)
def test_the_vectors_are_made_without_the_code_that_they_check(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith("keyferry") for name in node.names)
        if isinstance(node, ast.ImportFrom):
            assert not str(node.module).startswith("keyferry")
