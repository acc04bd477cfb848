"""The license letter: its text, its file, and that no code is created without it."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_admin.use_cases.letter import license_letter
from keyferry_protocol.activation import activation_key, parse_activation_code
from keyferry_protocol.messages import message
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.views.refusal_text import Vendor
from tests.service.admin.screens import GOLDEN
from tests.support.samples import BARE_CODE, NOW, NUMBER

EXAMPLE = Vendor("Example", "licensing@example.com")
# As refusals say it, too.
MACHINE, PERSONAL = (message(f"refusals.protection.{name}") for name in ("machine", "personal"))
PAGE = "https://activate.example.com"
FULL: dict[str, Any] = {
    "licensee": "Nordhaven Pilot Plant",
    "edition": "Professional",
    "features": {"solver": True, "threads": 16},
    "seats": 2,
    "valid_until": NOW + 371 * 86_400,
    "maintenance_until": NOW + 371 * 86_400,
    "lease_days": 90,
    "environments": ("physical", "virtual"),
}


def letter(product: str = "Example Modeler", *, is_new_code: bool = False, **terms: Any) -> str:
    sold = LicenseRecord(NUMBER, bytes(32), product, NOW, **terms)
    return license_letter(
        licenses.LicenseWithCode(sold, BARE_CODE), EXAMPLE, PAGE, is_new_code=is_new_code
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("letter-full", letter(**FULL)),
        ("letter-dongle", letter(protections=("dongle",), trial_days=30)),
        ("letter-new-code", letter(is_new_code=True)),
    ],
)
def test_a_letter_has_everything_that_a_customer_needs(name: str, text: str) -> None:
    assert text == (GOLDEN / f"{name}.txt").read_text()


@pytest.mark.parametrize(
    ("terms", "line"),
    [
        ({"trial_days": 1}, "Ends 1 day after its first activation"),
        (
            {"trial_days": 30, "valid_until": NOW},
            "Ends 30 days after first activation, but no later than 24 November 2026",
        ),
        (
            {"trial_days": 30, "first_issued_at": NOW - 86_400},
            "Ends 23 December 2026",
        ),
        (
            {"protections": ("machine", "personal")},
            f"For {MACHINE} or {PERSONAL}",
        ),
        ({"protections": ("personal",)}, f"keyferry request {NUMBER} --protection personal"),
        (
            {"lease_days": 1, "grace_days": 0},
            "every 1 day; if overdue, it keeps working for 0 days",
        ),
    ],
)
def test_a_letter_says_the_terms_of_the_license(terms: dict[str, Any], line: str) -> None:
    assert line in " ".join(letter(**terms).split())


def test_no_line_of_a_letter_is_wider_than_80_columns() -> None:
    features = {f"feature-{index:02}": index + 1 for index in range(20)}
    longest = letter("M" * 64, licensee="L" * 64, edition="E" * 64, features=features)
    assert max(map(len, longest.splitlines())) == 80
    assert "".join(longest.split()).count("L" * 64) == 1


def written(run: Any, stack: Stack, line: str, file: Path) -> str:
    """The code that a command printed, and that its letter holds."""
    ran = run(f"{line} --letter {file}")
    code = str(ran.out.splitlines()[1].split()[-1])
    assert (ran.exit, ran.err) == (0, "")
    assert f"  Letter           {file}\n" in ran.out
    assert "anyone who reads it can take every seat" in ran.out
    public = activation_key(parse_activation_code(code, NUMBER), NUMBER).public
    assert licenses.find(stack.licenses, NUMBER).activation_public == public
    return code


def test_only_the_owner_can_read_a_letter(run: Any, stack: Stack, tmp_path: Path) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    code = written(run, stack, f"license create --number {NUMBER} --until 2027-11-30", first)
    new = written(run, stack, f"license new-code {NUMBER} --yes", second)
    assert f"  Activation code   {code}\n" in first.read_text()
    assert f"  Activation code   {new}\n" in second.read_text()
    assert "Your license for Example-Modeler, from Example." in first.read_text()
    assert "Your new activation code for license 015.120.020.093" in second.read_text()
    assert [file.stat().st_mode & 0o777 for file in (first, second)] == [0o600, 0o600]


def test_the_document_has_the_path_of_the_letter(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    assert run(f"license create --letter {file} --json").json["letter"] == str(file)
    assert run("license create --json").json["letter"] is None


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("kept.txt", id="a file is there"),
        pytest.param("link.txt", id="a link to nowhere is there"),
        pytest.param("nowhere/letter.txt", id="no such folder"),
    ],
)
def test_no_code_is_created_if_the_letter_cannot_be_written(
    run: Any, stack: Stack, tmp_path: Path, place: str
) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    (tmp_path / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
    there = sorted(tmp_path.iterdir())
    create = run(f"license create --number {NUMBER} --letter {tmp_path / place}")
    assert create.exit == 1
    assert "(letter-not-written)" in create.err
    assert "Nothing was changed. Name another file with --letter." in create.err
    assert stack.licenses.get(NUMBER) is None
    run(f"license create --number {NUMBER}")
    sold = licenses.find(stack.licenses, NUMBER)
    document = run(f"license new-code {NUMBER} --yes --json --letter {tmp_path / place}").json
    assert document["error"]["code"] == "letter-not-written"
    assert licenses.find(stack.licenses, NUMBER) == sold
    assert (tmp_path / "kept.txt").read_text() == "kept"
    assert sorted(tmp_path.iterdir()) == there


def test_a_license_that_is_not_created_leaves_no_letter(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    assert run(f"license create --seats 0 --letter {file}").exit == 2
    assert run(f"license new-code {NUMBER} --yes --letter {file}").exit == 1
    assert not file.exists()


def public_of(err: str) -> bytes:
    """The public key of the code that an error shows."""
    code = err.split("shown once: ")[1].split(".")[0]
    return activation_key(parse_activation_code(code, NUMBER), NUMBER).public


@contextmanager
def a_full_disk() -> Iterator[None]:
    """No file may grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_disk_that_fills_up_too_late_does_not_lose_the_code(
    run: Any, stack: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "letter.txt"
    with a_full_disk():
        ran = run(f"license create --number {NUMBER} --letter {file}")
    assert ran.exit == 1
    assert f"License {NUMBER} has a new code (letter-not-written)" in ran.err
    assert f"keyferry-admin license new-code {NUMBER} --letter FILE" in ran.err
    assert not file.exists()
    assert licenses.find(stack.licenses, NUMBER).activation_public == public_of(ran.err)
    written(run, stack, f"license new-code {NUMBER} --yes", file)


@pytest.mark.parametrize(
    ("line", "where"),
    [
        (f"license create --number {NUMBER}", "keyferry_admin.use_cases.letter.license_letter"),
        (f"license new-code {NUMBER} --yes", "os.fsync"),
    ],
    ids=["before the letter", "while it is written"],
)
def test_ctrl_c_after_the_code_was_made_does_not_lose_it(
    run: Any,
    stack: Stack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    where: str,
) -> None:
    def interrupt(*arguments: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    if "new-code" in line:
        run(f"license create --number {NUMBER}")
    file = tmp_path / "letter.txt"
    with monkeypatch.context() as patch:
        patch.setattr(where, interrupt)
        ran = run(f"{line} --letter {file}")
    assert ran.exit == 1
    assert f"Interrupted: {file} is not written. License {NUMBER} has a new code" in ran.err
    assert licenses.find(stack.licenses, NUMBER).activation_public == public_of(ran.err)
    assert not file.exists()
