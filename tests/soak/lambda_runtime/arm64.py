"""Lambda's processor and Python, on any Debian: qemu runs a Python 3.13 for arm64.

The Python is Debian's own, unpacked into a folder and not installed. `make qemu` installs qemu.
"""

import shutil
import subprocess
from pathlib import Path

from local.stack import ROOT
from tests.soak.lambda_runtime.sandbox import Machine
from tests.stack.test_build import FUNCTIONS, logical_name

FOLDER = ROOT / ".local" / "arm64"
RELEASE = "trixie"
PACKAGES = ("python3.13", "libstdc++6")  # the second is for the native part of awslambdaric


def arm64_machine() -> Machine:
    """What `make build` makes, with what Lambda has: its Python, AWS's client, and a boto3."""
    system, runtime, build = (FOLDER / name for name in ("system", "runtime", "build"))
    if not (system / "usr" / "bin" / "python3.13").exists():
        _unpack_python(FOLDER / "packages", system)
    lock = ROOT / "requirements" / "lambda.txt"
    installed = runtime / lock.name
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        shutil.rmtree(runtime, ignore_errors=True)
        _install_runtime(runtime, lock)
    _make("shared", "SharedLayer", build / "shared")
    for name in FUNCTIONS:
        _make(f"functions/{name}", logical_name(name), build / "functions" / name)
    python = ("qemu-aarch64-static", "-L", str(system), str(system / "usr" / "bin" / "python3.13"))
    return Machine(python, build, runtime, slowness=20)


def _make(folder: str, artifact: str, target: Path) -> None:
    """By the Makefiles that SAM calls, with their settings for Lambda."""
    settings = [f"ARTIFACTS_DIR={target}", f"PYTHON={ROOT}/.venv/bin/python"]
    _run("make", "-C", ROOT / folder, f"build-{artifact}", *settings)


def _install_runtime(target: Path, lock: Path) -> None:
    platform = ["--platform", "manylinux2014_aarch64", "--python-version", "3.13"]
    options = ["--no-compile", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    pip = [f"{ROOT}/.venv/bin/python", "-m", "pip", "install", "--quiet"]
    _run(*pip, *options, *platform, "--implementation", "cp", "--target", target, "-r", lock)
    shutil.copy(
        lock, target
    )  # it says what is there; the Python adds its bytecode, which takes long


def _unpack_python(packages: Path, system: Path) -> None:
    """Debian's packages of Python and of all it needs, from the archive that apt uses here."""
    for folder in ("lists/partial", "archives/partial"):
        (packages / folder).mkdir(parents=True, exist_ok=True)
    (packages / "status").touch()  # nothing is installed there
    targets = ["--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    archive = _run("apt-get", "indextargets", *targets).split()[0]
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    source = f"deb [arch=arm64 signed-by={keyring}] {archive} {RELEASE} main\n"
    (packages / "sources.list").write_text(source)
    settings = {
        "Dir::Etc::sourcelist": packages / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": packages,
        "Dir::State::status": packages / "status",
        "Dir::Cache": packages,
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in settings.items())]
    _run(*apt, "update")
    _run(*apt, "install", "--yes", "--download-only", "--no-install-recommends", *PACKAGES)
    for package in sorted((packages / "archives").glob("*.deb")):
        _run("dpkg-deb", "--extract", package, system)
    for name in ("lib", "lib64"):  # base-files has these links
        if not (system / name).exists():
            (system / name).symlink_to("usr/lib")


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
