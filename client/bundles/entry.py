"""The entry point of the single file: the command, with the vendor's keys if it has them.

`keyferry --licenses` prints the licenses of everything inside.
"""

import os
import sys

from keyferry.cli.main import run

# The loader has read it. Unset it, so the browser that the wizard starts finds its own libraries.
original = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
os.environ.pop("LD_LIBRARY_PATH", None)
if original is not None:
    os.environ["LD_LIBRARY_PATH"] = original
inside = getattr(sys, "_MEIPASS", "")
if sys.argv[1:] == ["--licenses"]:
    with open(os.path.join(inside, "licenses.txt"), encoding="utf-8") as licenses:
        sys.stdout.write(licenses.read())
    sys.exit()
keys = os.path.join(inside, "keys.json")
if os.path.exists(keys):
    # A license is checked for the vendor, not for whoever set the environment of this process:
    # it chooses neither the keys nor the product, nor code to run. Options still may.
    for name in ("KEYFERRY_PRODUCT", "KEYFERRY_PKCS11_MODULE"):
        os.environ.pop(name, None)
    os.environ["KEYFERRY_KEYS"] = keys
run()
