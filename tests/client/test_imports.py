"""What `load` costs and touches: few modules, no process, no socket."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import keyferry
from tests.support.offline import Room

ROOT = Path(__file__).parents[2]
# Each costs an application's start more time than `load` itself takes, as measured.
EXPENSIVE = {
    "click",
    "pathlib",
    "dataclasses",
    "inspect",
    "secrets",
    "random",
    "subprocess",
    "socket",
    "importlib.metadata",
    "logging",
    "tempfile",
    "zipfile",
    "cryptography.hazmat.primitives.kdf.hkdf",
    "keyferry_protocol.activation",
    "keyferry.request",
    "keyferry.install",
    "keyferry.testing",
    "keyferry.cli.main",
    "keyferry.dongle.find",
    "pkcs11",
}


def in_a_fresh_process(code: str) -> list[str]:
    paths = f"import sys; sys.path[:0] = [{str(ROOT / 'shared')!r}, {str(ROOT / 'client')!r}]\n"
    done = subprocess.run(
        [sys.executable, "-S", "-c", paths + _SITE + code],
        capture_output=True,
        text=True,
        check=True,
    )
    modules: list[str] = json.loads(done.stdout)
    return modules


# -S keeps .pth files of this environment out, which import what they like; the packages are added.
_SITE = f"sys.path += {[path for path in sys.path if path.endswith('site-packages')]!r}\n"


def test_load_and_check_import_nothing_expensive(room: Room) -> None:
    room.activate()
    (room.state / "keys.json").write_bytes(room.keys.to_json())
    code = f"""
from keyferry import KeySet, Machine, load
machine = Machine("LAB-07", "", "physical", {dict(room.machine.components)!r})
keys = KeySet.from_json(open({str(room.state / "keys.json")!r}, "rb").read())
assert load({room.product!r}, keys, {str(room.state)!r}, machine, {room.now}).check("solver")
import json
print(json.dumps(sorted(sys.modules)))
"""
    assert EXPENSIVE.isdisjoint(in_a_fresh_process(code))


def test_loading_a_good_license_reads_no_catalog(room: Room) -> None:
    """The catalog is read when a sentence is needed, which for `load` is an error's."""
    room.activate()
    (room.state / "keys.json").write_bytes(room.keys.to_json())
    code = f"""
import json
opened = []
sys.addaudithook(lambda event, arguments: event == "open" and opened.append(str(arguments[0])))
from keyferry import KeySet, Machine, load
machine = Machine("LAB-07", "", "physical", {dict(room.machine.components)!r})
keys = KeySet.from_json(open({str(room.state / "keys.json")!r}, "rb").read())
assert load({room.product!r}, keys, {str(room.state)!r}, machine, {room.now}).check("solver")
print(json.dumps(opened))
"""
    opened = in_a_fresh_process(code)
    assert [path for path in opened if path.endswith("keys.json")]
    assert [path for path in opened if "/messages/en" in path] == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems ask their tools")
def test_reading_this_machine_starts_no_process_and_opens_no_socket() -> None:
    code = """
import json
seen = []
sys.addaudithook(lambda event, arguments: seen.append(event))
from keyferry import this_machine
this_machine()
print(json.dumps(seen))
"""
    events = set(in_a_fresh_process(code))
    assert "open" in events
    assert not {
        event for event in events if event.startswith(("socket.", "subprocess.", "os.exec"))
    }
    assert not events & {"os.fork", "os.posix_spawn", "os.system"}


def test_importing_keyferry_imports_nothing_else() -> None:
    modules = in_a_fresh_process("import keyferry, json\nprint(json.dumps(sorted(sys.modules)))")
    ours = [name for name in modules if name.startswith(("keyferry", "crypt"))]
    assert ours == ["keyferry"]


def test_every_public_name_can_be_imported() -> None:
    for name in keyferry.__all__:
        value = getattr(keyferry, name)
        assert value.__name__ == ("DongleSigner" if name == "Token" else name)
    assert set(keyferry.__all__) <= set(dir(keyferry))
    with pytest.raises(AttributeError, match="nonsense"):
        keyferry.nonsense  # noqa: B018


def test_only_the_wizards_window_contains_network_code() -> None:
    network = {"socket", "ssl", "http", "urllib", "asyncio", "ftplib", "smtplib", "requests"}
    files = list((ROOT / "client/keyferry").rglob("*.py"))
    assert len(files) > 30
    files.remove(ROOT / "client/keyferry/wizard/window.py")  # it listens on 127.0.0.1
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in getattr(node, "names", [])]
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert not network & {name.partition(".")[0] for name in names}, file
