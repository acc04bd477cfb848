"""Prints how deep our imports go and where they run in circles, room by room.

    python -m tests.support.import_graph [--root DIR] [package ...]

A room is a package folder. Every import counts, wherever it stands: in a function, under
TYPE_CHECKING, or as a module's name in a string. An import of a name counts for the module that
the name is asked of, so `from keyferry import __version__` leads to `keyferry/__init__.py`.
"""

import argparse
import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGES = {
    "keyferry": "client",
    "keyferry_protocol": "shared",
    "keyferry_service": "shared",
    "keyferry_admin": "admin",
    "keyferry_courier": "courier",
}
ROOT = Path(__file__).parents[2]

Graph = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Room:
    """A package folder: its modules, the longest chain that starts in it, the circles through it.

    A chain lists modules, each importing the next; of a circle it lists every module.
    """

    name: str
    modules: tuple[str, ...]
    chain: tuple[str, ...]
    circles: tuple[tuple[str, ...], ...]


def import_graph(package: str, root: Path = ROOT) -> Graph:
    """Which modules of the package each of its modules imports; hooks of PyInstaller are none."""
    folder = root / PACKAGES[package] / package
    files = {
        _module(file, folder.parent): file
        for file in sorted(folder.rglob("*.py"))
        if "__pyinstaller" not in file.parts
    }
    return {
        module: frozenset(_imports(file.read_text("utf-8"), module, file, files)) - {module}
        for module, file in files.items()
    }


def rooms(graph: Graph) -> list[Room]:
    """Each room of a package, by name."""
    modules = defaultdict(list)
    for module in graph:
        modules[room_of(module, graph)].append(module)
    chains, circles = longest_chains(graph), find_circles(graph)
    return [
        Room(
            name=name,
            modules=tuple(inside),
            chain=max((chains[module] for module in inside), key=len),
            circles=tuple(circle for circle in circles if set(circle) & set(inside)),
        )
        for name, inside in sorted(modules.items())
    ]


def room_graph(graph: Graph) -> Graph:
    """Which rooms each room imports. What starts a package, its `__main__`, is in no room."""
    edges: dict[str, set[str]] = defaultdict(set)
    for module, imported in graph.items():
        if not module.endswith(".__main__"):
            room = room_of(module, graph)
            edges[room] |= {room_of(other, graph) for other in imported} - {room}
    return {room: frozenset(others) for room, others in edges.items()}


def room_of(module: str, graph: Graph) -> str:
    """The folder that a module lies in; a package's own `__init__` lies in its folder."""
    is_folder = any(other.startswith(f"{module}.") for other in graph)
    return module if is_folder or "." not in module else module.rpartition(".")[0]


def find_circles(graph: Graph) -> list[tuple[str, ...]]:
    """The groups of modules that all import each other, directly or not."""
    return [tuple(sorted(group)) for group in _groups(graph) if len(group) > 1]


def longest_chains(graph: Graph) -> dict[str, tuple[str, ...]]:
    """The longest chain of imports from each module on; a circle counts with all its modules."""
    chains: dict[str, tuple[str, ...]] = {}
    for group in _groups(graph):
        below = {other for module in group for other in graph[module] if other not in group}
        longest = max((chains[module] for module in below), key=len, default=())
        for module in group:
            others = tuple(sorted(other for other in group if other != module))
            chains[module] = (module, *others, *longest)
    return chains


def _groups(graph: Graph) -> Iterator[list[str]]:
    """Tarjan's strongly connected components, each after all that it imports."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(module: str) -> Iterator[list[str]]:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(graph[module]):
            if other not in index:
                yield from visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            start = stack.index(module)
            yield stack[start:]
            del stack[start:]

    for module in sorted(graph):
        if module not in index:
            yield from visit(module)


def _module(file: Path, base: Path) -> str:
    parts = file.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(source: str, module: str, file: Path, known: Mapping[str, Path]) -> Iterator[str]:
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name in known)
            case ast.ImportFrom(module=name, names=names, level=level):
                base = ".".join(package.split(".")[: len(package.split(".")) + 1 - level])
                origin = ".".join(filter(None, (base if level else "", name or "")))
                for alias in names:
                    yield from _first((f"{origin}.{alias.name}", origin), known)
            case ast.Constant(value=str(text)) if "." in text and text in known:
                yield text
            case ast.Call(
                func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
                args=[ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]), *_],
            ) if text.endswith("."):
                # A name made of parts may be any module of that folder.
                yield from (other for other in known if other.rpartition(".")[0] == text[:-1])


def _first(names: tuple[str, ...], known: Mapping[str, Path]) -> Iterator[str]:
    for name in names:
        if name in known:
            yield name
            return


def main() -> None:
    """Print the rooms of each package."""
    options = argparse.ArgumentParser(description="Import depth and circles, room by room.")
    options.add_argument("--root", type=Path, default=ROOT, help="another working copy")
    options.add_argument("package", nargs="*", help=", ".join(PACKAGES))
    arguments = options.parse_args()
    for package in arguments.package or PACKAGES:
        graph = import_graph(package, arguments.root)
        all_rooms = rooms(graph)
        deepest = max((room.chain for room in all_rooms), key=len)
        print(f"{package}: {len(graph)} modules, {len(deepest)} deep")
        for room in all_rooms:
            print(f"  {room.name:<30} {len(room.modules):>3} modules {len(room.chain):>3} deep")
        for circle in find_circles(graph):
            print(f"  circle of modules: {', '.join(circle)}")
        for circle in find_circles(room_graph(graph)):
            print(f"  circle of rooms: {', '.join(circle)}")
        print(f"  deepest: {' -> '.join(deepest)}")


if __name__ == "__main__":
    main()
