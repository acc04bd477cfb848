"""Messages about one license, which show its number as people write it."""

from keyferry_protocol.messages import message


def license_message(name: str, license_number: str, **facts: object) -> str:
    """The message of this name about a license."""
    from keyferry_protocol.activation import show_license_number  # brings HKDF along: errors only

    return message(name, number=show_license_number(license_number), **facts)
