"""The migration pages: the commands they print import the sample exports beside them."""

import re
import shlex
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from keyferry_admin.use_cases.license_rows import read_licenses
from keyferry_protocol.encoding import parse_time
from tests.support.samples import NOW

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations"


def commands(system: str) -> list[list[str]]:
    """The commands on the page of this system, as a shell splits them."""
    page = (OPERATIONS / f"migrate-{system}.md").read_text().replace("\\\n", " ")
    blocks = re.findall(r"^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


@pytest.fixture
def export(tmp_path: Path, monkeypatch: Any) -> Any:
    """The CSV file that the page of a system ends with, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(OPERATIONS)

    def convert(system: str) -> Path:
        for sample in (OPERATIONS / "samples").glob(f"{system}.*"):
            shutil.copy(sample, tmp_path)
        file = tmp_path / f"{system}.csv"
        script = [line for line in commands(system) if "docs/operations/other_system.py" in line]
        for _, _, *arguments, output in script:
            assert output == f">{file.name}"
            import other_system

            monkeypatch.setattr(sys, "argv", ["other_system.py", *arguments])
            with file.open("w", newline="") as out, redirect_stdout(out):
                assert other_system.main() == 0
        return file

    return convert


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        (
            "flexnet",
            [
                ("a1b2-c3d4-0001", "Acme", 5, "2028-03-31T23:59:59Z"),
                ("a1b2-c3d4-0002", "Nordhaven; Pilot Plant", 12, None),
            ],
        ),
        (
            "keygen",
            [
                ("C1B6DE-39A6E3-DE1529-8559A0-4AF593-V3", "Acme", 5, "2028-03-31T00:00:00Z"),
                ("b18e3ef9-2e0f-4e0f-9a5e-6cbf0a1f8c02", "", 1, None),
            ],
        ),
        (
            "cryptlex",
            [
                ("0A2035-E8A2A3-4D31B7-8FF9C6-81A6CA-539E54", "Acme", 5, "2028-05-05T08:49:17Z"),
                ("7F11B0-5CA2E9-90D314-2E6B5A-C0F847-1D9A36", "", 1_000_000, None),
            ],
        ),
    ],
)
def test_the_command_of_the_page_imports_the_sample(
    run: Any, stack: Any, export: Any, system: str, expected: list[Any]
) -> None:
    export(system)
    (command,) = [line for line in commands(system) if line[0] == "keyferry-admin"]
    ran = run(command[1:])
    assert ran.exit == 0, ran.err
    sold = {license.reference: license for license in stack.licenses.all()}
    for reference, licensee, seats, until in expected:
        license = sold.pop(reference)
        assert (license.licensee, license.seats) == (licensee, seats)
        assert license.valid_until == (None if until is None else parse_time(until))
        assert license.product == "Example Modeler"
    assert sold == {}


def test_what_was_suspended_or_runs_in_a_virtual_machine_stays_so(export: Any) -> None:
    first, second = read_licenses(export("cryptlex"), {}, "").rows
    assert first.terms["environments"] == ("physical", "virtual")
    assert first.terms["note"] == "order: PO-4711"
    assert first.terms["contact"] == "ada@acme.example"
    assert second.terms["status"].value == "suspended"


@pytest.mark.parametrize("content", ["{}", "[]x", '{"data": [{}]}', '"x"'])
def test_another_file_is_told(tmp_path: Path, monkeypatch: Any, capsys: Any, content: str) -> None:
    monkeypatch.syspath_prepend(OPERATIONS)
    import other_system

    (tmp_path / "page.json").write_text(content)
    monkeypatch.setattr(sys, "argv", ["x", "keygen", str(tmp_path / "page.json")])
    assert other_system.main() == 1
    assert "is no list of licenses of keygen" in capsys.readouterr().err


def test_the_samples_end_later_than_the_tests_run() -> None:
    assert parse_time("2028-03-31T00:00:00Z") > NOW
