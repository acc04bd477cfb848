"""What Lighthouse says of the page as a phone sees it: the median of three, beside its goals.

`make lighthouse`; prints a line for each category, and ends with 1 if one misses its goal.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from playwright._impl._driver import compute_driver_executable

from tests.browser.page.fake_service import serve_site
from tests.support.browser import CHROMIUM, FLAGS

CLI = Path(__file__).parent / "node_modules" / "lighthouse" / "cli" / "index.js"
GOALS = {"accessibility": 100, "best-practices": 100, "seo": 100, "performance": 95}
RUNS = 3


def report(address: str) -> Any:
    """One run's whole report."""
    node, _ = compute_driver_executable()
    flags = " ".join(["--headless=new", *FLAGS])
    command = [node, str(CLI), address, "--quiet", "--output=json", f"--chrome-flags={flags}"]
    with tempfile.TemporaryDirectory() as home:
        here = os.environ | {"CHROME_PATH": str(CHROMIUM), "HOME": home, "CI": "1"}
        ran = subprocess.run(command, env=here, capture_output=True, text=True, timeout=180)
    if ran.returncode:
        raise SystemExit(ran.stderr)
    return json.loads(ran.stdout)


def missed(result: Any, category: str) -> list[str]:
    """The titles of the audits that cost points."""
    weighed = {ref["id"] for ref in result["categories"][category]["auditRefs"] if ref["weight"]}
    audits = [result["audits"][name] for name in weighed]
    return sorted(a["title"] for a in audits if a["score"] is not None and a["score"] < 0.9)


def main() -> int:
    with serve_site() as address:
        reports = [report(address) for _ in range(RUNS)]
    met = True
    for category, goal in GOALS.items():
        scores = [round(100 * (r["categories"][category]["score"] or 0)) for r in reports]
        middle = median(scores)
        met &= middle >= goal
        print(f"{category:<16} {middle:>3}  (goal {goal}; {', '.join(map(str, scores))})")
        if middle < goal:
            print(*(f"  {title}" for title in missed(reports[-1], category)), sep="\n")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
