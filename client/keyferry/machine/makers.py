"""The names in the firmware that show that a machine is virtual (docs/format.md, "Machine")."""

# Firmware that only a hypervisor has.
HYPERVISORS = (
    "apple virtualization",
    "bhyve",
    "bochs",
    "cloud hypervisor",
    "crosvm",
    "digitalocean",
    "distribution of edk ii",  # OVMF as Debian, Ubuntu and Proxmox build it
    "firecracker",
    "hetzner",
    "hvm domu",
    "innotek",
    "kubevirt",
    "kvm",
    "nutanix ahv",  # just Nutanix is the manufacturer of the host
    "openshift virtualization",
    "openstack",
    "ovirt",
    "ovmf",
    "parallels",
    "qemu",
    "rhev hypervisor",
    "seabios",
    "standard pc",
    "virtual machine",  # Hyper-V and Azure
    "virtualbox",
    "virtuozzo",
    "vmware",
    "xen",
)
# Clouds that rent out both virtual machines and whole ones under the same name.
CLOUDS = (
    "akamai",
    "alibaba cloud ecs",
    "amazon ec2",
    "cloudsigma",
    "exoscale",
    "google compute engine",
    "huawei cloud",
    "ibm cloud",
    "linode",
    "scaleway",
    "tencent cloud",
    "upcloud",
    "vultr",
    "yandex",
)
_WHOLE_MACHINE = "metal"  # i3.metal, m7i.metal-24xl


def is_virtual(firmware: str, hypervisor: bool | None = None) -> bool:
    """Whether the manufacturers and the product in the firmware are those of a virtual machine.

    `hypervisor` is whether the processor shows one; None where it does not tell, as on arm64.
    """
    words = " ".join("".join(c if c.isalnum() else " " for c in firmware.lower()).split())
    names = f" {words} "
    if _contains(names, HYPERVISORS):
        return True
    if not _contains(names, CLOUDS) or _contains(names, (_WHOLE_MACHINE,)):
        return False
    return hypervisor is not False


def _contains(names: str, known: tuple[str, ...]) -> bool:
    return any(f" {name} " in names for name in known)
