"""What the vendor's desk says no to: what happened, a code that never changes, what to do now."""

from typing import Any, ClassVar


class DeskError(Exception):
    """Base of the desk's errors; `facts` go into `--json`."""

    code: ClassVar[str]
    exit: ClassVar[int] = 1
    next_step: str = ""

    def __init__(self, title: str, next_step: str = "", **facts: Any) -> None:
        self.next_step = next_step or self.next_step
        self.facts = facts
        super().__init__(title)


class NoSuchLicense(DeskError):
    """The table has no license of this number."""

    code = "no-such-license"
    next_step = "`keyferry-admin license list` shows every number."


class NumberInUse(DeskError):
    """A license of this number was made before."""

    code = "number-in-use"
    next_step = "Leave --number out, and a free number is drawn."


class BadTerms(DeskError):
    """Terms that no response could carry, or that contradict each other."""

    code = "bad-terms"
    exit = 2


class KeyExists(DeskError):
    """This signing key has a row already."""

    code = "key-exists"
    next_step = "`keyferry-admin keys list` shows it."


class BadKey(DeskError):
    """A signing key that cannot be read, or is of another algorithm."""

    code = "bad-key"


class NoActiveKey(DeskError):
    """A key set without a key that signs would verify nothing."""

    code = "no-active-key"
    next_step = "Make one first: keyferry-admin keys create --alg Ed25519"


class NoSuchKey(DeskError):
    """The service never had a key of this id."""

    code = "no-such-key"
    next_step = "`keyferry-admin keys list` shows every key."


class LastActiveKey(DeskError):
    """The one key of its algorithm that signs was to sign no more."""

    code = "last-active-key"


class KeyCompromised(DeskError):
    """What others know can never be trusted again."""

    code = "key-compromised"
    next_step = "`keyferry-admin keys list` shows which keys sign."


class KeysChanged(DeskError):
    """Someone else changed the keys at the same moment."""

    code = "keys-changed"
    next_step = "Nothing was written. Look with `keyferry-admin keys list`, then give it again."


class LinksNotWritten(DeskError):
    """A file of links that cannot be written where it was to lie."""

    code = "links-not-written"
    next_step = "Name another file with --output, and give the command again: it goes on."


class NoSuchStack(DeskError):
    """No deployed stack of this name answers."""

    code = "no-such-stack"
    next_step = "Name it with --stack, and check region and credentials (AWS_REGION, AWS_PROFILE)."


class LicenseChanged(DeskError):
    """The license changed between every read and the write after it."""

    code = "license-changed"
    next_step = "Nothing was written. Give the same command again."


class NoSuchSeat(DeskError):
    """The license has no seat of this number, or nobody has it."""

    code = "no-such-seat"
    next_step = "`keyferry-admin seat list NUMBER` shows the seats in use."


class Withdrawn(DeskError):
    """A revoked license was to be used again."""

    code = "license-revoked"
    next_step = "Make a new one: keyferry-admin license create"


class NotConfirmed(DeskError):
    """What takes rights away was not confirmed with the number or id of what it is about."""

    code = "not-confirmed"
    next_step = "Nothing was changed. In scripts: --yes"


class BadDongle(DeskError):
    """A file that tells of no dongle, or of none that could be registered here."""

    code = "bad-dongle"
    next_step = "Give the public key file of the dongle, or a request file that was made with it."


class DongleExists(DeskError):
    """This dongle is registered for the license already."""

    code = "dongle-exists"
    next_step = "`keyferry-admin dongle list NUMBER` shows it."


class NoSuchDongle(DeskError):
    """The license has no dongle of this key id."""

    code = "no-such-dongle"
    next_step = "`keyferry-admin dongle list NUMBER` shows its dongles."


class DongleInUse(DeskError):
    """A dongle that has a seat was to be removed."""

    code = "dongle-in-use"


class LetterNotWritten(DeskError):
    """A letter that cannot be written where it was to lie."""

    code = "letter-not-written"
    next_step = "Nothing was changed. Name another file with --letter."


class NoSuchAnswer(DeskError):
    """The ledger has no answer to this request."""

    code = "no-such-answer"
    next_step = "`keyferry-admin request list NUMBER --all` shows every answer."


class NotSuppressed(DeskError):
    """Mail to this address goes out as it is."""

    code = "not-suppressed"
    next_step = "Check how it is written. `keyferry-admin mail list` shows what is held back."


class AmbiguousAnswer(DeskError):
    """Several requests begin alike."""

    code = "ambiguous-answer"
    next_step = "Give more of it: `keyferry-admin request list NUMBER --all --json` has all of it."
