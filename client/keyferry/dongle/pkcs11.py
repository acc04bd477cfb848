"""Speaks PKCS#11 with a token: its keys, a signature, a new key. Raises KeyferryErrors alone."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import cast

import pkcs11
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass, TokenFlag
from pkcs11.types import PROTECTED_AUTH

from keyferry.dongle.find import DongleLocked, FoundToken, NoDriver
from keyferry_protocol.errors import DongleMissing, DonglePin
from keyferry_protocol.messages import message

KEY_LABEL = "keyferry"
_P256 = bytes.fromhex("06082a8648ce3d030107")  # its name in DER, as EC_PARAMS has it
_POINT_BYTES = 65
_ID_BYTES = 8
_HALF = 32  # of a raw signature

# Modules are started as for one thread: the threads of an application take turns.
_turn = threading.RLock()
# A process is logged in to a token as a whole, so one session serves whoever opens it again.
_sessions: dict[tuple[str, int, str], pkcs11.Session] = {}


def plugged_in(module: str) -> list[FoundToken]:
    """The tokens that a module sees. Raises NoDriver."""
    with _turn:
        try:
            library = pkcs11.lib(module)
        except pkcs11.PKCS11Error as error:
            raise NoDriver(message("dongle.bad-module", path=module)) from error
        try:
            slots = library.get_slots(token_present=True)
        except pkcs11.PKCS11Error:  # as some answer where no reader is plugged in
            return []
        found = []
        for slot in slots:
            with suppress(pkcs11.PKCS11Error):  # it was pulled just now
                token = slot.get_token()
                if TokenFlag.TOKEN_INITIALIZED in token.flags:
                    found.append(_look_at(token, module))
        return found


def signer(found: FoundToken, pin: str | None, public: bytes) -> Callable[[bytes], bytes]:
    """What signs with the private half of this key. Raises DonglePin or DongleMissing."""
    with _asking(found):
        key = _private_key(_session(found, pin, public), public)
        again = pin if _wants_pin_each_time(key) else None

    def sign(message: bytes) -> bytes:
        with _asking(found):
            # The hash is ours, since tokens that make it themselves are the fewer.
            raw = key.sign(sha256(message).digest(), mechanism=Mechanism.ECDSA, pin=again)
        r, s = (int.from_bytes(half, "big") for half in (raw[:_HALF], raw[_HALF:]))
        return encode_dss_signature(r, s)

    return sign


def make_key(found: FoundToken, pin: str | None) -> bytes:
    """Make a key that never leaves the token; its public half."""
    with _asking(found):
        session = _log_in(found, pin, writes=True)
        try:
            curve = session.create_domain_parameters(
                KeyType.EC, {Attribute.EC_PARAMS: _P256}, local=True
            )
            public, _ = curve.generate_keypair(
                store=True,
                label=KEY_LABEL,
                id=os.urandom(_ID_BYTES),
                capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
                public_template={Attribute.PRIVATE: False},  # so that it is found without a PIN
                private_template={
                    Attribute.PRIVATE: True,
                    Attribute.SENSITIVE: True,
                    Attribute.EXTRACTABLE: False,
                },
            )
            return _point(public)
        finally:
            session.close()


def _look_at(token: pkcs11.Token, module: str) -> FoundToken:
    keys: list[bytes] = []
    ours: list[bytes] = []
    with suppress(pkcs11.PKCS11Error), token.open() as session:
        for key in _public_keys(session):
            (ours if key[Attribute.LABEL] == KEY_LABEL else keys).append(_point(key))
    return FoundToken(
        model=_text(token.model),
        serial=_text(token.serial.decode("utf-8", "ignore")),
        label=_text(token.label),
        needs_pin=TokenFlag.LOGIN_REQUIRED in token.flags and not _has_keypad(token),
        keys=tuple(ours + keys),
        has_our_key=bool(ours),
        module=module,
        slot=token.slot.slot_id,
    )


def _text(text: str) -> str:
    """What a request may hold of a name, which modules pad with anything."""
    return "".join(letter for letter in text if letter.isprintable()).strip()


def _has_keypad(token: pkcs11.Token) -> bool:
    """Whether the PIN is typed on the device itself."""
    return TokenFlag.PROTECTED_AUTHENTICATION_PATH in token.flags


def _public_keys(session: pkcs11.Session) -> Iterator[pkcs11.PublicKey]:
    wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.KEY_TYPE: KeyType.EC}
    for found in list(session.get_objects(wanted)):
        key = cast(pkcs11.PublicKey, found)
        with suppress(pkcs11.PKCS11Error):  # one without these attributes is none of ours
            if key[Attribute.EC_PARAMS] == _P256 and len(_point(key)) == _POINT_BYTES:
                yield key


def _point(key: pkcs11.PublicKey) -> bytes:
    return bare_point(key[Attribute.EC_POINT])


def bare_point(point: bytes) -> bytes:
    """The uncompressed point: out of DER as the standard has it, or bare as some modules do."""
    return point[2:] if len(point) == _POINT_BYTES + 2 else point


def _private_key(session: pkcs11.Session, public: bytes) -> pkcs11.SignMixin:
    for key in _public_keys(session):
        if _point(key) == public:
            wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: key[Attribute.ID]}
            for private in list(session.get_objects(wanted)):
                return cast(pkcs11.SignMixin, private)
    raise pkcs11.NoSuchKey


def _wants_pin_each_time(key: pkcs11.SignMixin) -> bool:
    """Whether every signature wants the PIN anew, as in slot 9c of a PIV card."""
    with suppress(pkcs11.PKCS11Error):  # older modules do not know the attribute
        return bool(key[Attribute.ALWAYS_AUTHENTICATE])
    return False


def _session(found: FoundToken, pin: str | None, public: bytes) -> pkcs11.Session:
    """A session that may sign: the one of before, as long as its token was not pulled."""
    name = (found.module, found.slot, found.serial)
    with suppress(KeyError, pkcs11.PKCS11Error):
        _private_key(_sessions[name], public)
        return _sessions[name]
    _sessions[name] = _log_in(found, pin)
    return _sessions[name]


def _log_in(found: FoundToken, pin: str | None, writes: bool = False) -> pkcs11.Session:
    if found.needs_pin and not pin:
        raise DonglePin(message("dongle.needs-pin", dongle=found))
    slots = pkcs11.lib(found.module).get_slots(token_present=True)
    token = next((slot.get_token() for slot in slots if slot.slot_id == found.slot), None)
    if token is None:
        raise pkcs11.TokenNotPresent
    try:
        return token.open(rw=writes, user_pin=PROTECTED_AUTH if _has_keypad(token) else pin)
    except pkcs11.UserAlreadyLoggedIn:
        return token.open(rw=writes)
    except pkcs11.PinLocked as error:
        raise DongleLocked(message("dongle.locked", dongle=found), tries_left=0) from error
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange) as error:
        raise refused_pin(found, token.slot.get_token().flags) from error
    except (pkcs11.PinExpired, pkcs11.UserPinNotInitialized) as error:
        raise DonglePin(message("dongle.set-pin", dongle=found)) from error


def refused_pin(found: FoundToken, flags: TokenFlag) -> DonglePin:
    """A wrong PIN. PKCS#11 tells no number of tries, but it tells when one is left, or none."""
    if TokenFlag.USER_PIN_LOCKED in flags:
        return DongleLocked(message("dongle.locked", dongle=found), tries_left=0)
    if TokenFlag.USER_PIN_FINAL_TRY in flags:
        return DonglePin(message("dongle.last-try", dongle=found), tries_left=1)
    return DonglePin(message("dongle.wrong-pin", dongle=found))


@contextmanager
def _asking(found: FoundToken) -> Iterator[None]:
    """One thread at a time, and what a module raises is told as ours."""
    with _turn:
        try:
            yield
        except pkcs11.PKCS11Error as error:
            why = type(error).__name__
            raise DongleMissing(message("dongle.silent", dongle=found, why=why)) from error
