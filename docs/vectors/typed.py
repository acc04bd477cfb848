"""An independent reader of typed lines and scanned codes, written only from docs/format.md.

`read_rows(rows)` returns the text form in rows as they were typed or scanned, and
`unpack(text_form, request_bodies, skeleton)` its response file. Both raise ValueError with a code
of format.md.
"""

import base64
import hashlib
import json
import zlib

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LETTERS = "BCDEFGHJKNPRSTVX"
ALIKE = {"O": "0", "I": "1", "L": "1"}
MOST = 4096 - len("DSSEv1 41 application/vnd.keyferry.response.v1+json 4000 ")


def need(holds, code="wrong-line"):
    if not holds:
        raise ValueError(code)


def symbols_of(text):
    letters = [c for c in text.upper() if c not in " -\t"]
    return "".join(ALIKE.get(c, c) for c in letters)


def double(value, times):
    for _ in range(times):
        value = value * 2 if value < 16 else (value * 2) ^ 37
    return value


def is_line(number, symbols):
    if not (1 <= number <= 30 and 3 <= len(symbols) <= 30 and set(symbols) <= set(SYMBOLS)):
        return False
    *values, first, second = (SYMBOLS.index(s) for s in symbols)
    for place, value in enumerate([number // 32, number % 32, *values]):
        first ^= value
        second ^= double(value, place)
    return first == second == 0


def read_codes(row, parts):
    data = bytes.fromhex("".join(f"{LETTERS.index(c):x}" for c in row.upper()))
    while data:
        end = 6 + int.from_bytes(data[4:6], "big")
        code, check, data = data[:end], data[end : end + 4], data[end + 4 :]
        need(len(check) == 4 and hashlib.sha256(code).digest()[:4] == check)
        need(1 <= code[2] <= code[3] <= 36)
        need(
            all((mark, count) == (code[:2], code[3]) for mark, count in parts.values()) or not parts
        )
        parts[code[6:], code[2]] = code[:2], code[3]


def read_rows(rows):
    lines, parts = {}, {}
    for row in rows:
        if len(row) >= 22 and set(row.upper()) <= set(LETTERS):
            need(len(row) % 2 == 0)
            read_codes(row, parts)
            continue
        number, _, rest = row.strip().partition(" ")
        need(symbols_of(number).isdecimal())
        symbols = symbols_of(rest)
        need(is_line(int(symbols_of(number)), symbols))
        lines[int(symbols_of(number))] = symbols[:-2]
    if parts:
        ((_, count),) = set(parts.values())
        by_number = {number: part for part, number in parts}
        need(len(by_number) == count)
        return b"".join(by_number[n] for n in range(1, count + 1))
    need(sorted(lines) == list(range(1, len(lines) + 1)) and lines)
    need(all(len(lines[n]) == 28 for n in range(1, len(lines))))
    bits = "".join(f"{SYMBOLS.index(s):05b}" for n in sorted(lines) for s in lines[n])
    length = int(bits[16:32], 2) if len(bits) >= 32 else 0
    need(len(bits) == -(-8 * length // 5) * 5 and "1" not in bits[8 * length :])
    return bytes(int(bits[at : at + 8], 2) for at in range(0, 8 * length, 8))


def unpack(text_form, request_bodies, skeleton):
    bad = "unreadable-response"
    form, dictionary = (*text_form[:2], 0, 0)[:2]
    if 2 <= form <= 15 or (form == 1 and 3 <= dictionary <= 15):
        raise ValueError("unsupported-version")
    need((form, dictionary) == (1, 2) and len(text_form) <= 20480, bad)
    need(int.from_bytes(text_form[2:4], "big") == len(text_form), bad)
    start = b"DSSEv1 40 application/vnd.keyferry.request.v1+json %d "
    hashes = {b: hashlib.sha256(start % len(b) + b).hexdigest() for b in request_bodies}
    fitting = [b for b, name in hashes.items() if bytes.fromhex(name)[:4] == text_form[4:8]]
    need(fitting, "not-requested")
    at, signatures = 9, []
    need(len(text_form) > 8 and text_form[8] <= 8, bad)
    for _ in range(text_form[8]):
        end = at + 10 + int.from_bytes(text_form[at + 8 : at + 10], "big")
        sig = base64.b64encode(text_form[at + 10 : end]).decode()
        signatures.append({"keyid": text_form[at : at + 8].hex(), "sig": sig})
        at = end
    inflater = zlib.decompressobj(-15, skeleton + hashes[fitting[0]].encode() + fitting[0])
    try:
        body = inflater.decompress(text_form[at:], MOST + 1)
    except zlib.error as error:
        raise ValueError(bad) from error
    need(inflater.eof and not inflater.unused_data and len(body) <= MOST, bad)
    kind = "application/vnd.keyferry.response.v1+json"
    members = {"payloadType": kind, "payload": base64.b64encode(body).decode()}
    members["signatures"] = signatures
    return json.dumps(members, separators=(",", ":")).encode()
