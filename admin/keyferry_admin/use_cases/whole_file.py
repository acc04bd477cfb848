"""Files that are there whole or not at all, and that only their owner can read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

from keyferry_admin.errors.commands import FileNotWritten


@contextmanager
def written_whole(path: Path, *, is_durable: bool = True) -> Iterator[TextIO]:
    """A text file that takes the place of an older one when all of it is written.

    It is on the disk then, unless `is_durable` is False. No two runs write it at once. Raises
    FileNotWritten.
    """
    with bytes_written_whole(path, is_durable=is_durable) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


@contextmanager
def bytes_written_whole(path: Path, *, is_durable: bool = True) -> Iterator[BinaryIO]:
    """The same for a file of bytes."""
    if path.exists() and not path.is_file():  # such as /dev/stdout, which root would replace
        raise FileNotWritten(f"{path} is not a file")
    partial = path.with_name(f"{path.name}.part")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise FileNotWritten(
            f"{partial} is there already",
            "Nothing was changed. Another run is writing it, or was killed while it did. If none is"
            " running, delete this file, then run the same command again.",
        ) from error
    except OSError as error:
        raise FileNotWritten(f"{path} cannot be written: {error.strerror}") from error
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            if is_durable:
                os.fsync(descriptor)
        partial.replace(path)
        if is_durable and os.name == "posix":  # Windows has no way to sync a folder
            _sync_folder(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise FileNotWritten(f"{path} cannot be written: {error.strerror}") from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    """Have the new name of a file on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
