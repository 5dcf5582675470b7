"""What was granted in several ways as one grant: of the same attribute that counts which comes first."""

from collections.abc import Iterable

from conformance.radius.packet import HEADER, Packet, attributes

_VENDOR, _CISCO = 26, (9).to_bytes(4, "big") + b"\x01"


def key_of(kind: int, value: bytes) -> tuple[int, bytes]:
    """What makes two attributes the same: the type, that of their maker, and the name of an AV pair of Cisco's."""
    if kind != _VENDOR:
        return kind, b""
    return kind, value[:5] + (value[6:].partition(b"=")[0] if value[:5] == _CISCO else b"")


def merged(grants: Iterable[Packet]) -> Packet | None:
    """One packet with what the grants have, the strongest first; None of none. All values of one attribute stay."""
    grants = list(grants)
    if not grants:
        return None
    found: dict[tuple[int, bytes], list[bytes]] = {}
    for grant in grants:
        own: dict[tuple[int, bytes], list[bytes]] = {}
        for kind, value in attributes(grant.octets):
            own.setdefault(key_of(kind, value), []).append(bytes([kind, len(value) + 2]) + value)
        found = own | found
    body = b"".join(one for each in found.values() for one in each)
    first = grants[0]
    length = (HEADER + len(body)).to_bytes(2, "big")
    return Packet(first.octets[:2] + length + first.octets[4:HEADER] + body, first.secret, first.asked)


def bare(grant: Packet | None) -> Packet | None:
    """A grant without anything in it: of somebody who may come in, and no more."""
    if grant is None:
        return None
    octets = grant.octets[:2] + HEADER.to_bytes(2, "big") + grant.octets[4:HEADER]
    return Packet(octets, grant.secret, grant.asked)
