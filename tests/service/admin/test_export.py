"""`license export`: every term in a CSV file that reads back equal, and starts no formula."""

import csv
import json
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keyferry_admin.errors.commands import FileNotWritten
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_admin.use_cases.export_licenses import write_licenses
from keyferry_admin.use_cases.license_columns import COLUMNS
from keyferry_admin.use_cases.license_rows import read_licenses
from keyferry_service.domain.license import LicenseRecord, Status
from tests.service.admin.test_formulas import FORMULA
from tests.support.samples import NOW, NUMBER

FULL = LicenseRecord(
    NUMBER,
    bytes(32),
    "Example Modeler",
    valid_from=NOW,
    licensee="Nordhaven, Pilot Plant",
    contact="it@nordhaven.example",
    reference="PO-4711",
    note='He said "yes"; call back',
    labels=("emea", "tier:1"),
    edition="Professional",
    features={"solver": True, "threads": 16, "-x": 2},
    trial_days=30,
    valid_until=NOW + 400 * 86_400,
    maintenance_until=NOW - 1,
    lease_days=90,
    grace_days=7,
    protections=("dongle", "machine"),
    environments=("physical", "virtual"),
    seats=5,
    moves_per_year=0,
    status=Status.SUSPENDED,
    seats_used=2,
    first_issued_at=NOW,
    revision=9,
)
HOSTILE = [
    *("=1+1", "+49 40 1234", "-1+1", "@SUM(1)", "\uff1d1+1", ";=1"),
    *("'=1", '"=1"', "A;'=1", "'", "''="),
]


def written(tmp_path: Path, *sold: LicenseRecord) -> Path:
    file = tmp_path / "licenses.csv"
    write_licenses(file, sold, NOW)
    return file


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"  # as /dev/stdout, which root could replace
    os.mkfifo(pipe)
    with pytest.raises(FileNotWritten, match="is not a file"):
        write_licenses(pipe, [FULL], NOW)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("license", [FULL, LicenseRecord(NUMBER, bytes(32), "X", NOW)])
def test_every_term_reads_back_equal(tmp_path: Path, license: LicenseRecord) -> None:
    read = read_licenses(written(tmp_path, license), {}, "")
    assert read.bad == []
    (row,) = read.rows
    assert row.number == NUMBER
    assert row.terms == {column.name: getattr(license, column.name) for column in COLUMNS}


def test_the_file_has_what_was_used_of_a_license(tmp_path: Path) -> None:
    with written(tmp_path, FULL).open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["license_number"] == "015.120.020.093"
    assert (row["seats"], row["seats_used"], row["moves_left"]) == ("5", "2", "5")
    assert row["ends_at"] == "2026-12-24T09:47:00Z"
    assert row["valid_from"] == row["first_issued_at"] == "2026-11-24T09:47:00Z"
    assert row["revision"] == "9"


@pytest.mark.attack
@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_is_disarmed_and_comes_back_equal(tmp_path: Path, text: str) -> None:
    hostile = replace(FULL, licensee=text, reference=text, note=text, edition=text)
    file = written(tmp_path, hostile)
    with file.open(newline="") as lines:
        cells = [cell for line in csv.reader(lines) for cell in line]
    assert [cell for cell in cells if FORMULA.match(cell)] == []
    (row,) = read_licenses(file, {}, "").rows
    assert [row.terms[name] for name in ("licensee", "reference", "note", "edition")] == [text] * 4


def test_an_export_imports_as_unchanged(
    run: Any, stack: Stack, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    sold = licenses.create(
        stack.licenses, "Example Modeler", NOW, NUMBER, licensee="=Acme", note="-1", reference="R"
    )
    licenses.create(stack.licenses, "Example Modeler", NOW, reference="R", features={"a": 7})
    ran = run("license export licenses.csv")
    assert ran.out == f"✓ 2 licenses in {tmp_path}/licenses.csv\n"
    assert stat.S_IMODE((tmp_path / "licenses.csv").stat().st_mode) == 0o600
    ran = run("license import licenses.csv --dry-run")
    assert ran.out == (
        "licenses.csv: 0 licenses would be made.\n"
        "2 licenses exist already with the same terms: unchanged.\n"
    )
    run("license export licenses.csv --licensee acme")
    (row,) = read_licenses(tmp_path / "licenses.csv", {}, "").rows
    assert row.number == sold.license.number


def test_the_history_is_exported_too(
    run: Any, stack: Stack, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    licenses.create(stack.licenses, "Example Modeler", NOW, NUMBER)
    run(f"license change {NUMBER} --seats 5")
    document = run("license export licenses.csv --history changes.csv --json").json
    assert document == {
        "ok": True,
        "exported": 1,
        "file": str(tmp_path / "licenses.csv"),
        "changes": 2,
        "history": str(tmp_path / "changes.csv"),
    }
    with (tmp_path / "changes.csv").open(newline="") as file:
        created, changed = csv.DictReader(file)
    assert (created["what"], changed["what"]) == ("create", "change")
    assert changed["license_number"] == "015.120.020.093"
    assert (json.loads(changed["before"]), json.loads(changed["after"])) == (
        {"seats": 1},
        {"seats": 5},
    )
    assert changed["who"].startswith("arn:aws:")


@pytest.mark.parametrize("place", ["nowhere/licenses.csv", "folder"])
def test_a_file_that_cannot_be_written_is_told(
    run: Any, stack: Stack, tmp_path: Path, monkeypatch: Any, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    ran = run(f"license export {place}")
    assert ran.exit in (1, 2)
    assert "Traceback" not in ran.err
    assert list(tmp_path.rglob("*.part")) == []
