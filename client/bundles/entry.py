"""The entry point of the single file: the command, with the vendor's keys if it has them."""

import os
import sys

from keyferry.cli.main import run

# The loader has read it. Unset it, so the browser that the wizard starts finds its own libraries.
original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
os.environ.pop("LD_LIBRARY_PATH", None)
if original is not None:
    os.environ["LD_LIBRARY_PATH"] = original
inside = os.path.join(getattr(sys, "_MEIPASS", ""), "keys.json")
if os.path.exists(inside):
    # A license is checked for the vendor, not for whoever set the environment of this process:
    # it chooses neither the keys nor the product, nor code to run. Options still may.
    for name in ("KEYFERRY_PRODUCT", "KEYFERRY_PKCS11_MODULE"):
        os.environ.pop(name, None)
    os.environ["KEYFERRY_KEYS"] = inside
run()
