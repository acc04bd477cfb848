"""`keyferry inspect FOLDER|ZIP`: every file that goes through the door, on one page."""

import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keyferry_protocol.envelope import MAX_FILE, REQUEST, RESPONSE, open_envelope
from keyferry_protocol.messages import message
from keyferry_protocol.request import parse_request
from tests.client.test_inspect_report import PageText, page_text, rewritten, sentence
from tests.support.hostile_texts import FORGING, MARKUP
from tests.support.samples import NUMBER
from tests.support.terminal import Printed, Shell

STICK = Path("stick")


def listed(name: str, **facts: object) -> str:
    return message(f"inspect.listed.{name}", **facts)


@pytest.fixture
def request_file(shell: Shell) -> Path:
    """A request on a drive."""
    STICK.mkdir()
    shell("request", NUMBER, "--output", str(STICK))
    (file,) = STICK.iterdir()
    return file


@pytest.fixture
def response_file(shell: Shell, request_file: Path) -> Path:
    return shell.carried(str(request_file), "stick/015120020093-7f3a-1.response")


def inspect(shell: Shell, source: Path = STICK) -> Printed:
    return shell("inspect", str(source), "--report", "page.html", "--yes")


def report(shell: Shell, source: Path = STICK) -> PageText:
    printed = inspect(shell, source)
    assert (printed.exit, printed.err) == (0, "")
    return page_text(Path("page.html").read_text("utf-8"))


def a_zip(name: str, files: dict[str, bytes], **options: Any) -> Path:
    with zipfile.ZipFile(name, "w", **options) as archive:
        for entry, data in files.items():
            archive.writestr(entry, data)
    return Path(name)


@pytest.mark.parametrize("is_zip", [False, True])
def test_each_file_is_listed_with_its_hash_and_what_is_in_it(
    shell: Shell, request_file: Path, response_file: Path, is_zip: bool
) -> None:
    files = [request_file, response_file]
    source = a_zip("a.zip", {f.name: f.read_bytes() for f in files}) if is_zip else STICK
    page = report(shell, source)
    for file in (*files, *([source] if is_zip else [])):
        assert file.name in page.codes
        assert sha256(file.read_bytes()).hexdigest() in page.codes
        assert f"({sentence('bytes', n=file.stat().st_size)})" in page.text
    for file in files:
        for line in shell("inspect", str(file)).out.splitlines():
            assert line.strip().partition("  ")[2].strip() in page.text
    assert sentence("all-ours", n=2) in page.text
    assert sentence("title", file=source.name) in page.text
    request = parse_request(request_file.read_bytes())
    assert page.codes.count(f"request_sha256: {request.sha256}") == 2, (
        "beside the request and beside its response"
    )
    assert f"{request.file_stem}-N.response" in page.codes
    assert sentence("back.each", n=MAX_FILE[RESPONSE]) in page.text
    for claim in ("files", "person-in-name", "address", "serial-number", "program"):
        claimed = sentence(f"absent.{claim}") in page.text
        assert claimed is (claim != "person-in-name"), "the response may name a person"


def test_nothing_comes_back_for_responses(
    shell: Shell, request_file: Path, response_file: Path
) -> None:
    back = sentence("back.each", n=MAX_FILE[RESPONSE])
    assert back in report(shell).text
    request_file.unlink()
    assert back not in report(shell).text


def test_the_terminal_and_the_document_say_the_same(
    shell: Shell, request_file: Path, response_file: Path
) -> None:
    (STICK / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    lines = shell("inspect", str(STICK)).out.splitlines()
    assert lines.count(request_file.name) == lines.count(response_file.name) == 1
    assert f"  {listed('other')}" in lines
    assert lines[-1] == sentence("look-at", n=1, of=3, names="photo.jpg")
    document = shell("inspect", str(STICK), "--json").json
    assert (document["type"], len(document["files"])) == ("folder", 3)
    by_name = {file["name"]: file for file in document["files"]}
    request = by_name[request_file.name]
    alone = shell("inspect", str(request_file), "--json").json
    assert request["contents"] == {name: alone[name] for name in alone if name != "ok"}
    assert request["file_sha256"] == sha256(request_file.read_bytes()).hexdigest()
    assert request["needs_look"] is False
    assert by_name["photo.jpg"]["contents"] is None
    assert by_name["photo.jpg"]["needs_look"] is True


def test_what_is_no_request_or_response_is_listed_too(shell: Shell, request_file: Path) -> None:
    data = request_file.read_bytes()
    (STICK / "photo.jpg").write_bytes(b"\xff\xd8\xff" + bytes(3 * 2**20))
    (STICK / ".hidden").write_bytes(b"secret")
    (STICK / "cut.request").write_bytes(data[:-300])
    (STICK / "empty.request").touch()
    (STICK / "plans").mkdir()
    a_zip("stick/more.zip", {"a/b.request": data, "note.txt": b"hello"})
    names = [".hidden", "cut.request", "empty.request", "more.zip: note.txt", "photo.jpg", "plans"]
    if os.name == "posix":
        (STICK / "link.request").symlink_to(request_file.name)
        os.mkfifo(STICK / "pipe.request")
        names += ["link.request", "pipe.request"]
    page = report(shell)
    for name in ("photo.jpg", ".hidden", "cut.request", "empty.request", "more.zip"):
        assert name in page.codes
        assert sha256((STICK / name).read_bytes()).hexdigest() in page.codes
    for name, what in {
        "folder": "plans",
        "link": "link.request",
        "special": "pipe.request",
    }.items():
        assert (listed(name) in page.text) is (what in page.codes)
    assert "more.zip: a/b.request" in page.codes
    assert sha256(b"hello").hexdigest() in page.codes
    assert listed("damaged", why=message("terminal.kind.cut")) in page.text
    assert listed("damaged", why=message("terminal.kind.empty")) in page.text
    assert listed("zip") in page.text
    needs_look = re.search(r"need a closer look before they go through: (.*?)\.\n", page.text)
    assert needs_look is not None
    assert {*needs_look[1].split(", ")} == {*names}
    assert sentence("absent-look") in page.text
    assert sentence("all-ours", n=2) not in page.text


@pytest.mark.parametrize("change", ["unknown", "spaces", "repaired"])
def test_a_file_with_more_in_it_needs_a_look(shell: Shell, request_file: Path, change: str) -> None:
    whole = request_file.read_bytes()
    changed = {
        "unknown": rewritten(request_file, note="the plan of the plant"),
        "spaces": json.dumps(json.loads(whole), indent=1).encode(),
        "repaired": b"\xef\xbb\xbf" + whole,
    }
    (STICK / "changed.request").write_bytes(changed[change])
    page = report(shell)
    assert sentence("look-at", n=1, of=2, names="changed.request") in page.text
    if change == "unknown":
        assert 'note: "the plan of the plant"' in page.codes
        assert sentence("unknown-entries", n=1) in page.text
    else:
        assert sentence("written-otherwise") in page.text


def test_what_only_some_files_lack_is_not_called_absent(shell: Shell, request_file: Path) -> None:
    assert sentence("absent.person-in-name") in report(shell).text
    machine = json.loads(open_envelope(request_file.read_bytes(), REQUEST).body)["machine"]
    other = rewritten(request_file, machine=machine | {"name": "anna@example.com"})
    (STICK / "b.request").write_bytes(other)
    page = report(shell)
    assert sentence("all-ours", n=2) in page.text
    assert sentence("absent.address") not in page.text
    assert sentence("absent.files") in page.text


ARCHIVES = {
    "encrypted": ("unreadable", {}),
    "bzip2": ("unreadable", {"compression": zipfile.ZIP_BZIP2}),
    "much": ("too-big", {"compression": zipfile.ZIP_DEFLATED}),
    "wrong sum": ("unreadable", {}),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_entry_that_cannot_be_read_is_named(
    shell: Shell, request_file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    obstacle, options = ARCHIVES[name]
    monkeypatch.setattr("keyferry.files.list_files.MAX_UNPACKED", 20_000)
    content = bytes(20_001) if name == "much" else b"what nobody reads"
    data = request_file.read_bytes()
    archive = a_zip("a.zip", {"hidden.bin": content, "a.request": data}, **options)
    raw = archive.read_bytes()
    if name == "encrypted":  # bit 0 of the flags, in the entry and in the directory
        place = raw.index(b"PK\x01\x02")
        raw = raw[:6] + b"\1" + raw[7 : place + 8] + b"\1" + raw[place + 9 :]
    if name == "wrong sum":
        raw = raw.replace(b"what nobody", b"what no-one", 1)
    archive.write_bytes(raw)
    page = report(shell, archive)
    assert listed(obstacle) in page.text
    assert "hidden.bin" in page.codes
    if name != "bzip2":
        assert sha256(data).hexdigest() in page.codes
        assert sentence("look-at", n=1, of=2, names="hidden.bin") in page.text


class Pipe(io.RawIOBase):
    """An archive that is written here has the sizes of its files after them."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += bytes(data)
        return len(data)


def zipped(file: Path, **options: Any) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", **options) as archive:
        archive.write(file, file.name)
    return content.getvalue()


def streamed(file: Path) -> bytes:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(file, file.name)
        archive.write(file, "2.request")
    return pipe.data


def commented(file: Path, comment: bytes, of_entry: bytes = b"") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        entry = zipfile.ZipInfo(file.name)
        entry.comment = of_entry
        archive.writestr(entry, file.read_bytes())
        archive.comment = comment
    return content.getvalue()


def with_extra(file: Path, extra: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        entry = zipfile.ZipInfo(file.name)
        entry.extra = extra
        archive.writestr(entry, file.read_bytes())
    return content.getvalue()


def with_gap(file: Path) -> bytes:
    """The bytes of an entry that the directory no longer lists."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.write(file, file.name)
        archive.writestr("plan.pdf", b"the plan of the plant" * 10)
        archive.write(file, "2.request")
        archive.filelist.pop(1)
    return content.getvalue()


UT = b"UT\x09\x00\x03" + bytes(8)  # times, as most programs write them


@pytest.mark.parametrize(
    ("make", "is_whole"),
    [
        pytest.param(zipped, True, id="as it should be"),
        pytest.param(streamed, True, id="written to a pipe"),
        pytest.param(lambda file: with_extra(file, UT), True, id="with times"),
        pytest.param(lambda file: b"MZ a program" + zipped(file), False, id="unpacks itself"),
        pytest.param(lambda file: zipped(file) + b"after the end", False, id="longer"),
        pytest.param(lambda file: commented(file, b"the plan"), False, id="a comment"),
        pytest.param(lambda file: commented(file, bytes(76)), False, id="as long as ZIP64's end"),
        pytest.param(lambda file: commented(file, b"", b"plan"), False, id="a comment of an entry"),
        pytest.param(
            lambda file: with_extra(file, b"XX\xc8\x00" + bytes(200)), False, id="an extra field"
        ),
        pytest.param(with_gap, False, id="an entry that is not listed"),
    ],
)
def test_a_zip_that_is_more_than_its_files_needs_a_look(
    shell: Shell, request_file: Path, make: Callable[[Path], bytes], is_whole: bool
) -> None:
    Path("a.zip").write_bytes(make(request_file))
    page = report(shell, Path("a.zip"))
    assert (listed("zip") in page.text) is is_whole
    assert (listed("more") in page.text) is not is_whole
    assert ("need a closer look" in page.text or "needs a closer look" in page.text) is not is_whole


def test_the_archive_that_requests_are_saved_to_is_whole(shell: Shell, request_file: Path) -> None:
    shell("request", NUMBER, "--output", "requests.zip")
    assert sentence("all-ours", n=1) in report(shell, Path("requests.zip")).text


def test_the_page_needs_nothing_and_runs_nothing(shell: Shell, request_file: Path) -> None:
    (STICK / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    page = report(shell)
    assert not page.tags & {"script", "link", "img", "iframe", "form", "base", "object", "a"}
    assert not {name for name in page.attributes if name.endswith((".src", ".href", ".style"))}
    assert "default-src 'none'" in Path("page.html").read_text("utf-8")


def test_an_archive_that_ends_in_the_middle_is_named(shell: Shell, request_file: Path) -> None:
    archive = a_zip("stick/a.zip", {"a.request": request_file.read_bytes()})
    raw = archive.read_bytes()
    archive.write_bytes(raw[:-22].replace(b"PK\x01\x02", b"PK\x01\x09") + raw[-22:])
    assert listed("unreadable") in report(shell).text


def test_too_many_files_and_none_are_usage_errors(
    shell: Shell, request_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyferry.cli.inspect.MAX_LISTED", 3)
    for number in range(2):
        shutil.copy(request_file, STICK / f"{number}.request")
    assert inspect(shell).exit == 0
    shutil.copy(request_file, STICK / "3.request")
    printed = inspect(shell)
    assert printed.exit == 2
    assert message("terminal.usage.too-many-files", path="stick", n=3) in printed.err
    Path("empty").mkdir()
    for source in (Path("empty"), a_zip("empty.zip", {})):
        printed = inspect(shell, source)
        assert printed.exit == 2
        assert message("terminal.usage.no-files", path=source) in printed.err


@pytest.mark.parametrize(
    "report", ["stick/page.html", "stick/../stick/page.html", "link/page.html"]
)
def test_the_report_is_not_saved_among_what_it_lists(
    shell: Shell, request_file: Path, report: str
) -> None:
    Path("link").symlink_to(STICK)
    printed = shell("inspect", "stick", "--report", report, "--yes")
    assert printed.exit == 2
    assert message("terminal.usage.output-is-input", path=report) in printed.err
    assert [*STICK.iterdir()] == [request_file]


@pytest.mark.skipif(os.name == "nt", reason="the commands of Linux")
def test_the_commands_do_what_the_page_says(shell: Shell, request_file: Path) -> None:
    (STICK / ".hidden file").write_bytes(b"secret")
    page = report(shell)
    (command,) = (c for c in page.codes if c.startswith("find") and "sha256sum" in c)
    ran = subprocess.run(command, shell=True, cwd=STICK, capture_output=True, text=True, check=True)
    hashes = {line.split(maxsplit=1)[0] for line in ran.stdout.splitlines()}
    assert hashes == {sha256(file.read_bytes()).hexdigest() for file in STICK.iterdir()}
    assert hashes <= {*page.codes}
    (command,) = (c for c in page.codes if c.startswith("sed") and c.endswith("-d"))
    command = command.replace("FILE", str(request_file))
    ran = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert ran.stdout.encode() == open_envelope(request_file.read_bytes(), REQUEST).body


def test_the_commands_for_each_system(shell: Shell, request_file: Path) -> None:
    archive = a_zip("room.zip", {"a.request": request_file.read_bytes()})
    codes = report(shell, archive).codes
    for command in (
        "Get-FileHash room.zip",
        "shasum -a 256 room.zip",
        "sha256sum room.zip",
        "Get-ChildItem -File -Force | Get-FileHash | Format-List Hash, Path",
        "find . -maxdepth 1 -type f -exec shasum -a 256 {} +",
    ):
        assert command in codes


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("text", [*MARKUP, *FORGING.values()])
def test_no_name_or_text_of_a_file_is_more_than_text(
    shell: Shell, request_file: Path, text: str
) -> None:
    (STICK / "plain.request").write_bytes(rewritten(request_file, note="x"))
    plain = report(shell)
    os.unlink(STICK / "plain.request")
    name = re.sub("[/\0]", "", text)
    (STICK / f"{name}.request").write_bytes(rewritten(request_file, **{f"note {text}": text}))
    page = report(shell)
    assert page.tags == plain.tags
    assert not set(FORGING.values()) - {"\n"} & set(page.text)
