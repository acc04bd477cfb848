"""What the scripts in docs/operations share: options for the stack, and errors in two lines."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from keyferry_admin.aws_failures import explain
from keyferry_admin.connection import Connection, find_connection
from keyferry_admin.errors import AdminError


def options(documentation: str) -> argparse.ArgumentParser:
    """A parser with the options --stack, --region, and --profile."""
    parser = argparse.ArgumentParser(
        description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("--stack", "--region", "--profile"):
        parser.add_argument(name)
    return parser


def connection(arguments: argparse.Namespace) -> Connection:
    """What `keyferry-admin` would use with the same options; from now on, boto3 uses it, too.

    Raises BadSavedSettings or BotoCoreError.
    """
    chosen = find_connection(arguments.stack, arguments.region, arguments.profile)
    if chosen.region or chosen.profile:
        boto3.setup_default_session(region_name=chosen.region, profile_name=chosen.profile)
    return chosen


def run(main: Callable[[], int]) -> NoReturn:
    """Run the script, and exit with its status; an error says what to do next."""
    try:
        sys.exit(main())
    except AdminError as error:
        _fail(error)
    except (BotoCoreError, ClientError) as error:
        _fail(explain(error))


def _fail(error: AdminError) -> NoReturn:
    print(f"{str(error).rstrip('.')} ({error.code})\n  {error.next_step}", file=sys.stderr)
    sys.exit(error.exit)
