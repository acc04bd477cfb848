"""Builds all that is published beside a tag into `dist/`, with SBOMs and SHA-256 sums.

docs/release.md says how whoever gets it verifies it.
"""

import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path

from bundles import contents, single_file, wheelhouse
from bundles.reproducible import ROOT, build_wheel, sha256, write_zip
from bundles.sbom import write_sbom


def main() -> None:
    settings = wheelhouse.arguments(__doc__)
    folder: Path = settings.output
    client = build_wheel(ROOT / "client", folder)
    write_sbom(
        folder / "keyferry-client.cdx.json",
        client,
        [installed(name) for name in wheelhouse.locked_names()],
    )
    courier = build_wheel(ROOT / "courier", folder)
    write_sbom(
        folder / "keyferry-courier.cdx.json",
        courier,
        [installed(name) for name in wheelhouse.locked_names(ROOT / "requirements/courier.txt")],
    )
    built = single_file.build(folder, [])
    write_sbom(
        folder / "keyferry-single-file.cdx.json",
        built,
        [installed(name) for name in contents.packages(contents.archived_names(built))],
        contents.components(built),
    )
    archive, _ = wheelhouse.build(folder, settings.machine, settings.python)
    published = [
        client,
        build_wheel(ROOT / "admin", folder),
        courier,
        archive,
        built,
        build_layer(folder),
        *folder.glob("*.cdx.json"),
    ]
    sums = "".join(f"{sha256(each)}  {each.name}\n" for each in sorted(published))
    (folder / "SHA256SUMS").write_text(sums)
    print(sums, end="")


def build_layer(folder: Path) -> Path:
    """The Lambda layer as `make deploy` builds it, with its SBOM beside it."""
    target = folder / "keyferry-layer.zip"
    with tempfile.TemporaryDirectory() as scratch:
        make = ["make", "-C", str(ROOT / "shared"), "build-SharedLayer"]
        variables = [f"ARTIFACTS_DIR={scratch}", f"PYTHON={sys.executable}"]
        subprocess.run([*make, *variables], check=True, stdout=subprocess.DEVNULL)
        files = {
            str(path.relative_to(scratch)): path.read_bytes()
            for path in Path(scratch).rglob("*")
            if path.is_file()
        }
        write_zip(target, files | {"LICENSE": (ROOT / "LICENSE").read_bytes()})
        packages = Path(scratch, "python").glob("*.dist-info")
        write_sbom(folder / "keyferry-layer.cdx.json", target, packages)
    return target


def installed(name: str) -> Path:
    """The dist-info folder of a package in this environment, which is installed from the lock."""
    (record,) = [file for file in distribution(name).files or () if file.name == "RECORD"]
    return Path(str(record.locate())).parent


if __name__ == "__main__":
    main()
