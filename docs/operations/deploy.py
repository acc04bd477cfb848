"""`make deploy`: checks your settings, has SAM deploy them, and uploads the page.

Settings are in samconfig.toml and vendor/. `--stack` and `--region` choose among the environments
of samconfig.toml. The origin's secret is made here, at the first deploy. Only the stack keeps it.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import boto3
from delete import check, describe
from upload_page import ROOT, SITE, VENDOR, upload_page

from keyferry_admin import script
from keyferry_admin.connection import Connection
from keyferry_admin.errors import AdminError
from keyferry_admin.errors.commands import BadOwnFile
from keyferry_admin.use_cases import keys
from keyferry_admin.use_cases.site import site_files
from keyferry_admin.use_cases.vendor_json import problems, read_own

SAM = ROOT / ".venv-sam" / "bin" / "sam"


class CannotDeploy(AdminError):
    """Something has to be done before this deploy."""

    code = "cannot-deploy"


def main() -> int:
    connection = script.connection(script.options(__doc__).parse_args())
    check_settings(connection)
    stack = connection.open()
    check(stack.name)
    known = describe(stack.name)
    check_idle(stack.name, known)
    change_sets = open_change_sets(stack.name) if known else set()
    ended = run_sam(connection, new_secret(known))
    if ended != 0:
        check(stack.name)
        return ended
    if open_change_sets(stack.name) - change_sets:
        raise CannotDeploy(
            "Nothing was deployed, and the page was not uploaded",
            "Deploy again, and answer y to the change set that you want.",
        )
    upload_page(stack)
    if copied := keys.take_over(stack.signing_keys):
        print(f"Signing keys copied into their own table: {copied}")
    return 0


def check_settings(connection: Connection) -> None:
    """Raises CannotDeploy or BadOwnFile for settings that are missing or wrong."""
    if not connection.saved:
        where = f" in {connection.region}" if connection.region else ""
        raise CannotDeploy(
            f"samconfig.toml has no settings for the stack {connection.stack}{where}",
            "Run `make settings`, write your settings into samconfig.toml, then deploy again.",
        )
    if "OriginSecret" in json.dumps(connection.saved.get("parameter_overrides")):
        raise CannotDeploy(
            "samconfig.toml contains OriginSecret, which must not be in a file",
            "Delete it there. The stack keeps its secret, and a new stack gets one automatically.",
        )
    if not (VENDOR / "vendor.json").exists():
        raise CannotDeploy(
            "vendor/vendor.json is missing, so the page would show the example's name",
            "Run `make settings`, write into vendor/vendor.json who you are, then deploy again.",
        )
    vendor = read_own(VENDOR / "vendor.json")
    if wrong := problems(vendor, (SITE / "page.css").read_text("utf-8")):
        raise BadOwnFile(f"vendor/vendor.json: {' '.join(wrong)}")
    site_files(SITE, VENDOR)  # before the stack changes, since every file has to be readable


def check_idle(name: str, known: Mapping[str, Any]) -> None:
    """Raises CannotDeploy while something else changes the stack."""
    status = known.get("StackStatus", "")
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        raise CannotDeploy(
            f"Another change of the stack {name} is still running ({status})",
            "Wait until it ends, then deploy again.",
        )


def new_secret(known: Mapping[str, Any]) -> Mapping[str, str]:
    """The origin's secret for a stack that has none: one that is new, or was imported."""
    parameters = {each["ParameterKey"] for each in known.get("Parameters", [])}
    deployed = known.get("StackStatus") not in (None, "REVIEW_IN_PROGRESS")
    if deployed and "OriginSecret" in parameters:
        return {}
    return {"OriginSecret": secrets.token_hex(32)}


def open_change_sets(stack: str) -> set[str]:
    """The change sets that were not executed: SAM succeeds even if its question is answered no."""
    pages = (
        boto3.client("cloudformation").get_paginator("list_change_sets").paginate(StackName=stack)
    )
    return {
        each["ChangeSetId"]
        for page in pages
        for each in page["Summaries"]
        if each["ExecutionStatus"] == "AVAILABLE"
    }


def run_sam(connection: Connection, secret: Mapping[str, str]) -> int:
    """Have SAM deploy what is saved; a secret reaches it in a file that only this user can read."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal must not leave that file
        signal.signal(number, lambda *_: sys.exit(1))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:  # mode 0600; JSON is YAML
        json.dump(sam_settings(connection, secret), file)
        file.flush()
        command = [str(SAM), "deploy", "--config-file", file.name, "--config-env", "default"]
        quiet = {"SAM_CLI_TELEMETRY": "0"}
        if secret:  # which SAM shows while it is debugged, whatever asked for that
            quiet |= {"SAM_DEBUG": "0"}
        return subprocess.run(command, cwd=ROOT, env=os.environ | quiet).returncode


def sam_settings(connection: Connection, secret: Mapping[str, str]) -> dict[str, Any]:
    """The configuration file for SAM: what is saved, and where the stack is."""
    saved = connection.saved
    where = {
        "stack_name": connection.stack,
        "region": boto3.client("cloudformation").meta.region_name,
    }
    if connection.profile:
        where["profile"] = connection.profile
    parameters = {
        "resolve_s3": "s3_bucket" not in saved,
        "s3_prefix": connection.stack,
        "capabilities": "CAPABILITY_IAM",
        **saved,
        **where,
        "parameter_overrides": [saved.get("parameter_overrides"), secret],
        "fail_on_empty_changeset": False,  # the page may have changed
    }
    return {"version": 0.1, "default": {"deploy": {"parameters": parameters}}}


if __name__ == "__main__":
    script.run(main)
