"""Which applications do not trust today's signing keys."""

from dataclasses import replace

import pytest

from keyferry_protocol.algorithms import ED25519, ML_DSA_65
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey, are_too_old
from tests.support.builders import SERVICE_KEY

ED_NEW = replace(SERVICE_KEY, keyid="ed00000000000002", alg=ED25519)
ED_OLD = replace(ED_NEW, keyid="ed00000000000001", status=KeyStatus.RETIRED)
ED_BAD = replace(ED_NEW, keyid="ed00000000000000", status=KeyStatus.COMPROMISED)
ML_NEW = replace(ED_NEW, keyid="3100000000000001", alg=ML_DSA_65)
KEYS = (ED_NEW, ED_OLD, ED_BAD, ML_NEW)
UNKNOWN = "ffffffffffffffff"


@pytest.mark.parametrize(
    ("trusts", "too_old"),
    [
        pytest.param([ED_NEW], False, id="the active key"),
        pytest.param([ED_OLD, ED_NEW], False, id="the active key, and a retired one"),
        pytest.param([ED_NEW, ML_NEW], False, id="both algorithms' active keys"),
        pytest.param([ED_OLD], True, id="a retired key alone"),
        pytest.param([ED_BAD], True, id="a compromised key alone"),
        pytest.param([ED_OLD, ML_NEW], True, id="of one algorithm only a retired key"),
        pytest.param([], True, id="none"),
    ],
)
def test_an_application_is_too_old_for_our_keys(trusts: list[SigningKey], too_old: bool) -> None:
    keyids = [UNKNOWN, *(key.keyid for key in trusts)]  # unknown ones are ignored
    assert are_too_old(keyids, KEYS) is too_old
