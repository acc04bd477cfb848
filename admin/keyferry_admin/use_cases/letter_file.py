"""Where a license letter lies: a new file, for its owner alone."""

import os
from collections.abc import Callable
from pathlib import Path

from keyferry_admin.errors import LetterNotWritten
from keyferry_admin.use_cases.licenses import Created


def write_letter(
    path: Path, make: Callable[[], Created], text: Callable[[Created], str]
) -> Created:
    """Make a code and write its letter. Raises LetterNotWritten.

    The file is opened first: where it may not lie, or another lies, no code is made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise LetterNotWritten(f"{path} is there already") from error
    except OSError as error:
        raise LetterNotWritten(f"{path} cannot be written: {error.strerror}") from error
    try:
        with open(descriptor, "wb", buffering=0) as file:
            created = make()
            letter = text(created).encode()
            try:
                while letter:
                    letter = letter[file.write(letter) :]
                os.fsync(descriptor)
            except OSError as error:  # a full disk, too late
                raise _too_late(path, created, error) from error
    except BaseException:
        path.unlink()
        raise
    return created


def _too_late(path: Path, created: Created, error: OSError) -> LetterNotWritten:
    number = created.license.number
    return LetterNotWritten(
        f"{path} cannot be written: {error.strerror}. License {number} is made, its code is lost",
        f"Make another:  keyferry-admin license new-code {number} --letter FILE",
    )
