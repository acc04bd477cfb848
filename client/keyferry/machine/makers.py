"""Whose name in the firmware says that a machine is a virtual one."""

_VIRTUAL = (
    "alibaba cloud ecs",
    "amazon ec2",
    "apple virtualization",
    "bhyve",
    "bochs",
    "digitalocean",
    "google compute engine",
    "hetzner",
    "innotek",
    "kvm",
    "nutanix ahv",  # Nutanix alone is who made the host
    "openstack",
    "parallels",
    "qemu",
    "rhev hypervisor",
    "virtual machine",  # Hyper-V and Azure
    "virtualbox",
    "vmware",
    "xen",
)


def is_virtual(maker_and_product: str) -> bool:
    """Whether maker and product, as the firmware tells them, are a hypervisor's."""
    told = maker_and_product.lower()
    if "amazon ec2" in told and ".metal" in told:  # i3.metal is a whole machine of theirs
        return False
    return any(name in told for name in _VIRTUAL)
