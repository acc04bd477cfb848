"""docs/operations/abuse.md has the table that its script prints."""

import subprocess
import sys
from pathlib import Path

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations"


def test_the_bill_is_what_the_script_prints() -> None:
    command = [sys.executable, OPERATIONS / "attack_bill.py"]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert len(table.splitlines()) == 8
    assert table in (OPERATIONS / "abuse.md").read_text()
