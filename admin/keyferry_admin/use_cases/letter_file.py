"""Writes a license letter to a new file that only its owner can read."""

import os
from collections.abc import Callable
from pathlib import Path

from keyferry_admin.errors.commands import LetterNotWritten
from keyferry_admin.use_cases.licenses import LicenseWithCode
from keyferry_protocol.activation import show_activation_code


def write_letter(
    path: Path, create: Callable[[], LicenseWithCode], text: Callable[[LicenseWithCode], str]
) -> LicenseWithCode:
    """Create a code and write its letter. Raises LetterNotWritten.

    The file is opened first: if that fails, or the file exists, no code is created. If writing it
    fails or Ctrl-C ends it, the error says the code.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise LetterNotWritten(f"{path} already exists") from error
    except OSError as error:
        raise LetterNotWritten(f"{path} cannot be written: {error.strerror}") from error
    try:
        with open(descriptor, "wb", buffering=0) as file:
            created = create()
            try:
                letter = text(created).encode()
                while letter:
                    letter = letter[file.write(letter) :]
                os.fsync(descriptor)
            except OSError as error:  # such as a full disk; the code already exists
                title = f"{path} cannot be written: {error.strerror}"
                raise _without_letter(title, created) from error
            except KeyboardInterrupt as error:
                raise _without_letter(f"Interrupted: {path} is not written", created) from error
    except BaseException:
        path.unlink()
        raise
    return created


def _without_letter(title: str, created: LicenseWithCode) -> LetterNotWritten:
    number, code = created.license.number, show_activation_code(created.activation_code)
    return LetterNotWritten(
        f"{title}. License {number} has a new code",
        f"Its activation code, shown once: {code}. With a letter, make another code: "
        f"keyferry-admin license new-code {number} --letter FILE",
        license_number=number,
        activation_code=code,
    )
