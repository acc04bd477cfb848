"""The vendor's changes to a license: what each of them changed, and which can be undone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from keyferry_service.domain.license import LicenseRecord, Status

CREATE = "create"
CHANGE = "change"
EXTEND = "extend"
UNDO = "undo"
# The others also change a seat or a dongle, or there is nothing before them.
UNDOABLE = frozenset({CHANGE, EXTEND, "suspend", "resume", "allow-move", "new-code"})


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes licenses, by the ARN of their AWS credentials, and when."""

    who: str
    at: int  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Change:
    """One change to a license: who, when, what, and the attributes that differ."""

    revision: int  # of the license after it
    at: int
    who: str
    what: str
    before: Mapping[str, Any]  # attribute of the license -> value
    after: Mapping[str, Any]
    subject: str = ""  # the number of a seat or the keyid of a dongle
    undoes: int | None = None  # the revision of the change that this one takes back

    @classmethod
    def between(
        cls,
        before: LicenseRecord,
        after: LicenseRecord,
        author: Author,
        what: str,
        subject: str = "",
        undoes: int | None = None,
    ) -> "Change":
        """The change from one state of a license to the next."""
        names = [
            member.name
            for member in fields(LicenseRecord)
            if member.name != "revision"
            and getattr(before, member.name) != getattr(after, member.name)
        ]
        return cls(
            revision=after.revision,
            at=author.at,
            who=author.who,
            what=what,
            before={name: getattr(before, name) for name in names},
            after={name: getattr(after, name) for name in names},
            subject=subject,
            undoes=undoes,
        )

    @classmethod
    def creating(cls, license: LicenseRecord, author: Author) -> "Change":
        """The change that makes a license: what it has beyond the defaults."""
        blank = LicenseRecord(license.number, b"", "", license.valid_from)
        return cls.between(blank, license, author, CREATE)

    def still_holds(self, license: LicenseRecord) -> bool:
        """Whether the license still has everything that this change wrote."""
        return all(getattr(license, name) == value for name, value in self.after.items())

    def undone(self, license: LicenseRecord) -> LicenseRecord:
        """The license with everything as it was before this change."""
        values = dict(self.before)
        if "status" in values:
            values["status"] = Status(values["status"])
        return replace(license, **values)


def next_to_undo(changes: Iterable[Change]) -> Change | None:
    """The last change that nobody has undone yet."""
    newest_first = sorted(changes, key=lambda change: change.revision, reverse=True)
    undone = {change.undoes for change in newest_first}
    return next(
        (each for each in newest_first if each.what != UNDO and each.revision not in undone), None
    )
