"""The link to a device that is somewhere else: the tester's address is one of this host."""

from conformance.net import Link, UdpLink
from peers.capabilities import Capability
from peers.contract import DeviceError, Pixit, Unsupported


def bind_tester(device: str, pixit: Pixit, *, ipv6: bool = False) -> Link:
    """Bind the tester's address on this host. Raises DeviceError, or Unsupported without an IPv6 address."""
    host = pixit.tester_address6 if ipv6 else pixit.tester_address
    if host is None:
        raise Unsupported(Capability.IPV6, device, "the device file has no tester6")
    try:
        return UdpLink(host, ports=pixit.tester_ports)
    except OSError as error:
        mend = "addresses.tester must be an address of this host, and no other IKE daemon may run on it"
        raise DeviceError(device, str(error), mend) from error
