"""Mutates the protocol and the decisions with mutmut, and looks whether a test notices each change.

`make soak`, or for a part `python -m tests.soak.mutation.run 'keyferry_protocol.keys.*'`. A mutant that
no test notices and explained.toml does not explain ends the run with 1. What mutmut leaves alone is
code outside functions and below decorators: constants, patterns, properties.
"""

import ast
import json
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from difflib import ndiff
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).parents[3]
TREE = ROOT / ".local" / "mutation"
EXPLAINED = Path(__file__).with_name("explained.toml")
KILLED = {1, 3, 24, -24, 36, 152, 255}  # a test fails, pytest does, or it never ends


def main(patterns: list[str]) -> int:
    begun = time.monotonic()
    make_tree()
    with (TREE / "log").open("w") as log:
        command = [sys.executable, "-m", "mutmut", "run", *patterns]
        code = subprocess.run(command, cwd=TREE, stdout=log, stderr=log).returncode
    if code:
        print((TREE / "log").read_text()[-3000:])
        return code
    groups = tomllib.loads(EXPLAINED.read_text())["explained"]
    explained = [pattern for group in groups for pattern in group["mutants"]]
    counted, new = Counter[str](), list[str]()
    for mutant, result in results():
        known = any(fnmatchcase(mutant, pattern) for pattern in explained)
        what = "killed" if result in KILLED else "explained" if known else "new"
        counted[what] += 1
        if what == "new":
            new.append(mutant)
    minutes = (time.monotonic() - begun) / 60
    print(f"{counted.total()} mutants in {minutes:.0f} min: {counted['killed']} killed,", end=" ")
    print(f"{counted['explained']} live on as explained, {len(new)} live on")
    print("".join(f"{json.dumps(mutant)},\n" for mutant in new), end="")
    return 1 if new else 0


def make_tree() -> None:
    """A copy in the one layout that mutmut knows, with the packages in `src`."""
    shutil.rmtree(TREE, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__", "node_modules")
    for name, copy in (("shared", "src"), ("tests", "tests"), ("docs", "docs")):
        shutil.copytree(ROOT / name, TREE / copy, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", TREE)


def results() -> Iterator[tuple[str, int]]:
    """Each mutant that was tried, as `module.function: the line as it becomes`, and its end."""
    twins = Counter[str]()
    for file in sorted((TREE / "mutants" / "src").rglob("*.py.meta")):
        source = file.with_suffix("").read_text()
        functions = {
            node.name: ast.get_source_segment(source, node) or ""
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef)
        }
        for key, code in json.loads(file.read_text())["exit_code_by_key"].items():
            if code is not None:
                module, _, name = key.rpartition(".")
                original = name.partition("__mutmut_")[0]
                before = functions[f"{original}__mutmut_orig"].splitlines()[1:]
                after = functions[name].splitlines()[1:]
                mutant = f"{module}.{original[2:]}: {' '.join(changed(before, after))}"
                twins[mutant] += 1
                yield f"{mutant} ({twins[mutant]})" if twins[mutant] > 1 else mutant, code


def changed(before: list[str], after: list[str]) -> list[str]:
    """The lines that are new, or were taken away."""
    lines = [(line[0], line[1:].strip()) for line in ndiff(before, after)]
    added = [line for mark, line in lines if mark == "+"]
    return added or [f"without {line}" for mark, line in lines if mark == "-"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
