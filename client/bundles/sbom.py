"""Lists what an artifact holds as a CycloneDX SBOM (https://cyclonedx.org/specification/overview/)."""

import json
import subprocess
import tempfile
import venv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bundles.reproducible import ROOT, build_environment, sha256
from keyferry_protocol import __version__

CYCLONEDX = ROOT / ".venv-sbom/bin/cyclonedx-py"


def write_sbom(
    target: Path,
    artifact: Path,
    packages: Iterable[Path],
    others: Iterable[Mapping[str, object]] = (),
) -> None:
    """Write the SBOM of an artifact: Python packages, by their dist-info folders, and others.

    `others` are components in CycloneDX's own form, each with a `bom-ref`.
    """
    bom = _describe(packages)
    bom["components"] = [*bom["components"], *others]
    bom["metadata"]["component"] = {
        "bom-ref": artifact.name,
        "type": "application",
        "name": artifact.name,
        "version": __version__,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "hashes": [{"alg": "SHA-256", "content": sha256(artifact)}],
    }
    parts = [component["bom-ref"] for component in bom["components"]]
    bom["dependencies"].append({"ref": artifact.name, "dependsOn": parts})
    target.write_text(json.dumps(bom, indent=2, sort_keys=True) + "\n")


def _describe(packages: Iterable[Path]) -> dict[str, Any]:
    """What cyclonedx-py says about an environment in which these packages are installed."""
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, symlinks=True)
        (installed,) = Path(scratch).glob("lib/python*/site-packages")
        for package in packages:
            (installed / package.name).symlink_to(package)
        described = subprocess.run(
            [CYCLONEDX, "environment", "--output-reproducible", f"{scratch}/bin/python"],
            check=True,
            capture_output=True,
            text=True,
            env=build_environment(),
        )
    bom: dict[str, Any] = json.loads(described.stdout)
    return bom
