"""A command's consent, its files, and how it ended."""

from keyferry_admin.errors import AdminError


class NotConfirmed(AdminError):
    """The user did not confirm a command that takes rights away."""

    code = "not-confirmed"
    next_step = "Nothing was changed. In scripts: --yes"


class TakesRightsAway(AdminError):
    """A script's change takes rights away, which --yes alone does not confirm."""

    code = "takes-rights-away"
    next_step = "Nothing was changed. If that is intended, use --yes --shorten."


class NotRepeatable(AdminError):
    """A change of many licenses that would be applied twice if it were interrupted and repeated."""

    code = "not-repeatable"
    exit = 2


class SomeFailed(AdminError):
    """A command for many licenses did not succeed for each of them."""

    code = "some-failed"
    next_step = "The others are done. Run the same command again for those that failed."


class Interrupted(AdminError):
    """Ctrl-C ended a command for many licenses."""

    code = "interrupted"
    exit = 130
    next_step = "Run the same command again to go on; what is done stays as it is."


class NoSuchLanguage(AdminError):
    """Neither Keyferry nor the vendor has sentences in this language."""

    code = "no-such-language"
    exit = 2


class BadOwnFile(AdminError):
    """A file in the vendor's own folder cannot be used."""

    code = "bad-own-file"
    next_step = "Nothing was changed. Correct the file, then run the same command again."


class BadTable(AdminError):
    """A file of licenses that cannot be read, or that has columns which are not known."""

    code = "bad-table"
    exit = 2


class BadRows(AdminError):
    """Rows of a file that cannot be licenses; each is in `facts["rows"]`."""

    code = "bad-rows"
    exit = 2
    next_step = "Nothing was changed. Correct these rows, then run the same command again."


class NotOurCodes(AdminError):
    """The file that an import would write its activation codes to is another one."""

    code = "not-our-codes"
    next_step = "Nothing was changed. Name another file with --codes."


class OutputNotWritten(AdminError):
    """What a command would print cannot be written, so an activation code could be lost."""

    code = "output-not-written"
    next_step = "Nothing was changed. Run the same command without the pipe, or with another file."


class LetterNotWritten(AdminError):
    """The license letter cannot be written."""

    code = "letter-not-written"
    next_step = "Nothing was changed. Name another file with --letter."


class FileNotWritten(AdminError):
    """A file cannot be written."""

    code = "file-not-written"
    next_step = "Nothing was changed. Name another file, or make room for it."


class RenewalNotWritten(AdminError):
    """The file of a seat that was renewed, or a customer's zip, cannot be written."""

    code = "renewal-not-written"
    next_step = (
        "Free up space, or delete its .part if no other run is writing it. Then run the same"
        " command again. What was renewed is signed again."
    )
