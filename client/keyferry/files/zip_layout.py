"""Whether a zip archive is nothing but its files (PKWARE's APPNOTE, sections 4.3 and 4.4)."""

import struct
import zipfile
from typing import BinaryIO

_LOCAL, _CENTRAL, _END = 30, 46, 22  # bytes without names and extra fields
_DESCRIPTOR = 24  # bytes: the longest that may follow an entry
_MAX_EXTRA = 100  # bytes: times and owners take fewer
_UTF_8 = 0x800


def has_only_files(archive: zipfile.ZipFile, file: BinaryIO, size: int) -> bool:
    """Whether no other bytes are before, between, or after the entries, and none has a comment.

    A program that unpacks itself starts with other bytes, for example.
    """
    place, directory = 0, _END
    for entry in sorted(archive.infolist(), key=lambda entry: entry.header_offset):
        gap = entry.header_offset - place
        if not 0 <= gap <= (_DESCRIPTOR if place else 0):
            return False
        file.seek(entry.header_offset + _LOCAL - 4)
        name_bytes, extra_bytes = struct.unpack("<HH", file.read(4))
        if max(extra_bytes, len(entry.extra)) > _MAX_EXTRA:
            return False
        place = entry.header_offset + _LOCAL + name_bytes + extra_bytes + entry.compress_size
        name = entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF_8 else "cp437")
        directory += _CENTRAL + len(name) + len(entry.extra)
    is_adjacent = 0 <= archive.start_dir - place <= (_DESCRIPTOR if place else 0)
    return is_adjacent and archive.start_dir + directory == size
