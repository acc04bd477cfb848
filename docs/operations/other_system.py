"""Turn the licenses of Keygen or Cryptlex, as their API lists them, into a CSV file to import.

    .venv/bin/python docs/operations/other_system.py keygen page1.json page2.json >licenses.csv

What has ended, or was revoked there, is left out, and counted on stderr.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from keyferry_admin.use_cases.spreadsheet import csv_line
from keyferry_admin.use_cases.terms import MAX_COUNT
from keyferry_admin.use_cases.vendor_facts import MAX_NOTE, MAX_REFERENCE

TITLES = (
    *("reference", "licensee", "contact", "seats", "valid_until"),
    *("environments", "status", "note"),
)


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("system", choices=("keygen", "cryptlex"))
    options.add_argument("files", nargs="+", type=Path, metavar="FILE")
    arguments = options.parse_args()
    now = datetime.now(UTC).isoformat()
    read = {"keygen": keygen, "cryptlex": cryptlex}[arguments.system]
    write, left_out = csv_line(sys.stdout), 0
    write(TITLES)
    for file in arguments.files:
        try:
            rows = list(read(json.loads(file.read_bytes())))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            print(f"{file} is no list of licenses of {arguments.system}: {error}", file=sys.stderr)
            return 1
        for row in rows:
            if row["status"] == "revoked" or "" < row["valid_until"] < now:
                left_out += 1
            else:
                write([row.get(title, "") for title in TITLES])
    if left_out:
        print(f"Left out, as ended or revoked: {left_out:,}", file=sys.stderr)
    return 0


def keygen(document: Any) -> Iterator[Mapping[str, str]]:
    """The rows of a page of https://keygen.sh/docs/api/licenses/#licenses-list."""
    for license in document["data"]:
        facts = license["attributes"]
        unlimited = str(MAX_COUNT) if facts.get("floating") else "1"
        is_short = len(facts["key"]) <= MAX_REFERENCE  # a signed key is longer
        status = "suspended" if facts.get("suspended") else "active"
        yield {
            "reference": facts["key"] if is_short else license["id"],
            "licensee": facts.get("name") or "",
            "seats": str(facts.get("maxMachines") or unlimited),
            "valid_until": facts.get("expiry") or "",
            "status": "revoked" if facts["status"] == "BANNED" else status,
            "note": _note(facts.get("metadata") or {}),
        }


def cryptlex(document: Any) -> Iterator[Mapping[str, str]]:
    """The rows of a page of https://api.cryptlex.com/v3/docs, "licenses"."""
    for license in document:
        user = license.get("user") or {}
        name = f"{user.get('firstName') or ''} {user.get('lastName') or ''}".strip()
        status = "suspended" if license["suspended"] else "active"
        also = [
            environment
            for environment, allowed in (
                ("virtual", "allowVmActivation"),
                ("container", "allowContainerActivation"),
            )
            if license.get(allowed)
        ]
        yield {
            "reference": license["key"],
            "licensee": user.get("company") or name,
            "contact": user.get("email") or "",
            "seats": str(license["allowedActivations"] or MAX_COUNT),
            "valid_until": license["expiresAt"] or "",
            "environments": " ".join(("physical", *also)),
            "status": "revoked" if license["revoked"] else status,
            "note": _note({each["key"]: each["value"] for each in license.get("metadata") or ()}),
        }


def _note(metadata: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in metadata.items())[:MAX_NOTE]


if __name__ == "__main__":
    sys.exit(main())
