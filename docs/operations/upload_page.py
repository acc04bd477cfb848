"""Uploads the page, its sentences, and your vendor.json to the site bucket, as `make deploy` does.

`--stack`, `--region`, and `--profile` as for keyferry-admin:

    python docs/operations/upload_page.py --stack keyferry
"""

import argparse
import sys
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from keyferry_admin.aws_failures import explain
from keyferry_admin.connection import find_connection
from keyferry_admin.errors import AdminError
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.site import site_files, upload_site

ROOT = Path(__file__).parents[2]
SITE, VENDOR = ROOT / "static-site", ROOT / "vendor"


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--stack", "--region", "--profile"):
        options.add_argument(name)
    try:
        upload_page(find_connection(**vars(options.parse_args())).open())
    except (BotoCoreError, ClientError) as error:
        return report(explain(error))
    except AdminError as error:
        return report(error)
    return 0


def upload_page(stack: Stack) -> None:
    """Upload every file of the page, and print where it is. Raises AdminError."""
    files = site_files(SITE, VENDOR)
    upload_site(boto3.client("s3"), stack.output("SiteBucket"), files)
    print(f"{len(files)} files of the page are at {stack.output('PageUrl')}/")


def report(error: AdminError) -> int:
    """Print what happened and what to do next; the exit status."""
    print(f"{error} ({error.code})\n  {error.next_step}", file=sys.stderr)
    return error.exit


if __name__ == "__main__":
    sys.exit(main())
