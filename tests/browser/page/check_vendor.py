"""Checks vendor.json, the example and the vendor's own: form, and contrast of the accent.

Part of `make lint`: python -m tests.browser.page.check_vendor
"""

import json
import sys
from pathlib import Path

from keyferry_admin.use_cases.vendor_json import problems

ROOT = Path(__file__).parents[3]
SITE = ROOT / "static-site"


def main() -> int:
    css = (SITE / "page.css").read_text("utf-8")
    files = [folder / "vendor.json" for folder in (SITE, ROOT / "vendor")]
    sentences = [
        f"{file.relative_to(ROOT)}: {sentence}"
        for file in files
        if file.exists()
        for sentence in problems(json.loads(file.read_text("utf-8")), css)
    ]
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
