"""The manufacturers whose names in the firmware show that a machine is virtual."""

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
    "nutanix ahv",  # just Nutanix is the maker of the host
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
    """Whether the firmware names a hypervisor as the maker and product."""
    names = maker_and_product.lower()
    if "amazon ec2" in names and ".metal" in names:  # i3.metal is a whole physical machine
        return False
    return any(name in names for name in _VIRTUAL)
