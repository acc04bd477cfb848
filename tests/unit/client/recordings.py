"""Reads the answers of real machines from the folder `recorded`; its README has the format."""

from collections.abc import Callable
from pathlib import Path

from keyferry.machine import macos, windows
from keyferry.machine.windows import Card
from tests.support.machines import Tree

FOLDER = Path(__file__).parent / "recorded"


def names(system: str) -> set[str]:
    return {file.stem for file in (FOLDER / system).glob("*.txt")}


def parts(system: str, name: str) -> dict[str, str]:
    """The text below each `==> name <==` of a recording."""
    head, *blocks = (FOLDER / system / f"{name}.txt").read_text().split("\n==> ")
    assert head.startswith("Source: ")
    return {title: text for title, _, text in (block.partition(" <==\n") for block in blocks)}


def linux_tree(folder: Path, name: str) -> Tree:
    """The root folder of a recorded Linux."""
    tree = Tree(folder)
    for path, text in parts("linux", name).items():
        tree.put(path, text.replace("\\0", "\0"))
    for pattern, place in (
        ("sys/devices/**/net/*", "class/net"),
        ("sys/devices/**/block/*", "block"),
    ):
        for device in folder.glob(pattern):
            tree.link(f"sys/{place}", device.name, str(device.relative_to(folder)))
    return tree


def windows_answers(name: str) -> windows.Recorded:
    recorded = parts("windows", name)
    raw: Callable[[str], bytes] = lambda part: bytes.fromhex(recorded.get(part, ""))  # noqa: E731
    address, device = recorded["card"].splitlines() if "card" in recorded else ("", "")
    return windows.Recorded(
        smbios=raw("smbios"),
        cards=(Card(bytes.fromhex(address), 6, True, device),) if device else (),
        disks=(raw("disk"),),
        endorsement_key=raw("endorsement_key"),
    )


def macos_answers(name: str) -> macos.Recorded:
    recorded = {part: text.encode() for part, text in parts("macos", name).items()}
    return macos.Recorded(
        recorded.get("platform", b""),
        (recorded.get("controllers", b""),),
        recorded.get("disks", b""),
    )
