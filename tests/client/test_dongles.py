"""Dongles without hardware: which modules are searched, what is reported, which one is chosen."""

import sys
from pathlib import Path

import pytest

from keyferry import KeyferryError, Token, load
from keyferry.dongle import pkcs11_modules
from keyferry.dongle.find import find_dongle, find_dongles, only_dongle, pin_for, with_keys
from keyferry.dongle.pkcs11_modules import module_paths
from keyferry.dongle.plugged import NoDriver, PluggedDongle
from keyferry_protocol.activation import new_activation_code
from keyferry_protocol.errors import DongleMissing, DonglePin
from keyferry_protocol.keys import Ed25519Signer
from tests.support.offline import KEYS, OTHER, Room
from tests.support.samples import NOW, PRODUCT
from tests.support.terminal import Shell

FIRST, SECOND = b"\4" + b"a" * 64, b"\4" + b"b" * 64


def a_token(serial: str, *keys: bytes, ours: bool = False, module: str = "a.so") -> PluggedDongle:
    return PluggedDongle("YubiKey YK5", serial, "YubiKey PIV", True, keys, ours, module, 0)


# Modules


@pytest.mark.parametrize(
    ("platform", "place"),
    [
        ("linux", "/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so"),
        ("linux", "/usr/lib64/pkcs11/opensc-pkcs11.so"),
        ("linux", "/usr/lib/aarch64-linux-gnu/libykcs11.so"),
        ("darwin", "/Library/OpenSC/lib/opensc-pkcs11.so"),
        ("darwin", "/opt/homebrew/lib/libykcs11.dylib"),
        ("win32", r"D:\Programs\OpenSC Project\OpenSC\pkcs11\opensc-pkcs11.dll"),
        ("win32", r"D:\Programs\Yubico\Yubico PIV Tool\bin\libykcs11.dll"),
    ],
)
def test_modules_are_found_where_their_installers_put_them(platform: str, place: str) -> None:
    paths = module_paths(platform, {"ProgramFiles": r"D:\Programs"})
    assert place in paths
    assert not any("softhsm" in path for path in paths), "a dongle of software is no dongle"
    assert "ykcs11" in paths[0], "a maker's own module is asked first"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="its names are Linux's")
def test_a_module_with_two_names_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "libykcs11.so.2").touch()
    (tmp_path / "libykcs11.so").symlink_to("libykcs11.so.2")
    (tmp_path / "opensc-pkcs11.so").touch()
    monkeypatch.setattr(pkcs11_modules, "_LINUX_FOLDERS", (str(tmp_path),))
    assert [Path(path).name[:8] for path in pkcs11_modules.installed_modules()] == [
        "libykcs1",
        "opensc-p",
    ]


def test_without_python_pkcs11_the_error_says_how_to_install_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyferry.dongle.pkcs11", None)
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    for command in (("dongle", "list"), ("request", "015120020093", "--protection", "dongle")):
        printed = shell(*command, "--json")
        error = printed.json["error"]
        assert (printed.exit, error["code"]) == (9, "dongle-missing")
        assert "python-pkcs11" in error["detail"]
        assert "keyferry[dongle]" in error["next_step"]


def test_a_module_that_cannot_be_used_is_named() -> None:
    pytest.importorskip("pkcs11")
    for path in ("/not/there.so", __file__):
        with pytest.raises(NoDriver, match=path):
            find_dongles(path)


def test_a_public_key_is_read_in_both_forms_that_modules_give_it() -> None:
    pytest.importorskip("pkcs11")
    from keyferry.dongle.pkcs11 import raw_point

    assert raw_point(b"\x04\x41" + FIRST) == FIRST
    assert raw_point(FIRST) == FIRST


# Which of several


@pytest.mark.parametrize(
    ("plugged", "serial"),
    [
        pytest.param([a_token("1", FIRST)], "1", id="one"),
        pytest.param([a_token("1"), a_token("2", SECOND)], "2", id="one without a key beside it"),
        pytest.param(
            [a_token("1", FIRST), a_token("2", SECOND, ours=True)], "2", id="one made for this"
        ),
        pytest.param(
            [a_token("1", FIRST), a_token("cafe", FIRST, module="b.so")], "1", id="reported twice"
        ),
    ],
)
def test_the_only_suitable_dongle_is_used_without_a_question(
    plugged: list[PluggedDongle], serial: str
) -> None:
    assert only_dongle(with_keys(plugged)).serial == serial


@pytest.mark.parametrize(
    ("plugged", "expected"),
    [
        pytest.param([], "No dongle was found", id="none"),
        pytest.param([a_token("1")], "YubiKey YK5 1 has no key yet", id="a blank one"),
        pytest.param(
            [a_token("1", FIRST), a_token("2", SECOND)], "YubiKey YK5 1, YubiKey YK5 2", id="two"
        ),
    ],
)
def test_no_dongle_or_several_is_an_error(plugged: list[PluggedDongle], expected: str) -> None:
    with pytest.raises(DongleMissing, match=expected):
        only_dongle(with_keys(plugged))


# PINs, where SoftHSM never locks itself


@pytest.mark.parametrize(
    ("flags", "left", "expected", "next_step"),
    [
        pytest.param(0, None, "did not accept this PIN.", "Enter the PIN again", id="wrong"),
        pytest.param(0x20000, 1, "One more wrong PIN", "Enter the PIN again", id="the last try"),
        pytest.param(0x40000, 0, "is locked", "Unlock it", id="locked"),
    ],
)
def test_a_pin_error_says_what_the_dongle_reports(
    flags: int, left: int | None, expected: str, next_step: str
) -> None:
    pkcs11 = pytest.importorskip("pkcs11")
    from keyferry.dongle.pkcs11 import pin_error

    error = pin_error(a_token("1"), pkcs11.TokenFlag(flags))
    assert (error.code, error.exit) == ("dongle-pin", 9)
    assert expected in str(error)
    assert error.next_step.startswith(next_step)
    assert error.facts.get("tries_left") == left


@pytest.mark.parametrize(("needs_pin", "pin"), [(True, "482916"), (False, None)])
def test_nobody_is_asked_for_a_pin_that_is_typed_on_the_reader(
    needs_pin: bool, pin: str | None
) -> None:
    dongle = a_token("1", FIRST)._replace(needs_pin=needs_pin)
    assert pin_for(lambda token: "482916", dongle) == pin


# In an application


def test_a_license_without_a_dongle_asks_for_none(room: Room) -> None:
    room.activate()
    license = load(PRODUCT, KEYS, room.state, room.machine, NOW, dongle=find_dongle("", "/not.so"))
    assert license.check()


def test_a_dongle_pulled_while_the_application_runs_ends_the_license(room: Room) -> None:
    key = Ed25519Signer.generate()
    plugged = True

    def sign(message: bytes) -> bytes:
        if not plugged:
            raise OSError("no such device")
        return key.sign(message)

    room.dongle = Token(key.public, "Own dongle", "7", sign)
    room.activate("dongle")
    license = room.load()
    assert license.check("solver")
    plugged = False
    assert license.check("solver").code == "dongle-missing"
    assert license.check().reason == "The dongle 7 did not sign: no such device"
    with pytest.raises(DongleMissing):
        license.require()
    plugged = True
    assert license.check("solver")


def test_two_licenses_each_find_their_own_dongle(room: Room) -> None:
    first, second = Ed25519Signer.generate(), Ed25519Signer.generate()
    tokens = {key.public: Token(key.public, "Own dongle", "7", key.sign) for key in (first, second)}
    room.dongle = tokens[first.public]
    room.activate("dongle", valid_until=NOW + 1)
    room.dongle = tokens[second.public]
    code = new_activation_code(OTHER)
    room.install(room.answer(room.request(protection="dongle", number=OTHER, code=code)))
    license = load(
        PRODUCT,
        KEYS,
        room.state,
        room.machine,
        now=NOW + 2,
        dongle=lambda named: None if named is None else tokens.get(named.public),
    )
    assert license.number == OTHER


def test_load_reports_a_refused_pin(room: Room) -> None:
    key = Ed25519Signer.generate()
    room.dongle = Token(key.public, "Own dongle", "7", key.sign)
    room.activate("dongle")

    def refuse(named: object) -> Token:
        raise DonglePin("Wrong.")

    with pytest.raises(KeyferryError) as excinfo:
        load(PRODUCT, KEYS, room.state, now=NOW, dongle=refuse)
    assert excinfo.value.code == "dongle-pin"
