"""From a file to a proven request: its form, then its proofs."""

import pytest

from keyferry_protocol.envelope import REQUEST, RESPONSE, pack, seal
from keyferry_service.domain.proof import read_request, refuse_unproven
from keyferry_service.domain.refusals import Refusal, RefusalCode
from tests.support.builders import VENDOR, a_key, a_license, a_request, a_request_file

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


def test_a_proven_request_is_not_refused() -> None:
    assert refuse_unproven(a_request(), a_license()) is None


def test_an_unknown_license_and_a_wrong_code_look_the_same() -> None:
    wrong_code = refuse_unproven(a_request(activation=a_key("a guess")), a_license())
    assert wrong_code == Refusal(RefusalCode.NOT_AUTHENTIC)
    assert refuse_unproven(a_request(), None) == wrong_code
