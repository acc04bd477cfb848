"""`license renew`: today's terms for computers that sent no request, in a folder a customer."""

import json
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from keyferry import KeySet, verify_response
from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.output import Output
from keyferry_admin.cli.renewal_outputs import Outputs
from keyferry_admin.cli.renewal_plan import plan_renewals
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import keys, renewal_folder
from keyferry_admin.use_cases.renewal_folder import folder_names
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_service.adapters.items_dynamodb import members, to_item
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.license import LicenseRecord, Status
from keyferry_service.domain.renew import RenewedSeat, SeatOutcome
from keyferry_service.domain.signing_keys import KeyStatus
from keyferry_service.use_cases.renew import Renew
from tests.service.admin.ctrl_c import CtrlC
from tests.service.admin.functions import Functions
from tests.service.admin.screens import GOLDEN, pem_key
from tests.support.builders import Computer, a_license, a_seat
from tests.support.samples import DAY, NOW, PRODUCT

ACME, BOREALIS = f"{1:012}", f"{2:012}"
WIDE = {ord("0") + n: chr(0xFF10 + n) for n in range(10)}  # digits that are as wide as two
CUSTOMERS = {ACME: "Acme Modeling", BOREALIS: "Borealis"}


@pytest.fixture
def shop(stack: Stack, functions: Functions, tmp_path: Path) -> Stack:
    """Two customers with two seats each, whose licenses were extended since."""
    pem_key(stack, tmp_path / "key.pem")
    for number, licensee in CUSTOMERS.items():
        sell(stack, number, licensee, 2)
    return stack


def sell(stack: Stack, number: str, licensee: str, seats: int, **terms: Any) -> None:
    license = a_license(number=number, licensee=licensee, seats=seats, seats_used=seats, **terms)
    license = replace(license, revision=10, first_issued_at=NOW - DAY, next_seat=seats + 1)
    rows: dict[str, Any] = {"license": license}
    for seat in range(1, seats + 1):
        rows[f"seat#{seat}"] = a_seat(Computer(f"{number} {seat}"), seat)
    for name, row in rows.items():
        item = to_item({"pk": number, "sk": name, **members(row)})
        boto3.client("dynamodb").put_item(TableName=stack.output("LicensesTable"), Item=item)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def key_set(stack: Stack) -> KeySet:
    return keys.export(stack.signing_keys, stack.licenses)


def test_each_seat_has_its_file_and_each_customer_a_zip(
    run: Any, shop: Stack, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    ran = run(f"license renew --status active --folder {folder} --yes")
    assert ran.exit == 0, ran
    assert ran.out.splitlines()[0] == "✓ 4 renewed, 0 unchanged"
    assert len(files_in(folder)) == 6
    for number, name in CUSTOMERS.items():
        archive = zipfile.ZipFile(folder / name / f"{name}.zip")
        responses = [
            verify_response(archive.read(file), key_set(shop)) for file in archive.namelist()
        ]
        assert [(r.license.number, r.kind) for r in responses] == [(number, "renewal")] * 2
        assert {r.seat for r in responses} == {1, 2}
        assert archive.namelist() == [f"{r.file_stem}.response" for r in responses]
        for file in archive.namelist():
            assert (folder / name / file).read_bytes() == archive.read(file)


ALL = "license renew --status active --yes --json --folder"


def test_a_second_run_finds_nothing_to_do_and_again_renews_all(
    run: Any, shop: Stack, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    first = run(f"{ALL} {folder}").json
    assert (len(first["renewed"]), first["unchanged"], len(first["zips"])) == (4, [], 2)
    before = {path: path.read_bytes() for path in folder.rglob("*.response")}
    second = run(f"{ALL} {folder}").json
    assert (second["renewed"], len(second["unchanged"]), len(second["zips"])) == ([], 4, 2)
    assert {path: path.read_bytes() for path in folder.rglob("*.response")} == before
    assert len(run(f"{ALL} {folder} --again").json["renewed"]) == 4
    assert len(files_in(folder)) == 10


@pytest.mark.parametrize("damage", [None, b"", b'{"payloadType":'], ids=["gone", "empty", "cut"])
def test_a_file_that_is_gone_or_damaged_is_signed_again(
    run: Any, shop: Stack, tmp_path: Path, damage: bytes | None
) -> None:
    folder = tmp_path / "out"
    first = run(f"{ALL} {folder}").json["renewed"]
    path = Path(first[0]["file"])
    body = open_envelope(path.read_bytes(), RESPONSE).body
    path.unlink() if damage is None else path.write_bytes(damage)
    assert run(f"{ALL} {folder}").json["renewed"] == first[:1]
    assert open_envelope(path.read_bytes(), RESPONSE).body == body


def test_a_file_that_an_ended_key_signed_is_signed_again(
    run: Any, shop: Stack, tmp_path: Path
) -> None:
    (old,) = shop.signing_keys.all()
    folder = tmp_path / "out"
    first = run(f"{ALL} {folder}").json["renewed"]
    new = pem_key(shop, tmp_path / "new.pem")
    shop.signing_keys.end(old, KeyStatus.COMPROMISED, new)
    again = run(f"{ALL} {folder}").json["renewed"]
    assert again == first
    for each in again:
        envelope = open_envelope(Path(each["file"]).read_bytes(), RESPONSE)
        assert [signature.keyid for signature in envelope.signatures] == [new.keyid]


def test_one_license_and_one_seat(run: Any, shop: Stack, tmp_path: Path) -> None:
    one = run(f"license renew {ACME} --seat 2 --folder {tmp_path / 'out'} --json").json
    assert [(each["license_number"], each["seat"]) for each in one["renewed"]] == [(ACME, 2)]
    assert [Path(path).name for path in one["zips"]] == ["Acme Modeling.zip"]
    all_of_it = run(f"license renew {ACME} --folder {tmp_path / 'out'} --json").json
    assert [each["seat"] for each in all_of_it["renewed"]] == [1]
    assert [each["seat"] for each in all_of_it["unchanged"]] == [2]


def test_it_shows_what_it_will_do_and_asks_once(
    run: Any, shop: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(shop, f"{3:012}", "Cygnus", 1, status=Status.SUSPENDED)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.chdir(tmp_path)
    prompts: list[str] = []
    monkeypatch.setattr("builtins.input", lambda: prompts.append("") or "no")
    refused = run(["license", "renew", "--product", PRODUCT, "--folder", "out"])
    assert (refused.exit, list(tmp_path.glob("out"))) == (1, [])
    monkeypatch.setattr("builtins.input", lambda: prompts.append("") or "y")
    ran = run(["license", "renew", "--product", PRODUCT, "--folder", "out"])
    assert ran.out == (GOLDEN / "license-renew.txt").read_text()
    assert len(prompts) == 2  # once in each run


def test_a_plan_compares_no_license_with_every_other_one(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_by_all_terms(license: LicenseRecord, other: object) -> bool:
        raise AssertionError("each license was compared with each other one")

    licenses = [a_license(number=f"{number:012}", seats_used=0) for number in range(3)]
    licenses[1] = replace(licenses[1], status=Status.SUSPENDED)
    monkeypatch.setattr(LicenseRecord, "__eq__", not_by_all_terms)
    outputs = Outputs(tmp_path / "out", None, None)
    plan = plan_renewals(Settings(stack, Output(), NOW), licenses, outputs)
    assert [license.number for license in plan.left_out] == [f"{1:012}"]


def test_a_dry_run_writes_and_renews_nothing(run: Any, shop: Stack, tmp_path: Path) -> None:
    rows = all_rows(shop)
    plan = run(f"{ALL} {tmp_path / 'out'} --dry-run").json
    assert [(each["license_number"], each["seat"]) for each in plan["seats"]] == [
        *((ACME, 1), (ACME, 2), (BOREALIS, 1), (BOREALIS, 2))
    ]
    assert (all_rows(shop), list(tmp_path.glob("out"))) == (rows, [])


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("--folder {}", id="for whom"),
        pytest.param(f"{ACME} --status active --folder {{}}", id="both"),
        pytest.param(f"{ACME}", id="no folder"),
        pytest.param("--status active --seat 1 --folder {}", id="a seat of many"),
        pytest.param(f"{ACME} --folder {{}}/key.pem", id="a file in place of a folder"),
    ],
)
def test_what_is_said_wrong_is_a_usage_error(
    run: Any, shop: Stack, tmp_path: Path, line: str
) -> None:
    rows = all_rows(shop)
    assert run(f"license renew {line.format(tmp_path)} --json").json["error"]["exit"] == 2
    assert all_rows(shop) == rows


@pytest.mark.parametrize(
    ("change", "line", "code"),
    [
        pytest.param({"status": Status.SUSPENDED}, ACME, "not-renewable", id="suspended"),
        pytest.param({"status": Status.REVOKED}, ACME, "not-renewable", id="revoked"),
        pytest.param({"valid_until": NOW}, ACME, "not-renewable", id="ended"),
        pytest.param({}, f"{ACME} --seat 3", "no-such-seat", id="no such seat"),
        pytest.param({}, f"{9:012}", "no-such-license", id="no such license"),
        pytest.param({"protections": ("dongle",)}, ACME, "some-failed", id="seats are refused"),
    ],
)
def test_what_cannot_be_renewed_says_so(
    run: Any, shop: Stack, tmp_path: Path, change: dict[str, Any], line: str, code: str
) -> None:
    before = shop.licenses.get(ACME)
    assert before is not None
    shop.licenses.change(before, replace(before, revision=before.revision + 1, **change))
    error = run(f"license renew {line} --folder {tmp_path / 'out'} --json").json["error"]
    assert error["code"] == code
    assert error["next_step"]


def test_a_run_that_was_cut_off_goes_on_where_it_was(
    run: Any, shop: Stack, functions: Functions, tmp_path: Path
) -> None:
    sell(shop, f"{3:012}", "Cygnus", 60)
    folder, ctrl_c = tmp_path / "out", CtrlC()
    functions.before_each = lambda event: ctrl_c.count()
    error = run(f"{ALL} {folder}").json["error"]
    assert (error["code"], error["exit"]) == ("interrupted", 130)
    assert len(error["not_tried"]) == 10, "four of the five invocations had begun"
    done = {(each["license_number"], each["seat"]) for each in error["renewed"]}
    cygnus = folder / "Cygnus" / "Cygnus.zip"
    assert not cygnus.exists(), "a zip that lacks a seat could be taken for a whole one"
    functions.before_each = lambda event: None
    rest = run(f"{ALL} {folder}").json
    assert {(each["license_number"], each["seat"]) for each in rest["unchanged"]} == done
    assert len(rest["renewed"]) + len(done) == 64
    assert len(zipfile.ZipFile(cygnus).namelist()) == 60


def test_a_ctrl_c_after_the_last_seat_had_begun_stopped_nothing(
    run: Any, shop: Stack, functions: Functions, tmp_path: Path
) -> None:
    ctrl_c = CtrlC(at=2)
    functions.before_each = lambda event: ctrl_c.count()
    ran = run(f"license renew --status active --yes --folder {tmp_path / 'out'}")
    assert (ran.exit, ran.out.splitlines()[0]) == (0, "✓ 4 renewed, 0 unchanged")
    assert len(list((tmp_path / "out").rglob("*.zip"))) == 2


def test_a_reply_that_got_lost_costs_no_second_serial(
    run: Any, shop: Stack, functions: Functions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke = functions.invoke

    def lose(**call: Any) -> dict[str, Any]:
        invoke(**call)
        raise ReadTimeoutError(endpoint_url="https://lambda.test")

    monkeypatch.setattr(functions, "invoke", lose)
    error = run(f"{ALL} {tmp_path / 'out'}").json["error"]
    assert error["exit"] == 1
    monkeypatch.setattr(functions, "invoke", invoke)
    rows = all_rows(shop)
    assert len(run(f"{ALL} {tmp_path / 'out'}").json["renewed"]) == 4
    assert all_rows(shop) == rows


@pytest.mark.parametrize(
    ("reply", "step"),
    [
        pytest.param({"errorType": "KeyError", "errorMessage": "'Records'"}, "Deploy this release"),
        pytest.param({"errorType": "DisabledException", "errorMessage": "No."}, "read the log"),
        pytest.param({"errorMessage": "Task timed out after 20.00 seconds"}, "read the log"),
        pytest.param({"renewed": []}, "read the log"),
    ],
)
def test_a_function_that_fails_is_told_with_the_next_step(
    run: Any,
    shop: Stack,
    functions: Functions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reply: dict[str, Any],
    step: str,
) -> None:
    answer = {"Payload": BytesIO(json.dumps(reply).encode())}
    monkeypatch.setattr(functions, "invoke", lambda **_: answer)
    error = run(f"license renew {ACME} --folder {tmp_path / 'out'} --json").json["error"]
    assert error["code"] == "some-failed"
    assert step in error["next_step"]


def test_no_link_is_followed_where_files_are_written(run: Any, shop: Stack, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Borealis").symlink_to(tmp_path / "elsewhere")
    rows = all_rows(shop)
    error = run(f"{ALL} {tmp_path / 'out'}").json["error"]
    assert error["code"] == "file-not-written"
    assert (all_rows(shop), files_in(tmp_path / "elsewhere")) == (rows, [])


def test_a_link_in_place_of_a_file_is_replaced(run: Any, shop: Stack, tmp_path: Path) -> None:
    folder, other = tmp_path / "out", tmp_path / "other"
    path = Path(run(f"{ALL} {folder}").json["renewed"][0]["file"])
    other.write_bytes(b"mine")
    path.unlink()
    path.symlink_to(other)
    run(f"{ALL} {folder}")
    assert not path.is_symlink()
    assert other.read_bytes() == b"mine"


BROKEN = f"{9:012}"
BAD_TERMS = [
    pytest.param({"licensee": "Ac\x1b[31mme"}, "The licensee", id="licensee"),
    pytest.param({"product": "Example\x00"}, "The product", id="product"),
    pytest.param({"edition": "x" * 65}, "The edition", id="edition"),
    pytest.param({"features": {"Bad Name": True}}, "The feature name 'Bad Name'", id="feature"),
]


@pytest.mark.parametrize(("terms", "title"), BAD_TERMS)
def test_a_license_that_no_file_may_have_stops_no_other(
    run: Any, shop: Stack, tmp_path: Path, terms: dict[str, Any], title: str
) -> None:
    terms = {"licensee": "Cygnus"} | terms
    sell(shop, BROKEN, seats=2, **terms)
    error = run(f"{ALL} {tmp_path / 'out'}").json["error"]
    assert (len(error["renewed"]), len(error["zips"])) == (4, 2)
    (failed,) = error["failed"]
    assert (failed["license_number"], failed["code"]) == (BROKEN, "bad-terms")
    assert failed["title"].startswith(title)
    ran = run(f"license renew --status active --yes --folder {tmp_path / 'out'}")
    assert f"  000.000.000.009: {title}" in ran.out
    before = shop.licenses.get(BROKEN)
    assert before is not None
    assert before.revision == 10, "no serial was spent on it"
    mended = replace(before, licensee="Cygnus", product=PRODUCT, edition="", features={})
    shop.licenses.change(before, replace(mended, revision=11))
    assert len(run(f"{ALL} {tmp_path / 'out'}").json["renewed"]) == 2


@pytest.mark.parametrize(
    "line", ["license list", "license export {}", "license export {0} --history {0}.csv", "stats"]
)
def test_a_license_that_no_file_may_have_stops_no_list(
    run: Any, shop: Stack, tmp_path: Path, line: str
) -> None:
    sell(shop, BROKEN, "Ac\x1b[31mme", 1, contact="a\r\nb@c.example", note="\x00")
    ran = run(line.format(tmp_path / "licenses.csv"))
    assert ran.exit == 0, ran
    assert "\x1b[31m" not in ran.out


def test_a_file_of_an_older_service_that_nobody_can_read_stops_no_other(
    run: Any, shop: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(order: Any, *arguments: Any) -> list[RenewedSeat]:
        return [RenewedSeat(seat, SeatOutcome.RENEWED, b'{"payload": ""}') for seat in order.seats]

    monkeypatch.setattr(Renew, "renew", lambda _, order, deadline: torn(order))
    error = run(f"{ALL} {tmp_path / 'out'}").json["error"]
    assert [each["code"] for each in error["failed"]] == ["seats-not-renewed"] * 2
    assert "The file for seat 1 of license" in error["title"]


def test_a_link_to_the_file_itself_is_replaced_by_the_file(
    run: Any, shop: Stack, tmp_path: Path
) -> None:
    folder, other = tmp_path / "out", tmp_path / "other"
    path = Path(run(f"{ALL} {folder}").json["renewed"][0]["file"])
    path.rename(other)
    path.symlink_to(other)
    assert len(run(f"{ALL} {folder}").json["renewed"]) == 1
    assert not path.is_symlink()
    assert path.read_bytes()


EXTEND = "license extend --renew --until 2030-01-01"


def test_licenses_are_extended_and_renewed_in_one_go(run: Any, shop: Stack, tmp_path: Path) -> None:
    ran = run(f"{EXTEND} --licensee acme --folder {tmp_path / 'out'} --yes")
    assert ran.out.splitlines()[:2] == ["✓ 1 changed, 0 unchanged", "✓ 2 renewed, 0 unchanged"]
    one = run(f"{EXTEND} {BOREALIS} --folder {tmp_path / 'out'} --json").json
    assert one["license"]["valid_until"].startswith("2030-01-01")
    assert len(one["renewals"]["renewed"]) == 2
    for path in (tmp_path / "out").rglob("*.response"):
        granted = verify_response(path.read_bytes(), key_set(shop)).license
        assert granted.valid_until == 1_893_542_399
    again = run(f"{EXTEND} --status active --folder {tmp_path / 'out'} --yes --json").json
    assert (again["done"], again["renewals"]["renewed"]) == ([], [])
    assert len(again["renewals"]["unchanged"]) == 4


def test_a_renewal_that_fails_leaves_the_license_extended_and_says_so(
    run: Any, shop: Stack, functions: Functions, tmp_path: Path
) -> None:
    def fail(event: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://lambda.test")

    functions.before_each = fail
    line = f"{EXTEND} --status active --folder {tmp_path / 'out'} --yes"
    error = run(f"{line} --json").json["error"]
    assert (error["code"], error["changed"]) == ("some-failed", [ACME, BOREALIS])
    assert "license renew" not in error["next_step"]
    ran = run(line)
    assert ran.exit == 1
    assert ran.out.splitlines()[0] == "✓ 0 changed, 2 unchanged"
    functions.before_each = lambda event: None
    assert run(line).exit == 0
    assert len(files_in(tmp_path / "out")) == 6


def test_a_ctrl_c_after_the_last_change_renews_nothing_and_says_so(
    run: Any, shop: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, ctrl_c = Licenses.change, CtrlC(at=2)

    def interrupt(self: Licenses, *arguments: Any) -> None:
        change(self, *arguments)
        ctrl_c.count()

    monkeypatch.setattr(Licenses, "change", interrupt)
    line = f"{EXTEND} --status active --folder {tmp_path / 'out'} --yes --json"
    error = run(line).json["error"]
    assert (error["code"], error["changed"]) == ("interrupted", [ACME, BOREALIS])
    assert error["title"] == "Interrupted: 2 changed, and no computer is renewed yet"
    assert len(run(line).json["renewals"]["renewed"]) == 4


@pytest.mark.parametrize("line", [f"{ACME}", "--status active"])
@pytest.mark.parametrize(
    ("output", "why"),
    [
        pytest.param("--folder {}/key.pem/out", "cannot be created", id="below a file"),
        pytest.param("--folder {}/taken", "cannot be created", id="customer's folder is a file"),
        pytest.param("--links {}/nowhere/links.csv", "cannot be written", id="no such folder"),
        pytest.param("--links {}/locked.csv", "is there already", id="another run writes it"),
        pytest.param("--folder {}/read-only", "is not writable", id="read-only"),
    ],
)
def test_nothing_is_extended_where_the_files_cannot_be_written(
    run: Any,
    shop: Stack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    output: str,
    why: str,
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "Acme Modeling").touch()
    (tmp_path / "locked.csv.part").touch()
    if why == "is not writable":
        monkeypatch.setattr(renewal_folder, "TemporaryFile", refuse_to_write)
    rows = all_rows(shop)
    error = run(f"{EXTEND} {line} {output.format(tmp_path)} --yes --json").json["error"]
    assert (error["code"], why in error["title"]) == ("file-not-written", True)
    assert error["next_step"].startswith("Nothing was changed.")
    assert all_rows(shop) == rows


def refuse_to_write(dir: Path) -> None:
    raise PermissionError(13, "Permission denied", str(dir))


@pytest.mark.parametrize("line", [f"{ACME}", "--status active"])
def test_an_output_that_fails_after_the_change_does_not_say_that_nothing_was_changed(
    run: Any, shop: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    links, replace_file = tmp_path / "links.csv", Path.replace

    def fail_for_links(self: Path, target: Path) -> Path:
        if target == links:
            raise OSError(28, "No space left on device")
        return replace_file(self, target)

    boto3.client("s3").create_bucket(
        Bucket="keyferry-out", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail_for_links)
        error = run(f"{EXTEND} {line} --links {links} --yes --json").json["error"]
    changed = [ACME] if ACME in line else [ACME, BOREALIS]
    assert (error["code"], error["cause"]) == ("some-failed", "renewal-not-written")
    assert error["changed"] == changed
    assert "Nothing was changed" not in error["next_step"]
    assert "links.csv cannot be written: No space left on device" in error["title"]
    if ACME in line:
        assert f"run keyferry-admin license renew {ACME} instead" in error["next_step"]
    again = f"license renew {line} --yes" if ACME in line else f"{EXTEND} {line} --yes"
    assert run(f"{again} --links {links}").exit == 0
    assert len(links.read_text().splitlines()) == 1 + len(changed)


def test_where_the_same_filters_find_it_no_longer_the_next_step_is_another_command(
    run: Any, shop: Stack, functions: Functions, tmp_path: Path
) -> None:
    def fail(event: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://lambda.test")

    functions.before_each = fail
    line = f"{EXTEND} --ends-before 2029-01-01 --folder {tmp_path / 'out'} --yes --json"
    error = run(line).json["error"]
    assert error["changed"] == [ACME, BOREALIS]
    assert error["next_step"].endswith("renew those with keyferry-admin license renew.")


def test_a_renewal_that_fails_for_one_license_says_how_to_go_on_without_another_extension(
    run: Any, shop: Stack, functions: Functions, tmp_path: Path
) -> None:
    def fail(event: Any) -> None:
        raise ReadTimeoutError(endpoint_url="https://lambda.test")

    functions.before_each = fail
    out = tmp_path / "out"
    error = run(f"license extend {ACME} --until +1y --renew --folder {out} --json").json["error"]
    assert error["license"]["valid_until"].startswith("2028")
    assert f"run keyferry-admin license renew {ACME} instead" in error["next_step"]
    functions.before_each = lambda event: None
    assert run(f"license renew {ACME} --folder {out}").exit == 0


@pytest.mark.parametrize("line", ["--renew", "--folder {}"])
def test_extending_takes_both_options_or_none(
    run: Any, shop: Stack, tmp_path: Path, line: str
) -> None:
    rows = all_rows(shop)
    words = f"license extend {ACME} --until +1y {line.format(tmp_path)} --json"
    assert run(words).json["error"]["code"] == "usage"
    assert all_rows(shop) == rows


LICENSEES = {
    "Acme": "Acme",
    "Nordhaven Werke GmbH & Co. KG": "Nordhaven Werke GmbH & Co. KG",
    "": "{number}",
    "a/b\\c": "a_b_c #",
    "../../etc": "_.._etc #",
    "..": "_ #",
    "ends in a dot.": "ends in a dot #",
    "CON": "_CON #",
    "nul.txt": "_nul.txt #",
    "com1": "_com1 #",
    "Acme: Hamburg": "Acme_ Hamburg #",
    "tab\there": "tab_here #",
    "Büro Ä": "Büro Ä",
    "日本" * 60: "日本" * 28 + " #",
}


@pytest.mark.parametrize("licensee", LICENSEES)
def test_a_customers_folder_has_a_name_that_every_system_allows(licensee: str) -> None:
    (name,) = folder_names([a_license(licensee=licensee)]).values()
    digits = name.rpartition(" ")[2]
    expected = LICENSEES[licensee].format(number=a_license().number)
    assert name == expected.replace("#", digits)
    assert len(name.encode()) <= 255 - len(".zip.part")


def test_two_customers_never_share_a_folder() -> None:
    names = ["ACME", "Acme", "acme", "Acme:", "Acme;", "Acme?", "Acme*", "Ａcme", "A.", "A"]
    licenses = [a_license(number=f"{n:012}", licensee=name) for n, name in enumerate(names)]
    folders = folder_names(licenses)
    assert len({folder.casefold() for folder in folders.values()}) == len(names)
    again = [*licenses, a_license(number=f"{99:012}", licensee="Acme")]
    assert folder_names(again)[f"{99:012}"] == folders[f"{1:012}"]


def test_no_customer_can_be_named_as_the_folder_of_another() -> None:
    others = [a_license(number=ACME, licensee="A/B"), a_license(number=BOREALIS, licensee="")]
    for number, taken in folder_names(others).items():
        for licensee in (taken, taken.upper(), taken.translate(WIDE)):
            named_so = a_license(number=f"{3:012}", licensee=licensee)
            folders = folder_names([*others, named_so])
            assert folders[number] == taken
            assert folders[named_so.number].casefold() != taken.casefold()


def all_rows(stack: Stack) -> list[Any]:
    items: list[Any] = boto3.client("dynamodb").scan(TableName=stack.output("LicensesTable"))[
        "Items"
    ]
    return items
