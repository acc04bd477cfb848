"""The error for a license number that is mistyped."""

import pytest

from keyferry_protocol.activation import parse_license_number
from keyferry_protocol.errors import WrongLicenseNumber


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("015.120.020.09", "A license number has 12 digits. You entered 11."),
        ("015.120.020.0930", "A license number has 12 digits. You entered 13."),
        ("", "A license number has 12 digits. You entered 0."),
        ("01512002009O", "A license number contains only digits, not O."),
        ("01512002009X", "A license number contains only digits, not X."),
        ("m9s346-q3d25v-t4f5v3-7e3s3e-28jt9v", "A license number contains only digits, not m."),
        (
            "\u0660" * 12,
            "A license number contains only digits, not \u0660 (U+0660). "
            "It is character 1; type it again.",
        ),
    ],
)
def test_the_error_says_what_is_wrong_with_a_number(typed: str, message: str) -> None:
    with pytest.raises(WrongLicenseNumber) as raised:
        parse_license_number(typed)
    assert str(raised.value) == message
