"""Errors of the command line: what happened, a code that never changes, what to do now."""

from typing import Any, ClassVar


class AdminError(Exception):
    """Base of these errors; `facts` go into the `--json` document."""

    code: ClassVar[str]
    exit: ClassVar[int] = 1
    next_step: str = ""

    def __init__(self, title: str, next_step: str = "", **facts: Any) -> None:
        self.next_step = next_step or self.next_step
        self.facts = facts
        super().__init__(title)


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


class KeyExists(AdminError):
    """This signing key is registered already."""

    code = "key-exists"
    next_step = "`keyferry-admin keys list` shows it."


class BadKey(AdminError):
    """A signing key that cannot be read or has the wrong algorithm."""

    code = "bad-key"


class KeyNotUsable(AdminError):
    """The service cannot sign with this key, so that it would stop every response."""

    code = "key-not-usable"


class NoActiveKey(AdminError):
    """No key signs, so a key set could not verify any response."""

    code = "no-active-key"
    next_step = "Make one first: keyferry-admin keys create --alg Ed25519"


class NoSuchKey(AdminError):
    """There is no signing key with this id."""

    code = "no-such-key"
    next_step = "`keyferry-admin keys list` shows every key."


class LastActiveKey(AdminError):
    """The only active key of its algorithm cannot stop signing."""

    code = "last-active-key"


class KeyCompromised(AdminError):
    """The status of a compromised key cannot change."""

    code = "key-compromised"
    next_step = "`keyferry-admin keys list` shows which keys sign."


class KeysChanged(AdminError):
    """Someone else changed the keys at the same moment."""

    code = "keys-changed"
    next_step = "Nothing was written. Check `keyferry-admin keys list`, then run it again."


class LinksNotWritten(AdminError):
    """The file of links cannot be written."""

    code = "links-not-written"
    next_step = "Choose another file with --output and run the command again; it continues."


class NoSuchStack(AdminError):
    """There is no deployed stack with this name."""

    code = "no-such-stack"
    next_step = "Use --stack, --region, and --profile, or run the command next to samconfig.toml."


class BadSavedSettings(AdminError):
    """The file that `sam deploy --guided` saves cannot be read."""

    code = "bad-saved-settings"
    next_step = "Correct the file, or save it again: sam deploy --guided"


class BadOwnFile(AdminError):
    """A file in the vendor's own folder cannot be used."""

    code = "bad-own-file"
    next_step = "Nothing was changed. Correct the file, then run the same command again."


class NoSuchLanguage(AdminError):
    """Neither Keyferry nor the vendor has sentences in this language."""

    code = "no-such-language"
    exit = 2


class NoContact(AdminError):
    """The license has no address to mail to."""

    code = "no-contact"


class LetterNotMailed(AdminError):
    """The license letter could not be mailed."""

    code = "letter-not-mailed"


class MailNotSent(AdminError):
    """The mail with the link to a customer's renewals was not sent, or may not have been."""

    code = "mail-not-sent"


class AwsFailure(AdminError):
    """AWS refuses a call or cannot be reached, for a reason that has no error of its own."""

    code = "aws"
    next_step = "Check region, credentials, and endpoint (AWS_REGION, AWS_PROFILE)."


class MissingRight(AdminError):
    """The AWS credentials do not have the right to a call."""

    code = "missing-right"
    next_step = "Ask whoever runs the AWS account for it: docs/operations/roles.md"


class NoRegion(AdminError):
    """No setting says in which region the stack is."""

    code = "no-region"
    next_step = "Use --region, or run the command next to samconfig.toml, or set AWS_REGION."


class NoSuchProfile(AdminError):
    """AWS's own settings have no profile with this name."""

    code = "no-such-profile"
    next_step = "`aws configure list-profiles` shows every profile. Choose one with --profile."


class NoCredentials(AdminError):
    """No setting has credentials for AWS."""

    code = "no-credentials"
    next_step = "Sign in with `aws login` or `aws sso login`, or choose a profile with --profile."


class ExpiredCredentials(AdminError):
    """The credentials were valid once."""

    code = "expired-credentials"
    next_step = "Nothing was changed. Sign in again, then run the same command again."


class RefusedCredentials(AdminError):
    """AWS knows no such credentials."""

    code = "refused-credentials"
    next_step = "Nothing was changed. Check the keys, or choose another profile with --profile."


class AwsUnreachable(AdminError):
    """Nothing answers at the address of an AWS service."""

    code = "aws-unreachable"
    next_step = "Check the spelling of the region, and the network of this computer."


class NoLicenseIndex(AdminError):
    """The license table has no index yet, or DynamoDB is still filling it."""

    code = "no-license-index"
    next_step = (
        "Nothing was changed. Deploy this release (make deploy), then run the same command again."
    )


class StackNotReady(AdminError):
    """The stack cannot be updated now, or not by this release."""

    code = "stack-not-ready"
    next_step = (
        "Nothing was changed. Wait until its deployment is done, then run the same command again."
    )


class OriginSecretNotRotated(AdminError):
    """An update of the stack or of the distribution failed, or did not end."""

    code = "origin-secret-not-rotated"
    next_step = (
        "No call is refused. Read the stack's events in CloudFormation, then run the same command "
        "again."
    )


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


class NewProduct(AdminError):
    """No license has this product yet, so its name may be misspelled."""

    code = "new-product"


class SomeFailed(AdminError):
    """A command for many licenses did not succeed for each of them."""

    code = "some-failed"
    next_step = "The others are done. Run the same command again for those that failed."


class Interrupted(AdminError):
    """Ctrl-C ended a command for many licenses."""

    code = "interrupted"
    exit = 130
    next_step = "Run the same command again to go on; what is done stays as it is."


class SeatsNotRenewed(AdminError):
    """The service ended with an error while it renewed seats, or had no time for any."""

    code = "seats-not-renewed"
    next_step = "Run the same command again. If it fails again, read the log of process_request."


class RenewalNotWritten(AdminError):
    """The file of a seat that was renewed, or a customer's zip, cannot be written."""

    code = "renewal-not-written"
    next_step = (
        "Free up space, or delete its .part if no other run is writing it. Then run the same"
        " command again. What was renewed is signed again."
    )


class NotRenewable(AdminError):
    """A seat that an update would not be given today's terms for either."""

    code = "not-renewable"


class EventsOff(AdminError):
    """The stack has no event bus."""

    code = "events-off"
    next_step = "Set Events to on and run `make deploy`: docs/operations/events.md."


class EventsNotTaken(AdminError):
    """The event bus did not take events, however often they were tried."""

    code = "events-not-taken"
    next_step = "Wait a minute."


class ReplayStopped(AdminError):
    """A replay of events ended before its end, because AWS refused a call."""

    code = "replay-stopped"


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


class OutputNotWritten(AdminError):
    """What a command would print cannot be written, so an activation code could be lost."""

    code = "output-not-written"
    next_step = "Nothing was changed. Run the same command without the pipe, or with another file."


class LetterNotWritten(AdminError):
    """The license letter cannot be written."""

    code = "letter-not-written"
    next_step = "Nothing was changed. Name another file with --letter."


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


class FileNotWritten(AdminError):
    """A file cannot be written."""

    code = "file-not-written"
    next_step = "Nothing was changed. Name another file, or make room for it."


class NothingMatches(AdminError):
    """No license has what was asked for, so its figures would all be 0."""

    code = "nothing-matches"
    next_step = "Check the spelling: `keyferry-admin license list` shows every license."


class NoSuchAnswer(AdminError):
    """The ledger has no entry for this request."""

    code = "no-such-answer"
    next_step = "`keyferry-admin request list NUMBER --all` shows every answer."


class NoSuchTicket(AdminError):
    """No file is kept that came on this ticket."""

    code = "no-such-ticket"
    next_step = "Ask for the request file, and explain that: keyferry-admin request explain FILE"


class NothingToExplain(AdminError):
    """Neither a request file nor a ticket was given."""

    code = "nothing-to-explain"
    next_step = "Choose a request file, or enter its ticket."


class AmbiguousTicket(AdminError):
    """Several tickets have an id that begins with these characters."""

    code = "ambiguous-ticket"
    next_step = "Enter more of it. The address of the customer's page ends in the whole id."


class NotSuppressed(AdminError):
    """The address is not suppressed."""

    code = "not-suppressed"
    next_step = "Check the spelling. `keyferry-admin mail list` shows what is withheld."


class AmbiguousAnswer(AdminError):
    """Several requests have a SHA-256 that begins with these digits."""

    code = "ambiguous-answer"
    next_step = "Enter more: `keyferry-admin request list NUMBER --all --json` shows it in full."
