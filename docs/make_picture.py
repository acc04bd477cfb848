"""Draws docs/picture.webp for the README: the page after a drop, next to the terminal.

`python docs/make_picture.py`, from the repository's root, after `make build TARGET=local`.
"""

import html
import json
import os
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from local.stack import Running, running  # noqa: E402
from tests.support.browser import CHROMIUM, FLAGS  # noqa: E402

PICTURE = Path(__file__).with_name("picture.webp")
COMMAND = """
import sys
from keyferry.cli.main import main
from local.demo.offline import RECORDED
sys.exit(main(machine=RECORDED))
"""
FRAME = """
<style>
  body {{ margin: 0; padding: 24px; display: flex; gap: 24px; align-items: flex-start;
    background: #dfe5ea; font: 13px/1.5 "DejaVu Sans Mono", ui-monospace, monospace; }}
  pre {{ margin: 0; padding: 20px; flex: 1; background: #10171e; color: #eef2f6;
    border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }}
  b {{ color: #8ab8ff; font-weight: normal; }}
  img {{ width: 500px; border-radius: 8px; display: block; }}
</style>
<pre>{terminal}</pre><img src="data:image/png;base64,{page}">
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with running(Path(folder) / "local", 0) as stack:
            draw(browser, stack, Path(folder))
        browser.close()
    print(f"{PICTURE.stat().st_size:,} bytes: {PICTURE.relative_to(ROOT)}")


def draw(browser: Browser, stack: Running, room: Path) -> None:
    """Make a request, drop it on the page, and install the response."""
    license = json.loads((stack.run / "license.json").read_bytes())
    code = license["activation_code"]
    output = keyferry(stack, room, f"request {license['number']}", typed=code)
    request = next(room.glob("*.request"))
    page = browser.new_page(viewport={"width": 720, "height": 940}, timezone_id="Europe/Berlin")
    page.goto(f"{stack.page}/")
    drop(page, request)
    page.locator("#chosen h2").wait_for()
    shot = page.screenshot()
    with page.expect_download() as download:
        page.get_by_role("button", name="Process request file").click()
    download.value.save_as(room / download.value.suggested_filename)
    output += "\n" + keyferry(stack, room, f"install {download.value.suggested_filename}")
    output += "\n" + keyferry(stack, room, "check")
    frame = browser.new_page(viewport={"width": 1260, "height": 700})
    frame.set_content(FRAME.format(terminal=output, page=b64encode(shot).decode()))
    PICTURE.write_bytes(as_webp(frame, frame.screenshot()))


def keyferry(stack: Running, room: Path, command: str, typed: str = "") -> str:
    """The terminal output of one command on a recorded machine, including the typed input."""
    pinned = {"KEYFERRY_KEYS": str(stack.run / "keys.json"), "KEYFERRY_STATE_DIR": str(room / "s")}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *command.split()],
        cwd=room,
        env=os.environ | pinned | {"PYTHONPATH": str(ROOT)},
        input=f"{typed}\n",
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=True,
    )
    shown = html.escape(done.stdout).replace("digits): ", f"digits): {typed}\n", 1)
    return f"<b>$ keyferry {html.escape(command)}</b>\n{shown}"


def as_webp(page: Page, png: bytes) -> bytes:
    """Convert with the browser, so no image library is needed."""
    encoded: str = page.evaluate(
        """async (source) => {
          const image = new Image();
          image.src = source;
          await image.decode();
          const canvas = document.createElement('canvas');
          [canvas.width, canvas.height] = [image.width, image.height];
          canvas.getContext('2d').drawImage(image, 0, 0);
          return canvas.toDataURL('image/webp', 0.9);
        }""",
        f"data:image/png;base64,{b64encode(png).decode()}",
    )
    return b64decode(encoded.partition(",")[2])


def drop(page: Page, file: Path) -> None:
    """Drop a file on the page, as from a file manager."""
    data = page.evaluate_handle(
        """([text, name]) => {
          const data = new DataTransfer();
          data.items.add(new File([text], name));
          return data;
        }""",
        [file.read_text(), file.name],
    )
    page.dispatch_event("#zone", "drop", {"dataTransfer": data})


if __name__ == "__main__":
    main()
