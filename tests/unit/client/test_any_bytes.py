"""State files, sticks and archives of any content: read back, or told as what they are."""

import json
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyferry.clock import Clock
from keyferry.commands.kinds import kind_of
from keyferry.commands.reading import genuine, is_collection
from keyferry.license import License
from keyferry.roots import Roots, roots
from keyferry.state import (
    CLOCK,
    DEACTIVATE,
    DEVICE_KEY,
    INSTALLED,
    ORDER,
    PENDING,
    STATE,
    Folder,
    Standing,
    read_clock,
    read_order,
    write_clock,
    write_order,
)
from keyferry.stored import read_license, read_shared_damage
from keyferry.times import LAST
from keyferry.vendor import Vendor, read_vendor
from keyferry.words import phrase
from keyferry_protocol.encoding import readable
from keyferry_protocol.envelope import REQUEST, RESPONSE, seal
from keyferry_protocol.errors import BadKeySet, KeyferryError, StateDamaged
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.response import ResponseBody, verify_response
from tests.fuzz.strategies import (
    counts,
    hexes,
    json_values,
    numbers,
    request_bodies,
    response_bodies,
    texts,
)
from tests.unit.client.offline import KEYS, NUMBER
from tests.unit.client.terminal import Shell
from tests.unit.protocol.samples import CLASSIC, request_file, response_file
from tests.unit.protocol.samples import VENDOR as SAMPLE_VENDOR

few = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
contents = st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode())


@pytest.fixture(autouse=True)
def _not_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def where(tmp_path: Path) -> Roots:
    return roots(None, tmp_path)


# What we write


@few
@given(standing=st.builds(Standing, counts, st.booleans(), texts))
def test_a_standing_comes_back_without_a_path_that_is_no_text(
    where: Roots, standing: Standing
) -> None:
    folder = Folder(where.user, NUMBER)
    folder.write_standing(standing)
    path = standing.request_path
    is_text = path == path.encode("utf-8", "ignore").decode()
    assert folder.standing() == standing._replace(request_path=path if is_text else "")


@few
@given(clock=st.builds(Clock, st.integers(0, LAST), counts, st.dictionaries(hexes, counts)))
def test_a_clock_comes_back(where: Roots, clock: Clock) -> None:
    write_clock(where.user, clock)
    assert read_clock(where.user) == clock


@few
@given(order=st.lists(numbers))
def test_a_trying_order_comes_back(where: Roots, order: list[str]) -> None:
    write_order(where.user, order)
    assert read_order(where.user) == tuple(order)


@few
@given(seed=st.binary(min_size=32, max_size=32))
def test_a_device_key_comes_back(where: Roots, seed: bytes) -> None:
    folder = Folder(where.user, NUMBER)
    folder.write_device_key(Ed25519Signer(seed))
    found = folder.device_key()
    assert found is not None
    assert found.seed == seed


# What lies there instead


READS: dict[str, Callable[[Folder, bool], object]] = {
    DEVICE_KEY: lambda folder, repair: folder.device_key(repair),
    PENDING: lambda folder, repair: folder.request(PENDING, repair),
    DEACTIVATE: lambda folder, repair: folder.request(DEACTIVATE, repair),
    STATE: lambda folder, repair: folder.standing(repair),
    CLOCK: lambda folder, repair: read_clock(folder.root, repair),
}


@st.composite
def altered(draw: st.DrawFn, members: dict[str, Any]) -> bytes:
    """A file of ours with one member of any value, or without it."""
    name = draw(st.sampled_from(sorted(members)))
    changed = {**members, name: draw(json_values | st.integers(0, 2**53))}
    return json.dumps(changed).encode()


in_a_state = st.one_of(
    contents,
    altered({"state": 1, "max_serial": 5, "ended": False, "request_path": "/a"}),
    altered({"mark": 5, "lowered": 0, "at_request": {"a": 1}}),
    altered({"order": [NUMBER]}),
)


@pytest.mark.parametrize("name", READS)
@few
@given(data=in_a_state)
def test_a_state_file_of_any_content_is_read_or_damaged_and_can_be_repaired(
    where: Roots, name: str, data: bytes
) -> None:
    folder = Folder(where.user, NUMBER)
    path = Path(where.user.path if name == CLOCK else folder.path(""), name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    try:
        read = READS[name](folder, False)
    except StateDamaged:
        READS[name](folder, True)
    else:
        assert READS[name](folder, True) == read


@settings(few, max_examples=80)
@given(files=st.dictionaries(st.sampled_from([*READS, INSTALLED, ORDER]), in_a_state))
def test_the_doctor_reads_a_folder_of_any_content(files: dict[str, bytes]) -> None:
    with TemporaryDirectory() as state:
        where = roots(None, state)
        folder = Folder(where.user, NUMBER)
        os.makedirs(folder.path(""))
        for name, data in files.items():
            home = where.user.path if name in (CLOCK, ORDER) else folder.path("")
            Path(home, name).write_bytes(data)
        found = read_license(folder, where, KEYS)
        assert all(isinstance(error, KeyferryError) for error in found.damage)
        assert all(error.code == "state-damaged" for error in read_shared_damage(where))


# What is brought on a stick


GOOD = response_file()


def zipped(entries: dict[str, bytes], method: int) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return file.getvalue()


beside = st.dictionaries(
    st.from_regex("[a-z]{1,8}", fullmatch=True),
    contents | st.just(request_file()) | st.sampled_from([b"PK\3\4", b"%PDF-", b""]),
    max_size=4,
)
methods = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])


@few
@given(others=beside, method=methods, in_archive=st.booleans())
def test_a_response_is_found_whatever_lies_beside_it(
    others: dict[str, bytes], method: int, in_archive: bool
) -> None:
    with TemporaryDirectory() as stick:
        for name, data in others.items():
            Path(stick, name).write_bytes(data)
        wanted = zipped({**others, "RESPONSE": GOOD}, method) if in_archive else GOOD
        Path(stick, "WANTED").write_bytes(wanted)
        assert [found.data for found in genuine(stick, CLASSIC)] == [GOOD]


@settings(few, max_examples=80)
@given(data=st.data(), method=methods)
def test_a_damaged_archive_is_told_as_that_or_holds_the_response(
    tmp_path: Path, data: st.DataObject, method: int
) -> None:
    whole = zipped({"a": b"x" * 100, "RESPONSE": GOOD}, method)
    at, length = data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, 40))
    spoiled = whole[:at] + data.draw(st.binary(max_size=40)) + whole[at + length :]
    archive = tmp_path / "archive.zip"
    archive.write_bytes(spoiled)
    if not is_collection(str(archive)):
        return
    try:
        found = genuine(str(archive), CLASSIC)
    except KeyferryError:
        return
    assert {f.data for f in found} == {GOOD}


@given(st.binary(max_size=100) | st.sampled_from([b"%PDF", b"PK\3\4"]).map(lambda s: s + b"x" * 9))
def test_any_file_is_called_something(data: bytes) -> None:
    assert phrase(f"kind.{kind_of(data)}")


# What is told of it


@few
@given(file=request_bodies().map(lambda body: seal(REQUEST, body.to_bytes(), [SAMPLE_VENDOR])))
def test_any_request_can_be_looked_at_and_forges_no_line(shell: Shell, file: bytes) -> None:
    assert_told(shell, file)


@few
@given(file=response_bodies().map(lambda body: seal(RESPONSE, body.to_bytes(), [SAMPLE_VENDOR])))
def test_any_response_can_be_looked_at_and_forges_no_line(shell: Shell, file: bytes) -> None:
    assert_told(shell, file)


def assert_told(shell: Shell, file: bytes) -> None:
    said = shell("inspect", "-", stdin=file)
    assert (said.exit, said.err) == (0, "")
    assert all(readable(line) == line for line in said.out.split("\n"))
    assert shell("inspect", "-", "--json", stdin=file).exit == 0


@given(response_bodies(), st.integers(0, LAST), st.integers(0, LAST))
def test_any_license_answers_whenever_it_is_asked(body: ResponseBody, now: int, mark: int) -> None:
    response = verify_response(seal(RESPONSE, body.to_bytes(), [SAMPLE_VENDOR]), CLASSIC)
    license = License(response, mark, lambda: now)
    for feature in (None, "solver", *license.features):
        result = license.check(feature)
        assert result.ok == (result.code == "ok")
    assert (license.days_left is None) == (license.expires is None)


# What a vendor ships


a_vendor = {
    "id": "acme",
    "product": "Example Modeler",
    "page_url": "https://activate.example.com",
    "name": "Acme",
    "support": {"email": "help@example.com"},
    "protections": ["machine"],
}


@few
@given(data=contents | altered(a_vendor))
def test_a_vendors_file_of_any_content_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "vendor.json").write_bytes(data)
    with suppress(BadKeySet):
        assert isinstance(read_vendor(tmp_path / "keys.json"), Vendor)
