"""docs/operations/costs.md has the tables that its script prints."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
OPERATIONS = ROOT / "docs" / "operations"
LOADED_BY_ALL = re.compile(r'(?:src|href)="((?:js/)?[a-z-]+\.(?:js|css))"')
CATALOGUE_BYTES = 20_000  # of one language, which the page loads from another folder


def test_the_costs_are_what_the_script_prints() -> None:
    command = [sys.executable, OPERATIONS / "costs.py"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    tables = printed.strip().split("\n\n")
    assert len(tables) == 4
    document = (OPERATIONS / "costs.md").read_text()
    for table in tables:
        assert f"\n{table}\n\n" in document, f"costs.md lacks this table:\n{table}"


def test_the_page_is_no_larger_than_the_bill_assumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(OPERATIONS)
    costs = importlib.import_module("costs")
    site = ROOT / "static-site"
    loaded = set(LOADED_BY_ALL.findall((site / "index.html").read_text()))
    assert "js/main.js" in loaded
    sending = {f"js/{name}.js" for name in ("service", "ticket", "ticket-view")}
    files = [site / name for name in ("index.html", *loaded, *sending)]
    assert len(files) + 1 <= costs.PAGE_FILES
    assert sum(path.stat().st_size for path in files) + CATALOGUE_BYTES <= costs.PAGE_BYTES
