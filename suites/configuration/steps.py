"""What the purposes of configuration payloads have in common: connections, requests, and what a reply may have."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from conformance.ike.core.connection import Connection
from conformance.ike.core.selectors import covered, host
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa, fatal
from conformance.script.verdict import NotApplicable
from conformance.wire import (
    AUTH,
    CP,
    SA,
    CfgAttr,
    CfgAttribute,
    CfgType,
    Message,
    NotifyType,
    Payload,
    TSi,
)
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.connections import Setup, usual
from suites.create_child_sa.answers import kept

POOL, POOL6 = "10.77.0.0/24", "fd77::/112"
"""Those of devices which take any."""
INNER = (Capability.VIRTUAL_IP,)
INNER6 = (Capability.VIRTUAL_IP6,)
LENGTHS = "RFC7296-3.15.1-3"
IGNORED = "RFC7296-3.15.1-15"
ASSIGNED = "RFC7296-3.15.4-1"
VALID = "RFC7296-3.15.1-6"
A4, A6 = CfgAttribute.INTERNAL_IP4_ADDRESS, CfgAttribute.INTERNAL_IP6_ADDRESS

# --- connections ------------------------------------------------------------------------------------------------------


def serving(**changes: Any) -> Setup:
    """The device assigns inner IPv4 addresses."""

    def setup(pixit: Pixit) -> Connection:
        return usual(**{"local_ts": ("0.0.0.0/0",), "remote_pool": pixit.device_pool or POOL, **changes})(pixit)

    return setup


def asking(**changes: Any) -> Setup:
    """We assign inner IPv4 addresses."""

    def setup(pixit: Pixit) -> Connection:
        return usual(**{"remote_ts": ("0.0.0.0/0",), "local_pool": pixit.tester_pool or POOL, **changes})(pixit)

    return setup


def inner6(networks: tuple[str, ...]) -> tuple[str, ...]:
    """The IPv6 network behind a side. Raises NotApplicable where it has none."""
    found = tuple(one for one in networks if ":" in one)[:1]
    if not found:
        raise NotApplicable("it has no IPv6 network inside")
    return found


def serving6(pixit: Pixit) -> Connection:
    """The device assigns inner IPv6 addresses."""
    return usual(local_ts=("::/0",), remote_ts=inner6(pixit.device_networks), remote_pool6=POOL6)(pixit)


def asking6(pixit: Pixit) -> Connection:
    """We assign inner IPv6 addresses."""
    return usual(remote_ts=("::/0",), local_ts=inner6(pixit.tester_networks), local_pool6=POOL6)(pixit)


def serving_both(pixit: Pixit) -> Connection:
    """The device assigns inner addresses of both families."""
    behind = (*pixit.device_networks[:1], *inner6(pixit.device_networks))
    pools = {"remote_pool": pixit.device_pool or POOL, "remote_pool6": POOL6}
    return usual(local_ts=("0.0.0.0/0", "::/0"), remote_ts=behind, **pools)(pixit)


def asking_both(pixit: Pixit) -> Connection:
    """We assign inner addresses of both families."""
    behind = (*pixit.tester_networks[:1], *inner6(pixit.tester_networks))
    pools = {"local_pool": pixit.tester_pool or POOL, "local_pool6": POOL6}
    return usual(remote_ts=("0.0.0.0/0", "::/0"), local_ts=behind, **pools)(pixit)


# --- requests ---------------------------------------------------------------------------------------------------------


def wanting(*attributes: CfgAttr, reserved: int = 0) -> Bend:
    """Our CFG_REQUEST has these attributes."""
    return bend.change(CP, attributes=attributes, reserved2=reserved)


def plain(*kinds: CfgAttribute) -> Bend:
    """Our CFG_REQUEST asks for an IPv4 address and for these, all without a wish."""
    return wanting(CfgAttr(A4), *map(CfgAttr, kinds))


def requested(peer: Peer, bent: Bend | None = None, **changes: Any) -> tuple[ScriptedSa, Message]:
    """IKE_AUTH with this request: our side of it, and the response."""
    sa = peer.sa(**changes)
    sa.init()
    return sa, sa.auth(bent)


# --- what a reply has -------------------------------------------------------------------------------------------------


def attributes(answer: Message, kind: CfgType = CfgType.REPLY) -> list[CfgAttr]:
    """All attributes of the payloads of one type."""
    return [each for one in answer.all(CP) if one.cfg_type == kind for each in one.attributes]


def values(answer: Message, kind: CfgAttribute) -> list[bytes]:
    """What a CFG_REPLY says of one kind."""
    return [one.value for one in attributes(answer) if one.type == kind]


def before(message: Message, first: type[Payload], second: type[Payload]) -> bool:
    """Whether a payload stands before another one."""
    kinds = [type(one) for one in message.payloads]
    return first in kinds and second in kinds and kinds.index(first) < kinds.index(second)


def assigned(peer: Peer, answer: Message, kind: CfgAttribute = A4, *, at_most: int = 1) -> list[bytes]:
    """The addresses of one family in a CFG_REPLY: at least one, all of the pool, and well-formed."""
    reply = peer.expect(answer, CP, ASSIGNED)
    peer.check(reply.cfg_type == CfgType.REPLY, "CFG_REPLY", reply, ASSIGNED)
    found = values(answer, kind)
    peer.check(found, f"an {kind.name}", reply, ASSIGNED)
    peer.check(len(found) <= at_most, f"no more {kind.name} than asked for ({at_most})", reply, "RFC7296-3.15.1-5")
    return [of_pool(peer, reply, kind, one) for one in found]


def of_pool(peer: Peer, reply: CP, kind: CfgAttribute, value: bytes) -> bytes:
    """An address of its pool, four octets, or sixteen with the length of a prefix behind them."""
    size, pool = (4, peer.connection.remote_pool) if kind == A4 else (17, peer.connection.remote_pool6)
    peer.check(len(value) == size, f"an {kind.name} of {size} octets", reply, LENGTHS)
    prefix = f"a prefix of {value[16]} bits" if size == 17 else ""
    peer.check(size == 4 or value[16] <= 128, "a prefix of at most 128 bits", prefix, "RFC7296-3.15.3-3")
    network, address = ip_network(pool or "::/0"), ip_address(value[:16])
    peer.check(address in network, f"an address of {network}", reply, ASSIGNED)
    return address.packed


def narrowed(peer: Peer, answer: Message, *addresses: bytes) -> None:
    """The Child SA is for the assigned addresses and for nothing else (RFC 7296, sections 2.9 and 2.19)."""
    selectors = peer.expect(answer, TSi, "RFC7296-2.9-13")
    inside = covered(selectors.selectors, [host(one) for one in addresses])
    peer.check(inside, "assigned addresses alone as TSi", selectors, "RFC7296-2.9-13")


def no_reply(peer: Peer, answer: Message) -> None:
    """Whoever has not asked gets no CFG_REPLY."""
    peer.check(
        not any(one.cfg_type == CfgType.REPLY for one in answer.all(CP)), "no CFG_REPLY", answer, "RFC7296-2.19-8"
    )


def refused_address(peer: Peer, sa: ScriptedSa, answer: Message, kind: NotifyType, requirement: str) -> None:
    """An IKE SA without Child SA: this notify, without data, and no end without a Delete (sections 2.19, 3.15.4)."""
    peer.expect(answer, AUTH, requirement)
    notify = peer.expect_notify(answer, kind, requirement)
    peer.check(not notify.data, f"no data in N({kind.name})", notify.data.hex(), requirement)
    peer.check(answer.first(SA) is None, "no Child SA", answer, "RFC7296-3.15.4-3")
    kept(peer, sa, requirement)


# --- how attributes look ----------------------------------------------------------------------------------------------


def _mask(value: bytes) -> bool:
    """Ones, then zeros."""
    number = int.from_bytes(value, "big") ^ 0xFFFFFFFF
    return len(value) == 4 and number & (number + 1) == 0


def _printable(value: bytes) -> bool:
    return all(0x20 <= octet < 0x7F for octet in value)


def _resolver(size: int) -> Callable[[bytes], bool]:
    """Priority, addresses of ``size`` octets, a name, service parameters (RFC 9464, section 3.1)."""

    def right(value: bytes) -> bool:
        if len(value) < 4:
            return False
        count, name = value[2], value[3]
        at = 4 + count * size
        named = value[at : at + name]
        return value[:2] != b"\0\0" and count > 0 and len(named) == name and _name(named, empty=True)

    return right


def _name(value: bytes, *, empty: bool = False) -> bool:
    """A name in presentation format, in A-labels, without a terminator."""
    labels = value.removesuffix(b".").split(b".")
    plain_ = all(0 < len(one) < 64 and all(0x21 <= octet < 0x7F for octet in one) for one in labels)
    return (empty and not value) or (plain_ and len(value) < 256)


def _digest(value: bytes) -> bool:
    return len(value) > 4 and value[0] == 1 and len(value) > 4 + value[1]


FORMS: dict[CfgAttribute, tuple[str, str, Callable[[bytes], bool]]] = {
    CfgAttribute.INTERNAL_IP4_ADDRESS: ("4 octets", LENGTHS, lambda value: len(value) == 4),
    CfgAttribute.INTERNAL_IP4_NETMASK: ("a mask of 4 octets", LENGTHS, _mask),
    CfgAttribute.INTERNAL_IP4_DNS: ("4 octets", LENGTHS, lambda value: len(value) == 4),
    CfgAttribute.INTERNAL_IP4_NBNS: ("4 octets", LENGTHS, lambda value: len(value) == 4),
    CfgAttribute.INTERNAL_IP4_DHCP: ("4 octets", LENGTHS, lambda value: len(value) == 4),
    CfgAttribute.APPLICATION_VERSION: ("printable ASCII without terminator", "RFC7296-3.15.1-11", _printable),
    CfgAttribute.INTERNAL_IP6_ADDRESS: (
        "16 octets and a prefix", "RFC7296-3.15.3-3", lambda value: len(value) == 17 and value[16] <= 128
    ),
    CfgAttribute.INTERNAL_IP6_DNS: ("16 octets", LENGTHS, lambda value: len(value) == 16),
    CfgAttribute.INTERNAL_IP6_DHCP: ("16 octets", LENGTHS, lambda value: len(value) == 16),
    CfgAttribute.INTERNAL_IP4_SUBNET: (
        "an address and a mask", "RFC7296-3.15.1-24", lambda value: len(value) == 8 and _mask(value[4:])
    ),
    CfgAttribute.SUPPORTED_ATTRIBUTES: (
        "numbers of two octets", "RFC7296-3.15.1-13", lambda value: len(value) > 0 and len(value) % 2 == 0
    ),
    CfgAttribute.INTERNAL_IP6_SUBNET: (
        "an address and a prefix", "RFC7296-3.15.1-24", lambda value: len(value) == 17 and value[16] <= 128
    ),
    CfgAttribute.INTERNAL_IP6_LINK: ("8 octets or more", "RFC5739-5.1-1", lambda value: len(value) >= 8),
    CfgAttribute.INTERNAL_IP6_PREFIX: (
        "an address and a prefix", "RFC5739-5.2-1", lambda value: len(value) == 17 and value[16] <= 128
    ),
    CfgAttribute.INTERNAL_DNS_DOMAIN: ("a domain name", "RFC8598-4.1-1", _name),
    CfgAttribute.INTERNAL_DNSSEC_TA: ("a digest of a key", "RFC8598-4.2-1", lambda value: len(value) > 4),
    CfgAttribute.ENCDNS_IP4: ("a resolver with addresses", "RFC9464-3.1-5", _resolver(4)),
    CfgAttribute.ENCDNS_IP6: ("a resolver with addresses", "RFC9464-3.1-5", _resolver(16)),
    CfgAttribute.ENCDNS_DIGEST_INFO: ("one hash and its digest", "RFC9464-3.2-3", _digest),
}  # fmt: skip
"""What is right for each attribute of a CFG_REPLY, and where that stands."""
_ONCE = (
    (CfgAttribute.INTERNAL_IP4_NETMASK, "RFC7296-3.15.1-7"),
    (CfgAttribute.APPLICATION_VERSION, "RFC7296-3.15.1-23"),
    (CfgAttribute.SUPPORTED_ATTRIBUTES, "RFC7296-3.15.1-23"),
)
_RESOLVERS = (CfgAttribute.ENCDNS_IP4, CfgAttribute.ENCDNS_IP6)
_SERVERS = (*(CfgAttribute.INTERNAL_IP4_DNS, CfgAttribute.INTERNAL_IP6_DNS, *_RESOLVERS),)
"""What makes sense of a domain (RFC 8598, section 3.2; RFC 9464, section 4)."""


def well_formed(peer: Peer, answer: Message) -> None:
    """Whatever a CFG_REPLY says, it says it as it must. An empty attribute has nothing to say.

    Some devices repeat what they do not have as empty attributes: the table of lengths allows that.
    """
    found = attributes(answer)
    for one in found:
        rule = "RFC9464-3.1-1" if one.type in _RESOLVERS else "RFC7296-3.15.1-1"
        peer.check(not one.reserved, f"the reserved bit of {one.type.name} is zero", answer, rule)
        if one.value and one.type in FORMS:
            words, requirement, right = FORMS[one.type]
            peer.check(right(one.value), f"{one.type.name}: {words}", one.value.hex(), requirement)
    for payload in answer.all(CP):
        peer.check(not payload.reserved2, "RESERVED of CP is zero", payload, "RFC7296-3.15-1")
    filled = [one for one in found if one.value]
    for kind, requirement in _ONCE:
        count = sum(one.type == kind for one in filled)
        peer.check(count <= 1, f"{kind.name} at most once", answer, requirement)
    kinds = [one.type for one in filled]
    if CfgAttribute.INTERNAL_IP4_NETMASK in kinds:
        peer.check(A4 in kinds, "a netmask only beside an INTERNAL_IP4_ADDRESS", answer, "RFC7296-3.15.1-8")
    if CfgAttribute.INTERNAL_DNS_DOMAIN in kinds:
        peer.check(any(one in kinds for one in _SERVERS), "name servers beside domains", answer, "RFC8598-3.2-2")
    for last, kind in zip([None, *kinds], kinds, strict=False):
        if kind == CfgAttribute.INTERNAL_DNSSEC_TA:
            follows = last in (CfgAttribute.INTERNAL_DNS_DOMAIN, CfgAttribute.INTERNAL_DNSSEC_TA)
            peer.check(follows, "a trust anchor right behind its domain", answer, "RFC8598-4.2-2")


def spared(peer: Peer, sa: ScriptedSa, answer: Message, requirement: str) -> None:
    """A request that is malformed in one attribute is refused, or served as if that were not there.

    A refusal may end the IKE SA (RFC 7296, section 2.21.2). What is assigned nevertheless must be right.
    """
    well_formed(peer, answer)
    if fatal(answer) is not None or answer.first(SA) is None:
        peer.check(fatal(answer) is not None, "an error notify, or a Child SA", answer, requirement)
        return
    peer.expect(answer, AUTH, requirement)
    found = [address for kind in (A4, A6) for address in _found(peer, answer, kind)]
    if found:
        narrowed(peer, answer, *found)
    kept(peer, sa, requirement)


def _found(peer: Peer, answer: Message, kind: CfgAttribute) -> list[bytes]:
    """The addresses of a reply that may have none."""
    return [of_pool(peer, one, kind, each.value)
            for one in answer.all(CP) for each in one.attributes if each.type == kind and each.value]  # fmt: skip


def packed(text: str) -> bytes:
    """The octets of an address."""
    return ip_address(text).packed


def inside(pool: str | None, at: int) -> bytes:
    """The address at this place of a pool; counted from the end where the place is negative."""
    network = ip_network(pool or POOL)
    first = int(network.network_address)
    number = first + at if at >= 0 else first + network.num_addresses + at
    return (IPv4Address if network.version == 4 else IPv6Address)(number).packed
