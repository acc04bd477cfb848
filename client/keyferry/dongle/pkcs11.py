"""Uses a dongle through PKCS#11: its keys, a signature, a new key. Raises only KeyferryErrors.

PKCS#11 calls a dongle a token.
"""

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

from keyferry.dongle.plugged import DongleLocked, NoDriver, PluggedDongle
from keyferry_protocol.errors import DongleMissing, DonglePin
from keyferry_protocol.messages import message

KEY_LABEL = "keyferry"
# How Yubico's module ykcs11 labels a key's attestation (the slot follows) and its YubiKey's own.
_ATTESTATION_LABEL = "X.509 Certificate for PIV Attestation"
_P256 = bytes.fromhex("06082a8648ce3d030107")  # the curve's DER name, as in EC_PARAMS
_POINT_BYTES = 65
_ID_BYTES = 8
_HALF_BYTES = 32  # of a raw signature, r then s

# Modules are initialized for single-threaded use, so an application's threads take turns.
_turn = threading.RLock()
# A login applies to the whole process, so reopening a dongle reuses its session.
_sessions: dict[tuple[str, int, str], pkcs11.Session] = {}


def plugged_dongles(module: str) -> list[PluggedDongle]:
    """The dongles that a module sees. Raises NoDriver."""
    with _turn:
        try:
            library = pkcs11.lib(module)
        except pkcs11.PKCS11Error as error:
            raise NoDriver(message("dongle.bad-module", path=module)) from error
        try:
            slots = library.get_slots(token_present=True)
        except pkcs11.PKCS11Error:  # some modules raise this if no reader is plugged in
            return []
        dongles = []
        for slot in slots:
            with suppress(pkcs11.PKCS11Error):  # it was just unplugged
                token = slot.get_token()
                if TokenFlag.TOKEN_INITIALIZED in token.flags:
                    dongles.append(_describe(token, module))
        return dongles


def open_key(dongle: PluggedDongle, pin: str | None, public: bytes) -> Callable[[bytes], bytes]:
    """A function that signs with this key's private half. Raises DonglePin or DongleMissing."""
    with _exclusive(dongle):
        key = _private_key(_session(dongle, pin, public), public)
        pin_each_time = pin if _needs_pin_each_time(key) else None

    def sign(message: bytes) -> bytes:
        with _exclusive(dongle):
            # Hashed here, because few dongles hash by themselves.
            raw = key.sign(sha256(message).digest(), mechanism=Mechanism.ECDSA, pin=pin_each_time)
        r, s = (int.from_bytes(half, "big") for half in (raw[:_HALF_BYTES], raw[_HALF_BYTES:]))
        return encode_dss_signature(r, s)

    return sign


def make_key(dongle: PluggedDongle, pin: str | None) -> bytes:
    """Make a key that never leaves the dongle, and return its public half."""
    with _exclusive(dongle):
        session = _log_in(dongle, pin, writes=True)
        try:
            curve = session.create_domain_parameters(
                KeyType.EC, {Attribute.EC_PARAMS: _P256}, local=True
            )
            public, _ = curve.generate_keypair(
                store=True,
                label=KEY_LABEL,
                id=os.urandom(_ID_BYTES),
                capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
                public_template={Attribute.PRIVATE: False},  # can be read without a PIN
                private_template={
                    Attribute.PRIVATE: True,
                    Attribute.SENSITIVE: True,
                    Attribute.EXTRACTABLE: False,
                },
            )
            return _point(public)
        finally:
            session.close()


def attestation(dongle: PluggedDongle, public: bytes) -> list[bytes]:
    """The certificates in DER by which a YubiKey attests that it made a key: the key's, its own.

    Empty if the module shows none, as all but Yubico's. Nothing is verified here: the vendor does.
    Raises DongleMissing.
    """
    of_device: list[bytes] = []
    of_key: list[bytes] = []
    with _exclusive(dongle), _token(dongle).open() as session:
        ids = [key[Attribute.ID] for key in _public_keys(session) if _point(key) == public]
        for certificate in list(session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})):
            label = str(certificate[Attribute.LABEL])
            if label == _ATTESTATION_LABEL:
                of_device.append(certificate[Attribute.VALUE])
            elif label.startswith(_ATTESTATION_LABEL) and certificate[Attribute.ID] in ids:
                of_key.append(certificate[Attribute.VALUE])
    return [of_key[0], of_device[0]] if of_key and of_device else []


def _describe(token: pkcs11.Token, module: str) -> PluggedDongle:
    keys: list[bytes] = []
    ours: list[bytes] = []
    with suppress(pkcs11.PKCS11Error), token.open() as session:
        for key in _public_keys(session):
            (ours if key[Attribute.LABEL] == KEY_LABEL else keys).append(_point(key))
    return PluggedDongle(
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
    """Make a name valid in a request: modules pad names with arbitrary bytes."""
    return "".join(letter for letter in text if letter.isprintable()).strip()


def _has_keypad(token: pkcs11.Token) -> bool:
    """Whether the PIN is typed on the dongle itself."""
    return TokenFlag.PROTECTED_AUTHENTICATION_PATH in token.flags


def _public_keys(session: pkcs11.Session) -> Iterator[pkcs11.PublicKey]:
    template = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.KEY_TYPE: KeyType.EC}
    for item in list(session.get_objects(template)):
        key = cast(pkcs11.PublicKey, item)
        with suppress(pkcs11.PKCS11Error):  # a key without these attributes is not ours
            if key[Attribute.EC_PARAMS] == _P256 and len(_point(key)) == _POINT_BYTES:
                yield key


def _point(key: pkcs11.PublicKey) -> bytes:
    return raw_point(key[Attribute.EC_POINT])


def raw_point(point: bytes) -> bytes:
    """The uncompressed point, without the DER wrapper that the standard requires."""
    return point[2:] if len(point) == _POINT_BYTES + 2 else point


def _private_key(session: pkcs11.Session, public: bytes) -> pkcs11.SignMixin:
    for key in _public_keys(session):
        if _point(key) == public:
            template = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: key[Attribute.ID]}
            for private in list(session.get_objects(template)):
                return cast(pkcs11.SignMixin, private)
    raise pkcs11.NoSuchKey


def _needs_pin_each_time(key: pkcs11.SignMixin) -> bool:
    """Whether every signature needs the PIN again, as for slot 9c of a PIV card."""
    with suppress(pkcs11.PKCS11Error):  # older modules lack the attribute
        return bool(key[Attribute.ALWAYS_AUTHENTICATE])
    return False


def _session(dongle: PluggedDongle, pin: str | None, public: bytes) -> pkcs11.Session:
    """A session that can sign: the previous one, unless its dongle was unplugged."""
    name = (dongle.module, dongle.slot, dongle.serial)
    with suppress(KeyError, pkcs11.PKCS11Error):
        _private_key(_sessions[name], public)
        return _sessions[name]
    _sessions[name] = _log_in(dongle, pin)
    return _sessions[name]


def _log_in(dongle: PluggedDongle, pin: str | None, writes: bool = False) -> pkcs11.Session:
    if dongle.needs_pin and not pin:
        raise DonglePin(message("dongle.needs-pin", dongle=dongle))
    token = _token(dongle)
    try:
        return token.open(rw=writes, user_pin=PROTECTED_AUTH if _has_keypad(token) else pin)
    except pkcs11.UserAlreadyLoggedIn:
        return token.open(rw=writes)
    except pkcs11.PinLocked as error:
        raise DongleLocked(message("dongle.locked", dongle=dongle), tries_left=0) from error
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange) as error:
        raise pin_error(dongle, token.slot.get_token().flags) from error
    except (pkcs11.PinExpired, pkcs11.UserPinNotInitialized) as error:
        raise DonglePin(message("dongle.set-pin", dongle=dongle)) from error


def _token(dongle: PluggedDongle) -> pkcs11.Token:
    slots = pkcs11.lib(dongle.module).get_slots(token_present=True)
    token = next((slot.get_token() for slot in slots if slot.slot_id == dongle.slot), None)
    if token is None:
        raise pkcs11.TokenNotPresent
    return token


def pin_error(dongle: PluggedDongle, flags: TokenFlag) -> DonglePin:
    """The error for a wrong PIN. PKCS#11 reports only whether one attempt is left, or none."""
    if TokenFlag.USER_PIN_LOCKED in flags:
        return DongleLocked(message("dongle.locked", dongle=dongle), tries_left=0)
    if TokenFlag.USER_PIN_FINAL_TRY in flags:
        return DonglePin(message("dongle.last-try", dongle=dongle), tries_left=1)
    return DonglePin(message("dongle.wrong-pin", dongle=dongle))


@contextmanager
def _exclusive(dongle: PluggedDongle) -> Iterator[None]:
    """Admit one thread at a time, and turn a module's errors into DongleMissing."""
    with _turn:
        try:
            yield
        except pkcs11.PKCS11Error as error:
            why = type(error).__name__
            raise DongleMissing(message("dongle.silent", dongle=dongle, why=why)) from error
