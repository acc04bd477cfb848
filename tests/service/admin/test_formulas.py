"""No spreadsheet evaluates what a customer wrote, in whatever list or file of the vendor's."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest

import keyferry_admin
from keyferry_admin.cli.output import Column, Listing
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import dongles
from keyferry_protocol.algorithms import ED25519
from keyferry_protocol.request import Dongle
from tests.service.admin.screens import Pipe, take_seat
from tests.support.builders import a_key
from tests.support.samples import NUMBER

FORMULA = re.compile(r"[=+\-@\uff1d\uff0b\uff0d\uff20]")
HOSTILE = [
    pytest.param("=1+1", id="equals"),
    pytest.param("+1+1", id="plus"),
    pytest.param("-1+1", id="minus"),
    pytest.param("@SUM(1)", id="at"),
    pytest.param("\t=1+1", id="a tab before it"),
    pytest.param("\r=1+1", id="a carriage return before it"),
    pytest.param("\n=1+1", id="a new line before it"),
    pytest.param("  =1+1", id="spaces before it"),
    pytest.param('"=1+1"', id="quotes around it, which a reader of TSV removes"),
    pytest.param("LAB-07;=1+1", id="after a semicolon, where half of the world splits"),
    pytest.param("LAB-07,=1+1", id="after a comma"),
    pytest.param("LAB-07\t=1+1", id="after a tab"),
    pytest.param("\uff1d1+1", id="full width, as Japanese spreadsheets read it"),
]
TEXTS: Listing[object] = Listing(
    "texts", lambda text: {"text": text}, (Column("TEXT", str, ("text",)), Column("SHOWN", str))
)


def cells(line: str) -> list[str]:
    """Every cell that any spreadsheet makes of a line, whatever it splits at and unquotes."""
    ways = [next(csv.reader([line], delimiter=each)) for each in "\t,;"]
    return [cell.strip() for way in ways for cell in way]


@pytest.mark.attack
@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_list_starts_a_formula(text: str) -> None:
    (line,) = TEXTS.tsv([text])
    assert [cell for cell in cells(line) if FORMULA.match(cell)] == []
    assert "\r" not in line
    assert "\n" not in line


def test_numbers_and_plain_texts_stay_as_they_are() -> None:
    plain: list[object] = [-5, 0, 16, 2.5, None, "LAB-07", "Example Modeler", "it's", "a=b"]
    assert [line.split("\t")[0] for line in TEXTS.tsv(plain)] == [
        *("-5", "0", "16", "2.5", "", "LAB-07", "Example Modeler", "it's", "a=b")
    ]


@pytest.mark.attack
def test_what_a_customer_wrote_is_harmless_in_every_list(run: Any, stack: Stack) -> None:
    run(f"license create --number {NUMBER} --licensee =Acme --seats 2 --edition @SUM(1)")
    take_seat(stack, 1, machine_name="-LAB-1")
    stick = Dongle(ED25519, a_key("stick").public, "=HYPERLINK(1)", "+49")
    dongles.add(stack.licenses, NUMBER, stick)
    for line in ("license list", f"seat list {NUMBER}", f"dongle list {NUMBER}"):
        printed = run(line, Pipe).out
        assert printed.count("'") >= 1, line
        for row in printed.splitlines():
            assert [cell for cell in row.split("\t") if FORMULA.match(cell)] == [], line


def test_only_one_module_writes_cells() -> None:
    """A new list or file of the desk writes its cells there too."""
    writers = {
        path.name
        for path in Path(keyferry_admin.__file__).parent.rglob("*.py")
        if re.search(r"csv\.writer|\\t\"\.join", path.read_text())
    }
    assert writers == {"spreadsheet.py"}
