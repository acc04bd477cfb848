"""Licenses, seats, dongles, requests, and mail: what is not there, or cannot change."""

from keyferry_admin.errors import AdminError


class NoSuchLicense(AdminError):
    """There is no license with this number."""

    code = "no-such-license"
    next_step = "`keyferry-admin license list` shows every number."


class NumberInUse(AdminError):
    """A license with this number already exists."""

    code = "number-in-use"
    next_step = "Omit --number to get a free number."


class BadTerms(AdminError):
    """Terms that fit into no response, or that contradict one another."""

    code = "bad-terms"
    exit = 2


class NewProduct(AdminError):
    """No license has this product yet, so its name may be misspelled."""

    code = "new-product"


class NothingMatches(AdminError):
    """No license has what was asked for, so its figures would all be 0."""

    code = "nothing-matches"
    next_step = "Check the spelling: `keyferry-admin license list` shows every license."


class LicenseChanged(AdminError):
    """The license changed between the read and the write in every attempt."""

    code = "license-changed"
    next_step = "Nothing was written. Run the same command again."


class NoSuchSeat(AdminError):
    """The license has no seat with this number, or no computer has it."""

    code = "no-such-seat"
    next_step = "`keyferry-admin seat list NUMBER` shows the seats in use."


class AlreadyRevoked(AdminError):
    """The status of a revoked license cannot change."""

    code = "license-revoked"
    next_step = "Make a new one: keyferry-admin license create"


class CannotUndo(AdminError):
    """No change of the license can be undone, or not any more."""

    code = "cannot-undo"
    next_step = "Nothing was changed. `keyferry-admin license history NUMBER` shows every change."


class SeatsNotRenewed(AdminError):
    """The service ended with an error while it renewed seats, or had no time for any."""

    code = "seats-not-renewed"
    next_step = "Run the same command again. If it fails again, read the log of process_request."


class NotRenewable(AdminError):
    """A seat that an update would not be given today's terms for either."""

    code = "not-renewable"


class BadDongle(AdminError):
    """A file without a dongle that can be registered for this license."""

    code = "bad-dongle"
    next_step = "Give the public key file of the dongle, or a request file that was made with it."


class BadAttestation(AdminError):
    """A file that does not prove that the dongle's key was made inside a YubiKey."""

    code = "bad-attestation"
    next_step = (
        "Nothing was registered. Ask for the file that `keyferry dongle export --attest` saves. "
        "Without a proof, leave --attestation out."
    )


class DongleExists(AdminError):
    """This dongle is already registered for the license."""

    code = "dongle-exists"
    next_step = "`keyferry-admin dongle list NUMBER` shows it."


class NoSuchDongle(AdminError):
    """The license has no dongle with this key id."""

    code = "no-such-dongle"
    next_step = "`keyferry-admin dongle list NUMBER` shows its dongles."


class DongleInUse(AdminError):
    """A dongle that has a seat cannot be removed."""

    code = "dongle-in-use"


class NoSuchAnswer(AdminError):
    """The ledger has no entry for this request."""

    code = "no-such-answer"
    next_step = "`keyferry-admin request list NUMBER --all` shows every answer."


class AmbiguousAnswer(AdminError):
    """Several requests have a SHA-256 that begins with these digits."""

    code = "ambiguous-answer"
    next_step = "Enter more: `keyferry-admin request list NUMBER --all --json` shows it in full."


class NoSuchTicket(AdminError):
    """No file is kept that came on this ticket."""

    code = "no-such-ticket"
    next_step = "Ask for the request file, and explain that: keyferry-admin request explain FILE"


class AmbiguousTicket(AdminError):
    """Several tickets have an id that begins with these characters."""

    code = "ambiguous-ticket"
    next_step = "Enter more of it. The address of the customer's page ends in the whole id."


class NothingToExplain(AdminError):
    """Neither a request file nor a ticket was given."""

    code = "nothing-to-explain"
    next_step = "Choose a request file, or enter its ticket."


class NoContact(AdminError):
    """The license has no address to mail to."""

    code = "no-contact"


class LetterNotMailed(AdminError):
    """The license letter could not be mailed."""

    code = "letter-not-mailed"


class MailNotSent(AdminError):
    """The mail with the link to a customer's renewals was not sent, or may not have been."""

    code = "mail-not-sent"


class NotSuppressed(AdminError):
    """The address is not suppressed."""

    code = "not-suppressed"
    next_step = "Check the spelling. `keyferry-admin mail list` shows what is blocked."
