"""Writes planned licenses and their letters, in portions that can be written again."""

from collections.abc import Sequence
from pathlib import Path

from keyferry_admin.errors.licenses import NumberInUse
from keyferry_admin.use_cases.change_license import retry_on_conflict
from keyferry_admin.use_cases.whole_file import written_whole
from keyferry_service.adapters.licenses_dynamodb import LicenseExists, Licenses
from keyferry_service.domain.license import LicenseRecord

PORTION = 25  # licenses in one transaction, with three rows each of the 100 that it may have


def create_planned(licenses: Licenses, portion: Sequence[LicenseRecord]) -> None:
    """Write the licenses, except for those that an earlier run wrote. Raises NumberInUse."""
    try:
        retry_on_conflict(lambda: licenses.create(*portion))
    except LicenseExists as error:
        if len(portion) > 1:
            for license in portion:
                create_planned(licenses, [license])
            return
        (license,) = portion
        written = licenses.get(license.number)
        if written is None or written.activation_public != license.activation_public:
            raise NumberInUse(
                f"Another run made license {license.number} at the same moment",
                "Wait until the other run has ended.",
            ) from error


def write_missing_letter(folder: Path, number: str, text: str) -> bool:
    """Write the letter into the folder, unless it is there already. Raises FileNotWritten."""
    path = folder / f"{number}.txt"
    if path.exists():
        return False
    with written_whole(path, is_durable=False) as file:
        file.write(text)
    return True
