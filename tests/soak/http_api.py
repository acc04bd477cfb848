"""Has schemathesis call the running API with what docs/openapi.yaml allows and what it forbids.

Twice. First with ids and links that it makes up: what the document forbids must be refused. Then
with those of one real journey: what it allows must be accepted.
`python -m tests.soak.http_api`; `--examples 5` is a short run.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

import keyferry
from local.demo.offline import RECORDED
from local.demo.page import call, finished_ticket, first_mail, upload, wait
from local.stack import ROOT, Running, running

DOCUMENT = ROOT / "docs" / "openapi.yaml"
COMMAND = ROOT / ".venv-soak" / "bin" / "schemathesis"
# `make run` has no CloudFront, which refuses TRACE itself; every other method is tried.
SETTINGS = """
[phases.coverage]
unexpected-methods = ["DELETE", "PATCH", "PUT", "OPTIONS"]
[checks.negative_data_rejection]
expected-statuses = [400, 403, 404, 409, 413, 415, 422, 429]
"""
# No route of the embedded API Gateway takes a path with a line feed, and to a JSON schema 2.0 is an
# integer.
HOOKS = """
import schemathesis

@schemathesis.hook
def filter_path_parameters(context, path_parameters):
    return not any("\\n" in str(value) for value in (path_parameters or {}).values())

@schemathesis.hook
def filter_body(context, body):
    return not (isinstance(body, dict) and isinstance(body.get("seat"), float))
"""
# Another method is 404 here and not 405.
LEFT_OUT = ("unsupported_method", "missing_required_header")
RATE = "1000/m"  # a network may make 1,200 calls a minute


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--examples", type=int, default=300, help="for each operation and phase")
    examples = options.parse_args().examples
    with tempfile.TemporaryDirectory() as scratch, running(Path(scratch), 0) as stack:
        folder = Path(scratch)
        ticket, token = journey(stack, folder / "offline")
        real = f'[parameters]\n"path.id" = "{ticket}"\n"path.token" = "{token}"\n'
        # Members that the API ignores may hold no fraction, which no schema can say: so the first
        # run asks for no acceptance, and the second one sends none.
        refused = fuzz(stack, folder, DOCUMENT, SETTINGS, "positive_data_acceptance", examples)
        closed = without_other_members(folder)
        accepted = fuzz(stack, folder, closed, real + SETTINGS, "negative_data_rejection", examples)
    return refused or accepted


def fuzz(
    stack: Running, folder: Path, document: Path, settings: str, left_out: str, examples: int
) -> int:
    """Run schemathesis once; its exit code."""
    file = folder / "schemathesis.toml"
    file.write_text(settings)
    (folder / "hooks.py").write_text(HOOKS)
    command = [
        *(str(COMMAND), "--config-file", str(file), "run", str(document), "--url", stack.page),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(examples)),
        *("--exclude-checks", ",".join([*LEFT_OUT, left_out]), "--warnings", "off"),
        *("--generation-database", "none", "--no-color", "--rate-limit", RATE),
    ]
    known = os.environ | {"SCHEMATHESIS_HOOKS": "hooks"}
    return subprocess.run(command, cwd=folder, env=known, check=False).returncode


def without_other_members(folder: Path) -> Path:
    """The document as it would be if a call could hold no members but its own."""
    document = yaml.safe_load(DOCUMENT.read_text())
    operations = [each for path in document["paths"].values() for each in path.values()]
    for operation in (each for each in operations if "requestBody" in each):
        body = operation["requestBody"]["content"].get("application/json")
        if body is not None:
            name = body["schema"]["$ref"].rpartition("/")[2]
            document["components"]["schemas"][name]["additionalProperties"] = False
    closed = folder / "openapi.json"
    closed.write_text(json.dumps(document))
    return closed


def journey(stack: Running, offline: Path) -> tuple[str, str]:
    """Activate the demonstration license; the id of its ticket and the token of its mailed link."""
    license = json.loads((stack.run / "license.json").read_bytes())
    request = keyferry.make_request(
        license["number"],
        license["activation_code"],
        keys=keyferry.KeySet.from_json((stack.run / "keys.json").read_bytes()),
        product=license["product"],
        machine=RECORDED,
        state_dir=offline,
    )
    new_ticket = {"email": "ada@example.com", "language": "en"}
    ticket = call(f"{stack.page}/api/requests", new_ticket)
    upload(ticket["upload"], request)
    ready = wait(lambda: finished_ticket(stack.page, ticket))
    assert ready["state"] == "ready", ready
    mail = wait(lambda: first_mail(stack.page))
    (token,) = set(re.findall(r"/api/responses/([\w-]{43})", mail["text"]))
    return ticket["id"], token


if __name__ == "__main__":
    sys.exit(main())
