"""`keyferry-admin stats`: what the vendor reads, and the files that go to the vendor's boss."""

import csv
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import boto3
import pytest

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.figures.rows import COLUMNS
from keyferry_service.adapters.items_dynamodb import to_item
from keyferry_service.adapters.ledger_dynamodb import entry_to_item
from keyferry_service.domain.allocate import Grant, GrantRule
from keyferry_service.domain.ledger import entry_for, response_to
from keyferry_service.domain.refusals import Refusal, RefusalCode
from tests.service.admin.screens import GOLDEN, Pipe
from tests.service.admin.test_refusals import refuse
from tests.support.builders import a_license, a_request, a_seat
from tests.support.samples import DAY, NOW, NUMBER

VIEWER = "000000000001"
NAMESPACE = {"svg": "http://www.w3.org/2000/svg"}


def answer(stack: Stack, number: str, kind: str, days_ago: int, count: int = 1) -> None:
    """Write ledger entries as the service does."""
    for serial in range(1, count + 1):
        request = a_request(kind=kind, last_serial=serial, id=f"{days_ago:016x}{serial:016x}")
        moment = NOW - days_ago * DAY
        sold = a_license(number=number, revision=serial)
        ends = moment if kind == "deactivate" else sold.valid_until
        grant = Grant(sold, a_seat(serial=serial, valid_until=ends), GrantRule.NEW_SEAT)
        entry = entry_for(response_to(request, grant, moment), grant)
        table = stack.output("LicensesTable")
        boto3.client("dynamodb").put_item(TableName=table, Item=entry_to_item(number, entry))


def use(stack: Stack, number: str, seats_used: int, moves: dict[str, int]) -> None:
    boto3.client("dynamodb").update_item(
        TableName=stack.output("LicensesTable"),
        Key=to_item({"pk": number, "sk": "license"}),
        UpdateExpression="SET seats_used = :seats, moves = :moves",
        ExpressionAttributeValues=to_item({":seats": seats_used, ":moves": moves}),
    )


@pytest.fixture
def busy(run: Any, stack: Stack) -> None:
    """Two products, and some weeks of answers."""
    sell = "license create --new-product --moves-per-year 9"
    run(f"{sell} --number {NUMBER} --licensee =Acme --seats 5 --until 2026-12-20 --reference PO-7")
    run(f"{sell} --number {VIEWER} --product Viewer --seats 2 --until 2027-02-01")
    use(stack, NUMBER, 3, {"2026-11-23": 2, "2026-08-01": 1})
    answer(stack, NUMBER, "activate", 0, count=2)
    answer(stack, NUMBER, "update", 1)
    answer(stack, NUMBER, "activate", 89)
    answer(stack, NUMBER, "activate", 90, count=3)  # in the period before
    answer(stack, VIEWER, "activate", 1)
    answer(stack, VIEWER, "deactivate", 0)
    refuse(stack, 0, "LAB-08")
    refuse(stack, 1, "LAB-09")
    refuse(stack, 1, "LAB-10", refusal=Refusal(RefusalCode.LICENSE_SUSPENDED))


@pytest.mark.usefixtures("busy")
class TestFigures:
    def test_a_terminal_shows_days_then_sums_then_products(self, run: Any) -> None:
        ran = run("stats")
        assert (ran.exit, ran.out) == (0, (GOLDEN / "stats.txt").read_text())

    def test_a_pipe_gets_a_line_for_each_number(self, run: Any) -> None:
        assert run("stats --since 2026-11-24", Pipe).out.splitlines() == [
            "activations\t2026-11-24\tExample-Modeler\t\t\t\t\t2",
            "deactivations\t2026-11-24\tViewer\t\t\t\t\t1",
            "refusals\t2026-11-24\tExample-Modeler\tno-seats-left\t\t\t\t1",
            "seats-in-use\t2026-11-24\tExample-Modeler\t\t\t\t\t3",
            "seats-sold\t2026-11-24\tExample-Modeler\t\t\t\t\t5",
            "seats-in-use\t2026-11-24\tViewer\t\t\t\t\t0",
            "seats-sold\t2026-11-24\tViewer\t\t\t\t\t2",
            f"ending\t2026-12-20\tExample-Modeler\t\t{NUMBER}\t'=Acme\tPO-7\t5",
            f"ending\t2027-02-01\tViewer\t\t{VIEWER}\t\t\t2",
        ]

    def test_the_document_has_every_number(self, run: Any) -> None:
        document = run("stats --since 2026-11-23 --until 2026-11-24 --json").json
        assert document["period"] == {"since": "2026-11-23", "until": "2026-11-24"}
        assert document["period_before"] == {"since": "2026-11-21", "until": "2026-11-22"}
        assert document["figures"] == {
            "activations": {"count": 3, "before": 0},
            "updates": {"count": 1, "before": 0},
            "deactivations": {"count": 1, "before": 0},
            "renewals": {"count": 0, "before": 0},
            "moves": {"count": 2, "before": 0},
            "refusals": {"count": 3, "before": 0},
        }
        assert document["refusals"] == [
            {"code": "no-seats-left", "reason": "All seats are in use", "count": 2},
            {"code": "license-suspended", "reason": "The license is suspended", "count": 1},
        ]
        first, *_, last = document["days"]
        assert first == {
            "day": "2026-11-23",
            "product": "Example-Modeler",
            "updates": 1,
            "moves": 2,
            "refusals": 2,
        }
        assert last == {"day": "2026-11-24", "product": "Viewer", "deactivations": 1}
        assert document["products"][0] == {
            "product": "Example-Modeler",
            "licenses": 1,
            "seats_used": 3,
            "seats": 5,
        }
        assert document["ending"][0]["ends_at"] == "2026-12-20T23:59:59Z"
        assert document["ending"][0]["days_left"] == 26
        assert document["files"] == {"csv": None, "report": None, "plot": None}

    def test_one_product_alone(self, run: Any) -> None:
        document = run("stats --product Viewer --json").json
        assert [each["product"] for each in document["products"]] == ["Viewer"]
        assert document["figures"]["activations"] == {"count": 1, "before": 0}
        assert [each["license_number"] for each in document["ending"]] == [VIEWER]

    def test_filters_say_which_licenses_count(self, run: Any, tmp_path: Path) -> None:
        report = tmp_path / "report.html"
        document = run(f"stats --licensee acme --reference PO-7 --json --report {report}").json
        assert document["figures"]["activations"] == {"count": 3, "before": 3}
        assert "Only licenses with licensee acme, reference PO-7" in report.read_text()

    def test_the_csv_file_is_one_that_spreadsheets_read_and_do_not_run(
        self, run: Any, tmp_path: Path
    ) -> None:
        ran = run(f"stats --csv {tmp_path / 'figures.csv'}")
        assert ran.out.splitlines()[-1] == f"✓ {tmp_path / 'figures.csv'}"
        data = (tmp_path / "figures.csv").read_bytes()
        assert data.startswith(b"\xef\xbb\xbffigure,")
        titles, *rows = csv.reader(data.decode("utf-8-sig").splitlines())
        assert tuple(titles) == COLUMNS
        assert {len(row) for row in rows} == {len(COLUMNS)}
        assert sum(int(row[-1]) for row in rows if row[0] == "activations") == 4
        assert [row[5] for row in rows if row[0] == "ending"] == ["'=Acme", ""]

    def test_a_product_may_have_characters_that_xml_has_not(
        self, run: Any, stack: Stack, tmp_path: Path
    ) -> None:
        run("license create --new-product --number 000000000002 --product a\ufffeb\uffff")
        answer(stack, "000000000002", "activate", 0)
        assert run(f"stats --plot {tmp_path / 'plot.svg'}").exit == 0
        root = ElementTree.parse(tmp_path / "plot.svg").getroot()
        assert "24 Nov, a\ufffdb\ufffd, 1" in [each.text for each in root.iter()]

    def test_the_plot_is_a_picture_without_script(self, run: Any, tmp_path: Path) -> None:
        run(f"stats --plot {tmp_path / 'plot.svg'}")
        root = ElementTree.parse(tmp_path / "plot.svg").getroot()
        assert root.tag == f"{{{NAMESPACE['svg']}}}svg"
        assert root.get("role") == "img"
        assert root.get("aria-label") == "Activations by day: 4 in all, at most 2 (24 Nov)."
        assert {each.tag.rpartition("}")[2] for each in root.iter()} == {
            *("svg", "style", "g", "rect", "path", "text", "title")
        }
        bars = root.findall(".//svg:g[@class='bar']/svg:rect/svg:title", NAMESPACE)
        assert sorted(bar.text or "" for bar in bars) == [
            "23 Nov, Viewer, 1",
            "24 Nov, Example-Modeler, 2",
            "27 Aug, Example-Modeler, 1",
        ]

    def test_all_files_at_once(self, run: Any, tmp_path: Path) -> None:
        files = {name: str(tmp_path / f"f.{name}") for name in ("csv", "report", "plot")}
        options = " ".join(f"--{name} {path}" for name, path in files.items())
        assert run(f"stats {options} --json").json["files"] == files
        assert all(Path(path).stat().st_size for path in files.values())


def test_an_empty_stack_has_figures_and_files_too(run: Any, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("figures.csv", "report.html", "plot.svg")]
    options = zip(("--csv", "--report", "--plot"), paths, strict=True)
    ran = run(f"stats {' '.join(f'{option} {path}' for option, path in options)}")
    assert ran.exit == 0
    assert "No license yet. Make one:" in ran.out
    assert all(path.exists() for path in paths)
    assert run("stats", Pipe).out == ""
    assert run("stats --json").json["ending"] == []


@pytest.mark.parametrize(
    ("line", "code", "exit_code"),
    [
        pytest.param("--since yesterday", "usage", 2, id="no day"),
        pytest.param(
            "--since 2026-11-24 --until 2026-11-23", "usage", 2, id="ends before it begins"
        ),
        pytest.param("--until 2026-11-25", "usage", 2, id="a day to come"),
        pytest.param("--since 0001-01-01", "usage", 2, id="before all computers"),
        pytest.param("--since 20261101T00", "usage", 2, id="an hour"),
        pytest.param("--product Exmaple", "nothing-matches", 1, id="a misspelled product"),
        pytest.param("--ends-before 2000-01-01", "nothing-matches", 1, id="no such license"),
        pytest.param("--report /no/such/folder/r.html", "file-not-written", 1, id="no folder"),
        pytest.param("--csv /proc/f.csv", "file-not-written", 1, id="no place to write"),
        pytest.param("--plot /", "usage", 2, id="a folder"),
    ],
)
def test_bad_input_has_its_sentence(run: Any, line: str, code: str, exit_code: int) -> None:
    text, document = run(f"stats {line}"), run(f"stats {line} --json")
    assert (text.exit, document.exit, text.out) == (exit_code, exit_code, "")
    assert document.json["error"]["code"] == code
    assert document.json["error"]["exit"] == exit_code


def test_the_longest_period_there_is(run: Any, stack: Stack) -> None:
    run(f"license create --number {NUMBER}")
    answer(stack, NUMBER, "activate", 700)
    document = run("stats --since 1970-01-01 --json").json
    assert document["figures"]["activations"] == {"count": 1, "before": 0}
    assert document["figures"]["moves"] == {"count": 0, "before": None}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"body_zlib": b"not zlib"}, id="not compressed"),
        pytest.param({"body_zlib": zlib.compress(b"{")}, id="no JSON"),
        pytest.param({"body_zlib": zlib.compress(b"[" * 60_000)}, id="too deep"),
        pytest.param({"body_zlib": zlib.compress(b'{"kind":["activate"]}')}, id="no text"),
        pytest.param({"body_zlib": zlib.compress(b'{"kind":"teleport"}')}, id="of a later release"),
        pytest.param({"body_zlib": "text"}, id="no bytes"),
        pytest.param({}, id="nothing"),
    ],
)
@pytest.mark.usefixtures("busy")
def test_an_unreadable_response_is_told_and_the_others_are_counted(
    run: Any, stack: Stack, tmp_path: Path, body: dict[str, Any]
) -> None:
    row = {"pk": VIEWER, "sk": f"answer#{'0' * 64}", "issued_at": NOW, **body}
    table = stack.output("LicensesTable")
    boto3.client("dynamodb").put_item(TableName=table, Item=to_item(row))
    sentence = "1 response from this period cannot be read, and is not counted (000.000.000.001)."
    ran = run(f"stats --report {tmp_path / 'report.html'}")
    assert (ran.exit, f"! {sentence}" in ran.out) == (0, True)
    assert sentence in (tmp_path / "report.html").read_text()
    piped = run("stats", Pipe)
    assert (sentence in piped.err, sentence in piped.out) == (True, False)
    document = run("stats --json").json
    assert document["unreadable"] == [{"license_number": VIEWER, "count": 1}]
    assert document["figures"]["activations"]["count"] == 4
    assert run("stats --licensee acme --json").json["unreadable"] == []
