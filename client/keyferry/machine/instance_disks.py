"""The disks of a cloud that end with the instance (docs/format.md, "Machine")."""

# How the models of Amazon, Google and Azure begin; Windows cuts them off.
MODELS = ("amazon ec2 nvme", "ephemeraldisk", "microsoft nvme direct disk")
_GOOGLE = "nvme_card"  # also nvme_card0; Google's lasting disks are nvme_card-pd
_AMAZON = "AWS"  # and 17 hex digits; Amazon's lasting disks are vol...


def is_instance_disk(model: str, serial: str) -> bool:
    """Whether a disk of this model and serial number is lent for one run of an instance."""
    model = " ".join(model.lower().split())
    digits = serial[len(_AMAZON) : 20]
    return (
        model.replace("_", " ").startswith(MODELS)
        or model.rstrip("0123456789") == _GOOGLE
        or (serial.startswith(_AMAZON) and len(digits) == 17 and _is_hex(digits))
    )


def _is_hex(digits: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in digits)
