"""Which components an unprivileged user can read on each system."""

# By the beginning of the system's name.
_READABLE = {
    "Windows": ("tpm_key", "smbios_uuid", "board_serial", "mac", "os_id", "disk_serial"),
    "macOS": ("smbios_uuid", "mac", "disk_serial"),
}
_READABLE_ON_LINUX = ("mac", "os_id", "disk_serial")


def readable_components(system: str) -> tuple[str, ...]:
    """The components that an unprivileged user can read on a system of this name (`Machine.os`)."""
    names = (names for start, names in _READABLE.items() if system.startswith(start))
    return next(names, _READABLE_ON_LINUX)
