"""Uploads the page, its sentences, and your vendor.json to the site bucket, as `make deploy` does.

`--stack`, `--region`, and `--profile` as for keyferry-admin:

    .venv/bin/python docs/operations/upload_page.py --stack keyferry
"""

from pathlib import Path

import boto3

from keyferry_admin import script
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.site import site_files, upload_site

ROOT = Path(__file__).parents[2]
SITE, VENDOR = ROOT / "static-site", ROOT / "vendor"


def main() -> int:
    upload_page(script.connection(script.options(__doc__).parse_args()).open())
    return 0


def upload_page(stack: Stack) -> None:
    """Upload every file of the page, and print where it is. Raises AdminError."""
    files = site_files(SITE, VENDOR)
    upload_site(boto3.client("s3"), stack.output("SiteBucket"), files)
    print(f"{len(files)} files of the page are at {stack.output('PageUrl')}/")


if __name__ == "__main__":
    script.run(main)
