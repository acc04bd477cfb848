"""Public keys and signatures: the forms on which libraries disagree."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.unit.conformance.cases import curve
from tests.unit.conformance.cases.files import Vector
from tests.unit.conformance.cases.keys import (
    DEVICE,
    SERVICE_ML_DSA,
    STRANGER,
    TOKEN,
    Key,
    b64,
    keyid,
    ml_dsa_key,
    seed,
)

MESSAGE = b"Keyferry"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1


def _y(value: int) -> bytes:
    return value.to_bytes(32, "little")


REFUSED_ED25519 = [
    ("y = 0", _y(0)),
    ("y = 0, top bit set", _y(2**255)),
    ("y = 1, the identity", _y(1)),
    ("y = 1, top bit set", _y(2**255 + 1)),
    ("y = p - 1", _y(curve.P - 1)),
    ("y = p - 1, top bit set", _y(curve.P - 1 + 2**255)),
    ("order 8, first", curve.encode(curve.OF_ORDER_8)),
    ("order 8, first, negative", curve.encode(curve.times(7, curve.OF_ORDER_8))),
    ("order 8, second", curve.encode(curve.times(3, curve.OF_ORDER_8))),
    ("order 8, second, negative", curve.encode(curve.times(5, curve.OF_ORDER_8))),
    ("y = p", _y(curve.P)),
    ("y = p + 1", _y(curve.P + 1)),
    ("y = p + 1, top bit set", _y(curve.P + 1 + 2**255)),
    ("y = p + 3, not canonical though of no low order", _y(curve.P + 3)),
    ("y = 2^255 - 1", _y(2**255 - 1)),
    ("all bits set", b"\xff" * 32),
]


def _off_the_curve() -> bytes:
    for y in range(2, 100):
        try:
            curve.decode(_y(y))
        except ValueError:
            return _y(y)
    raise AssertionError("half of all y are off the curve")


def public_key_vectors() -> Iterator[Vector]:
    def vector(name: str, alg: str, public: bytes, ok: bool) -> Vector:
        expect = {"ok": True, "keyid": keyid(alg, public)} if ok else {"ok": False}
        return {"name": f"{alg}: {name}", "alg": alg, "public": b64(public), "expect": expect}

    for key in (DEVICE, TOKEN, SERVICE_ML_DSA):
        yield vector("a key", key.alg, key.public, True)
        yield vector("one byte too few", key.alg, key.public[:-1], False)
        yield vector("one byte too many", key.alg, key.public + b"\0", False)
        yield vector("no bytes", key.alg, b"", False)
    mixed = curve.add(_public_point(DEVICE, "device"), curve.OF_ORDER_8)
    yield vector("with a part of low order, loads", "Ed25519", curve.encode(mixed), True)
    yield vector("y = p - 2", "Ed25519", _y(curve.P - 2), True)
    for name, public in REFUSED_ED25519:
        yield vector(name, "Ed25519", public, False)
    alg, point = TOKEN.alg, TOKEN.public
    x, y = point[1:33], point[33:]
    yield vector("a compressed point", alg, bytes([2 + y[-1] % 2]) + x, False)
    yield vector("a hybrid point", alg, bytes([6 + y[-1] % 2]) + x + y, False)
    yield vector("a point without its first byte", alg, x + y, False)
    yield vector("the point at infinity", alg, b"\0", False)
    yield vector("x = y = 0", alg, b"\4" + bytes(64), False)
    yield vector("off the curve", alg, point[:-1] + bytes([point[-1] ^ 1]), False)
    yield vector("x = p, not reduced", alg, b"\4" + P256_P.to_bytes(32, "big") + y, False)


def signature_vectors() -> Iterator[Vector]:
    yield from _ed25519()
    yield from _ecdsa()
    yield from _ml_dsa()


def _vector(name: str, key: Key, signature: bytes, valid: bool, message: bytes = MESSAGE) -> Vector:
    return {
        "name": f"{key.alg}: {name}",
        "alg": key.alg,
        "public": b64(key.public),
        "message": b64(message),
        "signature": b64(signature),
        "expect": {"valid": valid},
    }


def _public_point(key: Key, name: str) -> curve.Point:
    point = curve.times(curve.secret_scalar(seed(name)), curve.BASE)
    assert curve.encode(point) == key.public
    return point


def _common(key: Key) -> Iterator[Vector]:
    good = key.sign(MESSAGE)
    yield _vector("good", key, good, True)
    yield _vector("an empty message", key, key.sign(b""), True, b"")
    yield _vector("another message", key, good, False, b"keyferry")
    yield _vector("a message with a byte more", key, good, False, MESSAGE + b"\0")
    yield _vector("no bytes", key, b"", False)
    yield _vector("one byte too few", key, good[:-1], False)
    yield _vector("one byte too many", key, good + b"\0", False)
    yield _vector("the last bit changed", key, good[:-1] + bytes([good[-1] ^ 1]), False)
    yield _vector("twice", key, good + good, False)


def _ed25519() -> Iterator[Vector]:
    yield from _common(DEVICE)
    good = DEVICE.sign(MESSAGE)
    half = int.from_bytes(good[32:], "little")
    yield _vector("by another key", STRANGER, good, False)
    yield _vector("S + L", DEVICE, good[:32] + _y(half + curve.L), False)
    yield _vector("S + 8 L", DEVICE, good[:32] + _y(half + 8 * curve.L), False)
    yield _vector("all zeros", DEVICE, bytes(64), False)

    secret, scalar = curve.secret_scalar(seed("device")), 12345

    def crafted(name: str, r: bytes, r_scalar: int, public: bytes, valid: bool) -> Vector:
        s = (r_scalar + curve.challenge(r, public, MESSAGE) * secret) % curve.L
        return _vector(name, Key("Ed25519", public, DEVICE.sign), r + _y(s), valid)

    point = curve.times(scalar, curve.BASE)
    off = curve.encode(curve.add(point, curve.OF_ORDER_8))
    yield crafted("holds with the cofactor alone", off, scalar, DEVICE.public, False)
    low = curve.encode(curve.OF_ORDER_8)
    yield crafted("R of order 8, holds with the cofactor alone", low, 0, DEVICE.public, False)
    yield crafted("R the identity", curve.encode(curve.IDENTITY), 0, DEVICE.public, True)
    yield crafted("R the identity, not canonical", _y(curve.P + 1), 0, DEVICE.public, False)

    mixed = curve.encode(curve.add(_public_point(DEVICE, "device"), curve.OF_ORDER_8))
    for multiple, name in ((True, "a multiple of 8"), (False, "no multiple of 8")):
        while True:
            scalar += 1
            r = curve.encode(curve.times(scalar, curve.BASE))
            if (curve.challenge(r, mixed, MESSAGE) % 8 == 0) == multiple:
                break
        yield crafted(f"key with a part of order 8, k {name}", r, scalar, mixed, multiple)

    anything = curve.encode(curve.IDENTITY) + bytes(32)  # holds for any message under 1
    for name, public in REFUSED_ED25519:
        yield _vector(f"key {name}", Key("Ed25519", public, DEVICE.sign), anything, False)
    for name, public in (
        ("off the curve", _off_the_curve()),
        ("of 31 bytes", DEVICE.public[:-1]),
        ("of 33 bytes", DEVICE.public + b"\0"),
        ("of no bytes", b""),
    ):
        yield _vector(f"key {name}", Key("Ed25519", public, DEVICE.sign), good, False)


def _integer(value: int, padding: bytes = b"") -> bytes:
    data = padding + value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
    return b"\x02" + bytes([len(data)]) + data


def _sequence(content: bytes) -> bytes:
    return b"\x30" + bytes([len(content)]) + content


def _ecdsa() -> Iterator[Vector]:
    yield from _common(TOKEN)
    good = TOKEN.sign(MESSAGE)
    r, s = decode_dss_signature(good)
    n = P256_ORDER
    yield _vector("low s", TOKEN, _sequence(_integer(r) + _integer(min(s, n - s))), True)
    yield _vector("high s", TOKEN, _sequence(_integer(r) + _integer(max(s, n - s))), True)
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    for name, signature in (
        ("raw r and s, as PKCS#11 gives them", raw),
        ("s in the place of r", _sequence(_integer(s) + _integer(r))),
        ("r padded with a zero", _sequence(_integer(r, b"\0") + _integer(s))),
        ("s padded with a zero", _sequence(_integer(r) + _integer(s, b"\0"))),
        ("a length in the long form", b"\x30\x81" + good[1:]),
        ("a length without end", b"\x30\x80" + good[2:] + b"\0\0"),
        ("a third member", _sequence(good[2:] + b"\x02\x01\x01")),
        ("a null after s", _sequence(good[2:] + b"\x05\x00")),
        ("a set, no sequence", b"\x31" + good[1:]),
        ("r + n", _sequence(_integer(r + n) + _integer(s))),
        ("s + n", _sequence(_integer(r) + _integer(s + n))),
        ("s negative", _sequence(_integer(r) + _integer(s - n))),
        ("r = 0", _sequence(_integer(0) + _integer(s))),
        ("s = 0", _sequence(_integer(r) + _integer(0))),
        ("r = n", _sequence(_integer(n) + _integer(s))),
        ("r alone", _sequence(_integer(r))),
    ):
        yield _vector(name, TOKEN, signature, False)
    x, y = TOKEN.public[1:33], TOKEN.public[33:]
    for name, public in (
        ("compressed", bytes([2 + y[-1] % 2]) + x),
        ("without its first byte", x + y),
        ("off the curve", TOKEN.public[:-1] + bytes([y[-1] ^ 1])),
        ("at infinity", b"\0"),
    ):
        yield _vector(f"key {name}", Key(TOKEN.alg, public, TOKEN.sign), good, False)


def _ml_dsa() -> Iterator[Vector]:
    good = SERVICE_ML_DSA.sign(MESSAGE)
    yield _vector("good", SERVICE_ML_DSA, good, True)
    yield _vector("another message", SERVICE_ML_DSA, good, False, b"keyferry")
    yield _vector("no bytes", SERVICE_ML_DSA, b"", False)
    yield _vector("one byte too few", SERVICE_ML_DSA, good[:-1], False)
    yield _vector("one byte too many", SERVICE_ML_DSA, good + b"\0", False)
    yield _vector("first bit changed", SERVICE_ML_DSA, bytes([good[0] ^ 1]) + good[1:], False)
    in_context = ml_dsa_key("service", b"keyferry").sign(MESSAGE)
    yield _vector("with a context", SERVICE_ML_DSA, in_context, False)
    short = Key("ML-DSA-65", SERVICE_ML_DSA.public[:-1], SERVICE_ML_DSA.sign)
    yield _vector("key one byte too short", short, good, False)
    yield _vector("an Ed25519 signature", SERVICE_ML_DSA, DEVICE.sign(MESSAGE), False)
