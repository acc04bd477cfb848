"""Signatures of webhooks, checked by the sample that vendors copy, and when one is tried again."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from keyferry_service.domain.webhook import signed_headers, wait_s

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations"
# The example of the reference libraries: https://github.com/standard-webhooks/standard-webhooks
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(OPERATIONS)
    return importlib.import_module("webhook_receiver")


def test_it_signs_as_the_reference_libraries_do() -> None:
    assert signed_headers(MESSAGE, AT, BODY, [SECRET]) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": str(AT),
        "webhook-signature": SIGNATURE,
    }


def test_the_prefix_of_a_secret_may_be_missing() -> None:
    bare = SECRET.removeprefix("whsec_")
    assert signed_headers(MESSAGE, AT, BODY, [bare])["webhook-signature"] == SIGNATURE


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_while_a_secret_is_exchanged_a_server_may_have_either(
    receiver: ModuleType, secret: str
) -> None:
    headers = signed_headers(MESSAGE, AT, BODY, [SECRET, OTHER])
    assert receiver.verify(headers, BODY, secret, AT + 1) == {"test": 2432232314}


@pytest.mark.parametrize(
    ("changed", "body", "later_s"),
    [
        pytest.param({}, BODY + b" ", 0, id="another body"),
        pytest.param({"webhook-id": "msg_other"}, BODY, 0, id="another id"),
        pytest.param({"webhook-timestamp": str(AT + 60)}, BODY, 0, id="another time"),
        pytest.param({}, BODY, 301, id="sent again later"),
        pytest.param({}, BODY, -301, id="from the future"),
        pytest.param({"webhook-signature": SIGNATURE.replace("v1", "v1a")}, BODY, 0, id="a kind"),
        pytest.param({"webhook-signature": "v1,"}, BODY, 0, id="an empty signature"),
        pytest.param({"webhook-signature": "ü"}, BODY, 0, id="no ASCII"),
        pytest.param({"webhook-timestamp": "soon"}, BODY, 0, id="no time"),
        pytest.param({"webhook-timestamp": "¹"}, BODY, 0, id="a digit that is none"),
    ],
)
def test_the_sample_refuses_what_is_not_genuine(
    receiver: ModuleType, changed: dict[str, str], body: bytes, later_s: int
) -> None:
    headers = signed_headers(MESSAGE, AT, BODY, [SECRET]) | changed
    with pytest.raises(receiver.NotGenuine):
        receiver.verify(headers, body, SECRET, AT + later_s)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_the_sample_refuses_what_lacks_a_header(receiver: ModuleType, missing: str) -> None:
    headers = signed_headers(MESSAGE, AT, BODY, [SECRET])
    del headers[missing]
    with pytest.raises(receiver.NotGenuine):
        receiver.verify(headers, BODY, SECRET, AT)


def test_ten_tries_take_two_days_and_no_wait_is_longer_than_sqs_allows() -> None:
    waits = [wait_s(tries) for tries in range(1, 10)]
    assert waits == sorted(waits)
    assert waits[0] == 5
    assert 40 * 3600 < sum(waits) < 48 * 3600
    assert max(waits) <= 12 * 3600
