"""Mutates the protocol and the decisions with mutmut, and checks that a test notices each change.

`make soak`, or for a part `python -m tests.soak.mutation.run 'keyferry_protocol.keys.*'`.
pyproject.toml lists under [tool.mutmut] what is mutated and which tests run. A mutant that no test
notices and explained.toml does not explain ends the run with 1. mutmut does not touch code outside
functions or below decorators: constants, patterns, properties.

A run that was interrupted continues where it stopped, unless a file that it copied has changed.
"""

import ast
import json
import resource
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from difflib import ndiff
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[3]
TREE = ROOT / ".local" / "mutation"
EXPLAINED = Path(__file__).with_name("explained.toml")
COPIED = (("shared", "src"), ("tests", "tests"), ("docs", "docs"))
UNTRACKED = ("__pycache__", "node_modules")
TIMED_OUT = {24, -24, 36, 152}
KILLED = {1, 3, 255, *TIMED_OUT}  # a test fails, pytest does, or it never ends
# Of a process, in bytes. A mutant whose loop never ends may fill the memory before its time is up,
# and then the kernel chooses which process to kill.
MAX_MEMORY = 4 * 2**30


def main(patterns: list[str]) -> int:
    begun = time.monotonic()
    make_tree()
    if missing := [pattern for pattern in mutated_files() if not any(TREE.glob(pattern))]:
        print(f"pyproject.toml, [tool.mutmut]: no file is called {', '.join(missing)}")
        return 2
    code = run_mutmut(patterns)
    if code:
        print((TREE / "log").read_text()[-3000:])
        return code
    return report(patterns, (time.monotonic() - begun) / 60)


def report(patterns: list[str], minutes: float) -> int:
    """Print what became of the mutants; 1 where one lives on that nothing explains."""
    groups = tomllib.loads(EXPLAINED.read_text())["explained"]
    explained = [pattern for group in groups for pattern in group["mutants"]]
    counted, new, used = Counter[str](), list[str](), set[str]()
    for mutant, result in results(patterns):
        reasons = {pattern for pattern in explained if fnmatchcase(mutant, pattern)}
        what = "killed" if result in KILLED else "explained" if reasons else "new"
        counted[what] += 1
        counted["timed out"] += result in TIMED_OUT
        if what == "new":
            new.append(mutant)
        elif what == "explained":
            used |= reasons
    total = counted["killed"] + counted["explained"] + len(new)
    print(f"{total} mutants in {minutes:.0f} min: {counted['killed']} killed", end=" ")
    print(f"({counted['timed out']} of them by the time limit),", end=" ")
    print(f"{counted['explained']} live on as explained, {len(new)} live on")
    print("".join(f"{json.dumps(mutant)},\n" for mutant in new), end="")
    if not patterns:
        unused = [pattern for pattern in explained if pattern not in used]
        print("".join(f"explained.toml explains no mutant by {p}\n" for p in unused), end="")
    return 1 if new else 0


def make_tree() -> None:
    """A copy in the one layout that mutmut knows, with the packages in `src`.

    A copy of the same files is kept, and with it the results of the mutants that were tried there.
    """
    digest, note = digest_of_sources(), TREE / "digest"
    if note.exists() and note.read_text() == digest:
        return
    shutil.rmtree(TREE, ignore_errors=True)
    ignore = shutil.ignore_patterns(*UNTRACKED)
    for name, copy in COPIED:
        shutil.copytree(ROOT / name, TREE / copy, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", TREE)
    note.write_text(digest)


def mutated_files() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    patterns: list[str] = settings["only_mutate"]
    return patterns


def digest_of_sources() -> str:
    """SHA-256 of the names and bytes of every file that `make_tree` copies."""
    digest = sha256()
    inside = sorted(path for name, _ in COPIED for path in (ROOT / name).rglob("*"))
    for path in [ROOT / "pyproject.toml", *inside]:
        if path.is_file() and not set(path.parts) & set(UNTRACKED):
            data = path.read_bytes()
            digest.update(f"{path.relative_to(ROOT)}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def run_mutmut(patterns: list[str]) -> int:
    """Run mutmut until each mutant has a result; its exit code.

    mutmut skips mutants that have a result, unless it is given patterns. So where it ends early it
    starts again, as long as fewer are left each time.
    """
    command = [sys.executable, "-m", "mutmut", "run", *patterns]
    before = None
    while True:
        with (TREE / "log").open("w") as log:
            code = subprocess.run(
                command, cwd=TREE, stdout=log, stderr=log, preexec_fn=limit_memory
            ).returncode
        left = sum(result is None for codes in exit_codes().values() for result in codes.values())
        if patterns or left == 0:
            return code
        print(f"mutmut ended with {code}; {left} mutants are left.", flush=True)
        if left == before:
            return code or 1
        before = left


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


def exit_codes() -> dict[Path, dict[str, int | None]]:
    """By source file, the end of each mutant; None for one that was not tried yet."""
    metas = sorted((TREE / "mutants" / "src").rglob("*.py.meta"))
    return {
        meta.with_suffix(""): json.loads(meta.read_text())["exit_code_by_key"] for meta in metas
    }


def results(patterns: list[str]) -> Iterator[tuple[str, int]]:
    """Each mutant that was tried, as `module.function: the line as it becomes`, and its end."""
    twins = Counter[str]()
    for file, codes in exit_codes().items():
        source = file.read_text()
        lines = source.splitlines()
        bodies = {
            node.name: lines[node.lineno : node.end_lineno]  # without its first line, the name
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef)
        }
        for key, code in codes.items():
            is_selected = not patterns or any(fnmatchcase(key, pattern) for pattern in patterns)
            if code is not None and is_selected:
                module, _, name = key.rpartition(".")
                original = name.partition("__mutmut_")[0]
                change = changed(bodies[f"{original}__mutmut_orig"], bodies[name])
                mutant = f"{module}.{original[2:]}: {' '.join(change)}"
                twins[mutant] += 1
                yield f"{mutant} ({twins[mutant]})" if twins[mutant] > 1 else mutant, code


def changed(before: list[str], after: list[str]) -> list[str]:
    """The lines that are new, or were taken away."""
    lines = [(line[0], line[1:].strip()) for line in ndiff(before, after)]
    added = [line for mark, line in lines if mark == "+"]
    return added or [f"without {line}" for mark, line in lines if mark == "-"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
