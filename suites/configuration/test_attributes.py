"""What may be asked for beside an address, and how the answer looks (RFC 7296, 3.15.1; RFC 8598, 9464, 5739, 8983)."""

from collections.abc import Callable

from conformance.ike.core.connection import InnerNetwork
from conformance.ike.core.subnets import network_of
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.wire import AUTH, CP, CfgAttr, CfgAttribute, CfgType, Message, NotifyType
from peers.capabilities import Capability
from suites.configuration.steps import (
    A4,
    A6,
    IGNORED,
    INNER,
    INNER6,
    LENGTHS,
    assigned,
    attributes,
    inside,
    narrowed,
    packed,
    plain,
    requested,
    serving,
    serving6,
    values,
    wanting,
    well_formed,
)
from suites.connections import Setup
from suites.create_child_sa.answers import kept
from suites.ike_auth.steps import must_succeed
from suites.purpose import purpose

DNS = ("10.2.0.53", "10.2.0.54")
DOMAINS = ("corp.example", "city.other.example")
SUBNETS = ("10.2.0.0/24", "10.9.0.0/16")
EVERYTHING = tuple(one for one in CfgAttribute if one not in (A4, A6))
UNITY = tuple(map(CfgAttribute, range(28672, 28683)))
"""The private attributes of Cisco's clients: banner, default domain, split DNS, backup servers and so on."""
FLEXVPN = (
    *[CfgAttr(CfgAttribute.INTERNAL_IP4_DNS)] * 2,
    *[CfgAttr(CfgAttribute.INTERNAL_IP4_NBNS)] * 2,
    *map(CfgAttr, (CfgAttribute.INTERNAL_IP4_SUBNET, CfgAttribute.INTERNAL_IP6_DNS, CfgAttribute.INTERNAL_IP6_SUBNET)),
    *map(CfgAttr, (UNITY[0], UNITY[2], UNITY[3], UNITY[6], UNITY[9], CfgAttribute(28695), CfgAttribute(28696))),
    CfgAttr(CfgAttribute.APPLICATION_VERSION, b"ikespec\n".ljust(277, b".")),
)
"""What a FlexVPN client asks for, with a version of 277 octets and line breaks."""


def with_inner(inner: InnerNetwork) -> Setup:
    """The device tells of its network beside an IPv4 address."""
    return serving(remote_inner=inner)


Check = Callable[[Peer, Message], None]


def told(peer: Peer, request: Bend, check: Check | None) -> None:
    """With this request the address comes, and what comes beside it is right."""
    sa, answer = requested(peer, request)
    peer.expect(answer, AUTH)
    well_formed(peer, answer)
    narrowed(peer, answer, *assigned(peer, answer))
    if check is not None:
        check(peer, answer)
    must_succeed(peer, sa)


def asked(
    identifier: str,
    title: str,
    request: Bend,
    *requirements: str,
    check: Check | None = None,
    needs: tuple[Capability, ...] = (),
    connection: Setup | None = None,
) -> Callable[[Peer], None]:
    """A purpose: with this request, for an IPv4 address among others, the address comes, and what else is right."""

    def test(peer: Peer) -> None:
        told(peer, request, check)

    test.__doc__ = title
    marked = purpose(
        identifier, *requirements, role="responder", needs=(*INNER, *needs), connection=connection or serving()
    )
    return marked(test)


def among(kind: CfgAttribute, *known: bytes) -> Check:
    """What is told is what the device has been configured with, or nothing."""

    def check(peer: Peer, answer: Message) -> None:
        strange = [one.hex() for one in values(answer, kind) if one and one not in known]
        peer.check(not strange, f"{kind.name} as configured, or none", ", ".join(strange), LENGTHS)

    return check


# --- what is ignored --------------------------------------------------------------------------------------------------

test_everything = asked(
    "cp-everything", "Every registered attribute is asked for: what comes back has the form that its table says.",
    plain(*EVERYTHING), LENGTHS, IGNORED, "RFC7296-3.15.1-24", "RFC7296-3.15-1", "RFC7296-3.15.1-7", "RFC7296-3.15.1-8",
    "RFC7296-3.15.1-11", "RFC7296-3.15.1-13", "RFC8598-3.2-2", "RFC9464-3.1-5", "RFC5739-5.1-1",
)  # fmt: skip
test_private = asked(
    "cp-private", "Private attributes, of 0 and of 2000 octets, are ignored; the address comes.",
    wanting(CfgAttr(CfgAttribute(16384)), CfgAttr(A4), CfgAttr(CfgAttribute(32767), bytes(2000))), IGNORED,
)  # fmt: skip
test_unity = asked(
    "cp-unity", "The attributes of Cisco's clients may be unknown and are ignored then; the address comes.",
    plain(*UNITY), IGNORED,
)  # fmt: skip
test_flexvpn = asked(
    "cp-flexvpn-request", "The long request of a FlexVPN client, with doubles and a version of 277 octets, is served.",
    wanting(CfgAttr(A4), *FLEXVPN), IGNORED, LENGTHS,
)  # fmt: skip
test_withdrawn = asked(
    "cp-withdrawn", "Types 5, 9 and 11, withdrawn or never assigned, are ignored; the address comes.",
    plain(*map(CfgAttribute, (5, 9, 11))), IGNORED, "RFC7296-1.7-1",
)  # fmt: skip
test_reserved_bit = asked(
    "cp-reserved-bit", "The reserved bit of each attribute is set: it is ignored, and no part of the type.",
    wanting(CfgAttr(A4, reserved=1), CfgAttr(CfgAttribute.INTERNAL_IP4_DNS, reserved=1)), "RFC7296-3.15.1-2",
)  # fmt: skip
test_reserved = asked(
    "cp-reserved", "The three RESERVED octets of the payload are not zero: they are ignored.",
    wanting(CfgAttr(A4), reserved=0xFFFFFF), "RFC7296-3.15-2",
)  # fmt: skip
test_hundreds = asked(
    "cp-hundreds", "300 attributes of unassigned types and one for an address: that one is found.",
    wanting(*(CfgAttr(CfgAttribute(one)) for one in range(15000, 15300)), CfgAttr(A4)), IGNORED,
)  # fmt: skip

# --- netmask, version, supported attributes ---------------------------------------------------------------------------

test_netmask = asked(
    "cp-netmask", "A netmask is asked for: it is left out, or comes once, as a mask, beside the address.",
    plain(CfgAttribute.INTERNAL_IP4_NETMASK), LENGTHS, "RFC7296-3.15.1-7", "RFC7296-3.15.1-8",
)  # fmt: skip
test_netmask_value = asked(
    "cp-netmask-value", "The request has a mask with holes, which makes no sense: the answer is no such.",
    wanting(CfgAttr(A4), CfgAttr(CfgAttribute.INTERNAL_IP4_NETMASK, b"\xff\0\xff\0")), LENGTHS, "RFC7296-3.15.1-9",
)  # fmt: skip
test_supported = asked(
    "cp-supported", "SUPPORTED_ATTRIBUTES is answered with numbers of two octets, once, or not at all.",
    plain(CfgAttribute.SUPPORTED_ATTRIBUTES), "RFC7296-3.15.1-13", "RFC7296-3.15.1-23",
)  # fmt: skip
test_version = asked(
    "cp-version", "APPLICATION_VERSION is answered in printable characters, empty, or not at all.",
    plain(CfgAttribute.APPLICATION_VERSION), "RFC7296-3.15.1-11", "RFC7296-2.20-3", "RFC7296-3.15.1-23",
)  # fmt: skip
test_version_control = asked(
    "cp-version-control", "Our version has control characters, zeros and bits of 8: it harms nobody.",
    wanting(CfgAttr(A4), CfgAttr(CfgAttribute.APPLICATION_VERSION, bytes(range(256)) + b"%s%n\x1b[2J")),
    IGNORED, "RFC7296-3.15.1-11",
)  # fmt: skip

# --- name servers and networks ----------------------------------------------------------------------------------------

test_dns = asked(
    "cp-dns", "Two name servers are configured and asked for: those come, or some, or none, of four octets each.",
    plain(*[CfgAttribute.INTERNAL_IP4_DNS] * 2), LENGTHS,
    check=among(CfgAttribute.INTERNAL_IP4_DNS, *map(packed, DNS)),
    needs=(Capability.CONFIG_DNS,), connection=with_inner(InnerNetwork(dns=DNS)),
)  # fmt: skip
test_dns_value = asked(
    "cp-dns-value", "A name server is suggested: the answer names those that are configured, that one, or none.",
    wanting(CfgAttr(A4), CfgAttr(CfgAttribute.INTERNAL_IP4_DNS, packed("192.0.2.53"))), LENGTHS,
    check=among(CfgAttribute.INTERNAL_IP4_DNS, packed("192.0.2.53"), *map(packed, DNS)),
    needs=(Capability.CONFIG_DNS,), connection=with_inner(InnerNetwork(dns=DNS)),
)  # fmt: skip


NBNS = ("10.2.0.55", "10.2.0.56")


@purpose(
    "cp-nbns", LENGTHS, role="responder", needs=(*INNER, Capability.CONFIG_NBNS),
    connection=with_inner(InnerNetwork(dns=DNS, nbns=NBNS)),
)  # fmt: skip
def test_nbns(peer: Peer) -> None:
    """Two NetBIOS name servers are configured and asked for: those come, or some, or none; no name server is one."""
    request = plain(CfgAttribute.INTERNAL_IP4_DNS, *[CfgAttribute.INTERNAL_IP4_NBNS] * 2)
    told(peer, request, among(CfgAttribute.INTERNAL_IP4_NBNS, *map(packed, NBNS)))
    told(peer, request, among(CfgAttribute.INTERNAL_IP4_DNS, *map(packed, DNS)))


def _networks(peer: Peer, answer: Message) -> None:
    """Each is a network, with nothing behind its mask."""
    for one in attributes(answer):
        if one.type == CfgAttribute.INTERNAL_IP4_SUBNET and one.value:
            peer.check(network_of(one) is not None, "a network and its mask", one.value.hex(), "RFC7296-3.15.1-24")


test_subnets = asked(
    "cp-subnets", "Two networks are configured and asked for: each has an attribute of its own, or is left out.",
    plain(CfgAttribute.INTERNAL_IP4_SUBNET), "RFC7296-3.15.1-24", LENGTHS, check=_networks,
    needs=(Capability.CONFIG_SUBNETS,), connection=with_inner(InnerNetwork(subnets=SUBNETS)),
)  # fmt: skip


@purpose("cp-attributes6", LENGTHS, IGNORED, "RFC7296-3.15.1-24", "RFC7296-3.15.3-3", "RFC5739-5.1-1", "RFC5739-5.2-1",
         role="responder", needs=INNER6, connection=serving6)  # fmt: skip
def test_attributes6(peer: Peer) -> None:
    """Beside an IPv6 address everything else of IPv6 is asked for, a link among it: what comes has the right form.

    A device that knows RFC 5739 may give prefixes in place of the address.
    """
    link = CfgAttr(CfgAttribute.INTERNAL_IP6_LINK, inside(peer.connection.remote_pool6, 0x4321)[8:])
    kinds = (CfgAttribute.INTERNAL_IP6_DNS, CfgAttribute.INTERNAL_IP6_DHCP, CfgAttribute.INTERNAL_IP6_SUBNET)
    sa, answer = requested(peer, wanting(CfgAttr(A6), link, *map(CfgAttr, kinds)))
    peer.expect(answer, AUTH)
    well_formed(peer, answer)
    if not values(answer, CfgAttribute.INTERNAL_IP6_PREFIX):
        narrowed(peer, answer, *assigned(peer, answer, A6))
    kept(peer, sa, IGNORED)


@purpose("cp-no-pool", "RFC7296-3.15.4-2", IGNORED, "RFC7296-3.15.4-4", role="responder")
def test_no_pool(peer: Peer) -> None:
    """A FlexVPN client asks a device for an address that has none to give: its IKE SA comes up all the same.

    Without CP, or with a CFG_REPLY without address, there is a Child SA, or INTERNAL_ADDRESS_FAILURE in its place.
    """
    sa, answer = requested(peer, bend.insert(CP(CfgType.REQUEST, (CfgAttr(A4), *FLEXVPN)), 1))
    peer.expect(answer, AUTH, "RFC7296-3.15.4-2")
    peer.check(not any(values(answer, A4)), "no address", answer, IGNORED)
    well_formed(peer, answer)
    kept(peer, sa, "RFC7296-3.15.4-2")


# --- split DNS --------------------------------------------------------------------------------------------------------

SPLIT: Setup = with_inner(InnerNetwork(dns=DNS, domains=DOMAINS))
NAMES = among(CfgAttribute.INTERNAL_DNS_DOMAIN, *(one.encode() for one in DOMAINS))
DOMAIN, ANCHOR = CfgAttribute.INTERNAL_DNS_DOMAIN, CfgAttribute.INTERNAL_DNSSEC_TA
_SPLIT = (Capability.SPLIT_DNS,)

test_domains = asked(
    "cp-domains", "Name servers and domains are asked for: the configured ones come.",
    plain(CfgAttribute.INTERNAL_IP4_DNS, DOMAIN), "RFC8598-3.2-2", "RFC8598-4.1-1", "RFC8598-2-2",
    check=NAMES, needs=_SPLIT, connection=SPLIT,
)  # fmt: skip
test_domain_suggested = asked(
    "cp-domain-suggested", "A domain is suggested: the answer names the configured ones, or none.",
    wanting(CfgAttr(A4), CfgAttr(CfgAttribute.INTERNAL_IP4_DNS), CfgAttr(DOMAIN, b"suggested.example")),
    "RFC8598-3.2-2", "RFC8598-4.1-1", needs=_SPLIT, connection=SPLIT,
    check=among(DOMAIN, b"suggested.example", *(one.encode() for one in DOMAINS)),
)  # fmt: skip
test_domains_alone = asked(
    "cp-domains-alone", "Domains are asked for without name servers: none come, or name servers beside them.",
    plain(DOMAIN), "RFC8598-3.2-2", "RFC8598-2-2", check=NAMES, needs=_SPLIT, connection=SPLIT,
)  # fmt: skip
test_anchors = asked(
    "cp-anchors", "Domains and trust anchors are asked for: an anchor stands right behind its domain.",
    plain(CfgAttribute.INTERNAL_IP4_DNS, DOMAIN, ANCHOR), "RFC8598-4.2-2", "RFC8598-3.2-6", "RFC8598-4.2-1",
    check=NAMES, needs=_SPLIT, connection=SPLIT,
)  # fmt: skip
test_anchors_alone = asked(
    "cp-anchors-alone", "Trust anchors are asked for without domains: none come, or with domains and servers.",
    plain(CfgAttribute.INTERNAL_IP4_DNS, ANCHOR), "RFC8598-4.2-2", "RFC8598-3.2-2",
    check=NAMES, needs=_SPLIT, connection=SPLIT,
)  # fmt: skip
test_domain_hostile = asked(
    "cp-domain-hostile", "A suggested domain has zeros, control characters and 2000 octets: it is not told back.",
    wanting(CfgAttr(A4), CfgAttr(CfgAttribute.INTERNAL_IP4_DNS), CfgAttr(DOMAIN, b"a\0;$(reboot)\n" + b"x" * 2000)),
    "RFC8598-4.1-1", "RFC8598-3.2-2", check=NAMES, needs=_SPLIT, connection=SPLIT,
)  # fmt: skip

# --- encrypted DNS ----------------------------------------------------------------------------------------------------

RESOLVER: Setup = with_inner(InnerNetwork(dns=DNS, resolver="resolver.corp.example"))
ENC4, ENC6, DIGEST = CfgAttribute.ENCDNS_IP4, CfgAttribute.ENCDNS_IP6, CfgAttribute.ENCDNS_DIGEST_INFO
_ENCRYPTED = (Capability.ENCRYPTED_DNS,)
HASHES = CfgAttr(DIGEST, b"\3\0" + b"\0\2\0\3\0\4")


def _resolvers(peer: Peer, answer: Message) -> None:
    """What comes names protocols, and the addresses that are configured (RFC 9464, section 4)."""
    for one in filter(None, values(answer, ENC4)):
        rest = one[4 + 4 * one[2] + one[3] :]
        peer.check(rest[:2] == b"\0\1", "the service parameter alpn", one.hex(), "RFC9464-4-6")
        known = {one[at : at + 4] for at in range(4, 4 + 4 * one[2], 4)}
        peer.check(known <= set(map(packed, DNS)), "the configured addresses", one.hex(), "RFC9464-4-5")


test_encrypted = asked(
    "cp-encrypted", "An encrypted resolver is asked for: it comes with priority, address, name and protocols.",
    wanting(CfgAttr(A4), CfgAttr(ENC4), HASHES), "RFC9464-3.1-3", "RFC9464-3.1-4", "RFC9464-3.1-5", "RFC9464-4-5",
    "RFC9464-3.2-3", "RFC9464-4-6", check=_resolvers, needs=_ENCRYPTED, connection=RESOLVER,
)  # fmt: skip
test_encrypted_suggested = asked(
    "cp-encrypted-suggested", "A resolver is suggested by name, without address: what comes has an address.",
    wanting(CfgAttr(A4), CfgAttr(ENC4, b"\0\1\0\x0fdoh.example.com")), "RFC9464-3.1-5", "RFC9464-3.1-3",
    check=_resolvers, needs=_ENCRYPTED, connection=RESOLVER,
)  # fmt: skip


def _told_once(peer: Peer, answer: Message) -> None:
    """Doubles in the request make no doubles in the answer."""
    found = values(answer, ENC4)
    peer.check(len(set(found)) == len(found), "no resolver twice", answer, "RFC9464-4-3")


test_encrypted_again = asked(
    "cp-encrypted-again", "The same empty attribute stands in the request three times: the first one is answered.",
    wanting(CfgAttr(A4), *[CfgAttr(ENC4)] * 3), "RFC9464-3.1-3", "RFC9464-4-3", check=_told_once,
    needs=_ENCRYPTED, connection=RESOLVER,
)  # fmt: skip
test_encrypted_family = asked(
    "cp-encrypted-family", "A resolver with IPv6 addresses is asked for, and there is none: nothing is invented.",
    wanting(CfgAttr(A4), CfgAttr(ENC6)), "RFC9464-3.1-5", "RFC9464-3.1-3", needs=_ENCRYPTED, connection=RESOLVER,
)  # fmt: skip

# --- families that are allowed ----------------------------------------------------------------------------------------


def _families(peer: Peer, answer: Message) -> None:
    """A device may know RFC 8983; then it says that IPv4 is allowed, without data."""
    kinds = (NotifyType.IP4_ALLOWED, NotifyType.IP6_ALLOWED)
    found = [one for one in answer.notifies() if one.type in kinds]
    peer.check(not any(one.data for one in found), "no data", answer, "RFC8983-4-1")
    peer.check(not found or any(one.type == kinds[0] for one in found), "IP4_ALLOWED among them", answer, "RFC8983-5-2")


test_families = asked(
    "cp-families", "Who knows IP4_ALLOWED and IP6_ALLOWED names the family of what it assigns, without data.",
    wanting(CfgAttr(A4), CfgAttr(A6)), "RFC8983-5-2", "RFC8983-4-1", check=_families,
)  # fmt: skip
