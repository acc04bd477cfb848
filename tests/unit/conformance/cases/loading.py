"""Loading: every check of format.md, "Load", and of two checks that fail which one is reported.

`rule` quotes the rule of format.md that decides, by words that only that rule has.
"""

from collections.abc import Callable, Iterator
from typing import Any

from tests.unit.conformance.cases.files import (
    DONGLE,
    REQUEST,
    RESPONSE,
    Vector,
    component,
    request,
    request_file,
    response,
)
from tests.unit.conformance.cases.key_sets import BOTH, HYBRID, key_set
from tests.unit.conformance.cases.keys import (
    DEVICE,
    NUMBER,
    SERVICE,
    SERVICE_ML_DSA,
    STRANGER,
    b64,
    seed,
)
from tests.unit.conformance.cases.offline import (
    ANOTHERS_PARTS,
    BAD_KEY_SETS,
    BAD_SIGNATURES,
    CLOCK,
    DAY,
    PARTS,
    SITE,
    TOKENS,
    USER_DIR,
    WAITING,
    Fault,
    Offline,
    Spoil,
    at,
    begins_later,
    bound,
    clock,
    dongle_bound,
    has_a_weak_set,
    has_bad_form,
    is_of_type,
    key_files,
    personal,
    puts,
    removes,
    revokes,
    sets,
    state,
    terms,
    time,
    waits_to_end,
    with_state,
)

ISSUED = at(response()["issued_at"])
END = at(response()["license"]["valid_until"])
OTHER_NUMBER = "015120099042"
ANOTHERS_KEY = b64(seed("x")).encode()
Case = tuple[str, str, Offline, str]  # rule, name, machine, code

FORM, ENDED, STOPPED = "form, as in [Response]", "`state.json` can be read", "then `revoked`"
POSSESSION, SAME, PLACE = (
    "possession of the load key",
    "the machine rule, and the user",
    "is one of `license.environments`",
)
SERIAL, BEHIND, TERMS = "`serial` is not below", "`clock.json` can be read", "validity, in this"
LACKS = "that this computer lacks"


def _overdue(machine: Offline) -> None:
    machine.response |= {"check_in_by": "2026-11-25T00:00:00Z", "grace_days": 0}


def _as_receipt(machine: Offline) -> None:
    machine.response |= {"kind": "deactivate"}
    terms(machine, features={}, valid_until=machine.response["issued_at"])


# Step by step of "Load"; a fault of an earlier step is reported instead of a later one's.
STEPS: list[tuple[str, list[Fault]]] = [
    (FORM, BAD_KEY_SETS),
    (
        FORM,
        [
            ("a request in its place", "wrong-type", is_of_type(REQUEST)),
            ("a later version", "unsupported-version", is_of_type(RESPONSE.replace("v1", "v2"))),
        ],
    ),
    (FORM, BAD_SIGNATURES),
    (FORM, [("bad form", "unreadable-response", has_bad_form)]),
    (ENDED, [("state.json is damaged", "state-damaged", puts(f"{SITE}/state.json", b"{"))]),
    (
        ENDED,
        [
            ("a receipt", "deactivated", _as_receipt),
            ("the state has ended", "deactivated", with_state(ended=True)),
            ("a deactivation waits", "deactivated", waits_to_end),
        ],
    ),
    (
        "the product (`wrong-product`), then",
        [
            ("another product asks", "wrong-product", sets(product="Example Viewer")),
        ],
    ),
    (STOPPED, [("the key set revokes it", "license-revoked", revokes)]),
    (
        POSSESSION,
        [
            ("no load key", "wrong-machine", removes(f"{SITE}/load.key")),
            (
                "another load key",
                "wrong-machine",
                puts(f"{SITE}/load.key", b64(seed("x")).encode()),
            ),
            ("a damaged load key", "state-damaged", puts(f"{SITE}/load.key", b"load")),
        ],
    ),
    (SAME, [("a weak set", "machine-not-identified", has_a_weak_set)]),
    (SAME, [("another machine", "wrong-machine", sets(parts=ANOTHERS_PARTS))]),
    (PLACE, [("a virtual machine", "environment-not-allowed", sets(environment="virtual"))]),
    (SERIAL, [("a newer response was installed", "older-response", with_state(max_serial=2))]),
    (BEHIND, [("clock.json is damaged", "state-damaged", puts(CLOCK, b"null"))]),
    (BEHIND, [("the clock is set back", "clock-rolled-back", puts(CLOCK, clock(END + 9 * DAY)))]),
    (TERMS, [("not valid yet", "not-yet-valid", begins_later)]),
    (TERMS, [("it has ended", "expired", sets(now=time(END)))]),
    (TERMS, [("its check-in is overdue", "check-in-overdue", _overdue)]),
    (TERMS, [("released after maintenance", "maintenance-ended", sets(released="2027-06-01"))]),
]
DONGLE_STEP: list[Fault] = [
    ("no token", "dongle-missing", sets(token=None)),
    ("another token", "dongle-missing", sets(token=TOKENS["ed25519"])),
    (
        "a token that signs with another key",
        "dongle-missing",
        sets(token=TOKENS["p256"] | {"private": b64(seed("x"))}),
    ),
    ("a wrong PIN", "dongle-pin", sets(token=TOKENS["p256"] | {"pin": "wrong"})),
]


def vectors() -> Iterator[Vector]:
    for rule, name, machine, code in _cases():
        yield _vector(name, rule, machine, {"code": code})
    for rule, name, machine, facts in _loads():
        yield _vector(name, rule, machine, {"ok": True} | facts)


def _vector(name: str, rule: str, machine: Offline, expect: dict[str, Any]) -> Vector:
    if not machine.more.pop("installed", False):
        machine.install()
    after = machine.more.pop("after", None)
    inputs = machine.inputs()
    if "after" not in expect:
        expect["after"] = _after(machine, expect.get("code", "ok")) if after is None else after
    return {"name": name, "rule": rule, **inputs, "expect": expect}


# The codes of what is checked before the mark is written.
EARLIER = {code for rule, faults in STEPS for _, code, _ in faults if rule not in (BEHIND, TERMS)}
EARLIER |= {"dongle-missing", "dongle-pin", "state-damaged", "cannot-verify", "not-activated"}
EARLIER |= {"pending", "state-not-readable"}


def _after(machine: Offline, code: str) -> dict[str, Any]:
    """What loading writes: the time, if the checks came so far and 10 minutes have passed."""
    stored = machine.files.get(CLOCK, clock(0))
    if code in EARLIER or at(machine.now) < stored["mark"] + 600:
        return {}
    mark = max(stored["mark"], at(machine.response["issued_at"]), at(machine.now))
    return {CLOCK: stored | {"mark": mark}}


def _cases() -> Iterator[Case]:
    for index, (rule, faults) in enumerate(STEPS):
        for name, code, spoil in faults:
            yield rule, name, _spoiled(Offline, spoil), code
            for later, other in _next_faults(index):
                both = _spoiled(Offline, other, spoil)
                yield rule, f"{name}, and {later}", both, code
        name, code, spoil = faults[0]
        rest = [others[0][2] for _, others in reversed(STEPS[index + 1 :])]
        if len(rest) > 1:
            yield rule, f"{name}, and all later faults", _spoiled(Offline, *rest, spoil), code
    for name, code, spoil in DONGLE_STEP:
        yield "for `dongle`, the token", name, _spoiled(dongle_bound, spoil), code
        outside = _spoiled(dongle_bound, sets(environment="virtual"), spoil)
        yield "for `dongle`, the token", f"{name}, and a virtual machine", outside, code
    both = _spoiled(dongle_bound, sets(token=None), revokes)
    yield STOPPED, "no token, and the key set revokes it", both, "license-revoked"
    yield from _machines()
    yield from _dates()
    yield from _directories()
    yield from _several()


def _spoiled(make: Callable[[], Offline], *faults: Spoil) -> Offline:
    machine = make()
    for spoil in faults:
        spoil(machine)
    return machine


def _next_faults(index: int) -> list[tuple[str, Spoil]]:
    following = STEPS[index + 1][1] if index + 1 < len(STEPS) else []
    return [(name, spoil) for name, _, spoil in following]


def _machines() -> Iterator[Case]:
    no_user = {name: values for name, values in PARTS.items() if name != "user"}
    for name, parts in (
        ("personal, another user", PARTS | {"user": ["ben"]}),
        ("personal, the user in another case", PARTS | {"user": ["Anna"]}),
        ("personal, no user", no_user),
        ("personal, another machine of the user", ANOTHERS_PARTS),
    ):
        yield SAME, name, _spoiled(personal, sets(parts=parts)), "wrong-machine"
    alone = personal()
    bound(alone, components=response()["bound_to"]["components"])
    yield SAME, "personal, recorded without a user", alone, "machine-not-identified"
    new_card = PARTS | {"mac": ["d0bf9c999999"]}
    yield (
        SAME,
        "a new network card: 5 of 8",
        _spoiled(Offline, sets(parts=new_card)),
        "wrong-machine",
    )
    for place in ("virtual", "container"):
        machine = _spoiled(Offline, sets(environment=place))
        terms(machine, environments=["physical", *({"virtual", "container"} - {place})])
        yield PLACE, f"{place}, where only the other is allowed", machine, "environment-not-allowed"
    lacking = Offline()
    lacking.keys = key_set(*BOTH, require=HYBRID)
    lacking.signers = [SERVICE, SERVICE_ML_DSA]
    lacking.more = {"lacks": ["ML-DSA-65"]}
    yield LACKS, "a required algorithm that the computer lacks", lacking, "cannot-verify"


def _dates() -> Iterator[Case]:
    late = _spoiled(Offline, puts(CLOCK, clock(at("2026-12-01T12:00:00Z") + DAY + 1)))
    yield (
        "more than 24 h behind it",
        "a day and a second behind the mark",
        late,
        "clock-rolled-back",
    )
    early = _spoiled(Offline, sets(now=time(ISSUED - DAY - 1)))
    yield "the latest of any", "a day and a second before it was issued", early, "clock-rolled-back"
    ahead = _spoiled(Offline, sets(now=time(END - 60)), puts(CLOCK, clock(END)))
    yield "Now is the later", "the mark has passed the end, the clock has not", ahead, "expired"
    before = _spoiled(Offline, sets(now="2026-11-30T12:00:00Z"))
    terms(before, valid_from="2026-11-30T12:00:01Z")
    yield "`valid_from` <= now", "a second before it begins", before, "not-yet-valid"
    yield "`valid_from` <= now", "its end", _spoiled(Offline, sets(now=time(END))), "expired"
    backward = Offline()
    terms(backward, valid_until="2026-10-01T00:00:00Z", valid_from="2026-12-02T00:00:00Z")
    yield TERMS, "it ends before it begins, and neither is now", backward, "not-yet-valid"
    grace = _leased(time(at("2027-02-24T00:00:00Z") + 14 * DAY))
    yield "it is `check-in-overdue` from", "the end of grace", grace, "check-in-overdue"
    none = _leased("2027-02-24T00:00:00Z")
    none.response["grace_days"] = 0
    yield "it is `check-in-overdue` from", "no grace, at the check-in", none, "check-in-overdue"
    past = _leased(time(END))
    past.response["check_in_by"] = time(END - DAY)
    yield "the license loads for `grace_days`", "grace past the end of the license", past, "expired"
    for released in ("2027-06-01", "2027-06-01T00:00:00Z"):
        machine = _spoiled(Offline, sets(released=released))
        yield "a version released after", f"released {released}", machine, "maintenance-ended"
    machine = _spoiled(Offline, sets(released="2027-05-31"))
    terms(machine, maintenance_until="2027-05-30T23:59:59Z")
    rule = "A date is its first second"
    yield rule, "released on the day after maintenance ended", machine, "maintenance-ended"
    machine = _spoiled(Offline, sets(released="2027-06-01T00:30:00+02:00"))
    terms(machine, maintenance_until="2027-05-31T22:29:59Z")
    yield (
        "A time is that second",
        "released with a zone, a second late",
        machine,
        "maintenance-ended",
    )
    now = _spoiled(Offline, sets(now="2026-12-01T12:00:00Z", released="2027-06-01"))
    yield (
        "is compared with this date",
        "released after now and maintenance",
        now,
        "maintenance-ended",
    )


def _leased(now: str) -> Offline:
    machine = Offline(response())
    machine.now = now
    return machine


def _directories() -> Iterator[Case]:
    """What the user's directory and the site's say together."""
    both = _both(Offline(), updated())
    both.parts = ANOTHERS_PARTS
    rule = "If none loads, the error"
    yield rule, "both are another machine's", both, "wrong-machine"
    user = Offline(where=USER_DIR)
    user.signers = [STRANGER]
    for name, data in key_files(DEVICE.public).items():
        user.files[f"{SITE}/{name}"] = data
    yield rule, "only the user's is installed, and forged", user, "not-genuine"
    keyed = _both(Offline(), updated(), own_key=True)
    keyed.files[f"{USER_DIR}/installed.response"] = forged(updated())
    keyed.files[f"{SITE}/installed.response"] = forged(Offline(), "wrong-type")
    yield rule, "both fail, the user's with a load key of its own", keyed, "not-genuine"
    site = _both(Offline(), updated())
    site.files[f"{USER_DIR}/installed.response"] = forged(updated())
    site.files[f"{SITE}/installed.response"] = forged(Offline(), "wrong-type")
    rule = "a response but no load key"
    yield rule, "both fail, and the load key is the site's", site, "wrong-type"
    for name, path, value, code in (
        ("a request waits there", f"{SITE}/pending.request", WAITING, "pending"),
        ("the license ended there", f"{SITE}/state.json", state(1, ended=True), "deactivated"),
    ):
        alone = Offline(where=USER_DIR)
        alone.signers = [STRANGER]
        for file, data in key_files(DEVICE.public).items():
            alone.files[f"{SITE}/{file}"] = data
            alone.files.pop(f"{USER_DIR}/{file}")
        alone.files[path] = value
        yield rule, f"the user's fails without a load key, and {name}", alone, code
    strange = _shared(f"{SITE}-2", SITE)
    strange.parts = {"mac": ["d0bf9c555555"], "disk_serial": ["NEW"]}
    rule_of_folders = "has several folders of a license"
    yield rule_of_folders, "two other computers' folders", strange, "wrong-machine"
    lost = Offline(where=USER_DIR)
    lost.files.pop(f"{USER_DIR}/load.key")
    yield (
        "without a load key uses",
        "no load key at all",
        lost,
        "wrong-machine",
    )


def _shared(own: str, other: str) -> Offline:
    """A directory in which two computers have a folder of one license."""
    machine = Offline(response(check_in_by=None, serial=2), where=own)
    if other:
        another = Offline(where=other)
        parts = {name: vs for name, vs in ANOTHERS_PARTS.items() if name != "user"}
        bound(another, components={n: [component(n, v) for v in vs] for n, vs in parts.items()})
        another.install()
        machine.files |= another.files
    else:
        machine.files[f"{SITE}/state.json"] = state(9)
    return machine


def _both(site: Offline, user: Offline, own_key: bool = False) -> Offline:
    """One machine on which the site's response and the user's update of it are installed."""
    site.install()
    user.install()
    names = ("installed.response", "state.json", *(("load.key",) if own_key else ()))
    for name in names:
        site.files[f"{USER_DIR}/{name}"] = user.files[f"{USER_DIR}/{name}"]
    site.more["installed"] = True
    return site


def updated() -> Offline:
    """A user's own update of the license, which the load key signed."""
    machine = Offline(response(check_in_by=None, kind="update", serial=2, seat=1), where=USER_DIR)
    terms(machine, edition="Updated")
    return machine


def forged(machine: Offline, code: str = "not-genuine") -> bytes:
    """Its response file with one fault."""
    if code == "wrong-type":
        machine.payload_type = REQUEST
    else:
        machine.signers = [STRANGER]
    return machine.file()


def _several() -> Iterator[Case]:
    empty = _without_license()
    yield "Otherwise it is, in this order", "nothing is here", empty, "not-activated"
    request_waits = _without_license()
    for name, data in key_files(DEVICE.public).items():
        request_waits.files[f"{SITE}/{name}"] = data
    request_waits.files[f"{SITE}/pending.request"] = WAITING
    yield "Otherwise it is, in this order", "a request waits", request_waits, "pending"
    no_keys = _without_license()
    no_keys.files[f"{SITE}/pending.request"] = WAITING
    rule = "Otherwise it is, in this order"
    yield rule, "a request waits, but its keys are gone", no_keys, "not-activated"
    ended = _without_license()
    ended.files[f"{SITE}/state.json"] = state(1, ended=True)
    yield rule, "a license ended, and nothing is installed", ended, "deactivated"
    leaving = _without_license()
    body = request(kind="deactivate", choose_seat=False)
    leaving.files[f"{SITE}/deactivate.request"] = request_file(body, [DEVICE])
    yield rule, "a deactivation waits, and nothing is installed", leaving, "deactivated"
    waits = Offline()
    sets(product="Example Viewer")(waits)
    for name, data in key_files(DEVICE.public).items():
        waits.files[f"site/{OTHER_NUMBER}/{name}"] = data
    waits.files[f"site/{OTHER_NUMBER}/pending.request"] = request_file(
        request(license_number=OTHER_NUMBER), [DEVICE]
    )
    yield rule, "another product's license, and a request waits", waits, "pending"
    other = Offline()
    sets(product="Example Viewer")(other)
    other.files[f"site/{OTHER_NUMBER}/state.json"] = state(1, ended=True)
    yield rule, "another product's license, and one that ended", other, "wrong-product"
    unsafe = Offline()
    unsafe.more["modes"] = {SITE: "0777"}
    yield rule, "others may write its directory", unsafe, "state-not-readable"
    first = _two()
    first.now = time(END)
    first.files[f"site/{OTHER_NUMBER}/installed.response"] = forged(_other())
    rule = "the error is the first"
    yield rule, "both fail: the lower number's error", first, "expired"
    preferred = _two()
    preferred.now = time(END)
    preferred.files[f"site/{OTHER_NUMBER}/installed.response"] = forged(_other())
    preferred.files["user/order.json"] = {"order": [OTHER_NUMBER]}
    preferred.more["after"] = {CLOCK: clock(END)}  # the other was tried too
    yield rule, "both fail: the preferred one's error", preferred, "not-genuine"
    hidden = _two()
    terms(hidden, product="Example Viewer")
    hidden.files[f"site/{OTHER_NUMBER}/installed.response"] = forged(_other())
    yield rule, "another product's license hides no error", hidden, "not-genuine"


def _without_license() -> Offline:
    machine = Offline()
    machine.files = {}
    machine.more["installed"] = True
    return machine


def _other() -> Offline:
    """Another license on the same machine."""
    machine = Offline(where=f"site/{OTHER_NUMBER}")
    values = {name: values for name, values in PARTS.items() if name != "user"}
    hashes = {n: sorted(component(n, v, OTHER_NUMBER) for v in vs) for n, vs in values.items()}
    bound(machine, components=hashes)
    terms(machine, number=OTHER_NUMBER)
    return machine


def _two() -> Offline:
    """Two licenses on one machine."""
    machine, other = Offline(), _other()
    other.install()
    machine.files |= other.files
    return machine


def _loads() -> Iterator[tuple[str, str, Offline, dict[str, Any]]]:
    """What loads, and the facts."""
    yield FORM, "a license", Offline(), facts()
    lacking = Offline()
    lacking.signers = [SERVICE, SERVICE_ML_DSA]
    lacking.more = {"lacks": ["ML-DSA-65"]}
    yield LACKS, "an algorithm that is lacking and not required", lacking, facts()
    hybrid = Offline()
    hybrid.keys, hybrid.signers = key_set(*BOTH, require=HYBRID), [SERVICE, SERVICE_ML_DSA]
    yield FORM, "a license of two algorithms", hybrid, facts()
    no_state = _spoiled(Offline, removes(f"{SITE}/state.json"))
    yield ENDED, "no state.json: maximum 0, not ended", no_state, facts()
    another = Offline()
    body = request(kind="deactivate", choose_seat=False, device_key=b64(STRANGER.public))
    another.files[f"{SITE}/deactivate.request"] = request_file(body, [STRANGER])
    yield ENDED, "a deactivation of another device key waits", another, facts()
    pending = _spoiled(Offline, puts(f"{SITE}/pending.request", WAITING))
    yield ENDED, "a request waits beside the license", pending, facts()
    yield "for `dongle`, the token", "a P-256 token", dongle_bound(), facts()
    token = _spoiled(dongle_bound, sets(token=TOKENS["ed25519"]))
    public = {name: TOKENS["ed25519"][name] for name in ("alg", "public")}
    bound(token, dongle=DONGLE | public)
    yield "for `dongle`, the token", "an Ed25519 token", token, facts()
    carried = _spoiled(dongle_bound, sets(parts=ANOTHERS_PARTS))
    yield "for `dongle`, the token", "a token on another machine", carried, facts()
    yield SAME, "personal", personal(), facts()
    users = _spoiled(Offline, sets(parts=PARTS | {"user": ["ben"]}))
    yield SAME, "a machine's license, another user", users, facts()
    new_disk = PARTS | {"disk_serial": ["NEW"]}
    yield SAME, "a new disk: 6 of 8", _spoiled(Offline, sets(parts=new_disk)), facts()
    for place in ("virtual", "container"):
        machine = _spoiled(Offline, sets(environment=place))
        terms(machine, environments=["physical", place])
        yield PLACE, f"{place}, which is allowed", machine, facts()
    yield PLACE, "unknown passes", _spoiled(Offline, sets(environment="unknown")), facts()
    equal = Offline(response(check_in_by=None, serial=7))
    yield SERIAL, "the serial is the stored maximum", equal, facts(serial=7)
    lower = _spoiled(Offline, with_state(max_serial=0))
    yield SERIAL, "the serial is above the stored maximum", lower, facts()
    yield from _clocks()
    yield from _loads_in_time()
    yield from _loads_from_directories()
    yield from _questions()


def facts(**changes: Any) -> dict[str, Any]:
    usual = {"number": NUMBER, "serial": 1, "reason": None, "expires": time(END)}
    return usual | changes


def _clocks() -> Iterator[tuple[str, str, Offline, dict[str, Any]]]:
    now = at("2026-12-01T12:00:00Z")
    behind = _spoiled(Offline, puts(CLOCK, clock(now + DAY, lowered=5, note=3)))
    yield "more than 24 h behind it", "exactly a day behind the mark", behind, facts()
    rule = "It writes the mark"
    early = _spoiled(Offline, puts(CLOCK, clock(now - 599)))
    yield rule, "9 minutes 59 seconds after the stored mark", early, facts(after={})
    later = _spoiled(Offline, puts(CLOCK, clock(now - 600, lowered=5, note=3)))
    written = clock(now, lowered=5, note=3)
    yield rule, "10 minutes after the stored mark", later, facts(after={CLOCK: written})
    first = _spoiled(Offline, sets(now=time(ISSUED - DAY)))
    mark = {CLOCK: clock(ISSUED)}
    yield (
        "the latest of any",
        "a day before it was issued",
        first,
        facts(after=mark),
    )
    busy = Offline()
    busy.more["locked"] = ["user", "site"]
    yield "Loading waits 50 ms", "another process has the locks", busy, facts(after={})
    yield "Only commands fail", "a command holds the locks", busy, facts(after={})


def _loads_in_time() -> Iterator[tuple[str, str, Offline, dict[str, Any]]]:
    begins = _spoiled(Offline, sets(now="2026-11-30T12:00:00Z"))
    terms(begins, valid_from="2026-11-30T12:00:00Z")
    yield "`valid_from` <= now", "its first second", begins, facts()
    last = _spoiled(Offline, sets(now=time(END - 1)))
    yield "`valid_from` <= now", "the second before its end", last, facts(reason="ends-soon")
    endless = Offline()
    terms(endless, valid_until=None)
    yield "`valid_from` <= now", "no end", endless, facts(expires=None)
    check_in = at("2027-02-24T00:00:00Z")
    ends = time(check_in + 14 * DAY)
    for name, moment, reason in (
        ("the second before the check-in", check_in - 1, None),
        ("the check-in", check_in, "grace"),
        ("the second before grace ends", check_in + 14 * DAY - 1, "grace"),
    ):
        machine = _leased(time(moment))
        rule = "the license loads for `grace_days`"
        yield rule, name, machine, facts(reason=reason, expires=ends)
    meaningless = Offline(response(check_in_by=None, grace_days=14))
    yield "the license loads for `grace_days`", "grace without a lease", meaningless, facts()
    both = _leased(time(END - 60))
    both.response["check_in_by"] = time(END - DAY)
    yield "the reason is `ends-soon`", "grace in the last days", both, facts(reason="grace")
    for name, moment, reason in (
        ("30 days before the end", END - 30 * DAY, "ends-soon"),
        ("30 days and a second before the end", END - 30 * DAY - 1, None),
    ):
        machine = _spoiled(Offline, sets(now=time(moment)))
        yield "the reason is `ends-soon`", name, machine, facts(reason=reason)
    long = Offline(response(check_in_by="2026-11-30T00:00:00Z", grace_days=2**53 - 1))
    terms(long, valid_until=None)
    end_of_time = facts(reason="grace", expires="9999-12-31T23:59:59Z")
    yield (
        "the license loads for `grace_days`",
        "grace without end",
        long,
        end_of_time,
    )
    for released in ("2027-05-31", "2027-05-31T23:59:59Z", "2027-05-31T23:59:59", "2020-01-01"):
        machine = _spoiled(Offline, sets(released=released))
        rule = "A time is that second" if "T" in released else "A date is its first second"
        yield rule, f"released {released}, in time", machine, facts()
    edge = _spoiled(Offline, sets(released="2027-05-31"))
    terms(edge, maintenance_until="2027-05-31T00:00:00Z")
    yield "A date is its first second", "maintenance ends in that first second", edge, facts()
    zone = _spoiled(Offline, sets(released="2027-06-01T00:30:00+02:00"))
    terms(zone, maintenance_until="2027-05-31T22:30:00Z")
    yield "A time is that second", "released with a zone, in the last second", zone, facts()
    no_date = _spoiled(Offline, sets(now="2027-06-30T00:00:00Z"))
    rule = "a version released after"
    yield rule, "no release date: maintenance is not checked", no_date, facts()
    forever = _spoiled(Offline, sets(released="2027-06-01"))
    terms(forever, maintenance_until=None)
    yield rule, "maintenance without an end", forever, facts()
    long_after = _spoiled(Offline, sets(now="2027-06-30T00:00:00Z", released="2027-05-31"))
    yield (
        "is compared with this date",
        "maintenance ended, the version is older",
        long_after,
        facts(),
    )


def _loads_from_directories() -> Iterator[tuple[str, str, Offline, dict[str, Any]]]:
    mark = {CLOCK: clock("2026-12-01T12:00:00Z")}
    rule = "the one of the highest `serial`"
    yield rule, "the user's update is newer", _both(Offline(), updated()), facts(serial=2)
    newer = _both(Offline(response(check_in_by=None, serial=3)), updated())
    yield rule, "the site's is newer", newer, facts(serial=3)
    expired = updated()
    terms(expired, valid_until="2026-11-25T00:00:00Z")
    both = _both(Offline(), expired)
    yield rule, "the newer has ended, the older has not", both, facts(after=mark)
    broken = _both(Offline(), updated())
    broken.files[f"{USER_DIR}/installed.response"] = forged(updated())
    yield rule, "the newer is forged", broken, facts(after=mark)
    own = Offline(where=USER_DIR)
    yield "may be installed in the user's", "only in the user's directory", own, facts()
    theirs = Offline(where=USER_DIR)
    theirs.files[f"{SITE}/load.key"] = theirs.files.pop(f"{USER_DIR}/load.key")
    yield "without a load key uses", "the user's response, the site's load key", theirs, facts()
    rule = "has several folders of a license"
    for name, own, other in (
        ("another computer's folder, and this one's", f"{SITE}-2", SITE),
        ("this computer's folder, and another one's", SITE, f"{SITE}-2"),
        ("this computer's folder is the tenth", f"{SITE}-10", f"{SITE}-2"),
        ("a folder without a file, and this computer's", f"{SITE}-2", ""),
    ):
        yield rule, name, _shared(own, other), facts(serial=2)
    rule = "are tried in the order"
    yield rule, "two licenses: the lower number", _two(), facts()
    preferred = _two()
    preferred.files["user/order.json"] = {"order": [OTHER_NUMBER]}
    yield rule, "two licenses: the preferred one", preferred, facts(number=OTHER_NUMBER)
    damaged = _two()
    damaged.files["user/order.json"] = b"{"
    yield rule, "two licenses and a damaged order", damaged, facts()
    rule = "The first that loads"
    failing = _two()
    failing.files[f"{SITE}/load.key"] = ANOTHERS_KEY
    yield rule, "two licenses: the first fails", failing, facts(number=OTHER_NUMBER)
    product = _two()
    product.response["license"]["product"] = "Example Viewer"
    yield rule, "two licenses: one is another product's", product, facts(number=OTHER_NUMBER)
    closed = Offline(where=USER_DIR)
    site = Offline()
    terms(site, edition="Site")
    site.install()
    closed.files |= site.files
    closed.more["modes"] = {SITE: "0777"}
    yield rule, "a directory that others may write is passed over", closed, facts()


def _questions() -> Iterator[tuple[str, str, Offline, dict[str, Any]]]:
    """What a loaded license answers later; each question has its own time, token and feature."""
    open_ = Offline()
    later = at(open_.now)
    open_.more["questions"] = [
        {"now": time(later), "feature": "solver"},
        {"now": time(later), "feature": "threads"},
        {"now": time(later), "feature": "cfd"},
        {"now": time(later - DAY), "feature": None},
        {"now": time(later - DAY - 1), "feature": None},
        {"now": time(END - 1), "feature": None},
        {"now": time(END - 2 - DAY), "feature": None},
        {"now": time(END), "feature": "cfd"},
    ]
    answers: list[Any] = [
        {"ok": True, "value": True},
        {"ok": True, "value": 16},
        {"code": "feature-not-granted"},
        {"ok": True, "value": None},
        {"code": "clock-rolled-back"},
        {"ok": True, "value": None},
        {"code": "clock-rolled-back"},
        {"code": "expired"},
    ]
    written = {CLOCK: clock(END - 1)}
    rule = "A license that stays loaded"
    yield rule, "questions in the course of time", open_, facts(questions=answers, after=written)
    token = dongle_bound()
    token.more["questions"] = [
        {"now": token.now, "feature": "solver"},
        {"now": time(END), "feature": "cfd", "token": None},
    ]
    answers = [{"ok": True, "value": True}, {"code": "dongle-missing"}]
    rule = "What is asked of a loaded license"
    yield rule, "a token that is unplugged", token, facts(questions=answers)
