"""State files, USB drives and archives of any content: read back, or reported for what they are."""

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

from keyferry.doctor.inspection import read_license, read_shared_damage
from keyferry.files.kinds import kind_of
from keyferry.files.read_responses import genuine_responses, is_collection
from keyferry.license import License
from keyferry.store.clock import MAX_TIME, Clock
from keyferry.store.clock_file import CLOCK, read_clock, write_clock
from keyferry.store.folder import (
    DEACTIVATE,
    DEVICE_KEY,
    INSTALLED,
    LOAD_KEY,
    PENDING,
    STATE,
    Folder,
    LicenseState,
)
from keyferry.store.order import ORDER, read_order, write_order
from keyferry.store.state_dirs import StateDirs, find_state_dirs
from keyferry.vendor import Vendor, read_vendor
from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.envelope import REQUEST, RESPONSE, seal
from keyferry_protocol.errors import BadKeySet, KeyferryError, StateDamaged
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.messages import message
from keyferry_protocol.response import ResponseBody, verify_response
from tests.support.offline import KEYS
from tests.support.samples import NUMBER
from tests.support.strategies import (
    counts,
    free_texts,
    hexes,
    json_values,
    numbers,
    request_bodies,
    response_bodies,
    texts,
)
from tests.support.terminal import Shell
from tests.support.valid_files import CLASSIC, request_file, response_file
from tests.support.valid_files import VENDOR as SAMPLE_VENDOR

few = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
contents = st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode())


@pytest.fixture(autouse=True)
def _not_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def state_dirs(tmp_path: Path) -> StateDirs:
    return find_state_dirs(None, tmp_path)


# What we write


@few
@given(state=st.builds(LicenseState, counts, st.booleans(), texts, texts, st.none() | free_texts))
def test_a_state_is_read_back_without_a_path_that_is_not_text(
    state_dirs: StateDirs, state: LicenseState
) -> None:
    folder = Folder(state_dirs.user, NUMBER)
    folder.write_state(state)
    paths = (state.request_path, state.void_path)
    shown = [p if p == p.encode("utf-8", "ignore").decode() else "" for p in paths]
    assert folder.state() == state._replace(request_path=shown[0], void_path=shown[1])


@few
@given(clock=st.builds(Clock, st.integers(0, MAX_TIME), counts, st.dictionaries(hexes, counts)))
def test_a_clock_is_read_back(state_dirs: StateDirs, clock: Clock) -> None:
    write_clock(state_dirs.user, clock)
    assert read_clock(state_dirs.user) == clock


@few
@given(order=st.lists(numbers))
def test_a_trying_order_is_read_back(state_dirs: StateDirs, order: list[str]) -> None:
    write_order(state_dirs.user, order)
    assert read_order(state_dirs.user) == tuple(order)


@few
@given(seed=st.binary(min_size=32, max_size=32))
def test_a_device_key_is_read_back(state_dirs: StateDirs, seed: bytes) -> None:
    folder = Folder(state_dirs.user, NUMBER)
    folder.write_key(DEVICE_KEY, Ed25519Signer(seed))
    key = folder.device_key()
    assert key is not None
    assert key.seed == seed


# What may be there instead


READS: dict[str, Callable[[Folder, bool], object]] = {
    DEVICE_KEY: lambda folder, ignore: folder.device_key(ignore),
    LOAD_KEY: lambda folder, ignore: folder.load_key(ignore),
    PENDING: lambda folder, ignore: folder.request(PENDING, ignore),
    DEACTIVATE: lambda folder, ignore: folder.request(DEACTIVATE, ignore),
    STATE: lambda folder, ignore: folder.state(ignore),
    CLOCK: lambda folder, ignore: read_clock(folder.root, ignore),
}


@st.composite
def altered(draw: st.DrawFn, members: dict[str, Any]) -> bytes:
    """A state file with one member of any value, or without that member."""
    name = draw(st.sampled_from(sorted(members)))
    changed = {**members, name: draw(json_values | st.integers(0, 2**53))}
    return json.dumps(changed).encode()


in_a_state = st.one_of(
    contents,
    altered({"state": 1, "max_serial": 5, "ended": False, "request_path": "/a", "void_path": "/b"}),
    altered({"mark": 5, "lowered": 0, "at_request": {"a": 1}}),
    altered({"order": [NUMBER]}),
)


@pytest.mark.parametrize("name", READS)
@few
@given(data=in_a_state)
def test_a_state_file_of_any_content_is_read_or_damaged_and_can_be_repaired(
    state_dirs: StateDirs, name: str, data: bytes
) -> None:
    folder = Folder(state_dirs.user, NUMBER)
    path = Path(state_dirs.user.path if name == CLOCK else folder.path(""), name)
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
        state_dirs = find_state_dirs(None, state)
        folder = Folder(state_dirs.user, NUMBER)
        os.makedirs(folder.path(""))
        for name, data in files.items():
            home = state_dirs.user.path if name in (CLOCK, ORDER) else folder.path("")
            Path(home, name).write_bytes(data)
        license = read_license(folder, state_dirs, KEYS)
        assert all(isinstance(error, KeyferryError) for error in license.damage)
        assert all(error.code == "state-damaged" for error in read_shared_damage(state_dirs))


# What a USB drive may hold


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
def test_a_response_is_found_among_any_other_files(
    others: dict[str, bytes], method: int, in_archive: bool
) -> None:
    with TemporaryDirectory() as drive:
        for name, data in others.items():
            Path(drive, name).write_bytes(data)
        file = zipped({**others, "RESPONSE": GOOD}, method) if in_archive else GOOD
        Path(drive, "WANTED").write_bytes(file)
        assert [each.data for each in genuine_responses(drive, CLASSIC)] == [GOOD]


@settings(few, max_examples=80)
@given(data=st.data(), method=methods)
def test_a_damaged_archive_is_reported_or_yields_the_response(
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
        responses = genuine_responses(str(archive), CLASSIC)
    except KeyferryError:
        return
    assert {f.data for f in responses} == {GOOD}


@given(st.binary(max_size=100) | st.sampled_from([b"%PDF", b"PK\3\4"]).map(lambda s: s + b"x" * 9))
def test_every_wrong_file_has_a_name(data: bytes) -> None:
    assert message(f"terminal.kind.{kind_of(data)}")


# How it is shown


@few
@given(file=request_bodies().map(lambda body: seal(REQUEST, body.to_bytes(), [SAMPLE_VENDOR])))
def test_any_request_can_be_inspected_and_forges_no_line(shell: Shell, file: bytes) -> None:
    assert_reported(shell, file)


@few
@given(file=response_bodies().map(lambda body: seal(RESPONSE, body.to_bytes(), [SAMPLE_VENDOR])))
def test_any_response_can_be_inspected_and_forges_no_line(shell: Shell, file: bytes) -> None:
    assert_reported(shell, file)


def assert_reported(shell: Shell, file: bytes) -> None:
    result = shell("inspect", "-", stdin=file)
    assert (result.exit, result.err) == (0, "")
    assert all(escape_controls(line) == line for line in result.out.split("\n"))
    assert shell("inspect", "-", "--json", stdin=file).exit == 0


@given(response_bodies(), st.integers(0, MAX_TIME), st.integers(0, MAX_TIME))
def test_any_license_can_be_checked_at_any_time(body: ResponseBody, now: int, mark: int) -> None:
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
