"""Imports stay shallow and are never circular; lazy imports count too."""

from pathlib import Path

import pytest

from tests.support.import_graph import (
    PACKAGES,
    find_circles,
    import_graph,
    longest_chains,
    room_graph,
    rooms,
)

MAX_DEPTH = 14


@pytest.mark.parametrize("package", PACKAGES)
def test_no_chain_of_imports_is_longer_than_14_modules(package: str) -> None:
    deepest = max(longest_chains(import_graph(package)).values(), key=len)
    assert len(deepest) <= MAX_DEPTH, " -> ".join(deepest)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_imports_are_circular(package: str) -> None:
    assert find_circles(import_graph(package)) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_each_other_one_way(package: str) -> None:
    assert find_circles(room_graph(import_graph(package))) == []


def a_package(root: Path, **sources: str) -> Path:
    """A client with these modules alone; `__` in a name ends the name of a folder."""
    folder = root / "client" / "keyferry"
    for name, source in sources.items():
        file = folder / f"{name.replace('__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source)
        for package in {folder, file.parent}:
            (package / "__init__.py").touch()
    return root


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import keyferry.b", id="a module"),
        pytest.param("from keyferry.b import name", id="a name"),
        pytest.param("from keyferry import b", id="a module from its package"),
        pytest.param("from . import b", id="a relative import"),
        pytest.param("from .b import name", id="a relative name"),
        pytest.param("def f():\n    from keyferry.b import name", id="a lazy import"),
        pytest.param("if TYPE_CHECKING:\n    from keyferry.b import T", id="an import for types"),
        pytest.param("HOMES = {'name': 'keyferry.b'}", id="a module's name in a string"),
        pytest.param("import_module(f'keyferry.{name}')", id="a module's name made of parts"),
    ],
)
def test_every_way_to_import_is_found(tmp_path: Path, source: str) -> None:
    root = a_package(tmp_path, a=source, b="")
    assert "keyferry.b" in import_graph("keyferry", root)["keyferry.a"]


def test_a_circular_import_is_found_and_counts_with_all_its_modules(tmp_path: Path) -> None:
    root = a_package(
        tmp_path,
        top="import keyferry.a",
        a="def f():\n    import keyferry.b",
        b="import keyferry.a, keyferry.bottom",
        bottom="",
    )
    graph = import_graph("keyferry", root)
    assert find_circles(graph) == [("keyferry.a", "keyferry.b")]
    assert longest_chains(graph)["keyferry.top"] == (
        "keyferry.top",
        "keyferry.a",
        "keyferry.b",
        "keyferry.bottom",
    )


def test_rooms_that_import_each_other_are_found_though_no_module_does(tmp_path: Path) -> None:
    root = a_package(
        tmp_path,
        cli__start="import keyferry.wizard.window",
        cli__settings="",
        wizard__window="import keyferry.cli.settings",
    )
    graph = import_graph("keyferry", root)
    assert find_circles(graph) == []
    assert find_circles(room_graph(graph)) == [("keyferry.cli", "keyferry.wizard")]
    depths = {room.name: len(room.chain) for room in rooms(graph)}
    assert depths == {"keyferry": 1, "keyferry.cli": 3, "keyferry.wizard": 2}
