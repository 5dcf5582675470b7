"""Finding out what can protect packets on this machine, by trying it."""

import shutil
import subprocess
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from peers.contract import DeviceError
from peers.places.place import DataPlane

PROBE = (
    *("xfrm", "state", "add", "src", "192.0.2.1", "dst", "192.0.2.2", "proto", "esp", "spi", "0x100"),
    *("mode", "tunnel", "aead", "rfc4106(gcm(aes))", "0x000102030405060708090a0b0c0d0e0f10111213", "128"),
)
"""Words for ip that succeed only where the kernel has ESP."""
TUN_DEVICE = Path("/dev/net/tun")


def kernel_has_esp(namespace: str) -> bool:
    """Whether an ESP state can be added in this network namespace; leaves nothing in it."""
    added = _ip(namespace, *PROBE)
    if added:
        _ip(namespace, "xfrm", "state", "flush")
    return added


def kernel_has_xfrm(namespace: str) -> bool:
    """Whether the kernel knows IPsec policies at all, with or without ESP."""
    return _ip(namespace, "xfrm", "state", "list")


def _ip(namespace: str, *words: str) -> bool:
    return subprocess.run(["ip", "-n", namespace, *words], capture_output=True, check=False).returncode == 0


def compiler() -> str | None:
    """The C compiler to use, None if there is none."""
    return next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)


def choose(
    device: str, namespace: str, wanted: DataPlane | None, possible: Sequence[DataPlane] = tuple(DataPlane)
) -> DataPlane:
    """The data plane for a daemon in this namespace: the wanted one if it can work, else the best that can.

    ``possible`` are those that the daemon knows. Raises DeviceError with the reason if none can work, or if the wanted
    one cannot.
    """
    missing = {plane: "the daemon does not know it" for plane in DataPlane if plane not in possible}
    if not kernel_has_esp(namespace):
        missing[DataPlane.KERNEL] = "this kernel has no ESP (modprobe -a xfrm_user esp4 esp6)"
    if not kernel_has_xfrm(namespace):
        missing[DataPlane.SHIM] = "this kernel has no XFRM interface"
    elif compiler() is None:
        missing[DataPlane.SHIM] = "there is no C compiler (apt-get install gcc libc6-dev)"
    if not TUN_DEVICE.exists() and DataPlane.LIBIPSEC in possible:
        missing[DataPlane.LIBIPSEC] = f"there is no {TUN_DEVICE} (modprobe tun)"
    if wanted is not None:
        if wanted in missing:
            raise DeviceError(device, f"data plane {wanted} cannot be used: {missing[wanted]}")
        return wanted
    for plane in (DataPlane.KERNEL, DataPlane.SHIM, DataPlane.LIBIPSEC):
        if plane not in missing:
            return plane
    raise DeviceError(device, "no data plane: " + "; ".join(f"{plane}: {why}" for plane, why in missing.items()))


def shim_source() -> str:
    """The C source of the shim."""
    return resources.files("peers.shim").joinpath("xfrmfake.c").read_text()


def build_shim(device: str, directory: Path) -> Path:
    """Compile the shim into ``directory`` (about 0.1 s). Raises DeviceError with the compiler's first complaint."""
    source, library = directory / "xfrmfake.c", directory / "xfrmfake.so"
    source.write_text(shim_source())
    command = [compiler() or "cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl"]
    try:
        built = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise DeviceError(device, f"cannot run {command[0]}: {error}", "apt-get install gcc libc6-dev") from error
    if built.returncode != 0:
        complaint = next((line for line in built.stderr.splitlines() if "error" in line), built.stderr.strip()[:200])
        raise DeviceError(device, f"cannot compile the shim: {complaint}", "apt-get install gcc libc6-dev")
    return library
