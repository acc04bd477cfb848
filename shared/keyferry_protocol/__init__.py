"""What both sides of the air gap agree on: file formats, proofs, errors (docs/format.md)."""

# The version of everything in this repository; no other file repeats it (docs/release.md).
__version__ = "0.10.0"
