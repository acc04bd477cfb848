"""`keyferry.testing`: each state of a license in a line, and keys that work only in their test."""

import builtins
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from bundles.single_file import vendor_files
from keyferry import KeyferryError, KeySet, install_response, load, make_request
from keyferry.testing import OfflineComputer, offline_computer, throwaway_keys
from keyferry.throwaway import MARK
from tests.support.offline import KEYS, Room
from tests.support.samples import CODE, NUMBER, PRODUCT
from tests.support.terminal import Shell

ROOT = Path(__file__).parents[2]
FIXTURES = (offline_computer, throwaway_keys)  # known here by their import


def code_of(run: Callable[[], object]) -> str:
    with pytest.raises(KeyferryError) as excinfo:
        run()
    return excinfo.value.code


def test_a_licensed_machine_in_a_line(offline_computer: OfflineComputer) -> None:
    offline_computer.activate(PRODUCT, features={"threads": 16}, edition="Professional")
    license = load(PRODUCT, offline_computer.keys, vendor="example")
    assert license.check("threads").value == 16
    assert license.edition == "Professional"


def test_the_keys_may_be_a_file_that_the_application_reads(
    offline_computer: OfflineComputer, throwaway_keys: KeySet, tmp_path: Path
) -> None:
    (tmp_path / "keys.json").write_bytes(throwaway_keys.to_json())
    offline_computer.activate(PRODUCT)
    assert load(PRODUCT, tmp_path / "keys.json", state_dir="/nowhere").check()


STATES: list[tuple[str, str, Callable[[OfflineComputer], object]]] = [
    ("nothing was activated", "not-activated", lambda c: None),
    ("it has ended", "expired", lambda c: (c.activate(PRODUCT), c.expire())),
    (
        "its dongle was pulled",
        "dongle-missing",
        lambda c: (c.activate(PRODUCT, protection="dongle"), c.pull_dongle()),
    ),
    (
        "its check-in is overdue",
        "check-in-overdue",
        lambda c: (c.activate(PRODUCT, lease_days=30), c.miss_check_in()),
    ),
    ("the state was copied", "wrong-machine", lambda c: (c.activate(PRODUCT), c.replace_machine())),
    (
        "the clock was set back",
        "clock-rolled-back",
        lambda c: (c.activate(PRODUCT), c.pass_days(-2)),
    ),
    ("it was deactivated", "deactivated", lambda c: (c.activate(PRODUCT), c.deactivate())),
    ("another product", "wrong-product", lambda c: c.activate("Example Viewer")),
    (
        "a virtual machine",
        "environment-not-allowed",
        lambda c: (c.activate(PRODUCT), c.change_environment("virtual")),
    ),
]


@pytest.mark.parametrize(
    ("code", "change"), [pytest.param(code, change, id=name) for name, code, change in STATES]
)
def test_each_state_takes_a_line(
    offline_computer: OfflineComputer, code: str, change: Callable[[OfflineComputer], object]
) -> None:
    change(offline_computer)
    assert code_of(lambda: load(PRODUCT, offline_computer.keys)) == code


def test_a_version_after_maintenance(offline_computer: OfflineComputer) -> None:
    offline_computer.activate(PRODUCT, maintenance_days=0)
    keys = offline_computer.keys
    assert load(PRODUCT, keys, released=offline_computer.now.date()).check()
    assert code_of(lambda: load(PRODUCT, keys, released=date.max)) == "maintenance-ended"


def test_a_loaded_license_misses_a_dongle_until_it_is_loaded_again(
    offline_computer: OfflineComputer,
) -> None:
    offline_computer.activate(PRODUCT, protection="dongle")
    license = load(PRODUCT, offline_computer.keys)
    assert license.check()
    offline_computer.pull_dongle()
    assert license.check().code == "dongle-missing"
    offline_computer.plug_in_dongle()
    assert license.check().code == "dongle-missing"
    assert load(PRODUCT, offline_computer.keys).check()


def test_a_state_that_needs_an_end_or_a_lease_says_so(offline_computer: OfflineComputer) -> None:
    offline_computer.activate(PRODUCT, days=None)
    with pytest.raises(ValueError, match="days"):
        offline_computer.expire()
    with pytest.raises(ValueError, match="lease_days"):
        offline_computer.miss_check_in()


# What a customer could try.


@pytest.fixture
def leftover(tmp_path: Path) -> Path:
    """The key set of a test that has ended, as a vendor might ship it by mistake."""
    with OfflineComputer() as computer:
        computer.activate(PRODUCT)
        (tmp_path / "keys.json").write_bytes(computer.keys.to_json())
        (tmp_path / "vendor.json").write_text('{"id": "acme", "product": "Example Modeler"}')
    return tmp_path / "keys.json"


@pytest.mark.attack
def test_the_keys_of_a_test_are_refused_once_it_has_ended(leftover: Path, shell: Shell) -> None:
    keys = KeySet.from_json(leftover.read_bytes())
    for run in (
        lambda: load(PRODUCT, keys, leftover.parent),
        lambda: load(PRODUCT, leftover),
        lambda: make_request(NUMBER, CODE, keys=keys, product=PRODUCT, state_dir=leftover.parent),
        lambda: install_response(b"", keys, product=PRODUCT, state_dir=leftover.parent),
        lambda: vendor_files(leftover),  # no bundle has them inside
    ):
        assert code_of(run) == "bad-key-set"
    printed = shell("status", "--keys", str(leftover), "--json")
    assert (printed.exit, printed.json["error"]["code"]) == (1, "bad-key-set")
    with OfflineComputer():  # another test's
        assert code_of(lambda: load(PRODUCT, keys)) == "bad-key-set"


@pytest.mark.attack
def test_no_environment_variable_lets_a_process_use_them(leftover: Path) -> None:
    names = ("KEYFERRY_TESTING", "KEYFERRY_TEST", "PYTEST_CURRENT_TEST", "CI", "TESTING")
    code = f"""
import sys
sys.path[:0] = [{str(ROOT / "shared")!r}, {str(ROOT / "client")!r}]
import keyferry.testing
from keyferry import load
load({PRODUCT!r}, {str(leftover)!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | dict.fromkeys(names, "1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "BadKeySet: These are the throwaway keys of a test" in done.stderr
    folder = ROOT / "client" / "keyferry"
    for path in [folder / "throwaway.py", *(folder / "testing").glob("*.py")]:
        assert "environ" not in path.read_text().replace("environment", "")


@pytest.mark.attack
def test_a_test_that_runs_changes_nothing_for_the_keys_of_a_vendor(
    room: Room, offline_computer: OfflineComputer
) -> None:
    offline_computer.activate(PRODUCT)
    assert code_of(room.load) == "not-activated"
    request = room.request()
    room.signers = (offline_computer._signer,)
    assert code_of(lambda: room.install(room.answer(request))) == "not-genuine"
    room.signers = Room.signers
    room.install(room.answer(request))
    offline_computer.expire()
    assert room.load().check()


@pytest.mark.attack
def test_every_copy_of_a_key_set_of_a_test_has_the_mark(throwaway_keys: KeySet) -> None:
    members = json.loads(throwaway_keys.to_json())
    statuses = [key["status"] for key in members["keys"]]
    assert statuses == ["trusted", "compromised"]
    assert sha256(b"keyferry.testing: a key set of a test 2").digest() == MARK
    assert KeySet.from_json(throwaway_keys.to_json()) == throwaway_keys
    assert MARK not in {key.public for key in KEYS.keys}


@pytest.fixture
def not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name in sys.modules if name.startswith("keyferry.testing")]
    for name in names:
        monkeypatch.delitem(sys.modules, name)


def test_without_the_extra_the_import_says_what_to_install(
    not_imported: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def lacks_pytest(name: str, *rest: object) -> object:
        if name == "pytest":
            raise ModuleNotFoundError("No module named 'pytest'", name="pytest")
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", lacks_pytest)
    with pytest.raises(ImportError) as excinfo:
        importlib.import_module("keyferry.testing")
    error = excinfo.value
    assert isinstance(error, KeyferryError)
    assert (error.code, "keyferry[testing]" in error.next_step) == ("missing-extra", True)


def test_a_bundled_application_cannot_import_it(
    not_imported: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(ImportError, match="bundled"):
        importlib.import_module("keyferry.testing")


def test_the_tests_of_the_sample_run_as_a_vendor_runs_them(tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    shutil.copytree(ROOT / "docs" / "sample", folder)
    (folder / "vendor_keys.py").write_text(f"KEYS = {KEYS.to_json()!r}")
    paths = os.pathsep.join(str(ROOT / name) for name in ("shared", "client"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder],
        env=os.environ | {"PYTHONPATH": paths},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "5 passed" in done.stdout, done.stdout
