"""Ed25519 point arithmetic, slow and plain, for keys and signatures that no library makes.

RFC 8032, section 5.1. Only the makers of test vectors use it.
"""

from hashlib import sha512

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, P) % P
_SQRT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)

Point = tuple[int, int]
IDENTITY: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    (x1, y1), (x2, y2) = a, b
    product = _D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def times(scalar: int, point: Point) -> Point:
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def encode(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data: bytes) -> Point:
    """The point of an encoding. Raises ValueError."""
    value = int.from_bytes(data, "little")
    y, sign = value & (2**255 - 1), value >> 255
    u, v = (y * y - 1) % P, (_D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x - u) % P:
        x = x * _SQRT_OF_MINUS_1 % P
    if (v * x * x - u) % P:
        raise ValueError("not on the curve")
    return (x if x & 1 == sign else P - x), y


BASE = decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
OF_ORDER_8 = decode(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
)


def secret_scalar(seed: bytes) -> int:
    head = bytearray(sha512(seed).digest()[:32])
    head[0] &= 248
    head[31] = head[31] & 127 | 64
    return int.from_bytes(head, "little")


def challenge(r: bytes, public: bytes, message: bytes) -> int:
    return int.from_bytes(sha512(r + public + message).digest(), "little") % L
