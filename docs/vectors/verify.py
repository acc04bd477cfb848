"""An independent reader of Keyferry's files, written only from docs/format.md, to check ours.

It imports only json, base64, hashlib and cryptography. `verify("key-set", data)`,
`verify("request", data, activation_key)` and `verify("response", data, key_set)` return what the
file says (BODY), or raise ValueError with the code of format.md.
"""

import base64
import hashlib
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.hashes import SHA256

FAULTS = (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidSignature)
LOW_ORDER = ["26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"]
LOW_ORDER += ["c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"]
NO_KEYS = [0, 1, 2**255 - 20] + [int.from_bytes(bytes.fromhex(y), "little") for y in LOW_ORDER]


def need(holds, code="malformed"):
    if not holds:
        raise ValueError(code)
    return True


def parse(data):  # parses strict JSON
    def members(pairs):
        return need(len(dict(pairs)) == len(pairs)) and dict(pairs)

    def number(text):
        return need(text != "-0" and len(text) < 18 and abs(int(text)) < 2**53) and int(text)

    def depth(value):
        inner = value.values() if isinstance(value, dict) else value
        return 1 + max(map(depth, inner), default=0) if isinstance(value, dict | list) else 0

    hooks = dict.fromkeys(("parse_int", "parse_float", "parse_constant"), number)
    value = json.loads(data.decode(), object_pairs_hook=members, **hooks)
    json.dumps(value, ensure_ascii=False).encode()  # raises for a lone surrogate
    return need(depth(value) <= 16) and value


def b64(data):
    return base64.b64encode(data).decode()


def unb64(text, url_safe=False):
    if url_safe and not set(text) & set("+/"):
        text = text.replace("-", "+").replace("_", "/")
    data = base64.b64decode(text)
    return need(b64(data) == text) and data


def key(alg, text):  # returns how to verify a signature with this public key
    raw = unb64(text)
    if alg == "Ed25519":
        y = int.from_bytes(raw, "little") % 2**255
        need(y < 2**255 - 19 and y not in NO_KEYS and len(raw) == 32)
        return lambda sig, m: ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(sig, m)
    if alg == "ML-DSA-65" and len(raw) == 1952:
        return mldsa.MLDSA65PublicKey.from_public_bytes(raw).verify
    need(alg == "ECDSA-P256-SHA256" and raw[:1] == b"\4")
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    return lambda sig, m: point.verify(sig, m, ec.ECDSA(SHA256()))


def keyid(alg, text):
    return hashlib.sha256(alg.encode() + b"\0" + unb64(text)).hexdigest()[:16]


def signed(envelope, alg, text):  # does one signature by this key hold?
    for signature in envelope["signatures"]:
        if signature["keyid"] == keyid(alg, text):
            try:
                key(alg, text)(unb64(signature["sig"], True), envelope["pae"])
                return True
            except FAULTS:
                continue
    return False


def chars(text, count, alphabet="0123456789abcdef"):
    return type(text) is str and len(text) == count and set(text) <= set(alphabet)


def plain(text, least=0):
    bad = (("\0", "\x1f"), ("\x7f", "\x9f"), ("\u2028", "\u202e"), ("\u2066", "\u2069"))
    return least <= len(text) <= 64 and not any(a <= c <= b for c in text for a, b in bad)


def time(t):
    need("".join("0" if c in "0123456789" else c for c in t) == "0000-00-00T00:00:00Z")
    year, month, day = int(t[:4]), int(t[5:7]), int(t[8:10])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = 28 + leap if month == 2 else 30 + (month + month // 8) % 2
    return (
        year and 0 < month < 13 and 0 < day <= days and t[11:13] < "24" and max(t[14], t[17]) < "6"
    )


TESTS = {
    "hex32": lambda v: chars(v, 32),
    "hex64": lambda v: chars(v, 64),
    "number": lambda v: chars(v, 12, "0123456789"),
    "kind": ("activate", "update", "deactivate").__contains__,
    "answer": ("activate", "update", "deactivate", "renewal").__contains__,
    "protection": ("machine", "personal", "dongle").__contains__,
    "environment": ("physical", "virtual", "container", "unknown").__contains__,
    "alg": ("Ed25519", "ECDSA-P256-SHA256").__contains__,
    "text": lambda v: type(v) is str and plain(v),
    "name": lambda v: type(v) is str and plain(v, 1),
    "time": lambda v: type(v) is str and time(v),
    "from0": lambda v: type(v) is int and v >= 0,
    "from1": lambda v: type(v) is int and v >= 1,
    "bool": lambda v: type(v) is bool,
    "key": lambda v: key("Ed25519", v),
}
REQUEST = """id:hex32 kind:kind created_at:time license_number:number product.name:name client:text
product.version:text protection:protection device_key:key machine.name:text machine.os:text
machine.environment:environment replaces_seat:from1? choose_seat:bool last_serial:from0"""
RESPONSE = """request_sha256:hex64 kind:answer serial:from1 seat:from1 issued_at:time
grace_days:from0 license.number:number license.licensee:text license.product:name
license.edition:text license.trial:bool license.valid_from:time license.valid_until:time?
license.maintenance_until:time? check_in_by:time? bound_to.protection:protection
bound_to.device_key:key"""


def fits(record, shape):  # `path:test`, with `?` if null is allowed
    for path, test in (item.split(":") for item in shape.split()):
        value = record
        for name in path.split("."):
            value = value[name]
        need((test[-1] == "?" and value is None) or TESTS[test.strip("?")](value))
    return record


def bound(record, components):  # checks that keys, components and dongle fit the protection
    protection, dongle = record["protection"], record["dongle"]
    limits = {"tpm_key": 1, "smbios_uuid": 1, "board_serial": 1, "os_id": 1, "mac": 8}
    limits |= {"disk_serial": 8, "user": 1 if protection == "personal" else 0}
    need(type(components) is dict and not (protection == "dongle" and components))
    seen = set()
    for name in components.keys() & {name for name in limits if limits[name]}:
        hashes = components[name]
        need(type(hashes) is list and 0 < len(hashes) <= limits[name])
        need(hashes == sorted(set(hashes)) and {len(unb64(h)) for h in hashes} == {16})
        need(not seen & set(hashes))
        seen.update(hashes)
    need((dongle is None) == (protection != "dongle") == (record["load_key"] is not None))
    need(record["load_key"] is None or key("Ed25519", record["load_key"]))
    if dongle is not None:
        fits(dongle, "alg:alg model:text serial:text") and key(dongle["alg"], dongle["public"])


def open_envelope(data, family, limit):
    envelope = need(len(data) <= limit) and parse(data)
    start, end, found = f"application/vnd.keyferry.{family}.v", "+json", envelope["payloadType"]
    version = need(type(found) is str) and found.removeprefix(start).removesuffix(end)
    if found != f"{start}1{end}":
        later = chars(version, len(version), "0123456789") and version.lstrip("0") == version
        later = later and version not in ("", "1") and found == start + version + end
        raise ValueError("unsupported-version" if later else "wrong-type")
    body = unb64(envelope["payload"], True)
    envelope["pae"] = b"DSSEv1 %d %s %d %s" % (len(found), found.encode(), len(body), body)
    need(len(envelope["pae"]) <= 4096 and type(envelope["signatures"]) is list)
    need(len(envelope["signatures"]) <= 8)
    for s in envelope["signatures"]:
        need(type(s["keyid"]) is str and type(unb64(s["sig"], True)) is bytes)
    return envelope, body


def read_key_set(data):
    keys = parse(data)
    need(type(keys["keyset"]) is int and keys["keyset"] == 1, "unsupported-version")
    need(all(type(keys[name]) is list for name in ("require", "keys", "revoked")))
    for k in keys["keys"]:
        need(key(k["alg"], k["public"]) and k["keyid"] == keyid(k["alg"], k["public"]))
        need(k["alg"] in ("Ed25519", "ML-DSA-65") and k["status"] in ("trusted", "compromised"))
    need(len({k["keyid"] for k in keys["keys"]}) == len(keys["keys"]) and keys["require"])
    need(set(keys["require"]) <= {k["alg"] for k in keys["keys"] if k["status"] == "trusted"})
    return need(all(TESTS["number"](n) for n in keys["revoked"])) and keys


def read_request(data, activation_key):
    envelope, body = open_envelope(data, "request", 8192)
    r = fits(parse(body), REQUEST)
    bound(r, r["machine"]["components"])
    need((r["replaces_seat"], r["choose_seat"]) == (None, False) or r["kind"] == "activate")
    need(r["replaces_seat"] is None or r["choose_seat"] is False)
    need(type(r["trusts"]) is list and len(set(r["trusts"])) == len(r["trusts"]) <= 16)
    need(all(chars(t, 16) for t in r["trusts"]))
    keys = [k for k in (r["device_key"], r["load_key"], activation_key) if k is not None]
    need(len(set(keys)) == len(keys), "not-authentic")
    proofs = [("Ed25519", r["device_key"])]
    if r["kind"] == "update" and r["load_key"] and not signed(envelope, *proofs[0]):
        proofs = [("Ed25519", r["load_key"])]
    if r["kind"] == "activate":
        proofs.append(("Ed25519", need(activation_key, "not-authentic") and activation_key))
    if r["dongle"]:
        proofs.append((r["dongle"]["alg"], r["dongle"]["public"]))
    return need(all(signed(envelope, *proof) for proof in proofs), "not-authentic") and r


def read_response(data, keys):
    envelope, body = open_envelope(data, "response", 20480)
    good = [k for k in keys["keys"] if signed(envelope, k["alg"], k["public"])]
    need(set(keys["require"]) <= {k["alg"] for k in good}, "not-genuine")
    trusted = {k["alg"] for k in good if k["status"] == "trusted"}
    need(set(keys["require"]) <= trusted, "key-compromised")
    r = fits(parse(body), RESPONSE)
    bound(r["bound_to"], r["bound_to"]["components"])
    for name, value in r["license"]["features"].items():
        need(0 < len(name) <= 40 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-"))
        need(value is True or TESTS["from1"](value))
    places = r["license"]["environments"]
    need(type(places) is list and len(set(places)) == len(places) and "physical" in places)
    need(set(places) <= {"physical", "virtual", "container"})
    end = r["license"]["valid_until"], r["license"]["features"]
    return need(r["kind"] != "deactivate" or end == (r["issued_at"], {})) and r


CODES = ("unsupported-version", "wrong-type", "not-authentic", "not-genuine", "key-compromised")


def verify(kind, data, *keys):
    read = {"key-set": read_key_set, "request": read_request, "response": read_response}[kind]
    try:
        return read(data, *keys)
    except FAULTS as fault:  # any other fault means that the file is malformed
        malformed = "bad-key-set" if kind == "key-set" else f"unreadable-{kind}"
        raise ValueError(str(fault) if str(fault) in CODES else malformed) from fault
