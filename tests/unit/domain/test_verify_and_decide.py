"""From a file to a decision: form, then proofs, then the decision."""

import pytest

from keyferry_protocol.envelope import REQUEST, RESPONSE, pack, seal
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.decide import decide
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.request_context import Snapshot
from keyferry_service.domain.verify_and_decide import read_request, verify_and_decide
from tests.support.builders import SERVICE_KEY, VENDOR, a_key, a_license, a_request, a_request_file
from tests.support.samples import NOW

UNREADABLE = RefusalCode.UNREADABLE_REQUEST


def test_a_request_file_is_read() -> None:
    assert read_request(a_request_file()) == a_request()


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        pytest.param(b"PK\x03\x04", Refusal(UNREADABLE), id="a file of another kind"),
        pytest.param(seal(REQUEST, b"{}", [VENDOR]), Refusal(UNREADABLE), id="an empty request"),
        pytest.param(
            seal(RESPONSE, b"{}", [VENDOR]),
            Refusal(UNREADABLE, "response"),
            id="a response, which belongs on the other side",
        ),
        pytest.param(
            pack("application/vnd.in-toto+json", b"{}", []),
            Refusal(UNREADABLE),
            id="an envelope of somebody else",
        ),
        pytest.param(
            pack(REQUEST.replace("v1", "v2"), b"{}", []),
            Refusal(RefusalCode.UNSUPPORTED_VERSION),
            id="a request of a later format",
        ),
    ],
)
def test_another_file_is_refused_for_its_form(data: bytes, refusal: Refusal) -> None:
    assert read_request(data) == refusal


def test_a_proven_request_is_decided() -> None:
    request, rows = a_request(), Snapshot(a_license())
    decision = verify_and_decide(request, rows, [SERVICE_KEY], NOW)
    assert isinstance(decision, Grant)
    assert decision == decide(request, rows, [SERVICE_KEY], NOW)


def test_an_unknown_license_and_a_wrong_code_look_the_same() -> None:
    guessed = a_request(activation=a_key("a guess"))
    wrong_code = verify_and_decide(guessed, Snapshot(a_license()), [SERVICE_KEY], NOW)
    assert wrong_code == Refusal(RefusalCode.NOT_AUTHENTIC)
    assert verify_and_decide(a_request(), Snapshot(), [SERVICE_KEY], NOW) == wrong_code
