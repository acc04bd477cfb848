"""Messages about one license, with its number formatted for people."""

from keyferry_protocol.messages import message


def license_message(name: str, license_number: str, **facts: object) -> str:
    """The message of this name, with the number of the license as a fact."""
    from keyferry_protocol.activation import show_license_number  # imports HKDF, so only for errors

    return message(name, number=show_license_number(license_number), **facts)
