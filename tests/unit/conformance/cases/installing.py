"""Installing: every check of format.md, "Install", what each install stores, and the fair clock.

`rule` quotes the rule of format.md that decides, by words that only that rule has.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import pairwise
from typing import Any

from tests.unit.conformance.cases.files import (
    REQUEST,
    RESPONSE,
    Body,
    Vector,
    dongle_response,
    encode,
    pae,
    receipt,
    request,
    request_file,
    response,
)
from tests.unit.conformance.cases.key_sets import BOTH, HYBRID, key_set
from tests.unit.conformance.cases.keys import (
    DEVICE,
    SERVICE,
    SERVICE_ML_DSA,
    STRANGER,
    b64,
    ed25519_key,
    seed,
)
from tests.unit.conformance.cases.offline import (
    ANOTHERS_PARTS,
    BAD_KEY_SETS,
    BAD_SIGNATURES,
    CLOCK,
    DAY,
    SITE,
    TOKENS,
    USER_DIR,
    Fault,
    Offline,
    Spoil,
    at,
    begins_later,
    bound,
    clock,
    has_a_weak_set,
    has_bad_form,
    is_of_type,
    key_files,
    puts,
    removes,
    revokes,
    sets,
    state,
    terms,
    time,
)

NOW = "2026-11-24T10:00:00Z"  # ten minutes after it was issued
ISSUED = at(response()["issued_at"])
END = at(response()["license"]["valid_until"])
DEACTIVATION = request(kind="deactivate", choose_seat=False)
Case = tuple[str, str, Offline, dict[str, Any]]
INSTALLED, PENDING, STATE = "installed.response", "pending.request", "state.json"

FORM, PRODUCT, SAME = "form, as in [Response]", "the product (`wrong-product`);", "if its PAE is"
WAITS, KEYS = "a request waits for `license.number`", "are the ones that request names"
SERIAL, RULES = "is above the stored maximum", "is not in `revoked`"
STORED, AFTER = "is stored where its request waits", "the checks of [Load](#load) from 2 on"
NOBODY, RECEIPT = "If no request waits", "A receipt answers"
RENEWAL, AGAIN = "needs no waiting request", "is brought again while another"
DONGLE_RULE, DAMAGED = "instead of the waiting request", "A damaged file of the state"
INTERRUPTED, FAIR = "A deactivation that was interrupted", "When that user"


class Arriving(Offline):
    """A response that arrives where its request waits; nothing is installed yet."""

    def __init__(self, body: Body | None = None, where: str = SITE) -> None:
        super().__init__(body or response(check_in_by=None), where)
        del self.files[f"{where}/{STATE}"]
        self.files[f"{where}/{PENDING}"] = request_file(request())
        self.now = NOW


def _arriving_token() -> Arriving:
    machine = Arriving(dongle_response() | {"check_in_by": None})
    machine.files = {}
    machine.token = TOKENS["p256"]
    return machine


def _renewal(serial: int = 2) -> Arriving:
    """A renewal arrives where an earlier response is installed and nothing waits."""
    machine = Arriving(response(kind="renewal", serial=serial, check_in_by=None))
    del machine.files[f"{SITE}/{PENDING}"]
    earlier = Offline()
    earlier.install()
    machine.files |= earlier.files
    return machine


def _receipt(**changes: Any) -> Arriving:
    """The receipt of a deactivation that was completed here."""
    answered = sha256(pae(REQUEST, encode(DEACTIVATION))).hexdigest()
    machine = Arriving(receipt() | {"request_sha256": answered} | changes)
    machine.files = {
        f"{SITE}/deactivate.request": request_file(DEACTIVATION, [DEVICE]),
        f"{SITE}/{STATE}": state(1, ended=True),
    }
    return machine


def _overdue(machine: Offline) -> None:
    machine.response |= {"check_in_by": "2026-11-24T00:00:00Z", "grace_days": 0}


def _ended(machine: Offline) -> None:
    terms(machine, valid_until="2026-11-24T09:55:00Z")


OTHER_KEYS = {
    "another device key": lambda m: bound(m, device_key=b64(STRANGER.public)),
    "another load key": lambda m: bound(m, load_key=b64(STRANGER.public)),
}
# Nothing is stored. A fault of an earlier step is reported instead of a later one's.
STEPS: list[tuple[str, list[Fault]]] = [
    (FORM, BAD_KEY_SETS),
    (
        FORM,
        [
            ("a request", "wrong-type", is_of_type(REQUEST)),
            ("a later version", "unsupported-version", is_of_type(RESPONSE.replace("v1", "v3"))),
        ],
    ),
    (FORM, BAD_SIGNATURES),
    (FORM, [("bad form", "unreadable-response", has_bad_form)]),
    (PRODUCT, [("another product", "wrong-product", sets(product="Example Viewer"))]),
    (WAITS, [("no request waits", "not-requested", removes(f"{SITE}/{PENDING}"))]),
    (KEYS, [(name, "wrong-machine", spoil) for name, spoil in OTHER_KEYS.items()]),
    (SERIAL, [("not above the maximum", "older-response", puts(f"{SITE}/{STATE}", state(1)))]),
    (RULES, [("the key set revokes it", "license-revoked", revokes)]),
    (RULES, [("a weak set", "machine-not-identified", has_a_weak_set)]),
    (RULES, [("another machine", "wrong-machine", sets(parts=ANOTHERS_PARTS))]),
    (RULES, [("a virtual machine", "environment-not-allowed", sets(environment="virtual"))]),
]
# These are stored all the same.
LATER: list[Fault] = [
    ("the clock is set back", "clock-rolled-back", puts(CLOCK, clock(END + 9 * DAY))),
    ("not valid yet", "not-yet-valid", begins_later),
    ("it has ended", "expired", _ended),
    ("its check-in is overdue", "check-in-overdue", _overdue),
]


def vectors() -> Iterator[Vector]:
    for rule, name, machine, expect in _cases():
        machine.more = {"file": b64(machine.file())} | machine.more
        after = {
            path: value for path, value in expect["after"].items() if _is_new(machine, path, value)
        }
        expect = expect | {"after": after}
        yield {"name": name, "rule": rule, **machine.inputs(), "expect": expect}


def _is_new(machine: Offline, path: str, value: Any) -> bool:
    """Whether this is a change of the file at a path; `after` lists only changes."""
    before = machine.files.get(path)
    return bool((b64(before) if isinstance(before, bytes) else before) != value)


def _cases() -> Iterator[Case]:
    yield from _refused()
    yield from _stored()
    yield from _lacking()
    yield from _same()
    yield from _nobody_waits()
    yield from _receipts()
    yield from _dongles()
    yield from _renewals()
    yield from _damaged()
    yield from _unwritable()
    yield from _clocks()


def _with(make: Callable[[], Arriving], *faults: Spoil) -> Arriving:
    machine = make()
    for spoil in faults:
        spoil(machine)
    return machine


def _refusal(code: str, **after: Any) -> dict[str, Any]:
    return {"code": code, "after": after}


def _refused() -> Iterator[Case]:
    later_all = [(RULES, [fault]) for fault in LATER]
    for index, (rule, faults) in enumerate(STEPS):
        following = [*STEPS, *later_all][index + 1]
        for name, code, spoil in faults:
            yield rule, name, _with(Arriving, spoil), _ends_waiting(code)
            for later, _, other in following[1]:
                if {name, later} == {"no request waits", *OTHER_KEYS}:
                    continue
                both = _with(Arriving, other, spoil)
                yield rule, f"{name}, and {later}", both, _ends_waiting(code)
        rest = [others[0][2] for _, others in reversed([*STEPS, *later_all][index + 1 :])]
        name, code, spoil = faults[0]
        if rule == WAITS:  # who is not this machine is told so first
            code = "machine-not-identified"
        everything = _with(Arriving, *rest, spoil)
        yield rule, f"{name}, and all later faults", everything, _ends_waiting(code)


def _ends_waiting(code: str) -> dict[str, Any]:
    """An older response ends the waiting of the request that it answers; nothing else changes."""
    if code != "older-response":
        return _refusal(code)
    return {"code": code, "after": {f"{SITE}/{PENDING}": None}}


def _placed(
    machine: Offline, where: str = SITE, clock_file: Any = None, **facts: Any
) -> dict[str, Any]:
    """A response that was stored: it, its serial, no request, and the time."""
    mark = clock(machine.now) if clock_file is None else clock_file
    kind = machine.response["kind"]
    verdict = {"code": facts.pop("code")} if "code" in facts else {"ok": True, "kind": kind}
    return verdict | {
        **({} if "code" in verdict else {"already": facts.pop("already", False)}),
        "after": {
            f"{where}/{INSTALLED}": b64(machine.file()),
            f"{where}/{STATE}": state(
                facts.pop("max_serial", machine.response["serial"]),
                ended=facts.pop("ended", kind == "deactivate"),
            ),
            f"{where}/{PENDING}": None,
            CLOCK: mark,
            **facts.pop("after", {}),
        },
    }


def _stored() -> Iterator[Case]:
    first = Arriving()
    yield STORED, "the first response", first, _placed(first)
    user = Arriving(where=USER_DIR)
    yield STORED, "its request waits in the user's directory", user, _placed(user, USER_DIR)
    update = Arriving(response(serial=5, kind="activate", check_in_by=None))
    update.files[f"{SITE}/{STATE}"] = state(3, ended=True)
    yield STORED, "a serial above the maximum, and ended before", update, _placed(update)
    other = Arriving()
    other.files[f"{USER_DIR}/{STATE}"] = state(9)
    yield SERIAL, "a higher maximum in the other directory", other, _placed(other)
    unknown = Arriving()
    unknown.environment = "unknown"
    yield RULES, "an environment that is unknown", unknown, _placed(unknown)
    for name, code, spoil in LATER:
        machine = _with(Arriving, spoil)
        mark = machine.files.get(CLOCK)
        yield AFTER, name, machine, _placed(machine, clock_file=mark, code=code)
    for (name, code, spoil), (later, _, other_spoil) in pairwise(LATER):
        machine = _with(Arriving, other_spoil, spoil)
        mark = machine.files.get(CLOCK)
        expect = _placed(machine, clock_file=mark, code=code)
        yield AFTER, f"{name}, and {later}", machine, expect
    ending = Arriving()
    ending.files[f"{USER_DIR}/deactivate.request"] = request_file(DEACTIVATION, [DEVICE])
    yield (
        "After it, the response is stored",
        "its deactivation waits in the other directory",
        ending,
        _placed(ending, clock_file=clock(ISSUED), code="deactivated"),
    )


def _lacking() -> Iterator[Case]:
    machine = Arriving()
    machine.keys, machine.signers = key_set(*BOTH, require=HYBRID), [SERVICE, SERVICE_ML_DSA]
    machine.more = {"lacks": ["ML-DSA-65"]}
    yield FORM, "a required algorithm that the computer lacks", machine, _refusal("cannot-verify")


def _same() -> Iterator[Case]:
    """The response that is installed comes again."""
    again = _installed()
    expect = {"ok": True, "kind": "activate", "already": True, "after": {CLOCK: clock(NOW)}}
    yield SAME, "the installed response again", again, expect
    raised = _installed()
    raised.files[f"{SITE}/{STATE}"] = state(0, ended=True)
    expect = expect | {"after": {f"{SITE}/{STATE}": state(1), CLOCK: clock(NOW)}}
    yield SAME, "again, where the state says less", raised, expect
    higher = _installed()
    higher.files[f"{SITE}/{STATE}"] = state(8)
    expect = _refusal("older-response", **{CLOCK: clock(ISSUED)})
    yield SAME, "again, after a newer one", higher, expect
    resigned = _installed()
    resigned.signers = [ed25519_key("next"), SERVICE]
    expect = {"ok": True, "kind": "activate", "already": True}
    expect["after"] = {f"{SITE}/{INSTALLED}": b64(resigned.file()), CLOCK: clock(NOW)}
    yield SAME, "again, with another signature too", resigned, expect
    expired = _installed()
    expired.now = time(END)
    yield SAME, "again, after its end", expired, _refusal("expired", **{CLOCK: clock(END)})
    cancelled = _installed()
    cancelled.files[f"{SITE}/{PENDING}"] = request_file(request())
    expect = {"ok": True, "kind": "activate", "already": False}
    expect["after"] = {f"{SITE}/{PENDING}": None, CLOCK: clock(NOW)}
    yield SAME, "again, while its own request waits", cancelled, expect
    other = _installed()
    body = request(kind="update", choose_seat=False, id="1" * 32, last_serial=1)
    other.files[f"{SITE}/{PENDING}"] = request_file(body, [DEVICE])
    expect = {"ok": True, "kind": "activate", "already": True, "after": {CLOCK: clock(NOW)}}
    yield AGAIN, "again, while an update waits", other, expect
    noted = _installed()
    noted.files |= {f"{SITE}/{PENDING}": other.files[f"{SITE}/{PENDING}"]}
    noted.files[CLOCK] = clock(ISSUED, note=ISSUED)
    noted.files[CLOCK]["at_request"] = {"f" * 64: ISSUED}
    expect = expect | {"after": {CLOCK: noted.files[CLOCK] | {"mark": at(NOW)}}}
    yield "It is never taken for the answer", "again, and a record of the update", noted, expect


def _installed() -> Arriving:
    machine = Arriving()
    del machine.files[f"{SITE}/{PENDING}"]
    machine.files[f"{SITE}/{STATE}"] = state(1)
    machine.install()
    return machine


def _nobody_waits() -> Iterator[Case]:
    for name, spoils, code in (
        ("nobody waits, another machine", [sets(parts=ANOTHERS_PARTS)], "wrong-machine"),
        ("nobody waits, a weak set", [has_a_weak_set], "machine-not-identified"),
        ("nobody waits, an empty state", [sets(files={})], "not-requested"),
        (
            "nobody waits, an empty state of another machine",
            [sets(files={}, parts=ANOTHERS_PARTS)],
            "wrong-machine",
        ),
    ):
        machine = _with(Arriving, removes(f"{SITE}/{PENDING}"), *spoils)
        yield NOBODY, name, machine, _refusal(code)
    gone = _with(Arriving, removes(f"{SITE}/load.key"))
    yield (
        "A failure before step 8 changes",
        "its request waits, but its load key is gone",
        gone,
        _refusal("not-requested"),
    )
    another = Arriving()
    another.files[f"{SITE}/{PENDING}"] = request_file(request(id="1" * 32))
    yield WAITS, "another request waits", another, _refusal("not-requested")
    token = _receipt()
    token.files, token.parts = {}, ANOTHERS_PARTS
    bound_to = dongle_response()["bound_to"]
    token.response["bound_to"] = bound_to
    rule = "For a receipt, a dongle's included"
    yield rule, "a token's receipt that nobody waits for", token, _refusal("not-requested")
    stray = _receipt()
    stray.files, stray.parts = {}, ANOTHERS_PARTS
    yield (
        "For a receipt, a dongle's included",
        "a receipt that nobody waits for",
        stray,
        _refusal("not-requested"),
    )


def _receipts() -> Iterator[Case]:
    ends = {f"{SITE}/deactivate.request": None}
    done = _receipt()
    stored = _placed(done, clock_file=clock(ISSUED), after=ends)
    yield "It becomes the installed response", "a receipt", done, stored
    spoils: list[tuple[str, Spoil]] = [
        ("revoked", revokes),
        ("another machine", sets(parts=ANOTHERS_PARTS)),
        ("a virtual machine", sets(environment="virtual")),
    ]
    for name, spoil in spoils:
        machine = _receipt()
        spoil(machine)
        expect = _placed(machine, clock_file=clock(ISSUED), after=ends)
        yield RULES, f"a receipt, {name}", machine, expect
    old = _receipt(serial=1)
    yield RECEIPT, "an older receipt", old, _refusal("older-response", **ends)
    again = _receipt(serial=1)
    licensed = Offline(response(serial=3, check_in_by=None))
    licensed.install()
    bound(licensed, device_key=b64(STRANGER.public))
    again.files |= licensed.files | {f"{SITE}/device.public": b64(STRANGER.public).encode()}
    again.files[f"{SITE}/device.key"] = b64(seed("stranger")).encode()
    expect = {"ok": True, "kind": "deactivate", "already": False}
    expect["after"] = ends | {CLOCK: clock(ISSUED)}
    yield (
        "Then it only ends the waiting",
        "a receipt after the license was activated again",
        again,
        expect,
    )


def _dongles() -> Iterator[Case]:
    first = _arriving_token()
    yield DONGLE_RULE, "a token, on a machine without a state", first, _placed(first)
    carried = _arriving_token()
    carried.parts = ANOTHERS_PARTS
    yield DONGLE_RULE, "a token, on another machine", carried, _placed(carried)
    for name, token, code in (
        ("no token", None, "dongle-missing"),
        ("another token", TOKENS["ed25519"], "dongle-missing"),
        ("a wrong PIN", TOKENS["p256"] | {"pin": "wrong"}, "dongle-pin"),
    ):
        machine = _arriving_token()
        machine.token = token
        yield DONGLE_RULE, name, machine, _refusal(code)
        machine = _arriving_token()
        machine.token = token
        machine.files[f"{SITE}/{STATE}"] = state(1)
        yield DONGLE_RULE, f"{name}, and an older response", machine, _refusal(code)
    old = _arriving_token()
    old.files[f"{SITE}/{STATE}"] = state(1)
    yield SERIAL, "a token, and an older response", old, _refusal("older-response")


def _renewals() -> Iterator[Case]:
    first = _renewal()
    yield RENEWAL, "a renewal", first, _placed(first)
    ended = _renewal()
    ended.files[f"{SITE}/{STATE}"] = state(1, ended=True)
    yield (
        "Once stored, it sets",
        "a renewal where the license was marked as ended",
        ended,
        _placed(ended),
    )
    answered = _renewal()
    answered.files[f"{SITE}/{PENDING}"] = request_file(request())
    yield (
        "Once stored, it sets",
        "a renewal while the request before it waits",
        answered,
        _placed(answered),
    )
    other = _renewal()
    body = request(kind="update", choose_seat=False, id="1" * 32, last_serial=1)
    other.files[f"{SITE}/{PENDING}"] = request_file(body, [DEVICE])
    expect = _placed(other)
    del expect["after"][f"{SITE}/{PENDING}"]
    yield "Once stored, it sets", "a renewal while another request waits", other, expect
    older = _renewal(serial=1)
    older.files[f"{SITE}/{STATE}"] = state(2)
    older.files[f"{SITE}/{PENDING}"] = request_file(request())
    yield (
        "There is one exception",
        "an older renewal ends no waiting",
        older,
        _refusal("older-response"),
    )
    user = _renewal()
    user.files = {f"{USER_DIR}/{n}": d for n, d in key_files(DEVICE.public).items()}
    yield (
        "Instead, a directory has",
        "a renewal where the user's directory has the key",
        user,
        _placed(user, USER_DIR),
    )
    lost = _with(_renewal, removes(f"{SITE}/load.key"))
    yield (
        "Otherwise it is `wrong-machine` or",
        "a renewal without its load key",
        lost,
        _refusal("not-requested"),
    )
    other_key = _with(_renewal, puts(f"{SITE}/load.key", b64(seed("x")).encode()))
    rule = "Otherwise it is `wrong-machine` or"
    yield rule, "a renewal, and another load key", other_key, _refusal("not-requested")
    strange = _with(_renewal, puts(f"{SITE}/device.public", b64(STRANGER.public).encode()))
    strange.files[f"{SITE}/device.key"] = b64(seed("stranger")).encode()
    yield (
        "Instead, a directory has",
        "a renewal for another device key",
        strange,
        _refusal("not-requested"),
    )
    away = _with(_renewal, removes(f"{SITE}/load.key"), sets(parts=ANOTHERS_PARTS))
    yield (
        "Otherwise it is `wrong-machine` or",
        "a renewal of another machine",
        away,
        _refusal("wrong-machine"),
    )
    two = _renewal()
    for place, public in ((SITE, DEVICE.public), (USER_DIR, STRANGER.public)):
        two.files[f"{place}/load.key"] = b64(seed("load")).encode()
        two.files[f"{place}/device.public"] = b64(public).encode()
    del two.files[f"{SITE}/device.key"]
    yield (
        "Instead, a directory has",
        "a renewal where two directories have its load key",
        two,
        _placed(two),
    )
    leaving = _renewal()
    leaving.files[f"{SITE}/deactivate.request"] = request_file(DEACTIVATION, [DEVICE])
    gone = {f"{SITE}/{name}": None for name in (INSTALLED, *key_files(b""))}
    expect = _refusal("not-requested", **gone, **{f"{SITE}/{STATE}": state(1, ended=True)})
    name = "a renewal after an interrupted deactivation of its device key"
    yield INTERRUPTED, name, leaving, expect
    token = _arriving_token()
    token.response["kind"] = "renewal"
    yield "the token signs, as for any response", "a renewal for a token", token, _placed(token)


def _damaged() -> Iterator[Case]:
    for name, path, value in (
        ("state.json", f"{SITE}/{STATE}", b"{"),
        ("clock.json", CLOCK, b"[]"),
    ):
        machine = _with(Arriving, puts(path, value))
        yield DAMAGED, f"{name} is damaged", machine, _placed(machine)
    restored = _installed()
    restored.files[f"{SITE}/{INSTALLED}"] = restored.file()[:100]
    expect = _placed(restored)
    del expect["after"][f"{SITE}/{PENDING}"]
    yield (
        "If an installed response does not verify",
        "the installed response is damaged, and comes again",
        restored,
        expect,
    )
    older = _installed()
    older.files[f"{SITE}/{INSTALLED}"] = b""
    older.files[f"{SITE}/{STATE}"] = state(2)
    yield (
        "If an installed response does not verify",
        "the installed response is damaged, an older one comes",
        older,
        _refusal("not-requested"),
    )
    ending = _with(Arriving, puts(f"{SITE}/deactivate.request", b"{}"))
    yield (
        "A damaged `deactivate.request`",
        "deactivate.request is damaged",
        ending,
        _refusal("state-damaged"),
    )


def _unwritable() -> Iterator[Case]:
    half = _receipt()
    half.files |= {f"{SITE}/{n}": d for n, d in key_files(DEVICE.public).items()}
    half.files[f"{SITE}/{STATE}"] = state(1)
    gone = {f"{SITE}/{n}": None for n in ("deactivate.request", *key_files(b""))}
    yield (
        INTERRUPTED,
        "a receipt after an interrupted deactivation",
        half,
        _placed(half, clock_file=clock(ISSUED), after=gone),
    )
    unsafe = Arriving()
    unsafe.more["modes"] = {"site": "0777"}
    yield (
        "A directory that others may write",
        "others may write the site's directory",
        unsafe,
        _refusal("state-not-readable"),
    )
    busy = Arriving()
    busy.more["locked"] = ["site"]
    yield (
        "A directory that others may write",
        "another process has the site's lock",
        busy,
        _refusal("state-busy"),
    )
    blocked = _arriving_token()
    blocked.files = {"site": b"a file in its place"}
    blocked.more["unwritable"] = ["site"]
    yield (
        "A directory that others may write",
        "a file in the place of the site's directory",
        blocked,
        _refusal("state-not-writable"),
    )


def _clocks() -> Iterator[Case]:
    """The fair clock: what an install makes of a mark, of 300 days ahead where it is wrong."""
    wrong = ISSUED + 300 * DAY
    noted = Arriving()
    noted.files[CLOCK] = clock(wrong, lowered=7, note=wrong + 7)
    mark = clock(NOW, lowered=7 + 300 * DAY)
    yield (
        FAIR,
        "no time since the request: the mark is issued_at",
        noted,
        _placed(noted, clock_file=mark),
    )
    passed = Arriving()
    passed.files[CLOCK] = clock(wrong, lowered=7, note=wrong + 7 - 3600)
    expect = clock(ISSUED + 3600, lowered=7 + 300 * DAY - 3600)
    yield (
        FAIR,
        "an hour since the request: the mark keeps it",
        passed,
        _placed(passed, clock_file=expect),
    )
    lowered = Arriving()
    lowered.files[CLOCK] = clock(wrong, lowered=5 * DAY, note=wrong)
    expect = clock(ISSUED + 5 * DAY, lowered=300 * DAY)
    lowered.now = time(ISSUED + 5 * DAY)
    yield (
        FAIR,
        "another answer has lowered the mark since",
        lowered,
        _placed(lowered, clock_file=expect),
    )
    long = Arriving()
    long.files[CLOCK] = clock(wrong, note=ISSUED - 400 * DAY)
    expect = _placed(long, clock_file=clock(wrong), code="clock-rolled-back")
    yield FAIR, "more time passed than the mark is ahead", long, expect
    behind = Arriving()
    behind.files[CLOCK] = clock(ISSUED - DAY, lowered=3, note=ISSUED - DAY)
    behind.now = time(ISSUED + 60)
    yield (
        FAIR,
        "the mark is behind issued_at",
        behind,
        _placed(behind, clock_file=clock(ISSUED, lowered=3)),
    )
    without = Arriving()
    without.files[CLOCK] = clock(wrong, lowered=7)
    expect = _placed(without, clock_file=clock(wrong, lowered=7), code="clock-rolled-back")
    yield "Without a record", "no record of the request", without, expect
    present = Arriving()
    present.files[CLOCK] = clock(ISSUED, note=ISSUED)
    present.now = time(ISSUED + 10 * DAY)
    yield (
        "counts the present as a time",
        "the present is no time since the request",
        present,
        (_placed(present)),
    )
    renewed = _renewal()
    renewed.files[CLOCK] = clock(wrong, note=wrong)
    expect = clock(NOW, lowered=300 * DAY)
    yield (
        "If the clock has a record",
        "a renewal, and a record of its request",
        renewed,
        _placed(renewed, clock_file=expect),
    )
