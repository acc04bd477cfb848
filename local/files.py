"""Files that a killed process leaves whole: as they were before, or as they are to be."""

import os
from pathlib import Path


def write(file: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write a whole file in one step."""
    new = file.with_name(f"{file.name}.new")
    new.write_bytes(content.encode() if isinstance(content, str) else content)
    new.chmod(mode)
    os.replace(new, file)


def read(file: Path) -> str:
    """The text of a file; empty if there is none."""
    return file.read_text() if file.exists() else ""
