"""Networks as configuration attributes carry them (RFC 7296, sections 3.15.1 and 3.15.2)."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network

from conformance.wire import CfgAttr, CfgAttribute

SUBNETS = {4: CfgAttribute.INTERNAL_IP4_SUBNET, 6: CfgAttribute.INTERNAL_IP6_SUBNET}
"""The attribute of a network of each family."""


def subnet(prefix: str) -> CfgAttr:
    """The attribute of a prefix: an address and a mask, or in IPv6 an address and the length of its prefix."""
    network = ip_network(prefix)
    rest = network.netmask.packed if network.version == 4 else bytes((network.prefixlen,))
    return CfgAttr(SUBNETS[network.version], network.network_address.packed + rest)


def network_of(attribute: CfgAttr) -> IPv4Network | IPv6Network | None:
    """The network of an attribute; None: it has none, a length or mask that cannot be, or bits behind its prefix."""
    value = attribute.value
    try:
        if attribute.type == CfgAttribute.INTERNAL_IP4_SUBNET and len(value) == 8:
            found = IPv4Network(f"{IPv4Address(value[:4])}/{IPv4Address(value[4:])}")
            return found if found.netmask.packed == value[4:] else None  # 0.0.0.255 is read as a mask, too
        if attribute.type == CfgAttribute.INTERNAL_IP6_SUBNET and len(value) == 17:
            return IPv6Network((value[:16], value[16]))
    except ValueError:
        pass
    return None
