"""The ledger: every answer that was ever signed, as the vendor looks it up."""

from keyferry_admin.errors import AmbiguousAnswer, NoSuchAnswer
from keyferry_protocol.response import ResponseBody
from keyferry_service.answers import read_answer
from keyferry_service.license import Answer
from keyferry_service.licenses_dynamodb import Licenses


def answers(licenses: Licenses, number: str) -> list[ResponseBody]:
    """What a license's requests were answered, the newest first."""
    found = [read_answer(answer) for answer in licenses.answers(number)]
    return sorted(found, key=lambda response: response.serial, reverse=True)


def find(licenses: Licenses, number: str, beginning: str) -> Answer:
    """The answer to the request whose SHA-256 begins so. Raises NoSuchAnswer, AmbiguousAnswer."""
    match list(licenses.answers(number, beginning)):
        case [answer]:
            return answer
        case []:
            raise NoSuchAnswer(f"No request of license {number} has a SHA-256 {beginning}...")
        case several:
            raise AmbiguousAnswer(f"{len(several)} requests have a SHA-256 {beginning}...")
