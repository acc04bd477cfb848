"""`make run`: the whole stack on this computer until Ctrl-C."""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from keyferry_protocol.activation import show_license_number
from local.cloud import REGION, CannotStart
from local.demo.provide import NUMBER
from local.deploy import STACK
from local.stack import BUILD, ROOT, Running, running


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8787))
    options.add_argument("--folder", type=Path, default=ROOT / ".local", help="keeps all state")
    options.add_argument("--build", type=Path, default=BUILD, help="what gets deployed")
    options.add_argument("--vendor", type=Path, help="folder with your own vendor.json")
    options.add_argument("--region", default=REGION, help="which region of AWS it plays")
    options.add_argument("--webhook", default="", help="where to post each event, signed")
    arguments = options.parse_args()
    stopped = threading.Event()

    def stop(number: int, _: object) -> None:
        """Stop in order, once it is ready; a second signal ends this process at once."""
        stopped.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        folder, own = arguments.folder.absolute(), arguments.vendor
        with running(
            folder, arguments.port, arguments.build, own, arguments.region, arguments.webhook
        ) as stack:
            print(screen(stack), flush=True)
            stopped.wait()
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def screen(stack: Running) -> str:
    """The text for the screen. The name of a request file is known only once it is made."""
    client, vendor = (os.path.relpath(stack.run / name) for name in ("keyferry", "keyferry-admin"))
    code = json.loads((stack.run / "license.json").read_bytes())["activation_code"]
    reply = stack.cloud.client("cloudformation").describe_stack_resources(StackName=STACK)
    kinds = [resource["ResourceType"] for resource in reply["StackResources"]]
    functions = kinds.count("AWS::Lambda::Function")
    return f"""\
Keyferry is running on this computer. Nothing leaves it. Press Ctrl-C to stop.
  Page            {stack.page}/
  Inbox           {stack.page}/inbox
  License number  {show_license_number(NUMBER)}
  Activation code {code}
Try it, in a second terminal:
  {client} request {NUMBER}
  choose {NUMBER}-*.request on the page, then
  {client} install ~/Downloads/{NUMBER}-*.response
See it as the vendor, who sells and supports:
  {vendor} license show {NUMBER}
Ready in {stack.took_s:.1f} s: {len(kinds)} resources and {functions} functions \
from template.yaml, in ministack."""


if __name__ == "__main__":
    sys.exit(main())
