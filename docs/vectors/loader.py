"""A second loader and installer, written only from docs/format.md, to check ours and yours.

`load(vector)` and `install(vector)` take a vector of load.json or install.json and return what must
come out of it. Like `verify.py`, on which it builds, it imports nothing of Keyferry. Run it here,
`python loader.py`, and it says with how many vectors it agrees.
"""

import base64
import datetime
import hashlib
import hmac
import json
import os
from pathlib import Path

import verify
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from verify import b64, need, unb64

DAY = 86400
THROWAWAY = "dd1d4d99d570396a"
WEIGHTS = {
    "tpm_key": 5,
    "smbios_uuid": 5,
    "board_serial": 3,
    "mac": 3,
    "os_id": 3,
    "disk_serial": 2,
}
ANCHORS = ("tpm_key", "smbios_uuid", "board_serial", "mac")
KEYS = ("load.key", "device.key", "device.public")


class Offline:
    """The machine of a vector; `files` is its state, with JSON files as they stand."""

    def __init__(self, vector):
        self.vector, self.now = vector, seconds(vector["now"])
        self.before = {path: base64.b64decode(text) for path, text in vector["state"].items()}
        self.files, self.token = dict(self.before), vector.get("token")
        self.unsafe, self.locked = vector.get("modes", {}), vector.get("locked", [])
        self.keys = verify.verify("key-set", base64.b64decode(vector["key_set"]))
        need(THROWAWAY not in [key["keyid"] for key in self.keys["keys"]], "bad-key-set")

        for root in ("user", "site"):
            self.choose_folders(root)

    def choose_folders(self, root):
        """Of several folders of a license, this computer's takes the name of the first."""
        names = {path.split("/")[1] for path in self.files if path.startswith(f"{root}/0")}
        for number in {name[:12] for name in names if "-" in name}:
            ours = [n for n in names if n[:12] == number]
            ours.sort(key=lambda n: (whose(self, f"{root}/{n}", number), len(n), n))
            chosen = {p: d for p, d in self.files.items() if p.startswith(f"{root}/{ours[0]}/")}
            others = tuple(f"{root}/{name}/" for name in ours)
            self.files = {p: d for p, d in self.files.items() if not p.startswith(others)}
            renamed = {f"{root}/{number}/{p.split('/')[2]}": d for p, d in chosen.items()}
            self.files, self.before = self.files | renamed, self.files | renamed

    def read(self, path):
        closed = any(path.startswith(folder + "/") for folder in self.unsafe)
        return None if closed else self.files.get(path)

    def json(self, path, default, *shape, lenient=False):
        """A JSON file of the state. A damaged one is an error, or with `lenient` missing."""
        data = self.read(path)
        try:
            value = default if data is None else verify.parse(data)
            need(all(type(value[name]) is kind for name, kind in shape))
            return {name: value[name] for name in default}
        except verify.FAULTS:
            need(lenient, "state-damaged")
            return default

    def state(self, folder, lenient=False):
        usual = {"state": 1, "max_serial": 0, "ended": False}
        shape = ("max_serial", int), ("ended", bool)
        return self.json(f"{folder}/state.json", usual, *shape, lenient=lenient)

    def clock(self, lenient=False):
        shape = ("mark", int), ("lowered", int), ("at_request", dict)
        usual = {"mark": 0, "lowered": 0, "at_request": {}}
        return self.json("user/clock.json", usual, *shape, lenient=lenient)

    def write(self, path, value):
        self.files[path] = value if type(value) is bytes else json.dumps(value).encode()

    def erase(self, *paths):
        for path in paths:
            self.files.pop(path, None)

    def response(self, data):
        lacking = set(self.vector.get("lacks", [])) & set(self.keys["require"])
        return need(not lacking, "cannot-verify") and verify.verify("response", data, self.keys)

    def request(self, path, lenient=True):
        """The BODY and the identity of a request that waits; None if there is none."""
        data = self.read(path)
        if data is None:
            return None
        try:
            envelope, body = verify.open_envelope(data, "request", 8192)
            return verify.parse(body) | {"sha256": hashlib.sha256(envelope["pae"]).hexdigest()}
        except verify.FAULTS:
            return need(lenient, "state-damaged") and None

    def key(self, path, lenient=False):
        """The public half of a key file, in base64."""
        data = self.read(path)
        try:
            if data is None or path.endswith(".public"):
                return data and data.decode()
            seed = ed25519.Ed25519PrivateKey.from_private_bytes(unb64(data.decode()))
            return b64(seed.public_key().public_bytes_raw())
        except verify.FAULTS:
            return need(lenient, "state-damaged") and None

    def device(self, folder):
        return self.key(f"{folder}/device.public") or self.key(f"{folder}/device.key", True)

    def holder(self, folder):
        """Where the keys of a folder's license are: a user's without a load key uses the site's."""
        site = folder.replace("user/", "site/")
        return (
            site
            if self.read(f"{folder}/load.key") is None and self.read(f"{site}/load.key")
            else folder
        )

    def pending(self, folder):
        """The request that waits in a folder, as long as its keys are here."""
        request, site = self.request(f"{folder}/pending.request"), folder.replace("user/", "site/")
        for place in (folder, site):
            keys = request and (request["device_key"], request["load_key"])
            load_keys = None, self.key(f"{place}/load.key", True)
            if keys in [(self.device(place), load_key) for load_key in load_keys]:
                return request
        return None

    def changes(self):
        paths = {
            p
            for p in self.files.keys() | self.before.keys()
            if self.files.get(p) != self.before.get(p)
        }
        return {path: self.shown(path) for path in paths}

    def shown(self, path):
        data = self.files.get(path)
        return data and (json.loads(data) if path.endswith(".json") else b64(data))


def seconds(text):  # of a time, or of a date's first second in UTC
    moment = datetime.datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp())


def folders(number):  # the user's first
    return f"user/{number}", f"site/{number}"


def hashes(machine, number, protection):
    """The component hashes of the machine that is seen, as a set for each component."""
    names = [*WEIGHTS, *(["user"] if protection == "personal" else [])]
    values = {name: machine["components"].get(name, []) for name in names}

    def digest(name, value):
        message = name.encode() + b"\0" + value.encode()
        return b64(hmac.digest(number.encode(), message, "sha256")[:16])

    return {name: {digest(name, v) for v in vs} for name, vs in values.items() if vs}


def check_machine(offline, body):
    """The machine rule, in 840ths of a point."""
    bound, number = body["bound_to"], body["license"]["number"]
    recorded = {n: set(hs) for n, hs in bound["components"].items() if n in WEIGHTS}
    weight = sum(WEIGHTS[name] for name in recorded)
    user = bound["components"].get("user")
    need(weight >= 3 and (user or bound["protection"] != "personal"), "machine-not-identified")
    seen = hashes(offline.vector["machine"], number, bound["protection"])
    share = {
        n: 840 * WEIGHTS[n] * len(hs & seen.get(n, set())) // len(hs) for n, hs in recorded.items()
    }
    of = {name: 840 * WEIGHTS[name] for name in recorded}
    hardware = [name for name in recorded if name != "os_id"]
    anchors = [name for name in recorded if name in ANCHORS]
    rules = [
        2 * sum(share.values()) > sum(of.values()),
        not hardware or 2 * sum(share[n] for n in hardware) > sum(of[n] for n in hardware),
        not anchors or any(share[name] for name in anchors),
        2 * weight > sum(WEIGHTS[name] for name in seen if name in WEIGHTS),
        bound["protection"] != "personal" or set(user) == seen.get("user"),
    ]
    need(all(rules), "wrong-machine")


def whose(offline, folder, number):
    """0 for this computer's folder, 1 for nobody's, 2 if only os_id is as here, else 3."""
    ranks = []
    for name in ("installed.response", "pending.request", "deactivate.request"):
        try:
            family = name.split(".")[1]
            data = offline.read(f"{folder}/{name}")
            body = verify.parse(verify.open_envelope(data, family, 20480)[1])
            bound = body["bound_to"] if family == "response" else body | body["machine"]
        except verify.FAULTS:
            continue
        seen = hashes(offline.vector["machine"], number, bound["protection"])
        same = {n for n, hs in bound["components"].items() if set(hs) & seen.get(n, set())}
        weighed = set(WEIGHTS)
        if bound["dongle"] or same & weighed - {"os_id"} or is_machine(offline, bound, number):
            return 0
        if weighed & seen.keys() and weighed & bound["components"].keys():
            ranks.append(2 if "os_id" in same else 3)
    return min(ranks, default=1)


def is_machine(offline, bound, number):
    try:
        check_machine(offline, {"bound_to": bound, "license": {"number": number}})
    except ValueError:
        return False
    return True


def check_token(offline, dongle):
    token, nonce = offline.token, b"keyferry possession v1\0" + os.urandom(32)
    need(token and token["public"] == dongle["public"], "dongle-missing")
    need(token.get("pin") != "wrong", "dongle-pin")
    private = base64.b64decode(token["private"])
    if token["alg"] == "Ed25519":
        signature = ed25519.Ed25519PrivateKey.from_private_bytes(private).sign(nonce)
    else:
        scalar = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
        signature = scalar.sign(nonce, ec.ECDSA(SHA256()))
    try:
        verify.key(dongle["alg"], dongle["public"])(signature, nonce)
    except verify.FAULTS:
        raise ValueError("dongle-missing") from None


def check_place(offline, body):
    need(
        offline.vector["machine"]["environment"] in (*body["license"]["environments"], "unknown"),
        "environment-not-allowed",
    )


def check_installed(offline, body, folder):
    """Load, steps 2 to 7."""
    number, bound, state = body["license"]["number"], body["bound_to"], offline.state(folder)
    need(body["kind"] != "deactivate" and not state["ended"], "deactivated")
    for place in folders(number):
        leaving = offline.request(f"{place}/deactivate.request", lenient=False)
        need(not leaving or leaving["device_key"] != bound["device_key"], "deactivated")
    need(body["license"]["product"] == offline.vector["product"], "wrong-product")
    need(number not in offline.keys["revoked"], "license-revoked")
    if bound["dongle"]:
        check_token(offline, bound["dongle"])
    else:
        load_key = offline.key(f"{offline.holder(folder)}/load.key")
        need(load_key == bound["load_key"], "wrong-machine")
        check_machine(offline, body)
    check_place(offline, body)
    need(body["serial"] >= state["max_serial"], "older-response")


def check_terms(offline, body, mark):
    """Load, the second half of 8, and 9. Returns the mark."""
    terms, now = body["license"], offline.now
    need(now >= mark - DAY, "clock-rolled-back")
    now = max(now, mark)
    until, lease = terms["valid_until"], body["check_in_by"]
    need(now >= seconds(terms["valid_from"]), "not-yet-valid")
    need(until is None or now < seconds(until), "expired")
    need(lease is None or now < seconds(lease) + body["grace_days"] * DAY, "check-in-overdue")
    released, maintained = offline.vector.get("released"), terms["maintenance_until"]
    fresh = released is None or maintained is None or seconds(released) <= seconds(maintained)
    need(fresh, "maintenance-ended")
    return now


def activate(offline, body):
    """Load, 8 and 9: the mark, which is written if 10 minutes have passed."""
    clock = offline.clock()
    mark = max(clock["mark"], seconds(body["issued_at"]))
    if offline.now >= clock["mark"] + 600 and "user" not in offline.locked:
        offline.write("user/clock.json", clock | {"mark": max(mark, offline.now)})
    return check_terms(offline, body, mark)


def load_number(offline, number):
    """The newest license of a number that loads, and the mark; None if none is installed."""
    user, site = folders(number)
    good, errors = [], {}
    for folder in (user, site):
        data = offline.read(f"{folder}/installed.response")
        try:
            if data is not None:
                body = offline.response(data)
                check_installed(offline, body, folder)
                good.append((body["serial"], folder, body))
        except ValueError as error:
            errors[folder] = str(error)
    for _, folder, body in sorted(good, key=lambda item: -item[0]):
        try:
            return body, activate(offline, body)
        except ValueError as error:
            errors[folder] = str(error)
    depends = user in errors and offline.read(f"{user}/load.key") is None
    order = (
        [errors.get(site), absence(offline, site), errors[user]] if depends else [*errors.values()]
    )
    need(not errors, next(filter(None, order), None))
    return None


def absence(offline, folder):
    if offline.pending(folder):
        return "pending"
    waits = offline.read(f"{folder}/deactivate.request") is not None
    return "deactivated" if waits or offline.state(folder)["ended"] else None


def load_first(offline):
    """Several licenses, in the order of order.json."""
    numbers = sorted({path.split("/")[1] for path in offline.files if path.count("/") == 2})
    order = offline.json("user/order.json", {"order": []}, ("order", list), lenient=True)["order"]
    numbers = [n for n in order if n in numbers] + [n for n in numbers if n not in order]
    errors = []
    for number in numbers:
        try:
            loaded = load_number(offline, number)
            if loaded:
                return loaded
        except ValueError as error:
            errors.append(str(error))
    mild = "wrong-product", "deactivated"
    need(not [e for e in errors if e not in mild], next((e for e in errors if e not in mild), None))
    need(not offline.unsafe, "state-not-readable")
    absent = [absence(offline, folder) for n in numbers for folder in folders(n)]
    order = ["pending"] if "pending" in absent else sorted(errors, key=mild.index)
    raise ValueError(next(filter(None, [*order, *absent, "not-activated"])))


def facts(offline, body, now):
    terms, lease = body["license"], body["check_in_by"]
    ends = [] if terms["valid_until"] is None else [seconds(terms["valid_until"])]
    soon = any(end - now <= 30 * DAY for end in ends)
    if lease is not None:
        ends.append(min(seconds(lease) + body["grace_days"] * DAY, 253402300799))
    expires = ends and datetime.datetime.fromtimestamp(min(ends), datetime.UTC).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    reason = (
        "grace" if lease is not None and now >= seconds(lease) else "ends-soon" if soon else None
    )
    known = {"number": terms["number"], "serial": body["serial"]}
    return {"ok": True, **known, "reason": reason, "expires": expires or None}


def load(vector):
    try:
        offline = Offline(vector)
        body, mark = load_first(offline)
        verdict = facts(offline, body, mark)
        if "questions" in vector:
            verdict["questions"] = [*ask(offline, body, mark, vector["questions"])]
    except ValueError as error:
        return {"code": str(error), "after": offline.changes() if "offline" in locals() else {}}
    return verdict | {"after": offline.changes()}


def ask(offline, body, mark, questions):
    """The questions of an application that stays open; it stores the time every 10 minutes."""
    stored = offline.now
    for question in questions:
        offline.now, feature = seconds(question["now"]), question["feature"]
        offline.token = question.get("token", offline.token)
        try:
            if body["bound_to"]["dongle"]:
                check_token(offline, body["bound_to"]["dongle"])
            need(offline.now >= mark - DAY, "clock-rolled-back")
            mark = max(mark, offline.now)
            if offline.now >= stored + 600:
                stored, clock = offline.now, offline.clock()
                offline.write("user/clock.json", clock | {"mark": max(clock["mark"], stored)})
            check_terms(offline, body, mark)
            granted = body["license"]["features"]
            need(feature is None or feature in granted, "feature-not-granted")
            yield {"ok": True, "value": granted.get(feature)}
        except ValueError as error:
            yield {"code": str(error)}


def install(vector):
    try:
        offline = Offline(vector)
        return install_file(offline, base64.b64decode(vector["file"])) | {
            "after": offline.changes()
        }
    except ValueError as error:
        return {"code": str(error), "after": offline.changes() if "offline" in locals() else {}}


def install_file(offline, data):
    body = offline.response(data)
    need(body["license"]["product"] == offline.vector["product"], "wrong-product")
    need(not offline.unsafe, "state-not-readable")
    need(not offline.locked, "state-busy")
    number, receipt = body["license"]["number"], body["kind"] == "deactivate"
    for place in folders(number):
        finish_deactivation(offline, place)
    folder, already = place_response(offline, body, data, identity(data))
    fair_clock(offline, body)
    if not receipt:
        check_installed(offline, body, folder)
        activate(offline, body)
    return {"ok": True, "kind": body["kind"], "already": already}


def identity(data):
    return hashlib.sha256(verify.open_envelope(data, "response", 20480)[0]["pae"]).hexdigest()


def finish_deactivation(offline, folder):
    leaving = offline.request(f"{folder}/deactivate.request", lenient=False)
    if leaving and leaving["device_key"] == offline.device(folder):
        offline.write(f"{folder}/state.json", offline.state(folder, True) | {"ended": True})
        user = folder.replace("site/", "user/")
        for place in {folder, user} if offline.holder(user) == folder else {folder}:
            offline.erase(f"{place}/installed.response", f"{place}/pending.request")
        offline.erase(*(f"{folder}/{name}" for name in KEYS))


def place_response(offline, body, data, sha256):
    """Install, steps 3 to 8: the folder it is stored in, and whether it was there before."""
    number, bound, receipt = (
        body["license"]["number"],
        body["bound_to"],
        body["kind"] == "deactivate",
    )
    places = folders(number)
    waits, name = None, "deactivate.request" if receipt else "pending.request"
    for place in places:
        request = offline.request(f"{place}/{name}") if receipt else offline.pending(place)
        if request and request["sha256"] == body["request_sha256"]:
            waits = waits or (place, request)
    answered = [] if waits is None else [f"{waits[0]}/{name}"]
    for place in places:
        known = offline.read(f"{place}/installed.response")
        state, holder = offline.state(place, True), offline.holder(place)
        if known is None:
            continue
        same = is_same(known, sha256)
        lost = (
            offline.device(holder) == bound["device_key"] and state["max_serial"] == body["serial"]
        )
        if same or (lost and not is_good(offline, known)):
            leaving = offline.request(f"{place}/deactivate.request")
            stays = same and leaving and leaving["device_key"] == bound["device_key"]
            store(offline, body, data, place, answered, state["ended"] if stays else receipt)
            return place, same and waits is None
    place = choose(offline, body, waits, places)
    if receipt and holds_license(offline, place):
        offline.erase(f"{place}/deactivate.request")
        return place, False
    if body["serial"] <= offline.state(place, True)["max_serial"]:
        offline.erase(*(answered if body["kind"] != "renewal" else []))
        raise ValueError("older-response")
    if not receipt:
        need(number not in offline.keys["revoked"], "license-revoked")
        if not bound["dongle"]:
            check_machine(offline, body)
        check_place(offline, body)
    store(offline, body, data, place, answered, receipt)
    return place, False


def is_same(data, sha256):
    try:
        return identity(data) == sha256
    except verify.FAULTS:
        return False


def is_good(offline, data):
    try:
        return bool(offline.response(data))
    except ValueError:
        return False


def holds_license(offline, place):
    data = offline.read(f"{place}/installed.response")
    try:
        body = data and verify.parse(verify.open_envelope(data, "response", 20480)[1])
        return bool(body) and body["kind"] != "deactivate"
    except verify.FAULTS:
        return True


def choose(offline, body, waits, places):
    """Where a response goes that may be installed here. Raises the error of one that may not."""
    bound = body["bound_to"]
    if bound["dongle"] and body["kind"] != "deactivate":
        check_token(offline, bound["dongle"])
        need("site" not in offline.vector.get("unwritable", []), "state-not-writable")
        return waits[0] if waits else places[1]
    if body["kind"] == "renewal":
        waits = None
        for place in places:
            here = offline.key(f"{place}/load.key", True) == bound["load_key"]
            if here and offline.device(place) == bound["device_key"]:
                leaving = offline.request(f"{place}/deactivate.request")
                if not leaving or leaving["device_key"] != bound["device_key"]:
                    return place
    if waits is None:
        if body["kind"] != "deactivate":
            check_machine(offline, body)
        raise ValueError("not-requested")
    need(all(waits[1][name] == bound[name] for name in ("device_key", "load_key")), "wrong-machine")
    return waits[0]


def store(offline, body, data, place, answered, ended):
    highest = max(offline.state(place, True)["max_serial"], body["serial"])
    offline.write(f"{place}/installed.response", data)
    offline.write(f"{place}/state.json", {"state": 1, "max_serial": highest, "ended": ended})
    offline.erase(*answered)


def fair_clock(offline, body):
    clock, issued = offline.clock(lenient=True), seconds(body["issued_at"])
    notes, mark = dict(clock["at_request"]), clock["mark"]
    if body["request_sha256"] in notes:
        passed = mark + clock["lowered"] - notes.pop(body["request_sha256"])
        lower = max(issued, min(mark, issued + passed))
        changed = {
            "mark": lower,
            "lowered": clock["lowered"] + max(0, mark - lower),
            "at_request": notes,
        }
    else:
        changed = clock | {"mark": max(mark, issued)}
    if changed != clock:
        offline.write("user/clock.json", changed)


def main():
    for kind, run in (("install", install), ("load", load)):
        vectors = json.loads(Path(__file__).with_name(f"{kind}.json").read_text())["vectors"]
        wrong = [vector["name"] for vector in vectors if run(vector) != vector["expect"]]
        print(
            f"{kind}.json: agrees with {len(vectors) - len(wrong)} of {len(vectors)}",
            *wrong,
            sep="\n  ",
        )


if __name__ == "__main__":
    main()
