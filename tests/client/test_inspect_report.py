"""`inspect --report`: one page for the person who guards the door."""

import base64
import json
import os
import re
import subprocess
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope, pack
from keyferry_protocol.messages import message
from keyferry_protocol.request import parse_request
from tests.support import vectors
from tests.support.hostile_texts import FORGING, MARKUP
from tests.support.offline import LAB_07, OTHER
from tests.support.samples import CODE, NUMBER
from tests.support.terminal import Shell

STEM = "015120020093"


class PageText(HTMLParser):
    """The text of a page, what stands in its code elements, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.codes, self.tags, self.attributes = "", [""], set[str](), dict[str, str]()
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {f"{tag}.{name}": value or "" for name, value in attrs}
        self._inside.append(tag)
        if tag == "code":
            self.codes.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" not in self._inside:
            self.text += data
        if "code" in self._inside:
            self.codes[-1] += data


def page_text(page: str) -> PageText:
    parser = PageText()
    parser.feed(page)
    return parser


def sentence(name: str, /, **facts: object) -> str:
    return message(f"inspect.report.{name}", **facts)


@pytest.fixture
def request_file(shell: Shell) -> Path:
    shell("request", NUMBER, "--product-version", "4.2.0")
    (file,) = Path().glob("*.request")
    return file


def report(shell: Shell, file: Path) -> PageText:
    printed = shell("inspect", "--report", "page.html", "--yes", "--", str(file))
    assert (printed.exit, printed.err) == (0, "")
    return page_text(Path("page.html").read_text("utf-8"))


def rewritten(file: Path, **members: Any) -> bytes:
    """The request with other members in its BODY, by a program that signs nothing anew."""
    envelope = open_envelope(file.read_bytes(), REQUEST)
    body = json.dumps(json.loads(envelope.body) | members, separators=(",", ":")).encode()
    return pack(REQUEST, body, envelope.signatures)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value and path != "license.features":
        return {
            name: leaf
            for key, member in value.items()
            for name, leaf in leaves(member, f"{path}.{key}".strip(".")).items()
        }
    return {path: value}


def test_each_entry_of_a_request_has_its_row_in_plain_words(
    shell: Shell, request_file: Path
) -> None:
    page = report(shell, request_file)
    body = json.loads(open_envelope(request_file.read_bytes(), REQUEST).body)
    for path, value in leaves(body).items():
        assert f"{path}: {json.dumps(value, ensure_ascii=False)}" in page.codes
    assert f'payloadType: "{REQUEST}"' in page.codes
    assert sum(code.startswith("signatures: ") for code in page.codes) == 2
    assert sentence("unknown") not in page.text
    assert sentence("exact") in page.text


def test_it_says_what_inspect_says(shell: Shell, request_file: Path) -> None:
    lines = shell("inspect", str(request_file)).out.splitlines()
    page = report(shell, request_file)
    for line in lines:
        label, _, text = line.strip().partition("  ")
        assert label in page.text
        assert text.strip() in page.text


def test_the_hash_is_that_of_the_file(shell: Shell, request_file: Path) -> None:
    page = report(shell, request_file)
    data = request_file.read_bytes()
    assert sha256(data).hexdigest() in page.codes
    assert sentence("bytes", n=len(data)) in page.text
    assert request_file.name in page.codes


def test_what_it_says_comes_back_is_what_comes_back(shell: Shell, request_file: Path) -> None:
    page = report(shell, request_file)
    response = shell.carried(str(request_file))
    digest = json.loads(open_envelope(response.read_bytes(), RESPONSE).body)["request_sha256"]
    assert sentence("back.match", sha256=digest) in page.text
    assert digest not in (sha256(request_file.read_bytes()).hexdigest(), "")
    assert "not the SHA-256 of this file, because it leaves out the signatures" in page.text
    stem = request_file.name.removesuffix(".request")
    assert sentence("back.file", name=f"{stem}-N.response", n=20480) in page.text
    shell("install", str(response))
    shell("deactivate", NUMBER, "--yes", "--output", "deactivate.request")
    assert sentence("back.receipt") in report(shell, Path("deactivate.request")).text


def test_each_entry_of_a_response_has_its_row(shell: Shell, request_file: Path) -> None:
    response = shell.carried(str(request_file), "015120020093-7f3a-1.response")
    page = report(shell, response)
    body = json.loads(open_envelope(response.read_bytes(), RESPONSE).body)
    for path, value in leaves(body).items():
        assert f"{path}: {json.dumps(value, ensure_ascii=False)}" in page.codes
    assert sentence("unknown") not in page.text
    assert sentence("effect.nothing-back") in page.text
    assert sentence("effect.answers", sha256=body["request_sha256"]) in page.text
    assert sentence("absent.person") not in page.text, "a licensee may be a person"
    assert f"Get-FileHash {response.name}" in page.codes


def test_a_renewal_answers_no_request(shell: Shell, request_file: Path) -> None:
    response = shell.carried(str(request_file))
    shell("install", str(response))
    response.write_bytes(shell.room.renewal(response.read_bytes()))
    assert sentence("effect.renews") in report(shell, response).text


CLAIMS = ("code", "files", "person-in-name", "address", "serial-number", "program")


def test_what_is_not_in_a_request(shell: Shell, request_file: Path) -> None:
    page = report(shell, request_file)
    for claim in CLAIMS:
        assert sentence(f"absent.{claim}") in page.text
    body = open_envelope(request_file.read_bytes(), REQUEST).body.decode()
    assert CODE.replace("-", "").upper() not in body.upper()
    for values in LAB_07.components.values():
        assert not [value for value in values if value in body], "a part in readable form"


@pytest.mark.parametrize(
    ("member", "value", "claim"),
    [
        ("name", f"code {CODE}", "code"),
        ("name", CODE.replace("-", " "), "code"),
        ("name", CODE.replace("-", "\u2013"), "code"),  # as word processors write it
        ("name", CODE.replace("-", "\u00b7"), "code"),
        ("name", "anna@example.com", "address"),
        ("name", "10.0.0.17", "address"),
        ("name", "d0:bf:9c:11:22:33", "address"),
        ("os", "fe80::1", "address"),
        ("os", "https://example.com", "address"),
    ],
)
def test_what_a_text_contains_is_not_called_absent(
    shell: Shell, request_file: Path, member: str, value: str, claim: str
) -> None:
    machine = json.loads(open_envelope(request_file.read_bytes(), REQUEST).body)["machine"]
    request_file.write_bytes(rewritten(request_file, machine=machine | {member: value}))
    page = report(shell, request_file)
    assert sentence(f"absent.{claim}") not in page.text
    assert sentence("absent.files") in page.text


def test_without_a_computers_name_there_is_no_name_at_all(shell: Shell) -> None:
    shell("request", NUMBER, "--machine-name", "")
    (file,) = Path().glob("*.request")
    page = report(shell, file)
    assert sentence("absent.person") in page.text
    assert sentence("absent.person-in-name") not in page.text


def test_an_entry_that_nobody_knows_is_shown_and_nothing_is_called_absent(
    shell: Shell, request_file: Path
) -> None:
    hidden = {"note": "the plan of the plant", "more": {"deep": [1]}}
    request_file.write_bytes(rewritten(request_file, **hidden))
    page = report(shell, request_file)
    assert 'note: "the plan of the plant"' in page.codes
    assert "more.deep: [1]" in page.codes
    assert sentence("unknown-entries", n=2) in page.text
    assert sentence("absent-unknown") in page.text
    assert not [claim for claim in CLAIMS if sentence(f"absent.{claim}") in page.text]
    assert sentence("exact") not in page.text


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda members: members | {"log": "a text"}, id="beside the payload"),
        pytest.param(
            lambda members: (
                members | {"signatures": [one | {"x": "y"} for one in members["signatures"]]}
            ),
            id="in a signature",
        ),
    ],
)
def test_an_entry_of_the_envelope_that_nobody_knows_is_shown(
    shell: Shell, request_file: Path, change: Any
) -> None:
    request_file.write_text(json.dumps(change(json.loads(request_file.read_bytes()))))
    page = report(shell, request_file)
    assert sentence("unknown") in page.text
    assert sentence("absent-unknown") in page.text


def test_a_component_that_the_machine_rule_ignores_is_an_unknown_entry(
    shell: Shell, request_file: Path
) -> None:
    machine = json.loads(open_envelope(request_file.read_bytes(), REQUEST).body)["machine"]
    machine["components"]["user"] = ["anna"]  # ignored where the license is for everyone
    request_file.write_bytes(rewritten(request_file, machine=machine))
    page = report(shell, request_file)
    assert 'machine.components.user: ["anna"]' in page.codes
    assert sentence("unknown-entries", n=1) in page.text


def test_a_file_with_other_spaces_is_not_called_the_same(shell: Shell, request_file: Path) -> None:
    request_file.write_text(json.dumps(json.loads(request_file.read_bytes()), indent=1))
    page = report(shell, request_file)
    assert sentence("written-otherwise") in page.text
    assert sentence("exact") not in page.text
    assert sentence("absent.files") in page.text


def test_a_repaired_file_is_called_repaired(shell: Shell, request_file: Path) -> None:
    request_file.write_bytes(b"\xef\xbb\xbf" + request_file.read_bytes())
    page = report(shell, request_file)
    assert sha256(request_file.read_bytes()).hexdigest() in page.codes
    assert sentence("exact") not in page.text
    assert message("page.repaired", what="").split("(")[0].strip()[:10] in page.text


@pytest.mark.skipif(os.name == "nt", reason="the commands of Linux")
@pytest.mark.parametrize("kind", ["request", "response"])
def test_the_commands_do_what_the_page_says(shell: Shell, request_file: Path, kind: str) -> None:
    file = request_file
    if kind == "response":
        file = shell.carried(str(request_file), "015120020093-7f3a-1.response")
    page = report(shell, file)
    payload_type = REQUEST if kind == "request" else RESPONSE
    body = open_envelope(file.read_bytes(), payload_type).body.decode()
    Path("verify.py").write_bytes((vectors.FOLDER / "verify.py").read_bytes())
    Path("keys.json").write_bytes(shell.room.keys.to_json())

    def ran(start: str, end: str = "") -> str:
        (command,) = (c for c in page.codes if c.startswith(start) and c.endswith(end))
        return subprocess.run(
            command, shell=True, check=True, capture_output=True, text=True
        ).stdout

    assert ran("sha256sum").split() == [sha256(file.read_bytes()).hexdigest(), file.name]
    assert ran("sed", "-d") == body
    output = ran("python3")
    assert json.loads(body)["kind"] in output
    if kind == "request":
        assert output.strip() == body


def test_each_command_has_its_operating_system(shell: Shell, request_file: Path) -> None:
    page = report(shell, request_file)
    for start in ("Get-FileHash", "shasum -a 256", "sha256sum", "[Text.Encoding]::UTF8", "sed"):
        assert [code for code in page.codes if code.startswith(start)], start


@pytest.mark.parametrize("name", ["a b.request", "$(id).request", "-rf.request", "ü.request"])
def test_a_name_that_a_shell_might_run_is_in_no_command(
    shell: Shell, request_file: Path, name: str
) -> None:
    os.rename(request_file, name)
    page = report(shell, Path(f"./{name}"))
    assert name in page.codes
    assert [code for code in page.codes if name in code] == [name]
    assert "sha256sum FILE" in page.codes
    assert sentence("check-name") in page.text


@pytest.mark.parametrize("text", [*MARKUP, *FORGING.values()])
def test_no_text_of_a_file_is_more_than_text(shell: Shell, request_file: Path, text: str) -> None:
    plain = report(shell, request_file)
    request_file.write_bytes(rewritten(request_file, **{f"note {text}": text}))
    name = re.sub("[/\0]", "", text) + ".request"
    os.rename(request_file, name)
    page = report(shell, Path(f"./{name}"))
    assert page.tags == plain.tags
    assert not set(FORGING.values()) - {"\n"} & set(page.text)


def test_the_page_needs_nothing_and_runs_nothing(shell: Shell, request_file: Path) -> None:
    report(shell, request_file)
    text = Path("page.html").read_text("utf-8")
    page = page_text(text)
    assert not page.tags & {"script", "link", "img", "iframe", "form", "base", "object", "a"}
    assert not {name for name in page.attributes if name.endswith((".src", ".href", ".style"))}
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text
    assert (page.attributes["html.lang"], page.attributes["html.dir"]) == ("en", "ltr")


def test_json_names_the_report(shell: Shell, request_file: Path) -> None:
    printed = shell("inspect", str(request_file), "--report", "page.html", "--json")
    assert printed.json["report"] == str(Path("page.html").absolute())
    assert "report" not in shell("inspect", str(request_file), "--json").json


def test_a_file_that_is_there_is_replaced_only_on_yes(shell: Shell, request_file: Path) -> None:
    arguments = ("inspect", str(request_file), "--report", "page.html")
    Path("page.html").write_text("mine")
    assert shell(*arguments, stdin="n\n").exit == 0
    assert Path("page.html").read_text() == "mine"
    assert shell(*arguments, "--non-interactive").exit == 2
    assert shell(*arguments, "--json").exit == 2
    assert Path("page.html").read_text() == "mine"
    assert shell(*arguments, stdin="y\n").exit == 0
    assert Path("page.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_link_is_replaced_and_not_followed(shell: Shell, request_file: Path) -> None:
    Path("other.txt").write_text("theirs")
    Path("page.html").symlink_to("other.txt")
    report(shell, request_file)
    assert Path("other.txt").read_text() == "theirs"
    assert not Path("page.html").is_symlink()


@pytest.mark.parametrize(
    ("path", "detail"),
    [("page.txt", "terminal.usage.html"), ("gone/page.html", "terminal.usage.no-folder")],
)
def test_a_place_where_no_page_can_be_is_a_usage_error(
    shell: Shell, request_file: Path, path: str, detail: str
) -> None:
    printed = shell("inspect", str(request_file), "--report", path)
    assert printed.exit == 2
    assert message(detail, path="gone") in printed.err
    assert sorted(p.name for p in Path().glob("*.html")) == []


def test_no_report_is_written_about_a_file_that_is_not_ours(shell: Shell) -> None:
    Path("x.request").write_text("{}")
    assert shell("inspect", "x.request", "--report", "page.html").exit == 1
    assert not Path("page.html").exists()


def test_the_report_of_standard_input_has_no_name(shell: Shell, request_file: Path) -> None:
    data = request_file.read_bytes()
    assert parse_request(data).license_number == NUMBER != OTHER
    assert shell("inspect", "-", "--report", "page.html", stdin=data).exit == 0
    assert sentence("title", file=sentence("unnamed")) in Path("page.html").read_text("utf-8")
