"""Who may write the state on Windows: what descriptors mean, and the calls that make them.

There is no Windows here. Its libraries are replaced by one that records every call and answers as
Microsoft documents.
"""

# ruff: noqa: N802 the names of the calls are those of Windows
import ctypes
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keyferry.store import directory, windows_access
from keyferry.store.directory import make_directory, open_directory
from keyferry.store.files import read, write
from keyferry.store.state_dirs import StateDir
from keyferry.store.windows_access import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    SHARED_FOLDER,
    SITE_FOLDER,
    is_administrators,
    others_write,
)
from keyferry_protocol.errors import StateNotReadable, StateNotWritable
from tests.support.samples import NUMBER

ANNA = "S-1-5-21-3623811015-3361044348-30300820-1001"
BOB = "S-1-5-21-3623811015-3361044348-30300820-1002"
# As Windows 11 has it, and as a folder inherits it that a user makes there.
PROGRAM_DATA = (
    "O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICIIO;GA;;;CO)(A;OICI;0x1200a9;;;BU)"
    "(A;CI;DCLCRPCR;;;BU)"
)
MADE_BY_ANNA = (
    f"O:{ANNA}G:{ANNA}D:AI(A;ID;FA;;;{ANNA})(A;OICIIOID;GA;;;CO)(A;OICIID;FA;;;SY)"
    "(A;OICIID;FA;;;BA)(A;OICIID;0x1200a9;;;BU)(A;CIID;DCLCRPCR;;;BU)"
)
ANNAS_PROFILE = f"O:{ANNA}G:{ANNA}D:(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;FA;;;{ANNA})"
ON_DRIVE_C = "O:BAG:SYD:AI(A;OICIID;FA;;;BA)(A;OICIID;FA;;;SY)(A;ID;0x1301bf;;;AU)"


@pytest.mark.parametrize(
    ("descriptor", "expected"),
    [
        pytest.param(SITE_FOLDER, False, id="the site's, as made"),
        pytest.param(f"O:{ANNA}{SHARED_FOLDER}", False, id="shared, as made"),
        pytest.param(f"O:{ANNA}{PRIVATE_FOLDER}", False, id="a user's, as made"),
        pytest.param(f"O:BA{PRIVATE_FILE}", False, id="a private file, as made"),
        pytest.param(ANNAS_PROFILE, False, id="a profile"),
        pytest.param(PROGRAM_DATA, True, id="ProgramData itself"),
        pytest.param(MADE_BY_ANNA, True, id="made in ProgramData"),
        pytest.param(ON_DRIVE_C, True, id="made on drive C by hand"),
        pytest.param(f"{ANNAS_PROFILE}(A;;FR;;;{BOB})", False, id="another reads"),
        pytest.param(f"{ANNAS_PROFILE}(A;;FA;;;{BOB})", True, id="another writes"),
        pytest.param(f"{ANNAS_PROFILE}(A;OICIIO;GW;;;WD)", True, id="all write in what is made"),
        pytest.param(f"{ANNAS_PROFILE}(XA;;WD;;;WD;(x))", True, id="all change the list"),
        pytest.param(f"{ANNAS_PROFILE}(D;;FA;;;{BOB})", False, id="another is denied"),
        pytest.param(f"O:{ANNA}G:{ANNA}", True, id="no list"),
        pytest.param(f"O:{ANNA}D:NO_ACCESS_CONTROL", True, id="a null list"),
        pytest.param(f"O:{ANNA}D:(A;;ZZ;;;WD)", True, id="a right of an unknown name"),
    ],
)
def test_a_descriptor_says_whether_others_than_owner_and_administrators_may_write(
    descriptor: str, expected: bool
) -> None:
    assert others_write(descriptor) is expected


@pytest.mark.parametrize(
    ("owner", "expected"), [("SY", True), ("BA", True), ("S-1-5-18", True), (ANNA, False)]
)
def test_the_system_and_the_administrators_own_the_sites_directory(
    owner: str, expected: bool
) -> None:
    assert is_administrators(f"O:{owner}G:{ANNA}{SHARED_FOLDER}") is expected


class Windows:
    """advapi32, kernel32 and msvcrt, over a folder of this computer, and the calls they got."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []
        self.descriptors: dict[str, str] = {}
        self.is_administrator = True
        self.freed = 0
        self._code = 0
        self._texts: list[str] = []

    def __call__(self, name: str, use_last_error: bool) -> "Windows":
        assert (name in ("advapi32", "kernel32"), use_last_error) == (True, True)
        return self

    def get_last_error(self) -> int:
        return self._code

    def LocalFree(self, pointer: object) -> None:
        self.freed += 1

    def ConvertStringSecurityDescriptorToSecurityDescriptorW(
        self, text: str, revision: int, pointer: Any, size: None
    ) -> int:
        self._texts.append(text)
        pointer._obj.value = len(self._texts)
        return 1

    def GetNamedSecurityInfoW(self, path: str, kind: int, parts: int, *ignored: Any) -> int:
        assert (kind, parts) == (1, 5)
        self._texts.append(self.descriptors.get(path, ANNAS_PROFILE))
        ignored[-1]._obj.value = len(self._texts)
        return 0 if os.path.exists(path) else 2

    def ConvertSecurityDescriptorToStringSecurityDescriptorW(
        self, pointer: Any, revision: int, parts: int, text: Any, size: None
    ) -> int:
        text._obj.value = self._texts[pointer.value - 1]
        return 1

    def CreateDirectoryW(self, path: str, attributes: Any) -> int:
        descriptor = self._texts[attributes._obj.descriptor - 1]
        self.calls.append(("CreateDirectoryW", os.path.basename(path), descriptor))
        if descriptor.startswith("O:BA") and not self.is_administrator:
            self._code = 1307  # ERROR_INVALID_OWNER
            return 0
        if os.path.exists(path):
            self._code = 183  # ERROR_ALREADY_EXISTS
            return 0
        os.mkdir(path)
        self.descriptors[path] = descriptor
        return 1

    def CreateFileW(self, path: str, access: int, share: int, attributes: Any, *how: Any) -> int:
        disposition, *_ = how
        descriptor = self._texts[attributes._obj.descriptor - 1]
        self.calls.append(("CreateFileW", os.path.basename(path), descriptor))
        if disposition == 1 and os.path.lexists(path):
            self._code = 80  # ERROR_FILE_EXISTS
            return -1
        self.descriptors[path] = descriptor
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def open_osfhandle(self, handle: int, flags: int) -> int:
        return handle


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Windows:
    fake = Windows()
    create = fake.CreateFileW

    def create_file(*arguments: Any) -> int:
        handle = create(*arguments)
        return windows_access._INVALID_HANDLE or 0 if handle == -1 else handle

    monkeypatch.setattr(fake, "CreateFileW", create_file, raising=False)
    monkeypatch.setattr(ctypes, "WinDLL", fake, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", fake.get_last_error, raising=False)
    monkeypatch.setattr(ctypes, "FormatError", lambda code: f"Error {code}.", raising=False)
    monkeypatch.setattr(
        windows_access,
        "import_module",
        lambda name: SimpleNamespace(open_osfhandle=fake.open_osfhandle),
    )
    monkeypatch.setattr(directory, "_IS_POSIX", False)
    monkeypatch.setattr(directory, "windows_access", windows_access, raising=False)
    return fake


@pytest.fixture
def site(windows: Windows, tmp_path: Path) -> StateDir:
    windows.descriptors[str(tmp_path)] = PROGRAM_DATA
    return StateDir(str(tmp_path / "Keyferry" / "acme"), shared=True)


def test_the_sites_directories_are_made_for_the_administrators_in_one_step(
    windows: Windows, site: StateDir
) -> None:
    write(site, f"{NUMBER}/state.json", b"{}")
    assert windows.calls == [
        ("CreateDirectoryW", "Keyferry", SITE_FOLDER),
        ("CreateDirectoryW", "acme", SITE_FOLDER),
        ("CreateDirectoryW", NUMBER, SITE_FOLDER),
    ]
    assert read(site, f"{NUMBER}/state.json") == b"{}"
    assert windows.freed >= 2 * len(windows.calls), "no descriptor is leaked"


def test_a_plain_user_makes_no_directory_of_the_site(windows: Windows, site: StateDir) -> None:
    windows.is_administrator = False
    with pytest.raises(StateNotWritable):
        write(site, "clock.json", b"{}")
    assert not Path(site.top).parent.exists()


@pytest.mark.parametrize("name", ["Keyferry", "Keyferry/acme"])
def test_what_a_plain_user_made_before_the_administrator_is_refused(
    windows: Windows, site: StateDir, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir(parents=True)
    windows.descriptors[str(tmp_path / "Keyferry")] = f"O:BAG:SY{SHARED_FOLDER}"
    windows.descriptors[str(tmp_path / name)] = f"O:{ANNA}G:{ANNA}{SHARED_FOLDER}"
    with pytest.raises(StateNotReadable, match="belongs to another user"):
        make_directory(site)
    windows.descriptors[str(tmp_path / name)] = MADE_BY_ANNA
    with pytest.raises(StateNotReadable, match=r"icacls .*Keyferry"):
        make_directory(site)


def test_the_sites_directory_of_a_plain_user_is_not_read(windows: Windows, site: StateDir) -> None:
    Path(site.path).mkdir(parents=True)
    windows.descriptors[site.path] = f"O:{ANNA}G:{ANNA}{SHARED_FOLDER}"
    with pytest.raises(StateNotReadable):
        open_directory(site)


def test_the_lock_is_made_for_its_owner_alone(windows: Windows, site: StateDir) -> None:
    with make_directory(site) as opened:
        os.close(opened.open_file("lock", os.O_RDWR | os.O_CREAT))
        os.close(opened.open_file("lock", os.O_RDWR | os.O_CREAT))
    assert windows.calls[-2:] == [("CreateFileW", "lock", PRIVATE_FILE)] * 2


def test_a_users_directories_and_files_are_the_users_own(windows: Windows, tmp_path: Path) -> None:
    user = StateDir(str(tmp_path), shared=False, name="user")
    write(user, "clock.json", b"{}")
    write(user, "clock.json", b"{ }")
    assert windows.calls == [
        ("CreateDirectoryW", "user", PRIVATE_FOLDER),
        ("CreateFileW", "clock.json.new", PRIVATE_FILE),
        ("CreateDirectoryW", "user", PRIVATE_FOLDER),
        ("CreateFileW", "clock.json.new", PRIVATE_FILE),
    ]
    assert read(user, "clock.json") == b"{ }"


def test_an_abandoned_new_file_is_replaced(windows: Windows, tmp_path: Path) -> None:
    user = StateDir(str(tmp_path), shared=False)
    (tmp_path / "clock.json.new").write_bytes(b"left")
    write(user, "clock.json", b"{}")
    assert read(user, "clock.json") == b"{}"


def test_a_link_is_refused_there_too(windows: Windows, tmp_path: Path) -> None:
    (tmp_path / "user").symlink_to(tmp_path)
    with pytest.raises(StateNotReadable, match="is a link"):
        open_directory(StateDir(str(tmp_path), shared=False, name="user"))
