"""`make run`: the whole stack on this computer until Ctrl-C."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from keyferry_protocol.activation import show_license_number

from local.cloud import CannotStart
from local.stack import NUMBER, ROOT, Running, running


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8787))
    options.add_argument("--folder", type=Path, default=ROOT / ".local")
    given = options.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with running(given.folder.absolute(), given.port) as stack:
            print(screen(stack), flush=True)
            stopped.wait()
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def screen(stack: Running) -> str:
    """What experience.md shows; the commands are complete, and nothing on them is made up."""
    client = _short(stack.run / "keyferry")
    return f"""\
Keyferry is running on this computer. Nothing leaves it. Stop with Ctrl-C.
  Page            {stack.page}/
  Inbox           {stack.page}/inbox
  License number  {show_license_number(NUMBER)}
  Activation code {stack.activation_code}
Try it, in a second terminal:
  {client} request {NUMBER}
  choose {NUMBER}-7f3a.request on the page, then
  {client} install ~/Downloads/{NUMBER}-7f3a.response
Ready in {stack.took_s:.1f} s: {stack.stack.resources} resources and {stack.stack.functions} \
functions from template.yaml, in ministack."""


def _short(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


if __name__ == "__main__":
    sys.exit(main())
