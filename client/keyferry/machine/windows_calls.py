"""Queries Windows about its machine, without starting a process.

The answer of a failed call is empty. `windows.py` interprets the answers.
"""

import ctypes
import os
import sys

from keyferry.machine.windows import Card, Recorded, card_of_row, environment

assert sys.platform == "win32"

import winreg  # noqa: E402
from ctypes import wintypes  # noqa: E402

_MAX_DRIVES = 32
_RSMB = 0x52534D42
_QUERY_PROPERTY = 0x002D1400  # IOCTL_STORAGE_QUERY_PROPERTY
_INVALID_HANDLE = ctypes.c_void_p(-1).value
_TOKEN_QUERY, _TOKEN_USER = 0x0008, 1
_DEVICE = r"SYSTEM\CurrentControlSet\Enum\{device}"
_CONNECTION = (
    r"SYSTEM\CurrentControlSet\Control\Network\{{4D36E972-E325-11CE-BFC1-08002BE10318}}"
    r"\{guid}\Connection"
)


class _Guid(ctypes.Structure):
    _fields_ = (
        ("first", wintypes.DWORD),
        ("second", wintypes.WORD),
        ("third", wintypes.WORD),
        ("rest", ctypes.c_ubyte * 8),
    )

    def __str__(self) -> str:
        rest = bytes(self.rest).hex().upper()
        head = f"{self.first:08X}-{self.second:04X}-{self.third:04X}"
        return f"{{{head}-{rest[:4]}-{rest[4:]}}}"


class _Row(ctypes.Structure):
    """MIB_IF_ROW2 of netioapi.h."""

    _fields_ = (
        ("luid", ctypes.c_uint64),
        ("index", wintypes.ULONG),
        ("guid", _Guid),
        ("alias", wintypes.WCHAR * 257),
        ("description", wintypes.WCHAR * 257),
        ("address_bytes", wintypes.ULONG),
        ("address", ctypes.c_ubyte * 32),
        ("permanent", ctypes.c_ubyte * 32),
        ("mtu", wintypes.ULONG),
        ("type", wintypes.ULONG),
        ("tunnel", ctypes.c_int),
        ("media", ctypes.c_int),
        ("medium", ctypes.c_int),
        ("access", ctypes.c_int),
        ("direction", ctypes.c_int),
        ("flags", ctypes.c_ubyte),
        ("oper_status", ctypes.c_int),
        ("admin_status", ctypes.c_int),
        ("connected", ctypes.c_int),
        ("network", _Guid),
        ("connection", ctypes.c_int),
        ("counters", ctypes.c_uint64 * 20),
    )


class _Table(ctypes.Structure):
    _fields_ = (("count", wintypes.ULONG), ("rows", _Row * 1))


class _Query(ctypes.Structure):
    """STORAGE_PROPERTY_QUERY; zeros ask for the device's descriptor."""

    _fields_ = (("property", ctypes.c_int), ("type", ctypes.c_int), ("more", ctypes.c_ubyte * 1))


class _SidAndAttributes(ctypes.Structure):
    _fields_ = (("sid", ctypes.c_void_p), ("attributes", wintypes.DWORD))


def record(user: bool) -> Recorded:
    """Record all answers that identify this machine, with the user's SID only if `user`."""
    return Recorded(
        smbios=_smbios(),
        cards=tuple(_cards()),
        disks=tuple(filter(None, (_disk(number) for number in range(_MAX_DRIVES)))),
        machine_guid=_registry(r"SOFTWARE\Microsoft\Cryptography", "MachineGuid"),
        endorsement_key=_endorsement_key(),
        sid=_sid() if user else "",
    )


def describe() -> tuple[str, str, str]:
    """The computer's name, the system's, and the environment."""
    version = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
    system = _registry(version, "ProductName")
    if sys.getwindowsversion().build >= 22000:  # Windows 11 calls itself 10 in the registry
        system = system.replace("Windows 10", "Windows 11")
    release = _registry(version, "DisplayVersion")
    name = os.environ.get("COMPUTERNAME", "")
    return name, f"{system} {release}".strip(), environment(_smbios())


def _smbios() -> bytes:
    ask = ctypes.windll.kernel32.GetSystemFirmwareTable
    ask.restype = wintypes.UINT
    size = ask(_RSMB, 0, None, 0)
    buffer = ctypes.create_string_buffer(size)
    return buffer.raw if size and ask(_RSMB, 0, buffer, size) == size else b""


def _cards() -> list[Card]:
    library = ctypes.windll.iphlpapi
    table = ctypes.POINTER(_Table)()
    if library.GetIfTable2(ctypes.byref(table)) != 0:
        return []
    try:
        start = ctypes.addressof(table.contents) + _Table.rows.offset
        rows = (_Row * table.contents.count).from_address(start)
        return [_card(row) for row in rows]
    finally:
        library.FreeMibTable(table)


def _card(row: _Row) -> Card:
    device = _registry(_CONNECTION.format(guid=row.guid), "PnpInstanceID")
    container = _registry(_DEVICE.format(device=device), "ContainerID") if device else ""
    return card_of_row(
        bytes(row.permanent), row.address_bytes, row.type, row.flags, device, container
    )


def _disk(number: int) -> bytes:
    kernel = ctypes.windll.kernel32
    kernel.CreateFileW.restype = wintypes.HANDLE
    # Access 0: a plain user may query a drive, but not read from it.
    handle = kernel.CreateFileW(rf"\\.\PhysicalDrive{number}", 0, 3, None, 3, 0, None)
    if handle == _INVALID_HANDLE:
        return b""
    try:
        query, answer, size = _Query(), ctypes.create_string_buffer(4096), wintypes.DWORD()
        succeeded = kernel.DeviceIoControl(
            wintypes.HANDLE(handle),
            _QUERY_PROPERTY,
            ctypes.byref(query),
            ctypes.sizeof(query),
            answer,
            len(answer),
            ctypes.byref(size),
            None,
        )
        return answer.raw[: size.value] if succeeded else b""
    finally:
        kernel.CloseHandle(wintypes.HANDLE(handle))


def _endorsement_key() -> bytes:
    """PCP_EKPUB of the platform's crypto provider; empty without a TPM 2.0."""
    try:
        library = ctypes.windll.ncrypt
    except OSError:
        return b""
    provider = ctypes.c_void_p()
    name = "Microsoft Platform Crypto Provider"
    if library.NCryptOpenStorageProvider(ctypes.byref(provider), name, 0) != 0:
        return b""
    try:
        answer, size = ctypes.create_string_buffer(1024), wintypes.DWORD()
        failed = library.NCryptGetProperty(
            provider, "PCP_EKPUB", answer, len(answer), ctypes.byref(size), 0
        )
        return b"" if failed else answer.raw[: size.value]
    finally:
        library.NCryptFreeObject(provider)


def _sid() -> str:
    kernel, advapi = ctypes.windll.kernel32, ctypes.windll.advapi32
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    token = wintypes.HANDLE()
    process = wintypes.HANDLE(kernel.GetCurrentProcess())
    if not advapi.OpenProcessToken(process, _TOKEN_QUERY, ctypes.byref(token)):
        return ""
    try:
        answer, size = ctypes.create_string_buffer(256), wintypes.DWORD()
        if not advapi.GetTokenInformation(
            token, _TOKEN_USER, answer, len(answer), ctypes.byref(size)
        ):
            return ""
        sid = _SidAndAttributes.from_buffer(answer).sid
        text = wintypes.LPWSTR()
        if not advapi.ConvertSidToStringSidW(ctypes.c_void_p(sid), ctypes.byref(text)):
            return ""
        try:
            return text.value or ""
        finally:
            kernel.LocalFree(text)
    finally:
        kernel.CloseHandle(token)


def _registry(path: str, name: str) -> str:
    try:
        access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path, 0, access) as key:
            value, _ = winreg.QueryValueEx(key, name)
    except OSError:
        return ""
    return value if isinstance(value, str) else ""
