"""Who may write a file or directory of Windows, and makes those that only their owner may write.

A security descriptor is written in SDDL, as Microsoft documents it. In `%ProgramData%` every user
may make folders, and owns them: so the owner decides there whether a folder can be trusted.
"""

import ctypes
import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

# OW is whoever owns it, SY the system, BA the administrators, BU all users of the computer.
_OWNER_ONLY = "D:P(A;{0};FA;;;SY)(A;{0};FA;;;BA)(A;{0};FA;;;OW)"
PRIVATE_FILE = _OWNER_ONLY.format("")
PRIVATE_FOLDER = _OWNER_ONLY.format("OICI")
SHARED_FOLDER = PRIVATE_FOLDER + "(A;OICI;FRFX;;;BU)"
FOLDERS = {0o700: PRIVATE_FOLDER, 0o755: SHARED_FOLDER}
SITE_FOLDER = "O:BA" + SHARED_FOLDER  # only an administrator can make BA the owner

_INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
_ADMINISTRATORS = {"SY", "BA", "S-1-5-18", "S-1-5-32-544", _INSTALLER}
_OWNERS = {"OW", "CO", "S-1-3-4", "S-1-3-0"}  # the rights of each file's owner
_ENTRY = re.compile(r"\((\w+);(\w*);(\w*);[^;)]*;[^;)]*;([\w-]+)[^)]*\)")
_RIGHTS = {
    **{"CC": 0x1, "DC": 0x2, "LC": 0x4, "SW": 0x8, "RP": 0x10, "WP": 0x20, "DT": 0x40},
    **{"LO": 0x80, "CR": 0x100, "SD": 0x1_0000, "RC": 0x2_0000, "WD": 0x4_0000, "WO": 0x8_0000},
    **{"GA": 0x1000_0000, "GX": 0x2000_0000, "GW": 0x4000_0000, "GR": 0x8000_0000},
    **{"FA": 0x1F_01FF, "FR": 0x12_0089, "FW": 0x12_0116, "FX": 0x12_00A0},
}
# Writes data, appends, deletes a child or the folder itself, changes its access or its owner.
_WRITES = 0x2 | 0x4 | 0x40 | 0x1_0000 | 0x4_0000 | 0x8_0000 | 0x1000_0000 | 0x4000_0000

_FILE_OBJECT, _OWNER_AND_ACCESS, _REVISION = 1, 0x1 | 0x4, 1
_READ_WRITE, _SHARE_ALL = 0xC000_0000, 0x7
_CREATE_NEW, _OPEN_ALWAYS = 1, 4
_PLAIN_FILE = 0x80 | 0x0020_0000  # FILE_ATTRIBUTE_NORMAL, FILE_FLAG_OPEN_REPARSE_POINT: no link
# ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_FILE_EXISTS, ERROR_ALREADY_EXISTS
_ERRNO = {2: errno.ENOENT, 3: errno.ENOENT, 80: errno.EEXIST, 183: errno.EEXIST}
_INVALID_HANDLE = ctypes.c_void_p(-1).value


class _Attributes(ctypes.Structure):
    """SECURITY_ATTRIBUTES of minwinbase.h."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("descriptor", ctypes.c_void_p),
        ("inherit", ctypes.c_int),
    )


def is_administrators(descriptor: str) -> bool:
    """Whether the system or the administrators own what has this descriptor."""
    return _owner(descriptor) in _ADMINISTRATORS


def others_write(descriptor: str) -> bool:
    """Whether it lets users other than the owner and the administrators write."""
    _, marker, access = descriptor.partition("D:")
    if not marker or "NO_ACCESS_CONTROL" in access:
        return True  # without a list, everybody may do everything
    trusted = _ADMINISTRATORS | _OWNERS | {_owner(descriptor)}
    return any(
        "A" in kind and kind not in ("AU", "AL") and who not in trusted and _mask(rights) & _WRITES
        for kind, _, rights, who in _ENTRY.findall(access)
    )


def describe(path: str) -> str:
    """The owner and the access list of a file or directory, in SDDL. Raises OSError."""
    advapi, descriptor, text = _library("advapi32"), ctypes.c_void_p(), ctypes.c_wchar_p()
    code = advapi.GetNamedSecurityInfoW(
        path, _FILE_OBJECT, _OWNER_AND_ACCESS, None, None, None, None, ctypes.byref(descriptor)
    )
    if code:
        raise _error(code, path)
    try:
        _succeeds(
            advapi.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                descriptor, _REVISION, _OWNER_AND_ACCESS, ctypes.byref(text), None
            ),
            path,
        )
        return text.value or ""
    finally:
        _free(text)
        _free(descriptor)


def make_folder(path: str, descriptor: str) -> None:
    """Make a directory with this descriptor in one step. Raises OSError."""
    with _attributes(descriptor, path) as attributes:
        _succeeds(_library("kernel32").CreateDirectoryW(path, ctypes.byref(attributes)), path)


def open_private_file(path: str, is_new: bool) -> int:
    """The handle of a file that is made, if it is missing, for its owner alone. Raises OSError."""
    create = _library("kernel32").CreateFileW
    create.restype = ctypes.c_void_p
    disposition = _CREATE_NEW if is_new else _OPEN_ALWAYS
    with _attributes(PRIVATE_FILE, path) as attributes:
        handle = create(
            path, _READ_WRITE, _SHARE_ALL, ctypes.byref(attributes), disposition, _PLAIN_FILE, None
        )
    _succeeds(handle != _INVALID_HANDLE, path)
    open_handle = import_module("msvcrt").open_osfhandle
    file: int = open_handle(handle, os.O_RDWR | getattr(os, "O_BINARY", 0))
    return file


@contextmanager
def _attributes(descriptor: str, path: str) -> Iterator[_Attributes]:
    pointer = ctypes.c_void_p()
    convert = _library("advapi32").ConvertStringSecurityDescriptorToSecurityDescriptorW
    _succeeds(convert(descriptor, _REVISION, ctypes.byref(pointer), None), path)
    try:
        yield _Attributes(ctypes.sizeof(_Attributes), pointer, 0)
    finally:
        _free(pointer)


def _owner(descriptor: str) -> str:
    return descriptor.partition("O:")[2].partition("G:")[0].partition("D:")[0]


def _mask(rights: str) -> int:
    """The access mask of an entry, which is a number or a row of codes of two letters."""
    if rights.startswith("0x"):
        return int(rights, 16)
    mask = 0
    for at in range(0, len(rights), 2):
        mask |= _RIGHTS.get(rights[at : at + 2], _WRITES)
    return mask


def _library(name: str) -> Any:
    return getattr(ctypes, "WinDLL")(name, use_last_error=True)  # noqa: B009 only Windows has it


def _free(pointer: object) -> None:
    _library("kernel32").LocalFree(pointer)


def _succeeds(result: object, path: str) -> None:
    if not result:
        raise _error(getattr(ctypes, "get_last_error")(), path)  # noqa: B009


def _error(code: int, path: str) -> OSError:
    """The error of a code of Windows: a FileExistsError, a PermissionError, and so on."""
    text = getattr(ctypes, "FormatError")(code)  # noqa: B009
    return OSError(_ERRNO.get(code, errno.EACCES), text.strip().rstrip("."), path)
