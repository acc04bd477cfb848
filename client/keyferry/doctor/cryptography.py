"""Checks whether this computer can make and check the signatures that its licenses need."""

from collections.abc import Iterable

from keyferry.doctor.finding import PROBLEM, Finding
from keyferry_protocol.algorithms import self_test
from keyferry_protocol.errors import CannotVerify


def cryptography(algorithms: Iterable[str], product: str) -> list[Finding]:
    """A problem for each algorithm that this computer lacks or forbids."""
    findings = []
    for alg in dict.fromkeys(algorithms):
        try:
            self_test(alg)
        except CannotVerify as error:
            facts = {"code": error.code, **error.facts}
            error.facts["product"] = product
            findings.append(Finding("signing", PROBLEM, str(error), error.next_step, facts))
    return findings
