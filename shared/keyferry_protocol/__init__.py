"""What both sides of the air gap agree on: file formats, proofs, errors (docs/format.md)."""
