"""Whose vendor IDs those are (RFC 7296, section 3.12). Most are MD5 hashes of a published text, or text."""

from hashlib import md5

FRAGMENTATION = md5(b"FRAGMENTATION", usedforsecurity=False).digest()
"""How the vendor ID of the method of fragmentation begins that is older than RFC 7383. Flags follow."""

_HASHED = {
    "strongSwan": "strongSwan",
    "MS NT5 ISAKMPOAKLEY": "Microsoft Windows",
    "MS-Negotiation Discovery Capable": "Microsoft Windows: negotiation discovery",
    "IKE CGA version 1": "Microsoft Windows: cryptographically generated addresses",
    "MS-MamieExists": "Microsoft Windows: AuthIP",
    "Vid-Initial-Contact": "Microsoft Windows: initial contact",
    "GSSAPI": "Microsoft Windows: GSSAPI",
    "RFC 3947": "NAT traversal of IKEv1 (RFC 3947)",
    "draft-ietf-ipsec-nat-t-ike-02\n": "NAT traversal of IKEv1, draft 02",
    "draft-ietf-ipsec-nat-t-ike-02": "NAT traversal of IKEv1, draft 02",
    "draft-ietf-ipsec-nat-t-ike-03": "NAT traversal of IKEv1, draft 03",
    "KAME/racoon": "KAME racoon",
    "Opportunistic IPsec": "libreswan: opportunistic encryption",
}
_KNOWN = {
    **{md5(text.encode(), usedforsecurity=False).digest(): name for text, name in _HASHED.items()},
    FRAGMENTATION: "fragmentation of IKEv1, as Cisco, Microsoft and others announce it",
    # The first twelve octets of the hash of FORTIGATE, and a version.
    md5(b"FORTIGATE", usedforsecurity=False).digest()[:12]: "Fortinet FortiGate",
    # Hash of CISCO-UNITY, the last two octets are a version.
    md5(b"CISCO-UNITY", usedforsecurity=False).digest()[:14]: "Cisco Unity",
    bytes.fromhex("1f07f70eaa6514d3b0fa96542a"): "Cisco VPN 3000",
    bytes.fromhex("f4ed19e0c114eb516faaac0ee37daf2807b4381f"): "Check Point",
    bytes.fromhex("afcad71368a1f1c96b8696fc7757"): "dead peer detection (RFC 3706)",
    bytes.fromhex("09002689dfd6b712"): "XAUTH",
    bytes.fromhex("404bf439522ca3f6"): "SonicWall",
    b"CISCO-DELETE-REASON": "Cisco: reasons for a Delete",
    b"CISCO(COPYRIGHT)": "Cisco",
    b"CISCO-DYNAMIC-ROUTE": "Cisco: dynamic routes",
    b"CISCO-": "Cisco",
    b"FLEXVPN-SUPPORTED": "Cisco FlexVPN",
    b"OpenIKED": "OpenIKED",
    b"OE-Libreswan": "libreswan",
    b"Opportunistic IPsec": "libreswan: opportunistic encryption",
    b"Heartbeat_Notify": "Juniper NetScreen: heartbeat",
}


def vendor(data: bytes) -> str:
    """Whose vendor ID that is; what is not known as text where it is one, else in hexadecimal."""
    name = next((known for start, known in _KNOWN.items() if data.startswith(start)), "")
    text = _text(data)
    if name and (not text or text == name):
        return name
    return f"{name} ({text})" if name else text or f"unknown: {data[:32].hex()}{'...' if len(data) > 32 else ''}"


def _text(data: bytes) -> str:
    """The data as text of a sensible length if all of it can be printed."""
    shown = data[:64].rstrip(b"\0")
    printable = len(shown) >= 4 and all(32 <= one < 127 for one in shown)
    return shown.decode("ascii") + ("..." if len(data) > 64 else "") if printable else ""
