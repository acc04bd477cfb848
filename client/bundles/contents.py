"""What the single file holds besides our own code: its licenses, and its entries of an SBOM."""

import hashlib
import platform
import re
import subprocess
import sysconfig
from collections.abc import Iterable
from importlib.metadata import distribution, packages_distributions
from pathlib import Path
from typing import NamedTuple

from PyInstaller.archive.readers import CArchiveReader  # type: ignore[import-untyped]

from bundles.reproducible import ROOT

_LOADER = {"pyinstaller", "pyinstaller-hooks-contrib"}  # parts of them start the program
_OURS = {"keyferry", "keyferry-admin", "keyferry-courier"}
_LIBRARY = re.compile(r"lib(?!python)[^/]+\.(so|dylib)[^/]*")
_LICENSE_FILE = re.compile(
    r"[^/]+\.dist-info/(.+/)?(LICEN[CS]E|COPYING|NOTICE)[^/]*", re.IGNORECASE
)


class Library(NamedTuple):
    """A library of the operating system that the file was built on."""

    name: str
    package: str
    version: str
    license: str


def archived_names(built: Path) -> list[str]:
    """The modules and files in the single file."""
    archive = CArchiveReader(str(built))
    return [*archive.toc, *archive.open_embedded_archive("PYZ.pyz").toc]


def packages(names: Iterable[str]) -> list[str]:
    """The Python packages that these modules and files come from, and the loader's."""
    known = packages_distributions()
    tops = {re.split(r"[./]", name)[0] for name in names}
    return sorted(({each for top in tops for each in known.get(top, [])} | _LOADER) - _OURS)


def libraries(names: Iterable[str]) -> list[Library]:
    """The libraries of the operating system among these files."""
    return [_library(name) for name in sorted(set(names)) if _LIBRARY.fullmatch(name)]


def components(built: Path) -> list[dict[str, object]]:
    """Python and the libraries of the operating system in the single file, for its SBOM."""
    archive = CArchiveReader(str(built))
    python: dict[str, object] = {
        "bom-ref": "python",
        "type": "platform",
        "name": "CPython",
        "version": platform.python_version(),
        "licenses": [{"license": {"id": "Python-2.0"}}],
    }
    system = libraries(archive.toc)
    return [python, *(_component(each, archive.extract(each.name)) for each in system)]


def _component(library: Library, content: bytes) -> dict[str, object]:
    return {
        "bom-ref": library.name,
        "type": "library",
        "name": library.name,
        "version": library.version,
        "description": f"From the package {library.package} of the system it was built on.",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}],
    }


def license_texts(names: Iterable[str]) -> str:
    """The license of the program, and of everything in it."""
    names = list(names)
    texts = {"Keyferry": (ROOT / "LICENSE").read_text()}
    texts["Python"] = Path(sysconfig.get_path("stdlib"), "LICENSE.txt").read_text()
    for name in packages(names):
        files = [file for file in distribution(name).files or () if _LICENSE_FILE.match(str(file))]
        texts[name] = "\n".join(file.read_text() for file in files)
    texts |= {f"{each.name} ({each.package})": each.license for each in libraries(names)}
    return "\n".join(f"{'=' * 72}\n{name}\n{'=' * 72}\n\n{text}" for name, text in texts.items())


def _library(name: str) -> Library:
    """As Debian's package manager describes it; other systems have their own way to look it up."""
    try:
        owner = _dpkg("--search", f"*/{name}")
    except (OSError, subprocess.CalledProcessError):
        unknown = "A library of the operating system that this file was built on."
        return Library(name, "operating system", "", unknown)
    package = owner.split(": ")[0]
    license = Path("/usr/share/doc", package.split(":")[0], "copyright").read_text()
    return Library(name, package, _dpkg("--show", "--showformat=${Version}", package), license)


def _dpkg(*arguments: str) -> str:
    query = ["dpkg-query", *arguments]
    return subprocess.run(query, check=True, capture_output=True, text=True).stdout
