"""What `load` returns or raises, check by check in the format's order."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from keyferry import KeyferryError, KeySet, load
from keyferry.store.folder import PENDING
from keyferry.store.order import ORDER
from keyferry_protocol.encoding import b64
from keyferry_protocol.keys import Ed25519Signer
from tests.support.offline import END, KEYS, LAB_07, LAB_09, OTHER, VENDOR, VENDOR_PQ, Room, key_set
from tests.support.samples import CODE, DAY, NOW, NUMBER, PRODUCT

OTHER_CODE_KEYS = key_set(Ed25519Signer(b"x" * 32))


def test_load_returns_the_license_with_what_it_grants(room: Room) -> None:
    room.activate()
    license = room.load()
    assert (license.number, license.licensee, license.edition) == (
        NUMBER,
        "Nordhaven Pilot Plant",
        "Professional",
    )
    assert license.features == {"solver": True, "threads": 16}
    assert license.valid_until == datetime(2027, 11, 30, 23, 59, 59, tzinfo=UTC)
    assert license.check() == (True, "ok", None, license.valid_until, None)
    assert license.check("threads") == (True, "ok", None, license.valid_until, 16)
    assert license.check("solver").value is True


def test_a_result_is_true_exactly_when_it_is_yes(room: Room) -> None:
    room.activate()
    license = room.load()
    assert license.check("solver")
    assert not license.check("cfd")


@pytest.mark.parametrize("feature", ["cfd", "", "Solver", 5, ["solver"], b"solver"])
def test_check_never_raises_and_says_what_is_missing(room: Room, feature: str) -> None:
    room.activate()
    result = room.load().check(feature)
    assert (result.ok, result.code, result.value) == (False, "feature-not-granted", None)
    assert str(feature) in str(result.reason)


def edit(name: str, change: Callable[[bytes], bytes]) -> Callable[[Room], None]:
    def spoil(room: Room) -> None:
        path = Path(room.folder().path(name))
        path.write_bytes(change(path.read_bytes()))

    return spoil


FAILURES: list[tuple[str, str, Callable[[Room], object]]] = [
    ("its file is another kind", "wrong-type", lambda r: _put(r, r.request("update"))),
    ("another vendor signed", "not-genuine", lambda r: setattr(r, "keys", OTHER_CODE_KEYS)),
    (
        "a second algorithm is required",
        "not-genuine",
        lambda r: setattr(r, "keys", key_set(VENDOR, VENDOR_PQ)),
    ),
    ("its key is compromised", "key-compromised", lambda r: setattr(r, "keys", _compromised())),
    ("another product asks", "wrong-product", lambda r: setattr(r, "product", "Example Viewer")),
    (
        "the key set stops it",
        "license-revoked",
        lambda r: setattr(r, "keys", key_set(VENDOR, revoked=(NUMBER,))),
    ),
    ("the load key is gone", "wrong-machine", lambda r: r.folder().erase("load.key")),
    (
        "the load key is another",
        "wrong-machine",
        edit("load.key", lambda data: b64(b"k" * 32).encode()),
    ),
    (
        "the state moved to another machine",
        "wrong-machine",
        lambda r: setattr(r, "machine", LAB_09),
    ),
    (
        "a newer response was seen",
        "older-response",
        edit("state.json", lambda data: data.replace(b'"max_serial": 1', b'"max_serial": 2')),
    ),
    ("the clock was set back", "clock-rolled-back", lambda r: setattr(r, "now", NOW - DAY - 1)),
    ("it ended", "expired", lambda r: setattr(r, "now", END)),
]


def _put(room: Room, data: bytes) -> None:
    Path(room.folder().path("installed.response")).write_bytes(data)


def _compromised() -> KeySet:
    other = Ed25519Signer(b"x" * 32)
    keys = key_set(VENDOR, other)
    return replace(keys, keys=(replace(keys.keys[0], trusted=False), keys.keys[1]))


@pytest.mark.parametrize(
    ("code", "spoil"), [pytest.param(code, spoil, id=name) for name, code, spoil in FAILURES]
)
def test_each_check_has_its_own_error(
    room: Room, code: str, spoil: Callable[[Room], object]
) -> None:
    room.activate()
    room.load()
    spoil(room)
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert excinfo.value.code == code
    assert excinfo.value.title
    assert excinfo.value.next_step
    assert str(excinfo.value)


def test_the_error_for_another_machine_names_points_and_parts(room: Room) -> None:
    room.activate()
    components = {**LAB_09.components, "disk_serial": LAB_07.components["disk_serial"]}
    room.machine = replace(LAB_09, components=components)
    with pytest.raises(KeyferryError, match=r"2 of 21 points match") as excinfo:
        room.load()
    assert "(LAB-09)" in str(excinfo.value)
    assert excinfo.value.facts["match"] == {
        "rule": "weight",
        "have": 2,
        "of": 21,
        "hardware": {"have": 2, "of": 18},
        "current": 21,
        "changed": ["tpm_key", "smbios_uuid", "board_serial", "mac", "os_id"],
    }


def test_a_personal_license_is_for_its_user_only(room: Room) -> None:
    room.activate("personal")
    assert room.load().protection == "personal"
    room.machine = replace(LAB_07, components={**LAB_07.components, "user": ["S-1-5-21-1002"]})
    with pytest.raises(KeyferryError, match="another user of this computer") as excinfo:
        room.load()
    assert excinfo.value.code == "wrong-machine"


def test_a_machine_license_works_for_every_user(room: Room) -> None:
    room.activate()
    room.machine = replace(LAB_07, components={**LAB_07.components, "user": ["S-1-5-21-1002"]})
    assert room.load().check()


@pytest.mark.parametrize(
    ("now", "code"),
    [(NOW + 9 * DAY, "not-yet-valid"), (NOW + 10 * DAY, None), (END - 1, None), (END, "expired")],
)
def test_a_license_works_from_its_first_second_to_before_its_last(
    room: Room, now: int, code: str | None
) -> None:
    response = room.answer(room.request(), valid_from=NOW + 10 * DAY)
    room.now = NOW + 10 * DAY
    room.install(response)
    clock = Path(room.state_dirs.user.path) / "clock.json"
    clock.unlink()
    room.now = now
    if code is None:
        assert room.load().check()
    else:
        with pytest.raises(KeyferryError) as excinfo:
            room.load()
        assert excinfo.value.code == code


def test_an_overdue_lease_works_for_its_grace_days_only(room: Room) -> None:
    room.activate(check_in_by=NOW + 30 * DAY, grace_days=14)
    room.now = NOW + 30 * DAY - 1
    assert room.load().check().reason is None
    room.now = NOW + 31 * DAY
    license = room.load()
    assert license.check()[:3] == (True, "ok", "grace")
    assert license.days_left == 13
    room.now = NOW + 44 * DAY
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert excinfo.value.code == "check-in-overdue"


def test_the_last_thirty_days_are_announced(room: Room) -> None:
    room.activate()
    room.now = END - 30 * DAY - 1
    assert room.load().check() == (True, "ok", None, room.load().expires, None)
    room.now = END - 30 * DAY
    assert room.load().check("solver")[:3] == (True, "ok", "ends-soon")
    room.now = END
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert excinfo.value.code == "expired"


@pytest.mark.parametrize("days", [3_000_000, 2**53 - 1])
def test_a_grace_period_of_centuries_ends_with_the_calendar(room: Room, days: int) -> None:
    room.activate(check_in_by=NOW + 30 * DAY, grace_days=days, valid_until=None)
    room.now += 31 * DAY
    license = room.load()
    assert license.check()[:3] == (True, "ok", "grace")
    assert license.expires == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_grace_never_outlasts_the_license(room: Room) -> None:
    room.activate(check_in_by=END - DAY, grace_days=14)
    room.now = END
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert excinfo.value.code == "expired"


@pytest.mark.parametrize(
    ("released", "works"),
    [
        (None, True),
        ("2026-12-01", True),
        (date(2026, 12, 1), True),
        (datetime(2026, 12, 1, tzinfo=UTC), True),
        ("2026-12-02", False),
        (date(2026, 12, 2), False),
        (datetime(2026, 12, 1, 0, 0, 1, tzinfo=UTC), False),
        ("2026-12-01T00:00:01Z", False),
    ],
)
def test_a_version_released_after_maintenance_is_refused(
    room: Room, released: object, works: bool
) -> None:
    room.activate(maintenance_until=int(datetime(2026, 12, 1, tzinfo=UTC).timestamp()))
    if works:
        assert room.load(released=released).check()
    else:
        with pytest.raises(KeyferryError) as excinfo:
            room.load(released=released)
        assert excinfo.value.code == "maintenance-ended"


def test_no_license_a_pending_one_and_an_ended_one_have_their_own_codes(room: Room) -> None:
    def code() -> str:
        with pytest.raises(KeyferryError) as excinfo:
            room.load()
        return excinfo.value.code

    assert code() == "not-activated"
    request = room.request()
    assert code() == "pending"
    room.install(room.answer(request))
    receipt = room.request("deactivate")
    assert code() == "deactivated"
    room.install(room.answer(receipt))
    assert code() == "deactivated"
    room.request()
    assert code() == "pending"


def test_load_returns_the_first_working_license_in_trying_order(room: Room) -> None:
    for number, code in ((NUMBER, CODE), (OTHER, None)):
        code = code or _code_of(number)
        room.install(room.answer(room.request(number=number, code=code)))
    assert room.load().number == NUMBER
    (Path(room.state_dirs.user.path) / ORDER).write_text(f'{{"order": ["{OTHER}"]}}')
    assert room.load().number == OTHER
    Path(room.folder(OTHER).path("load.key")).unlink()
    assert room.load().number == NUMBER


def test_of_several_failing_licenses_the_first_in_trying_order_is_reported(room: Room) -> None:
    room.install(room.answer(room.request()))
    room.install(
        room.answer(room.request(number=OTHER, code=_code_of(OTHER)), valid_until=NOW + DAY)
    )
    room.folder().erase("load.key")
    room.now = NOW + DAY
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert excinfo.value.code == "wrong-machine"


def test_another_products_license_hides_no_error_of_this_product(room: Room) -> None:
    room.install(room.answer(room.request()))
    other = room.request(number=OTHER, code=_code_of(OTHER))
    room.product = "Example Viewer"
    room.install(room.answer(other, product="Example Viewer", valid_until=NOW + DAY))
    room.now = NOW + 2 * DAY
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    assert excinfo.value.code == "expired"


def test_the_users_license_is_tried_before_the_sites(room: Room) -> None:
    room.activate()
    room.activate("personal")
    assert room.load().protection == "personal"
    room.folder(shared=False).erase("load.key")
    assert room.load().protection == "machine"


def test_a_running_application_notices_when_its_license_ends(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.activate()
    time_now = float(NOW)
    monkeypatch.setattr("time.time", lambda: time_now)
    license = load(PRODUCT, KEYS, room.state, machine=LAB_07)
    assert license.check()
    time_now = float(END)
    assert license.check().code == "expired"
    time_now = float(NOW - 2 * DAY)
    assert license.check().code == "clock-rolled-back"


def test_keys_may_be_a_path_with_the_vendors_id_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys.json").write_bytes(KEYS.to_json())
    (tmp_path / "vendor.json").write_text('{"id": "acme", "product": "Example Modeler"}')
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    room = Room(tmp_path / "unused")
    room.activate("personal")
    (tmp_path / "xdg/keyferry").mkdir(parents=True)
    (tmp_path / "unused/user").rename(tmp_path / "xdg/keyferry/acme")
    assert load(PRODUCT, tmp_path / "keys.json", machine=LAB_07, now=NOW).number == NUMBER
    assert load(PRODUCT, KEYS, machine=LAB_07, now=NOW, vendor="acme").number == NUMBER


def test_a_vendor_without_an_id_is_an_error() -> None:
    with pytest.raises(TypeError, match="vendor"):
        load(PRODUCT, KEYS)
    with pytest.raises(ValueError, match="a-z"):
        load(PRODUCT, KEYS, vendor="../acme")


def test_load_ignores_a_pending_request(room: Room) -> None:
    room.activate()
    room.request("update")
    assert room.folder().has(PENDING)
    assert room.load().check()


def _code_of(number: str) -> str:
    from keyferry_protocol.activation import new_activation_code

    return new_activation_code(number, lambda count: bytes(range(count)))
