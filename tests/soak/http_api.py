"""Has schemathesis call the running API with what docs/openapi.yaml allows and what it forbids.

Twice: with ids and links that it makes up, then with those of one real journey, so that it sees
the answers behind them too. `python -m tests.soak.http_api`; `--examples 5` is a short run.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import keyferry
from local.demo.offline import RECORDED
from local.demo.page import call, first_mail, settled, upload, wait
from local.stack import ROOT, Running, running

COMMAND = ROOT / ".venv-soak" / "bin" / "schemathesis"
# `make run` has no CloudFront, which refuses TRACE itself; every other method is tried.
SETTINGS = """
[phases.coverage]
unexpected-methods = ["DELETE", "PATCH", "PUT", "OPTIONS"]
"""
# Another method is 404 here and not 405, and a body is read whatever its content type.
LEFT_OUT = "unsupported_method,missing_required_header"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--examples", type=int, default=300, help="for each operation and phase")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch, running(Path(scratch), 0) as stack:
        ticket, token = journey(stack, Path(scratch) / "offline")
        real = f'[parameters]\n"path.id" = "{ticket}"\n"path.token" = "{token}"\n'
        made_up = fuzz(stack.page, Path(scratch), SETTINGS, given.examples)
        known = fuzz(stack.page, Path(scratch), real + SETTINGS, given.examples)
    return made_up or known


def fuzz(page: str, folder: Path, settings: str, examples: int) -> int:
    """Run schemathesis once; its exit code."""
    file = folder / "schemathesis.toml"
    file.write_text(settings)
    command = [
        *(COMMAND, "--config-file", file, "run", ROOT / "docs" / "openapi.yaml", "--url", page),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(examples)),
        *("--exclude-checks", LEFT_OUT, "--warnings", "off", "--no-color"),
        *("--generation-database", "none"),
    ]
    return subprocess.run(command, cwd=folder, check=False).returncode


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
    wanted = {"email": "ada@example.com", "language": "en"}
    ticket = call(f"{stack.page}/api/requests", wanted)
    upload(ticket["upload"], request)
    ready = wait(lambda: settled(stack.page, ticket))
    assert ready["state"] == "ready", ready
    mail = wait(lambda: first_mail(stack.page))
    (token,) = set(re.findall(r"/api/responses/([\w-]{43})", mail["text"]))
    return ticket["id"], token


if __name__ == "__main__":
    sys.exit(main())
