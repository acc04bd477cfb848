"""The page's patterns, which recognize a file by its first 64 KB, take no time on any content."""

import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

pytestmark = pytest.mark.attack


def test_no_file_holds_up_the_page() -> None:
    node, _ = compute_driver_executable()  # Playwright brings one
    script = Path(__file__).with_name("slow-files.mjs")
    ran = subprocess.run([node, script], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
