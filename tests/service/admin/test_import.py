"""`license import`: every row becomes a license or is told, and no activation code is lost."""

import csv
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from keyferry_admin.cli import new_licenses
from keyferry_admin.errors.commands import BadTable
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.license_rows import read_licenses
from keyferry_protocol.activation import activation_key, parse_activation_code, parse_license_number
from keyferry_protocol.encoding import parse_time
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.license import LicenseRecord, Status
from tests.service.admin.ctrl_c import CtrlC
from tests.service.admin.screens import Pipe
from tests.support.samples import NUMBER

PLAIN = """\
license_number,reference,licensee,product,seats,valid_until,features,labels,note
015.120.020.093,PO-1,Acme,Example Modeler,2,2027-11-30,solver threads=16,emea,Ask for Ada
,PO-2,Nordhaven Pilot Plant,Example Modeler,1,never,,,
,PO-3,"Dünnwald, Söhne",Example Viewer,10,2027-11-30T12:00:00Z,,,
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def import_(run: Any, folder: Path) -> Any:
    """The command with this content of licenses.csv."""

    def command(content: str | bytes, options: str = "--codes codes.csv", **how: Any) -> Any:
        data = content.encode() if isinstance(content, str) else content
        (folder / "licenses.csv").write_bytes(data)
        return run(f"license import licenses.csv {options}", **how)

    return command


def codes_in(file: Path) -> dict[str, str]:
    """The codes of the file by license number."""
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    numbers = [parse_license_number(row["license_number"]) for row in rows]
    return {
        number: parse_activation_code(row["activation_code"], number)
        for number, row in zip(numbers, rows, strict=True)
    }


def all_codes_work(stack: Stack, file: Path) -> int:
    """How many licenses there are; each has its code in the file."""
    codes = codes_in(file)
    every = list(stack.licenses.all())
    for license in every:
        public = activation_key(codes[license.number], license.number).public
        assert license.activation_public == public
    return len(every)


def by_reference(stack: Stack) -> dict[str, LicenseRecord]:
    return {license.reference: license for license in stack.licenses.all()}


def test_each_row_becomes_a_license_whose_code_is_in_the_file(
    import_: Any, stack: Stack, folder: Path
) -> None:
    ran = import_(PLAIN)
    assert ran.exit == 0
    imported = by_reference(stack)
    acme = imported["PO-1"]
    assert (acme.number, acme.licensee, acme.seats) == (NUMBER, "Acme", 2)
    assert acme.features == {"solver": True, "threads": 16}
    assert (acme.labels, acme.note) == (("emea",), "Ask for Ada")
    assert imported["PO-2"].valid_until is None
    assert imported["PO-3"].licensee == "Dünnwald, Söhne"
    assert acme.valid_until == parse_time("2027-11-30T23:59:59Z")
    assert imported["PO-3"].valid_until == parse_time("2027-11-30T12:00:00Z")
    assert all_codes_work(stack, folder / "codes.csv") == 3
    assert stat.S_IMODE((folder / "codes.csv").stat().st_mode) == 0o600
    assert not any(code[:6].lower() in ran.out for code in codes_in(folder / "codes.csv").values())
    assert stack.licenses.find_reference("PO-2") == [imported["PO-2"].number]
    assert [change.what for change in stack.licenses.changes(NUMBER)] == ["create"]


def test_letters_go_into_a_folder_for_their_owner_alone(
    import_: Any, stack: Stack, folder: Path
) -> None:
    import_(PLAIN, "--codes codes.csv --letters letters")
    assert len(list((folder / "letters").iterdir())) == 3
    letter = folder / "letters" / f"{NUMBER}.txt"
    code = codes_in(folder / "codes.csv")[NUMBER]
    assert "-".join(code[i : i + 6] for i in range(0, 30, 6)).lower() in letter.read_text()
    assert stat.S_IMODE(letter.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "letters").stat().st_mode) == 0o700


BAD_ROWS = {
    "number": ("12", "license_number", "'12' is no license number"),
    "seats": (",PO-4,Acme,Example Modeler,two,,,,", "seats", "'two' is not a whole number"),
    "American date": (
        ",PO-4,Acme,Example Modeler,1,11/30/2027,,,",
        "valid_until",
        "'11/30/2027' is no date like 2027-11-30",
    ),
    "German date": (",PO-4,Acme,Example Modeler,1,30.11.2027,,,", "valid_until", "no date like"),
    "no such day": (",PO-4,Acme,Example Modeler,1,2027-02-30,,,", "valid_until", "no date like"),
    "ended": (
        ",PO-4,Acme,Example Modeler,1,2020-01-31,,,",
        "valid_until",
        "It ended on 2020-01-31",
    ),
    "feature": (",PO-4,Acme,Example Modeler,1,,Solver,,", "", "The feature name 'Solver'"),
    "limit": (",PO-4,Acme,Example Modeler,1,,threads=x,,", "features", "The limit of threads"),
    "label": (",PO-4,Acme,Example Modeler,1,,,EMEA,", "", "The label 'EMEA'"),
    "no product": (",PO-4,Acme,,1,,,,", "", "The product"),
    "neither number nor reference": (
        ",,Acme,Example Modeler,1,,,,",
        "reference",
        "Add a reference",
    ),
    "reference twice": (",PO-2,Acme,Example Modeler,1,,,,", "reference", "PO-2 is in line 3, too"),
    "number twice": (f"{NUMBER},PO-9,Acme,Example Modeler,1,,,,", "license_number", "in line 2"),
    "too few cells": (",PO-4,Acme", "", "It has 3 cells, and the titles are 9"),
    "long licensee": (f",PO-4,{'x' * 201},Example Modeler,1,,,,", "", "longer than 200"),
}
BAD_ROWS["number"] = ("12,PO-4,Acme,Example Modeler,1,,,,", *BAD_ROWS["number"][1:])


def test_every_bad_row_is_told_and_nothing_is_made(
    import_: Any, stack: Stack, folder: Path
) -> None:
    rows = [row.replace("PO-4", f"PO-4{at}") for at, (row, _, _) in enumerate(BAD_ROWS.values())]
    content = PLAIN + "\n".join(rows)
    for options in ("--codes codes.csv", "--dry-run"):
        error = import_(content, f"{options} --json").json["error"]
        assert (error["code"], error["exit"]) == ("bad-rows", 2)
        places = [(row["line"], row["column"]) for row in error["rows"]]
        assert places == [
            (line, column) for line, (_, column, _) in enumerate(BAD_ROWS.values(), 5)
        ]
        for row, (_, _, text) in zip(error["rows"], BAD_ROWS.values(), strict=True):
            assert text in row["problem"]
            assert row["problem"].endswith(".")
    ran = import_(content)
    assert ran.exit == 2
    assert "  line 6, seats: 'two' is not a whole number. Write it with digits only.\n" in ran.err
    assert f"{len(BAD_ROWS)} rows of licenses.csv cannot be used (bad-rows)" in ran.err
    assert "Nothing was changed." in ran.err
    assert list(stack.licenses.all()) == []
    assert not (folder / "codes.csv").exists()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN.encode(), id="UTF-8"),
        pytest.param(PLAIN.encode("utf-8-sig"), id="UTF-8 with a byte-order mark, from Excel"),
        pytest.param(PLAIN.encode("utf-16"), id="UTF-16, Unicode text of Excel"),
        pytest.param(PLAIN.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(PLAIN.replace("\n", "\r").encode(), id="CR"),
        pytest.param(
            PLAIN.replace(",", ";").replace("d; S", "d, S").encode(), id="semicolons, as in Europe"
        ),
        pytest.param(PLAIN.replace(",", "\t").replace("d\t S", "d, S").encode(), id="tabs"),
        pytest.param(PLAIN.replace("\n", "\n\n,,,,,,,,\n").encode(), id="empty lines"),
        pytest.param(PLAIN.replace("license_number", "License Number").encode(), id="titles"),
    ],
)
def test_a_file_is_read_as_any_spreadsheet_writes_it(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "licenses.csv"
    file.write_bytes(data)
    expected = tmp_path / "plain.csv"
    expected.write_text(PLAIN)
    rows = read_licenses(file, {}, "").rows
    assert [row.number for row in rows] == [NUMBER, None, None]
    assert [row.terms for row in rows] == [r.terms for r in read_licenses(expected, {}, "").rows]
    assert rows[2].terms["licensee"] == "Dünnwald, Söhne"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"PK\x03\x04\x14", "is a workbook", id="a workbook"),
        pytest.param(PLAIN.encode("latin-1"), "licenses.csv is neither", id="Latin-1"),
        pytest.param(
            PLAIN.encode("utf-16")[2:], "is not a text file", id="UTF-16 without its mark"
        ),
        pytest.param(PLAIN.encode() + b',PO-4,"Acme\n,PO-5', "begins in line 5", id="open quote"),
        pytest.param(b"licensee,prodcut\nAcme,X\n", "Did you mean product?", id="a typo"),
        pytest.param(b"licensee,licensee\nA,B\n", "two columns for licensee", id="twice"),
        pytest.param(b"x" * 200_000, "begins in line 1", id="no line break"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, data: bytes, sentence: str) -> None:
    file = tmp_path / "licenses.csv"
    file.write_bytes(data)
    with pytest.raises(BadTable) as bad:
        read_licenses(file, {}, "")
    assert sentence in f"{bad.value}. {bad.value.next_step}"
    assert bad.value.exit == 2


@pytest.mark.attack
def test_a_file_commands_no_terminal(import_: Any) -> None:
    ran = import_("product,\x1b[31mtitle\nExample,x\n", "--dry-run --column title=reference")
    assert "It has product, \ufffd[31mtitle." in ran.err
    ran = import_("reference,product,features\nPO-1,Example,\x1b=x\n", "--dry-run")
    assert "The limit of \ufffd is not a whole number." in ran.err
    ran = import_(
        "product,reference,\x1b[31m\nExample,PO-1,x\n", "--column product=product --dry-run"
    )
    assert "Columns that are not read: \ufffd[31m" in ran.out


def test_a_line_number_is_that_of_the_file_where_a_text_has_line_breaks(import_: Any) -> None:
    content = 'reference,product,licensee\nA,Example,"Acme\nPlant 2"\nB,Example,\nC,,\n'
    error = import_(content, "--dry-run --json").json["error"]
    assert [row["line"] for row in error["rows"]] == [2, 5]


def test_a_second_run_makes_nothing_again(import_: Any, stack: Stack, folder: Path) -> None:
    import_(PLAIN)
    before, codes = by_reference(stack), (folder / "codes.csv").read_bytes()
    ran = import_(PLAIN + ",PO-4,Acme,Example Modeler,1,,,,\n")
    assert "1 license made" in ran.out
    assert "3 licenses exist already with the same terms: unchanged.\n" in ran.out
    assert before.items() < by_reference(stack).items()
    assert (folder / "codes.csv").read_bytes().startswith(codes)
    assert all_codes_work(stack, folder / "codes.csv") == 4


def test_a_license_that_changed_since_is_told_and_stays(import_: Any, stack: Stack) -> None:
    import_(PLAIN)
    ran = import_(PLAIN.replace("Modeler,2,", "Modeler,5,"), "--dry-run")
    assert "0 licenses would be made" in ran.out
    assert "~ 015.120.020.093  Seats 5 (was 2)\n" in ran.out
    ran = import_(PLAIN.replace("Modeler,2,", "Modeler,5,"))
    assert "2 licenses exist already with the same terms: unchanged.\n" in ran.out
    assert "1 license exists already with other terms: not changed.\n" in ran.out
    assert by_reference(stack)["PO-1"].seats == 2


MANY = "reference,product\n" + "".join(f"PO-{n},Example Modeler\n" for n in range(12))


def test_a_run_that_is_interrupted_loses_no_code_and_can_be_finished(
    import_: Any, stack: Stack, folder: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(new_licenses, "PORTION", 1)
    create, ctrl_c = Licenses.create, CtrlC()

    def create_until_ctrl_c(self: Licenses, *licenses: LicenseRecord) -> None:
        create(self, *licenses)
        ctrl_c.count()

    monkeypatch.setattr(Licenses, "create", create_until_ctrl_c)
    ran = import_(MANY, "--codes codes.csv --letters letters --json")
    error = ran.json["error"]
    assert (ran.exit, error["code"]) == (130, "interrupted")
    count = all_codes_work(stack, folder / "codes.csv")
    assert error["title"] == f"Interrupted: {count} of 12 licenses are made"
    assert "Run the same command again: it goes on where it stopped." in error["next_step"]
    assert 0 < count < 12
    assert len(codes_in(folder / "codes.csv")) == 12
    monkeypatch.setattr(Licenses, "create", create)
    assert import_(MANY, "--codes codes.csv --letters letters").exit == 0
    assert all_codes_work(stack, folder / "codes.csv") == 12
    assert len(codes_in(folder / "codes.csv")) == len(by_reference(stack)) == 12
    assert len(list((folder / "letters").iterdir())) == 12


@pytest.mark.parametrize("is_written", [True, False])
def test_a_run_that_fails_says_what_was_done_and_can_be_finished(
    import_: Any, stack: Stack, folder: Path, monkeypatch: Any, is_written: bool
) -> None:
    monkeypatch.setattr(new_licenses, "PORTION", 6)
    create = Licenses.create

    def create_and_lose_the_answer(self: Licenses, *licenses: LicenseRecord) -> None:
        if is_written or licenses[0].reference == "PO-0":
            create(self, *licenses)
        if licenses[0].reference != "PO-0":
            raise ConnectionClosedError(endpoint_url="https://dynamodb")

    monkeypatch.setattr(Licenses, "create", create_and_lose_the_answer)
    error = import_(MANY, "--codes codes.csv --json").json["error"]
    assert (error["code"], error["cause"]) == ("some-failed", "aws-unreachable")
    assert error["title"].startswith("6 of 12 licenses are made. ")
    assert all_codes_work(stack, folder / "codes.csv") == (12 if is_written else 6)
    monkeypatch.setattr(Licenses, "create", create)
    assert import_(MANY).exit == 0
    assert all_codes_work(stack, folder / "codes.csv") == 12


def test_two_runs_at_the_same_time_make_each_license_once(
    import_: Any, stack: Stack, folder: Path, monkeypatch: Any
) -> None:
    """Each with a file of codes of its own: neither can know what the other one chose."""
    write_codes = new_licenses.write_codes

    def write_codes_after_another_run(*arguments: Any) -> None:
        monkeypatch.setattr(new_licenses, "write_codes", write_codes)
        assert import_(MANY, "--codes theirs.csv").exit == 0
        write_codes(*arguments)

    monkeypatch.setattr(new_licenses, "write_codes", write_codes_after_another_run)
    error = import_(MANY, "--codes ours.csv --json").json["error"]
    assert (error["code"], error["cause"]) == ("some-failed", "number-in-use")
    assert error["title"].startswith("0 of 12 licenses are made. Another run made license ")
    assert error["next_step"] == "Wait until the other run has ended. Then run it again."
    assert all_codes_work(stack, folder / "theirs.csv") == 12
    # Nobody takes the codes that this run had meant to give for those of the licenses.
    ran = import_(MANY, "--codes ours.csv --letters letters")
    assert "0 licenses made\n" in ran.out
    assert "12 licenses that existed already have no working code in this file." in ran.out
    assert list((folder / "letters").iterdir()) == []
    assert all_codes_work(stack, folder / "theirs.csv") == 12


def test_an_index_that_is_a_second_old_makes_no_license_twice(
    import_: Any, stack: Stack, folder: Path, monkeypatch: Any
) -> None:
    import_(MANY)
    with monkeypatch.context() as patch:
        patch.setattr(Licenses, "sold", lambda self: iter(()))
        assert import_(MANY).exit == 0
    assert all_codes_work(stack, folder / "codes.csv") == 12


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        pytest.param(lambda file: file.mkdir(), "", id="a folder"),
        pytest.param(lambda file: file.write_text("x\n1\n"), "(not-our-codes)", id="another file"),
        pytest.param(
            lambda file: file.with_name("codes.csv.part").touch(),
            "Another run is writing it, or was killed",
            id="another run",
        ),
    ],
)
def test_no_license_is_made_whose_code_cannot_be_written(
    import_: Any, stack: Stack, folder: Path, prepare: Any, sentence: str
) -> None:
    prepare(folder / "codes.csv")
    ran = import_(PLAIN)
    assert ran.exit in (1, 2)
    assert sentence in ran.err
    assert list(stack.licenses.all()) == []
    assert import_(PLAIN, "--codes nowhere/codes.csv").exit == 1
    assert list(stack.licenses.all()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours(import_: Any) -> None:
    assert import_(PLAIN, "--codes /codes.csv").exit == 1


def test_a_product_that_no_license_has_is_asked_about(run: Any, import_: Any, stack: Stack) -> None:
    run("license create")
    ran = import_(PLAIN, "--dry-run")
    assert "  Example Modeler  2\n  Example Viewer   1\n" in ran.out
    assert "yet: Example Modeler (line 2), Example Viewer (line 4)." in ran.out
    ran = import_(PLAIN)
    assert "(new-product)" in ran.err
    assert len(list(stack.licenses.all())) == 1
    assert import_(PLAIN, "--codes codes.csv --new-product").exit == 0


def test_columns_of_another_system_are_named_by_their_titles(import_: Any, stack: Stack) -> None:
    content = "Activation ID,Sold To,Quantity,State\nA-1,Acme,5,DEPLOYED\n"
    options = "--column Quantity=seats --reference _ --product Example --codes codes.csv"
    content = content.replace("Activation ID", "_").replace("Sold To", "licensee")
    assert import_(content, options + " --dry-run").out.endswith("not read: State\n")
    assert import_(content, options).exit == 0
    (license,) = stack.licenses.all()
    assert (license.reference, license.licensee, license.seats) == ("A-1", "Acme", 5)
    assert license.product == "Example"
    ran = import_(content, "--column Qty=seats --codes codes.csv")
    assert "has no column Qty" in ran.err
    assert import_(content, "--column Quantity=cells --codes codes.csv").exit == 2


def test_a_suspended_license_stays_suspended_and_a_revoked_one_is_left_out(
    import_: Any, stack: Stack
) -> None:
    content = "reference,product,status\nA,Example,suspended\n"
    assert import_(content).exit == 0
    assert by_reference(stack)["A"].status is Status.SUSPENDED
    error = import_(content + "B,Example,revoked\n", "--codes codes.csv --json").json["error"]
    assert error["rows"][0]["column"] == "status"


def test_maintenance_that_has_ended_is_imported_for_what_was_sold_for_good(
    import_: Any, stack: Stack
) -> None:
    assert import_("reference,product,maintenance_until\nA,Example,2020-01-31\n").exit == 0
    assert by_reference(stack)["A"].valid_until is None


def test_the_codes_have_to_go_somewhere(import_: Any) -> None:
    ran = import_(PLAIN, "")
    assert ran.exit == 2
    assert "--codes FILE" in ran.err


def test_the_document_says_what_the_sentences_say(import_: Any, folder: Path) -> None:
    document = json.loads(import_(PLAIN, "--codes codes.csv --letters l --json", out=Pipe).out)
    assert document == {
        "ok": True,
        "created": 3,
        "existing": 0,
        "different": [],
        "codes": str(folder / "codes.csv"),
        "letters": str(folder / "l"),
        "letters_written": 3,
    }
