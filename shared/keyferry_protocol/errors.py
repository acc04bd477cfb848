"""Every error of Keyferry: what happened, a code that never changes, what to do now."""

from contextlib import suppress
from typing import Any, ClassVar

from keyferry_protocol.messages import built_in, has_message, message


class KeyferryError(Exception):
    """Base of all Keyferry errors: `str(error)` says what happened, `next_step` what to do now.

    `facts` fill the placeholders of the catalog's sentences and appear in `--json`. `case` selects
    a title or a next step of its own for one case of the error.
    """

    code: ClassVar[str] = "error"  # part of the contract: never renamed, never reused
    exit: ClassVar[int] = 1  # the command line's exit code

    def __init__(self, detail: str = "", *, case: str = "", **facts: Any) -> None:
        self.case = case
        self.facts = facts
        super().__init__(detail or self.title)

    @property
    def title(self) -> str:
        return self._sentence("title")

    @property
    def next_step(self) -> str:
        return self._sentence("next-step")

    def _sentence(self, part: str) -> str:
        """Never raises: an application shows these where it refuses to run."""
        names = (f"errors.{self.code}.{self.case}.{part}", f"errors.{self.code}.{part}")
        for name in names:
            if has_message(name):
                with suppress(KeyError, ValueError):  # a translation names what there is not
                    return message(name, **self.facts)
        return built_in(names[-1], self.facts)


class WrongType(KeyferryError):
    """A well-formed envelope of a type other than the expected one."""

    code = "wrong-type"


class UnsupportedVersion(KeyferryError):
    """A request, response, or key set in a later version of the format."""

    code = "unsupported-version"


class UnreadableRequest(KeyferryError):
    """A request file that breaks the format; the detail names the member by its path."""

    code = "unreadable-request"


class UnreadableResponse(KeyferryError):
    """A response file that breaks the format; the detail names the member by its path."""

    code = "unreadable-response"


class BadJson(KeyferryError):
    """Bytes that break the strict JSON rules of docs/format.md."""

    code = "bad-json"


class BadKeySet(KeyferryError):
    """A key set that breaks the format or cannot verify any response."""

    code = "bad-key-set"


class NotAuthentic(KeyferryError):
    """A request that lacks a proof it needs."""

    code = "not-authentic"
    exit = 7


class CannotCancel(KeyferryError):
    """A deactivation that is waiting for its receipt cannot be canceled."""

    code = "cannot-cancel"


class WrongProduct(KeyferryError):
    """A genuine response for another product."""

    code = "wrong-product"


class NotRequested(KeyferryError):
    """A genuine response to a request that is not pending on this machine."""

    code = "not-requested"


class OlderResponse(KeyferryError):
    """A genuine response that is older than one that was installed before."""

    code = "older-response"


class FeatureNotGranted(KeyferryError):
    """A feature that the license does not grant."""

    code = "feature-not-granted"


class StateDamaged(KeyferryError):
    """A file in a state directory that cannot be parsed."""

    code = "state-damaged"


class StateNotReadable(KeyferryError):
    """A state directory that others may write, or a state file that this user may not read."""

    code = "state-not-readable"


class StateNotWritable(KeyferryError):
    """A state directory or output folder that this user cannot write to."""

    code = "state-not-writable"


class StateBusy(KeyferryError):
    """A state directory that another process has locked."""

    code = "state-busy"


class CannotSave(KeyferryError):
    """A place where no request file can be saved. Nothing was changed."""

    code = "cannot-save"


class NotSaved(KeyferryError):
    """A request that was made, but whose file could not be saved. The same command saves it."""

    code = "not-saved"
    exit = 10


class CannotVerify(KeyferryError):
    """A signature algorithm that this computer's cryptography lacks or forbids."""

    code = "cannot-verify"


class WrongLicenseNumber(KeyferryError):
    """Text that is not a license number."""

    code = "wrong-license-number"
    exit = 2


class WrongActivationCode(KeyferryError):
    """Text that is not an activation code of this license number."""

    code = "wrong-activation-code"
    exit = 2


class WrongLine(KeyferryError):
    """A line of a response as typed, or a scanned code, that is wrong, missing, or another's."""

    code = "wrong-line"
    exit = 2


class NotActivated(KeyferryError):
    """No license is activated here."""

    code = "not-activated"
    exit = 3


class Deactivated(KeyferryError):
    """The license was deactivated here."""

    code = "deactivated"
    exit = 3


class Pending(KeyferryError):
    """A request is waiting for its response."""

    code = "pending"
    exit = 4


class Expired(KeyferryError):
    """The license has ended."""

    code = "expired"
    exit = 5


class NotYetValid(KeyferryError):
    """The license has not begun."""

    code = "not-yet-valid"
    exit = 5


class CheckInOverdue(KeyferryError):
    """The lease and its days of grace have ended."""

    code = "check-in-overdue"
    exit = 5


class MaintenanceEnded(KeyferryError):
    """This version was released after maintenance ended."""

    code = "maintenance-ended"
    exit = 5


class LicenseRevoked(KeyferryError):
    """The vendor revoked the license."""

    code = "license-revoked"
    exit = 5


class WrongMachine(KeyferryError):
    """A genuine response for another machine or user."""

    code = "wrong-machine"
    exit = 6

    @property
    def next_step(self) -> str:
        """What to do, then the command that helps if that is impossible."""
        name = f"errors.{self.code}.remedy.{self.facts.get('remedy')}"
        step = super().next_step
        return f"{step} {message(name, **self.facts)}" if has_message(name) else step


class EnvironmentNotAllowed(KeyferryError):
    """A license that may not run in this environment: a virtual machine or a container."""

    code = "environment-not-allowed"
    exit = 6


class MachineNotIdentified(KeyferryError):
    """Too few components of this machine could be read to recognize it again."""

    code = "machine-not-identified"
    exit = 6


class NotGenuine(KeyferryError):
    """A required signature is missing or does not verify."""

    code = "not-genuine"
    exit = 7


class KeyCompromised(KeyferryError):
    """A file whose signature was made by a key that is no longer trusted."""

    code = "key-compromised"
    exit = 7


class ClockRolledBack(KeyferryError):
    """The clock is more than a day behind a time recorded before."""

    code = "clock-rolled-back"
    exit = 8


class DongleMissing(KeyferryError):
    """The dongle that the license is bound to is missing or did not sign."""

    code = "dongle-missing"
    exit = 9


class DonglePin(KeyferryError):
    """The dongle refused the PIN."""

    code = "dongle-pin"
    exit = 9
