"""The sources in a second place, to build them there too."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = ("client", "shared", "static-site", "requirements", "admin", "courier")


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources in another folder, last changed at another time, readable by nobody else."""
    folder = tmp_path_factory.mktemp("another-folder") / "with a longer name"
    ignore = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignore)
    shutil.copy(ROOT / "LICENSE", folder)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)
            os.utime(path, (1_500_000_000, 1_500_000_000))
    return folder


@pytest.fixture(scope="session")
def there(elsewhere: Path) -> dict[str, str]:
    """The environment of a build in the second place."""
    paths = os.pathsep.join(str(elsewhere / name) for name in ("client", "shared"))
    return {"PYTHONPATH": paths, "TZ": "Pacific/Auckland", "PYTHONHASHSEED": "7", "HOME": "/"}


@pytest.fixture(scope="session", autouse=True)
def _one_date() -> None:
    """Both places build the same commit; only one of them can ask git for its date."""
    os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
