"""The report for the vendor's support: what was seen and what happened, and no secret."""

import os
from pathlib import Path

import pytest

from tests.support.offline import LAB_07
from tests.support.samples import CODE, DAY, NUMBER
from tests.support.terminal import Shell


@pytest.fixture
def report(shell: Shell) -> str:
    """Of a computer with an active license, whose update waits."""
    shell.patch.setenv("HOME", os.getcwd())
    shell.patch.setenv("USER", "ada.lovelace")
    shell.patch.setenv("LOGNAME", "ada.lovelace")
    shell("request", NUMBER, "--output", "first.request")
    shell.carried("first.request", seat=2)
    shell("install", "answer.response")
    shell.room.now += DAY
    shell("update", NUMBER, "--output", "ada.lovelace.request")
    printed = shell("doctor", "--report", "report.txt")
    assert printed.exit == 0
    assert printed.out.splitlines()[-1].startswith("✓ Report saved: report.txt")
    return Path("report.txt").read_text(encoding="utf-8")


def test_it_says_what_the_doctor_and_the_status_say(shell: Shell, report: str) -> None:
    for line in shell("status").out.splitlines():
        sentence = line.replace("015.120.020.093  ", "").strip().replace(os.getcwd(), "~")
        assert sentence.replace("ada.lovelace", "USER") in report
    for check in shell("doctor", "--json").json["checks"]:
        assert check["text"].replace(os.getcwd(), "~") in report
    for part in ("Example Modeler", "Python 3", "Windows 11 Pro 23H2, physical", "Seat 2"):
        assert part in report


def test_it_tells_what_happened_here(report: str) -> None:
    happened = report.split("What happened here")[1]
    for sentence in (
        "24 November 2026",
        "Response 1 was issued for an activation.",
        "Response 1 was saved here.",
        "An update was requested; it is waiting for its response.",
        "The keys of this computer were saved.",
    ):
        assert sentence in happened


def test_it_holds_no_secret_and_no_name(shell: Shell, report: str) -> None:
    raw = [value for values in LAB_07.components.values() for value in values]
    keys = [
        content.decode() for name, content in shell.room.files().items() if name.endswith(".key")
    ]
    codes = [CODE, CODE.replace("-", ""), CODE.upper()]
    names = [LAB_07.name, "ada.lovelace", os.getcwd()]
    assert len(keys) == 2
    assert [secret for secret in (*raw, *keys, *codes, *names) if secret in report] == []


def test_a_deactivation_and_its_receipt_are_told(shell: Shell) -> None:
    shell.room.activate()
    shell.room.serial += 1
    shell("deactivate", NUMBER, "--yes", "--output", "end.request")
    shell("doctor", "--report", "waiting.txt")
    assert "The license was deactivated here" in Path("waiting.txt").read_text("utf-8")
    shell("install", str(shell.carried("end.request")))
    shell("doctor", "--report", "done.txt")
    assert "Receipt 3 was issued." in Path("done.txt").read_text("utf-8")


def test_damaged_files_are_no_reason_to_have_no_report(shell: Shell) -> None:
    shell.room.activate()
    for name in ("installed.response", "state.json", "device.public"):
        Path(shell.room.folder().path(name)).write_bytes(b"\0")
    printed = shell("doctor", "--report", "report.txt", "--json")
    assert printed.json["report"] == os.path.abspath("report.txt")
    assert "installed.response" in Path("report.txt").read_text("utf-8")


def test_a_folder_that_is_not_there_is_reported(shell: Shell) -> None:
    assert shell("doctor", "--report", "nowhere/report.txt").exit == 2
