"""The folder for renewals: a folder for each customer, with a file for each seat, and a zip."""

import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from os.path import normcase
from pathlib import Path
from stat import S_ISREG
from tempfile import TemporaryFile
from typing import BinaryIO

from keyferry_admin.errors.commands import FileNotWritten, RenewalNotWritten
from keyferry_admin.errors.licenses import SeatsNotRenewed
from keyferry_admin.use_cases.whole_file import bytes_written_whole
from keyferry_protocol.algorithms import DEVICE_ALGORITHM
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.keys import keyid
from keyferry_protocol.response import parse_response
from keyferry_service.domain.license import LicenseRecord, Seat
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey

_LONGEST_NAME = 56  # characters of at most 4 bytes: with digits and .zip.part, 255 bytes are enough
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
# Windows takes these for devices, whatever follows after a dot.
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
# How the names end that are made here, which no licensee may have as they are.
_MADE_NAME = re.compile(r".* [0-9a-f]{8}|[0-9]{12}")


def folder_names(licenses: Iterable[LicenseRecord]) -> dict[str, str]:
    """The folder of each license, by its number: that of its licensee, good on every system.

    Two licensees never share one, also where a system takes their names for the same: such a name,
    one that a system does not allow, and one that could be made here, ends in eight digits that are
    the licensee's own.
    """
    by_number = {license.number: license.licensee.strip() for license in licenses}
    licensees = set(by_number.values()) - {""}
    taken = Counter(_folded(_clean(licensee)) for licensee in licensees)

    def name(licensee: str) -> str:
        clean = _clean(licensee)
        is_made = _MADE_NAME.fullmatch(_folded(clean)) is not None
        if clean == licensee and taken[_folded(clean)] == 1 and not is_made:
            return clean
        return f"{clean} {sha256(licensee.encode()).hexdigest()[:8]}"

    return {number: name(text) if text else number for number, text in by_number.items()}


@dataclass(frozen=True)
class RenewalFolder:
    """Writes the files of some licenses below a folder, and knows which are there already."""

    root: Path
    names: dict[str, str]  # of the customers' folders, by license number
    keys: Sequence[SigningKey]  # of the service; what other keys signed does not count as there

    def serial_of(self, number: str, seat: Seat) -> int | None:
        """The serial of the seat's last response, if its file is there whole; else None."""
        path = self.path_of(number, seat)
        try:
            if not S_ISREG(path.lstat().st_mode):  # a link or a pipe that others left there
                return None
            envelope = open_envelope(path.read_bytes(), RESPONSE)
            response = parse_response(envelope)
        except (OSError, KeyferryError):
            return None
        signed = {signature.keyid for signature in envelope.signatures}
        named = (response.license.number, response.seat, response.serial)
        is_there = named == (number, seat.number, seat.serial) and signed == self._active
        return seat.serial if is_there else None

    def keep(self, number: str, seat: int, file: bytes) -> Path:
        """Write a file that the service has signed for this seat.

        Raises RenewalNotWritten, and SeatsNotRenewed for a file that no computer can read.
        """
        try:
            response = parse_response(open_envelope(file, RESPONSE))
        except KeyferryError as error:
            raise SeatsNotRenewed(
                f"The file for seat {seat} of license {number} cannot be read ({error})",
                f"Correct the license: keyferry-admin license change {number}. Then run the same"
                " command again with --again.",
            ) from error
        if (response.license.number, response.seat) != (number, seat):
            raise RenewalNotWritten(f"The service signed another seat than {seat} of {number}")
        path = self.root / self.names[number] / response.file_name
        with self._written(path, is_durable=False) as output:
            output.write(file)
        return path

    def path_of(self, number: str, seat: Seat) -> Path:
        """Where the file of the seat's last response is, if it is there."""
        device = keyid(DEVICE_ALGORITHM, seat.device_key)[:4]
        return self.root / self.names[number] / f"{number}-{device}-{seat.serial}.response"

    def zip(self, name: str, files: Iterable[Path]) -> Path:
        """Write a customer's files into a zip beside them. Raises RenewalNotWritten."""
        path = self.root / name / f"{name}.zip"
        with (
            self._written(path, is_durable=True) as output,
            zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            for file in sorted(files):
                archive.write(file, file.name)
        return path

    @cached_property
    def _active(self) -> set[str]:
        return {key.keyid for key in self.keys if key.status is KeyStatus.ACTIVE}

    @contextmanager
    def _written(self, path: Path, *, is_durable: bool) -> Iterator[BinaryIO]:
        try:
            make_folder(self.root, path.parent.name)
            with bytes_written_whole(path, is_durable=is_durable) as output:
                yield output
        except FileNotWritten as error:
            raise RenewalNotWritten(str(error)) from error


def make_folder(root: Path, name: str) -> Path:
    """Make a customer's folder, which must not be a link to somewhere else. Raises FileNotWritten.

    Its parents are made, too.
    """
    folder = root / name
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        is_own = folder.is_dir() and normcase(folder.resolve()) == normcase(root.resolve() / name)
    except OSError as error:
        raise FileNotWritten(f"{folder} cannot be created: {error.strerror}") from error
    if not is_own:
        raise FileNotWritten(f"{folder} is a link, not a folder")
    return folder


def check_writable(folder: Path) -> None:
    """Raises FileNotWritten unless a file can be written there now."""
    try:
        TemporaryFile(dir=folder).close()
    except OSError as error:
        raise FileNotWritten(f"{folder} is not writable: {error.strerror}") from error


def _clean(licensee: str) -> str:
    """A name that Windows, macOS, and Linux allow, as close to the licensee's as can be."""
    name = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", licensee))[:_LONGEST_NAME]
    name = name.strip().rstrip(". ").lstrip(".")
    return f"_{name}" if not name or _DEVICES.fullmatch(name) else name


def _folded(name: str) -> str:
    """The same for names that some system takes for the same."""
    return unicodedata.normalize("NFKC", name).casefold()
