"""The vectors of loading and installing are complete: every rule, and every code, has one."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support import vectors
from tests.unit.conformance.test_document import DOCUMENT, _after

pytestmark = pytest.mark.conformance

# What no vector can show, and the test that does.
SHOWN_ELSEWHERE = {
    "Of a folder or a zip archive, every": "client/test_install_report.py",
    "A request records `at_request`": "client/test_clock.py",
    "So a user whose mark is wrong": "client/test_clock.py",  # follows from the rules before it
}


def rules(section: str) -> list[str]:
    """The rules of a section: each item of a numbered list, and each sentence elsewhere."""
    text = DOCUMENT.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [rule for block in _blocks(text) for rule in _sentences(block)]


def _blocks(text: str) -> Iterator[str]:
    for block in re.split(r"\n\n|\n(?=- |\d\. )", text):
        if joined := " ".join(block.split()):
            yield joined


def _sentences(block: str) -> list[str]:
    if re.match(r"\d\. ", block):
        return [block]
    text = re.sub(r"^- |\*\*[^*]*\*\*\.? ?", "", block) if block[:2] in ("- ", "**") else block
    return re.split(r"(?<=\.) (?=[A-Z`])", text)


INSTALL, LOAD = rules("Install"), rules("Load")
SECTIONS = {"install": (INSTALL, LOAD), "load": (LOAD, INSTALL)}  # its own first


def test_every_rule_has_a_vector_and_every_vector_a_rule() -> None:
    shown = set()
    for kind, (own, other) in SECTIONS.items():
        for vector in vectors.document(kind)["vectors"]:
            quotes = vector["rule"]
            (rule,) = [r for r in own if quotes in r] or [r for r in other if quotes in r]
            shown.add(rule)
    without = [r for r in (*INSTALL, *LOAD) if r not in shown and not r.endswith(":")]
    assert [rule for rule in without if not rule.startswith(tuple(SHOWN_ELSEWHERE))] == []
    assert len(without) == len(SHOWN_ELSEWHERE)


def test_every_code_of_loading_and_installing_has_a_vector() -> None:
    listed = _codes()
    for kind in SECTIONS:
        counted = Counter(v["expect"].get("code") for v in vectors.document(kind)["vectors"])
        questions = (q for v in vectors.document(kind)["vectors"] for q in _answers(v))
        counted.update(answer.get("code") for answer in questions)
        assert {code for code in counted if code} == {
            c for c, row in listed.items() if row[kind] == "yes"
        }


def _answers(vector: dict[str, dict[str, list[dict[str, str]]]]) -> list[dict[str, str]]:
    return vector["expect"].get("questions", [])


def test_every_code_has_a_line_that_says_what_it_means_and_what_to_do() -> None:
    listed = _codes()
    meanings = [row["means"] for row in listed.values()]
    assert len(set(meanings)) == len(meanings)
    for code, row in listed.items():
        assert row["means"][0].isupper(), code
        assert row["means"].endswith("."), code
        assert row["do"].endswith("."), code


def _codes() -> dict[str, dict[str, str]]:
    lines = re.findall(r"^\| `([a-z-]+)` \| \d+ \| (.*) \|$", _after("codes"), re.MULTILINE)
    names = ("load", "install", "means", "do")
    rows = {}
    for code, rest in lines:
        cells = [cell.strip() for cell in rest.split(" | ")]
        rows[code] = dict(zip(names, cells, strict=True))
    return rows
