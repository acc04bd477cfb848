"""Which errors of DynamoDB are conflicts, to be decided again, and which fail at once."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyferry_admin.use_cases.change_license import retry_on_conflict
from keyferry_service.adapters.retries import (
    ConditionFailed,
    Conflict,
    TransactionConflict,
    retry_until_deadline,
    translate_conflicts,
)
from tests.service.use_cases.fakes import Deadline

CONDITION = "ConditionalCheckFailed"


def canceled(*codes: str) -> ClientError:
    """A canceled transaction, with the reason of each of its items."""
    reasons = [{"Code": code} for code in codes]
    reply: Any = {"Error": {"Code": "TransactionCanceledException", "Message": ""}}
    return ClientError(reply | {"CancellationReasons": reasons}, "TransactWriteItems")


def single(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "UpdateItem")


CONFLICTS: list[Any] = [
    pytest.param(canceled(CONDITION, "None"), ConditionFailed, id="a condition of ours"),
    pytest.param(
        canceled("TransactionConflict", CONDITION), ConditionFailed, id="a condition is told first"
    ),
    pytest.param(canceled("None", "TransactionConflict"), TransactionConflict, id="a conflict"),
    pytest.param(canceled("ThrottlingError"), TransactionConflict, id="throttling"),
    pytest.param(
        canceled("ProvisionedThroughputExceeded"), TransactionConflict, id="too little throughput"
    ),
    pytest.param(single("ConditionalCheckFailedException"), ConditionFailed, id="one condition"),
    pytest.param(single("TransactionConflictException"), TransactionConflict, id="one conflict"),
]
FAILURES: list[Any] = [
    pytest.param(canceled("ValidationError", "None"), id="an item that is not valid"),
    pytest.param(canceled(CONDITION, "ValidationError"), id="beside a condition, too"),
    pytest.param(canceled("TransactionConflict", "ValidationError"), id="beside a conflict, too"),
    pytest.param(canceled("ItemCollectionSizeLimitExceeded"), id="too many items of one key"),
    pytest.param(canceled("AccessDenied"), id="a reason that nobody knows yet"),
    pytest.param(canceled("None", "None"), id="no reason at all"),
    pytest.param(canceled(), id="no list of reasons"),
    pytest.param(single("ValidationException"), id="a request that names a row twice"),
    pytest.param(single("AccessDeniedException"), id="no right to the table"),
    pytest.param(single("ResourceNotFoundException"), id="no such table"),
]


class Failing:
    """A call that always fails in one way, and how often it was made."""

    def __init__(self, error: ClientError) -> None:
        self.error = error
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        with translate_conflicts():
            raise self.error


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.mark.parametrize(("error", "conflict"), CONFLICTS)
def test_a_conflict_is_told_as_one(error: ClientError, conflict: type[Conflict]) -> None:
    with pytest.raises(conflict):
        Failing(error)()


@pytest.mark.attack
@pytest.mark.parametrize("error", FAILURES)
def test_what_would_fail_again_is_tried_once(error: ClientError) -> None:
    """By the functions and at the vendor's desk alike: no lock is held, no time is spent."""
    for retry in (lambda call: retry_until_deadline(Deadline(), call), retry_on_conflict):
        call = Failing(error)
        with pytest.raises(ClientError) as raised:
            retry(call)
        assert raised.value is error
        assert call.calls == 1
