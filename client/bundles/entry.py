"""What the single file starts: the command, with the vendor's keys where it holds them."""

import os
import sys

from keyferry.commands.cli import run

inside = os.path.join(getattr(sys, "_MEIPASS", ""), "keys.json")
if os.path.exists(inside):
    os.environ.setdefault("KEYFERRY_KEYS", inside)
run()
