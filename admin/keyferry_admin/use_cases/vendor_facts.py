"""Checks what a license says to its vendor alone. None of it reaches an offline machine."""

import re

from keyferry_admin.errors.licenses import BadTerms
from keyferry_protocol.encoding import free_text
from keyferry_service.domain.license import LicenseRecord

MAX_LICENSEE = 200  # files say the first 64 of them
MAX_REFERENCE = 64
MAX_NOTE = 1000
MAX_LABELS = 16
_LABEL = re.compile("[a-z0-9][a-z0-9_.:/=-]{0,31}")


def check_vendor_facts(license: LicenseRecord) -> None:
    """Raises BadTerms for texts too long for the license's row, or with control characters."""
    for name, text, longest in [
        ("licensee", license.licensee, MAX_LICENSEE),
        ("reference", license.reference, MAX_REFERENCE),
        ("note", license.note, MAX_NOTE),
    ]:
        try:
            free_text(text, longest)
        except ValueError as error:
            raise BadTerms(f"The {name} {error}") from error
    for label in license.labels:
        if not _LABEL.fullmatch(label):
            raise BadTerms(
                f"The label {label!r} has other characters than a-z, 0-9, _ . : / = - or is longer"
                " than 32"
            )
    if len(license.labels) > MAX_LABELS:
        raise BadTerms(f"A license has at most {MAX_LABELS} labels")
