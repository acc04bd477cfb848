"""Every claim of docs/threat-model.md names tests that prove it, and they exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
MODEL = (ROOT / "docs" / "threat-model.md").read_text()
NAMED = re.findall(r"`([a-z_/]+\.py)(?:::(test_\w+))?`", MODEL)


def test_each_named_test_exists() -> None:
    assert len(NAMED) > 50
    for file, name in NAMED:
        source = (ROOT / "tests" / file).read_text()
        tests = {n.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)}
        assert not name or name in tests, f"{file}::{name}"


def test_each_attack_has_a_cost_a_defense_and_a_test_or_says_it_has_none() -> None:
    rows = [line.split(" | ") for line in MODEL.splitlines() if line.startswith("| ")]
    attacks = [row for row in rows if len(row) == 4 and row[0] != "| attack"]
    attacks = [row for row in attacks if not set(row[0]) <= set("|- ")]
    assert len(attacks) > 30
    for attack, cost, answer, proof in attacks:
        assert all(len(cell) > 2 for cell in (attack, cost, answer))
        assert re.search(r"`[a-z_/]+\.py", proof) or "no test" in proof, attack
