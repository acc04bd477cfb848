"""What the single file starts: the command, with the vendor's keys where it holds them."""

import os
import sys

from keyferry.cli.main import run

# The loader has read it; the browser that the wizard starts is to find its own libraries.
original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
os.environ.pop("LD_LIBRARY_PATH", None)
if original is not None:
    os.environ["LD_LIBRARY_PATH"] = original
inside = os.path.join(getattr(sys, "_MEIPASS", ""), "keys.json")
if os.path.exists(inside):
    os.environ.setdefault("KEYFERRY_KEYS", inside)
run()
