"""Whose name in the firmware says that a machine is a virtual one."""

_VIRTUAL = (
    "amazon ec2",
    "apple virtualization",
    "bhyve",
    "bochs",
    "digitalocean",
    "google compute engine",
    "hetzner",
    "innotek",
    "kvm",
    "nutanix",
    "openstack",
    "parallels",
    "qemu",
    "virtual machine",  # Hyper-V and Azure
    "virtualbox",
    "vmware",
    "xen",
)


def is_virtual(maker_and_product: str) -> bool:
    """Whether maker and product, as the firmware tells them, are a hypervisor's."""
    told = maker_and_product.lower()
    return any(name in told for name in _VIRTUAL)
