"""Names, docstrings, comments, and documents use the terms of docs/glossary.md."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
TERMS, _, NAMES = GLOSSARY.partition("## Words that name nothing")
CODE = ("shared/*.py", "client/*.py", "admin/*.py", "courier/*.py", "functions/*.py")
# Vendored, generated, and quoted text keeps its own words.
OTHERS = ("docs/vectors/", "docs/glossary.md", "docs/operations/migrate-", "CHANGELOG.md")


def rows() -> list[list[str]]:
    """The cells of each term's row."""
    lines = [line for line in TERMS.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] not in ("Term", "---")]


FORBIDDEN = {word.strip().lower(): row[0] for row in rows() for word in row[4].split(",")}
NO_NAMES = set(re.findall(r"`(\w+)`", NAMES.partition("):\n\n")[2]))
PROSE = re.compile(rf"\b({'|'.join(re.escape(word) for word in FORBIDDEN)})\b", re.IGNORECASE)


def tracked(*patterns: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    paths = [ROOT / name for name in names if name and not name.startswith(OTHERS)]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def ruled_out(prose: str) -> list[str]:
    """The terms in a text that the glossary rules out; line breaks are spaces."""
    return [match[1].lower() for match in PROSE.finditer(" ".join(prose.split()))]


def prose_of(source: str) -> Iterator[str]:
    """The docstrings and comments of a Python file, and the names of its tests as sentences."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            yield ast.get_docstring(node) or ""
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name.replace("_", " ")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def names_of(source: str) -> Iterator[str]:
    """What a Python file names: functions, classes, arguments, and variables."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name


def is_no_name(name: str) -> bool:
    return name.strip("_").lower() in NO_NAMES


def test_each_term_has_one_row_with_its_name_in_code_and_on_the_wire() -> None:
    terms = [row[0] for row in rows()]
    assert len(terms) == len(set(terms)) > 40
    assert all(len(row) == 5 and all(row) for row in rows())


def wrong_in(patterns: list[str], find: Callable[[str], list[str]]) -> dict[str, list[str]]:
    """What is wrong in each tracked file that has something wrong."""
    wrong = {path.relative_to(ROOT): find(path.read_text()) for path in tracked(*patterns)}
    return {str(path): words for path, words in wrong.items() if words}


def test_docstrings_comments_and_tests_use_the_terms_of_the_glossary() -> None:
    def find(source: str) -> list[str]:
        words = [word for prose in prose_of(source) for word in ruled_out(prose)]
        return [f"{word}: say {FORBIDDEN[word]}" for word in words]

    assert wrong_in(["*.py"], find) == {}


def test_names_say_what_a_thing_is() -> None:
    def find(source: str) -> list[str]:
        return sorted({name for name in names_of(source) if is_no_name(name)})

    assert wrong_in(["*.py"], find) == {}


def test_documents_use_the_terms_of_the_glossary() -> None:
    assert wrong_in(["*.md"], ruled_out) == {}


def test_each_name_in_code_is_in_the_code() -> None:
    code = "\n".join(
        path.read_text() for path in tracked("shared/*.py", "client/*.py", "admin/*.py")
    )
    names = [
        name for row in rows() for name in re.findall(r"`([A-Za-z_]+)(?:\.\w+|\(\))?`", row[2])
    ]
    assert len(names) > 40
    assert not [name for name in names if not re.search(rf"\b{name}\b", code)]


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ('def find() -> None:\n    """Read the\n    fingerprint."""', "fingerprint"),
        ("x = 1  # the licence's number", "licence"),
        ("def test_a_heartbeat_is_late() -> None: ...", "heartbeat"),
    ],
)
def test_a_forbidden_word_is_detected(source: str, word: str) -> None:
    assert [w for prose in prose_of(source) for w in ruled_out(prose)] == [word]


@pytest.mark.parametrize(
    "source", ["told = 1", "def f(found): ...", "class Wish: ...", "_asked = 2"]
)
def test_a_forbidden_name_is_detected(source: str) -> None:
    assert any(is_no_name(name) for name in names_of(source))
