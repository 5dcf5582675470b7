"""Attributes of an Access-Accept or a CoA-Request, as the users of gateways write them."""

from __future__ import annotations

from conformance.radius.packet import Attribute

PAIRS = {
    "ipsec": """
        addr-pool addrv6 banner configuration-url configuration-version default-domain dhcp-giaddr dhcp-timeout
        dns-servers group-dhcp-server ikev2-password-local ikev2-password-remote inacl include-local-lan
        ipsec-backup-gateway ipsec-flow-limit ipv6-addr-pool ipv6-dns-servers-addr ipv6-subnet-acl outacl pfs
        prefix-len route-accept route-redistribute route-set route-set-interface smartcard-removal-disconnect
        split-dns tunnel-password wins-servers
    """,
    "ip": "interface-config sub-policy-In sub-policy-Out sub-qos-policy-in sub-qos-policy-out",
}
"""What FlexVPN knows behind ``ipsec:`` and ``ip:``, former names included, in an Access-Accept or a CoA-Request."""


def address(given: str, mask: str = "") -> list[Attribute]:
    """A fixed address for the tunnel."""
    found: list[Attribute] = [("Framed-IP-Address", given)]
    return [*found, ("Framed-IP-Netmask", mask)] if mask else found


def dns(primary: str, secondary: str = "") -> list[Attribute]:
    """Name servers, in Microsoft's attributes (RFC 2548 section 2.7)."""
    found: list[Attribute] = [("MS-Primary-DNS-Server", primary)]
    return [*found, ("MS-Secondary-DNS-Server", secondary)] if secondary else found


def pair(name: str, value: str, service: str = "ipsec") -> Attribute:
    """An AV pair of Cisco's, ``ipsec:dns-servers=10.0.0.1 10.0.0.2``.

    Raises:
        ValueError: nobody knows this name; who wants to send it nevertheless writes the attribute.
    """
    known = PAIRS.get(service, "").split()
    if name not in known:
        raise ValueError(f"no AV pair {service}:{name}, known are {', '.join(known) or 'none of this service'}")
    return ("Cisco-AVPair", f"{service}:{name}={value}")


def tunnel_password(key: bytes, tag: int = 0) -> list[Attribute]:
    """A shared key for IKE (RFC 2868 section 3.5), with what says that it is for an ESP tunnel over IPv4."""
    return [
        (f"Tunnel-Type:{tag}", "ESP"),
        (f"Tunnel-Medium-Type:{tag}", "IPv4"),
        (f"Tunnel-Password:{tag}", key),
    ]


def keys(received: bytes, sent: bytes) -> list[Attribute]:
    """The MSK's halves as the authenticator gets them (RFC 2548 section 2.4)."""
    return [("MS-MPPE-Recv-Key", received), ("MS-MPPE-Send-Key", sent)]


def session(identifier: str) -> Attribute:
    """How Cisco's gateways tell sessions apart in dynamic authorization."""
    return ("Cisco-AVPair", f"audit-session-id={identifier}")
