"""Small files that grow: archives, JSON, and the text form of a link.

Tested elsewhere: the service's answer to hostile JSON
(tests/service/functions/test_hostile_json.py), patterns of the page that could take minutes
(tests/browser/page/test_slow_files.py), and that the page stops a link's stream at the size of a
request (tests/browser/page/test_qr_link.py,
`test_a_small_link_that_inflates_to_megabytes_is_refused`).
"""

import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keyferry_protocol.envelope import REQUEST, open_envelope
from keyferry_protocol.errors import BadJson, KeyferryError
from keyferry_protocol.keys import KeySet
from keyferry_protocol.request import parse_request
from keyferry_protocol.response import verify_response
from keyferry_protocol.strict_json import parse_json
from keyferry_protocol.text_form import DICTIONARY_NUMBER, FORM, from_text_form
from tests.support.samples import NUMBER
from tests.support.terminal import Shell
from tests.support.world import KEYS

pytestmark = pytest.mark.attack

MEGABYTE = 1_000_000
GROWN = 60 * MEGABYTE
PACKINGS = [
    pytest.param(zipfile.ZIP_DEFLATED, id="deflate"),
    pytest.param(zipfile.ZIP_BZIP2, id="bzip2"),
    pytest.param(zipfile.ZIP_LZMA, id="lzma"),
]


@contextmanager
def at_most(limit: int) -> Iterator[None]:
    """Fail if the block allocates more than this many bytes at once."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak:,} bytes"


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Ends within so much of the processor's time: a bomb would take minutes."""
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds


def a_bomb(path: str, packing: int, says: int | None) -> None:
    """An archive of 60 MB of zeros; `says` is the size that it claims."""
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("a.response", bytes(GROWN))
    if says is not None:
        size = GROWN.to_bytes(4, "little")
        data = Path(path).read_bytes()
        assert data.count(size) == 2
        Path(path).write_bytes(data.replace(size, says.to_bytes(4, "little")))


# Archives


@pytest.mark.parametrize("says", [None, 900], ids=["honest", "says that it is small"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_an_archive_that_grows_to_60_megabytes_is_never_unpacked(
    shell: Shell, packing: int, says: int | None
) -> None:
    shell("request", NUMBER)
    Path("stick").mkdir()
    a_bomb("stick/bomb.zip", packing, says)
    with at_most(5 * MEGABYTE):
        assert shell("install", "stick/bomb.zip").exit == 1
    (request,) = Path().glob("*.request")
    shell.carried(str(request), "stick/response")
    with at_most(5 * MEGABYTE):
        assert shell("install", "stick").exit == 0


def test_an_archive_in_an_archive_is_not_opened(shell: Shell) -> None:
    shell("request", NUMBER)
    (request,) = Path().glob("*.request")
    shell.carried(str(request))
    with zipfile.ZipFile("inner.zip", "w") as archive:
        archive.write("answer.response")
    with zipfile.ZipFile("outer.zip", "w") as archive:
        archive.write("inner.zip")
    assert shell("install", "outer.zip").exit == 1
    assert shell("install", "inner.zip").exit == 0


@pytest.mark.parametrize(
    "name",
    ["../../up.response", "/tmp/keyferry-abs.response", "..\\..\\up.response", "C:\\x.response"],
)
def test_no_name_in_an_archive_leads_anywhere(shell: Shell, tmp_path: Path, name: str) -> None:
    """Entries are read into memory. What is stored has a name of its own."""
    shell("request", NUMBER)
    (request,) = Path().glob("*.request")
    with zipfile.ZipFile("slip.zip", "w") as archive:
        archive.writestr(name, shell.carried(str(request)).read_bytes())
    before = {path for path in tmp_path.rglob("*") if shell.room.state not in path.parents}
    assert shell("install", "slip.zip").exit == 0
    assert shell("check").exit == 0
    after = {path for path in tmp_path.rglob("*") if shell.room.state not in path.parents}
    assert after == before
    assert {path.name for path in shell.room.state.rglob("*") if path.suffix == ".response"} == {
        "installed.response"
    }
    assert not Path("/tmp/keyferry-abs.response").exists()


def test_no_more_than_ten_thousand_names_of_an_archive_are_read(shell: Shell) -> None:
    shell("request", NUMBER)
    with zipfile.ZipFile("many.zip", "w") as archive:
        for number in range(10_000):
            archive.writestr(f"{number}", b"")
        (request,) = Path().glob("*.request")
        archive.write(shell.carried(str(request)), "10000.response")
    with within(20):
        assert shell("install", "many.zip").exit == 1


@pytest.mark.parametrize(
    ("packing", "says", "message"),
    [
        pytest.param(zipfile.ZIP_BZIP2, 900, "too full", id="bzip2 that says it is small"),
        pytest.param(zipfile.ZIP_LZMA, 900, "too full", id="lzma that says it is small"),
        pytest.param(zipfile.ZIP_DEFLATED, 900, "damaged", id="deflate that says it is small"),
        pytest.param(zipfile.ZIP_DEFLATED, 4_000_000_000, "too full", id="4 GB"),
    ],
)
def test_a_request_is_added_to_no_archive_that_grows(
    shell: Shell, packing: int, says: int, message: str
) -> None:
    a_bomb("all.zip", packing, says)
    before = Path("all.zip").read_bytes()
    with at_most(5 * MEGABYTE):
        printed = shell("request", NUMBER, "--output", "all.zip")
    assert printed.exit == 1
    assert message in printed.err
    assert Path("all.zip").read_bytes() == before


# JSON

DEEP = b"[" * MEGABYTE
HOSTILE_JSON = [
    pytest.param(DEEP, id="a million arrays in each other"),
    pytest.param(b'{"a":' * 200_000, id="200,000 objects in each other"),
    pytest.param(b'["' + b"\\" * MEGABYTE, id="a million backslashes"),
    pytest.param(b'["' + b'\\"' * MEGABYTE, id="a million quotes in a text without end"),
    pytest.param(b"9" * MEGABYTE, id="a number of a million digits"),
    pytest.param(b"-" * MEGABYTE, id="a million signs"),
    pytest.param(b"1e" + b"9" * MEGABYTE, id="an exponent of a million digits"),
    pytest.param(b" " * MEGABYTE, id="a million spaces"),
    pytest.param(b"{" + b'"a":0,' * 200_000 + b'"b":0}', id="a name 200,000 times"),
    pytest.param(b'["' + b"\\ud800" * 200_000 + b'"]', id="200,000 halves of characters"),
    pytest.param(b"\xff" * MEGABYTE, id="a million bytes that are no text"),
    pytest.param(b"[" * 9 + b"[[]]," * 200_000, id="200,000 arrays and no end"),
    pytest.param(b"[" + b"[]," * 20 + b'"' + b"a" * MEGABYTE, id="arrays, then a text without end"),
    pytest.param(b"[" + b"[]," * 20 + b'"' + b"\\" * MEGABYTE, id="arrays, then backslashes"),
]


@pytest.mark.parametrize("data", HOSTILE_JSON)
def test_hostile_json_of_any_length_is_refused_at_once(data: bytes) -> None:
    with within(5), pytest.raises(BadJson):
        parse_json(data)


@pytest.mark.parametrize("data", HOSTILE_JSON)
@pytest.mark.parametrize(
    "read",
    [parse_request, lambda data: verify_response(data, KEYS), KeySet.from_json],
    ids=["request", "response", "key set"],
)
def test_every_reader_of_files_has_a_typed_error_for_hostile_json(
    read: Callable[[bytes], object], data: bytes
) -> None:
    with within(5), pytest.raises(KeyferryError):
        read(data)


# The text form of a link


@pytest.mark.parametrize("size", [5_000, MEGABYTE, 7 * MEGABYTE])
def test_a_link_of_a_few_kilobytes_grows_to_no_more_than_a_request(size: int) -> None:
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = bytes((FORM, DICTIONARY_NUMBER, 0)) + packer.compress(bytes(size)) + packer.flush()
    assert len(bomb) < 8192
    with at_most(200_000), pytest.raises(KeyferryError, match="more than 4096 bytes"):
        from_text_form(bomb)


def test_a_file_that_is_too_long_is_not_even_parsed() -> None:
    data = b"[" * (4 * MEGABYTE)
    with at_most(100_000), pytest.raises(KeyferryError, match="more than"):
        open_envelope(data, REQUEST)
