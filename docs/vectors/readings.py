"""A second reader of what Windows and macOS answer, written only from docs/components.md.

`read(vector)` takes a vector of readings.json and returns what must come out of it. It imports
nothing of Keyferry, and takes the lists of placeholders and names from docs/format.md itself.
"""

import base64
import hashlib
import json
import plistlib
import re
import struct
from itertools import pairwise
from pathlib import Path
from xml.parsers.expat import ExpatError

FORMAT = Path(__file__).parents[1].joinpath("format.md").read_text()
SPACE = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
SPACE += "".join(map(chr, range(0x2000, 0x200B)))
INSIDE = "{00000000-0000-0000-ffff-ffffffffffff}"
TEMPLATE = bytes.fromhex(
    "013a0001000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
    "00060080004300100800000000000100"
)
UP = ("0123456789abcdef" * 2, "1234567890abcdef" * 2, "0123456789" * 4)
COUNTS = (*UP, *(text[::-1] for text in UP))


def listed(mark):
    return FORMAT.split(f"<!-- {mark} -->\n```\n")[1].split("\n```")[0].split("\n")


def is_placeholder(value):
    value = re.sub(f"[{SPACE}]+", " ", value.strip(SPACE).lower())
    counted = len(value) >= 5 and any(value in count for count in COUNTS)
    one = len(set(value)) <= 1 or not value.strip("0.-_ ")
    return one or counted or value in listed("placeholders")


def steps(numbers, size):
    """Whether all but the first or the last of some numbers are the same step apart."""
    differences = [(b - a) % size for a, b in pairwise(numbers)]
    return len(set(differences[1:])) == 1 or len(set(differences[:-1])) == 1


def is_pattern(octets):
    size, digits = len(octets), octets.hex()
    repeats = any(octets == octets[:n] * (size // n) for n in range(1, size) if size % n == 0)
    most = max(octets.count(octet) for octet in octets) >= size - 1
    halves = [octets[:3], octets[3:]] if size == 6 else []
    both = bool(halves) and all((h[1] - h[0]) % 256 == (h[2] - h[1]) % 256 for h in halves)
    pairs = [int.from_bytes(octets[i : i + 2], "big") for i in range(0, size, 2)]
    words = size == 16 and steps(pairs, 65536)
    nine = any(digits[i : i + 9] in count for i in range(len(digits) - 8) for count in COUNTS)
    return repeats or most or both or words or steps(octets, 256) or nine


def is_address(octets):
    shared = octets.hex().startswith(tuple(listed("shared addresses")))
    return (
        len(octets) == 6
        and not octets[0] & 3
        and any(octets[3:])
        and not shared
        and not is_pattern(octets)
    )


def is_uuid(text):
    fields = text.split("-")
    if [len(field) for field in fields] != [8, 4, 4, 4, 12] or is_placeholder(text):
        return False
    printed = bytes.fromhex("".join(fields))
    stored = printed[3::-1] + printed[5:3:-1] + printed[7:5:-1] + printed[8:]
    digits = all(len(set(field)) == 1 for field in fields)
    return not (digits or is_pattern(printed) or is_pattern(stored))


def ends_with_instance(model, serial):
    name = model.lower().replace("_", " ")
    google = re.fullmatch(r"nvme_card\d*", model.lower())
    begins = name.startswith(tuple(listed("instance disks")))
    return begins or google or re.match("AWS[0-9A-Fa-f]{17}", serial)


def structures(table):
    table = table[8:]
    while len(table) >= 4 and table[0] != 127 and table[1] >= 4:
        end = table.find(b"\0\0", table[1])
        if end < 0:
            return
        strings = [b"", *table[table[1] : end].split(b"\0")]
        formatted = table[: table[1]]

        def text(at, formatted=formatted, strings=strings):
            number = formatted[at] if at < len(formatted) else 0
            return (strings[number] if number < len(strings) else b"").decode("latin-1")

        yield formatted[0], formatted, text
        table = table[end + 2 :]


def windows(answers):
    table = base64.b64decode(answers["smbios"])
    read = {name: [] for name in ("tpm_key", "smbios_uuid", "board_serial", "mac", "disk_serial")}
    known, names, virtual, hyper_v = False, [], False, False
    uuids = []
    for kind, formatted, text in structures(table):
        if kind == 0:
            names.append(text(4))
            virtual = virtual or (len(formatted) > 19 and formatted[19] & 16)
        elif kind == 1:
            known, names = True, [*names, text(4), text(5)]
            hyper_v = hyper_v or (text(4), text(5)) == ("Microsoft Corporation", "Virtual Machine")
            uuids += [formatted[8:24]] if len(formatted) >= 24 else []
        elif kind == 2:
            names.append(text(4))
            if not read["board_serial"] and not is_placeholder(text(7)):
                read["board_serial"] = [serial_number(text(7))]
    if uuids:
        a, b, c = struct.unpack_from("<IHH", uuids[0])
        rest = uuids[0][8:].hex()
        printed = f"{a:08x}-{b:04x}-{c:04x}-{rest[:4]}-{rest[4:]}"
        read["smbios_uuid"] = [printed] if is_uuid(printed) else []
    if not (hyper_v and read["smbios_uuid"]):
        read["mac"] = [address for row in answers["cards"] for address in card(row)]
    read["disk_serial"] = [s for d in answers["disks"] for s in disk(base64.b64decode(d))]
    blob = base64.b64decode(answers["endorsement_key"])
    if blob[:8] == b"RSA1" + struct.pack("<I", 2048):
        exponent, size = struct.unpack_from("<II", blob, 8)
        modulus = blob[24 + exponent :][:size]
        if len(modulus) == 256:
            read["tpm_key"] = [hashlib.sha256(TEMPLATE + modulus).hexdigest()]
    guid = answers["machine_guid"].strip(SPACE).lower().replace("-", "")
    read |= {"os_id": [] if is_placeholder(guid) else [guid]}
    read |= {"user": [answers["sid"]] if answers["sid"] else []}
    words = (
        " "
        + " ".join("".join(c if c.isalnum() else " " for c in " ".join(names).lower()).split())
        + " "
    )
    cloud = any(f" {name} " in words for name in listed("clouds")) and " metal " not in words
    virtual = virtual or cloud or any(f" {name} " in words for name in listed("hypervisors"))
    return read, "virtual" if virtual else "physical" if known else "unknown"


def serial_number(text):
    return re.sub(" +", " ", text.strip(SPACE))


def card(row):
    octets = bytes.fromhex(row["permanent_physical_address"])[: row["physical_address_length"]]
    foreign = ("USB\\", "ROOT\\", "BTH\\", "BTHENUM\\", "SWD\\")
    inside = row["container"].lower() in ("", INSIDE)
    inside = inside and not row["device"].upper().startswith(foreign)
    if row["type"] in (6, 71) and row["flags"] & 3 == 1 and inside and is_address(octets):
        yield octets.hex()


def disk(descriptor):
    if len(descriptor) < 36:
        return
    product, _, serial, bus = struct.unpack_from("<IIII", descriptor, 16)

    def text(at):
        data = descriptor[at:] if 0 < at < len(descriptor) else b""
        return data.split(b"\0")[0].decode("latin-1").strip(SPACE)

    foreign = descriptor[10] or bus in (4, 7, 9, 12, 14, 15, 16) or is_placeholder(text(serial))
    if not foreign and not ends_with_instance(text(product), text(serial)):
        yield serial_number(text(serial))


def entries(printed):
    try:
        roots = plistlib.loads(printed.encode()) if printed else []
    except (ExpatError, ValueError):
        return
    for root in roots:
        yield from below(root)


def below(entry):
    yield entry
    for child in entry.get("IORegistryEntryChildren", []):
        yield from below(child)


def macos(answers):
    read = {"smbios_uuid": [], "mac": [], "disk_serial": [], "user": [answers["user"]]}
    for entry in entries(answers["platform"]):
        uuid = entry.get("IOPlatformUUID", "").lower()
        read["smbios_uuid"] += [uuid] if is_uuid(uuid) else []
    for entry in (entry for printed in answers["controllers"] for entry in entries(printed)):
        octets = entry.get("IOMACAddress", b"")
        inside = any(each.get("IOBuiltin") is True for each in below(entry))
        read["mac"] += [octets.hex()] if inside and is_address(octets) else []
    for entry in entries(answers["disks"]):
        place, device = entry["Protocol Characteristics"], entry["Device Characteristics"]
        inside = place["Physical Interconnect Location"] == "Internal"
        inside = inside and place["Physical Interconnect"] not in ("USB", "Secure Digital")
        serial = device["Serial Number"].strip(SPACE)
        read["disk_serial"] += [serial] if inside and not is_placeholder(serial) else []
    models = ("VirtualMac", "VMware", "Parallels")
    if answers["hv_vmm_present"] == "1" or answers["model"].startswith(models):
        return read, "virtual"
    return read, "physical" if answers["hv_vmm_present"] == "0" else "unknown"


def read(vector):
    values, environment = {"windows": windows, "macos": macos}[vector["system"]](vector["answers"])
    components = {name: sorted({*values[name]} - {""}) for name in values}
    components = {name: hashed for name, hashed in components.items() if hashed}
    return {"ok": True, "components": components, "environment": environment}


def main():
    vectors = json.loads(Path(__file__).with_name("readings.json").read_text())["vectors"]
    wrong = [vector["name"] for vector in vectors if read(vector) != vector["expect"]]
    print(
        f"readings.json: agrees with {len(vectors) - len(wrong)} of {len(vectors)}",
        *wrong,
        sep="\n  ",
    )


if __name__ == "__main__":
    main()
