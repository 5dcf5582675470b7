"""The clients that come with Windows, iOS, macOS and Android, as they ask.

What they send are their payloads, notifies and attributes in their order, with whatever a device knows nothing of; the
algorithms that the device takes stand behind theirs. None of them may be turned away for its habits. They send no
CERTREQ but Windows, and trust that they get a certificate all the same; ours asks, as RFC 7296 would have it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from conformance.ike.core.connection import Connection, Identity
from conformance.ike.core.selectors import covered, ranges
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import (
    CERTREQ,
    CP,
    KE,
    SA,
    CfgAttr,
    CfgAttribute,
    IDi,
    IDr,
    IdType,
    Message,
    Nonce,
    Notify,
    NotifyType,
    Payload,
    ProtocolID,
    TSi,
    TSr,
    VendorID,
)
from peers.capabilities import Capability
from peers.contract import Pixit
from suites.configuration.steps import POOL, assigned, narrowed
from suites.connections import Setup, eap
from suites.create_child_sa.answers import carries, granted
from suites.create_child_sa.test_new_child import wider
from suites.dut import Dut
from suites.eap.steps import must_be_up
from suites.foreign import refused
from suites.purpose import purpose

NEEDS = (Capability.EAP, Capability.VIRTUAL_IP, Capability.NARROWING, Capability.ANY_IDENTITY)
ANYBODY = {"any_identity": True}
ATTRIBUTES, NOTIFIES, VENDORS = "RFC7296-3.15.1-15", "RFC7296-3.10.1-3", "RFC7296-3.12-5"
IN_USE = "RFC7296-2.9.2-3"

NATS = (NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP)
FRAGMENTS, REDIRECTS = NotifyType.IKEV2_FRAGMENTATION_SUPPORTED, NotifyType.REDIRECT_SUPPORTED
MOBILE, CONTACT = NotifyType.MOBIKE_SUPPORTED, NotifyType.INITIAL_CONTACT
UNPADDED, LATER_FRAGMENTS = NotifyType.ESP_TFC_PADDING_NOT_SUPPORTED, NotifyType.NON_FIRST_FRAGMENTS_ALSO

A = CfgAttribute
SERVER4, SERVER6 = CfgAttribute(23456), CfgAttribute(23457)
"""Attributes of Microsoft's for private use: the inner address of the server."""
AUTHORITIES = 60 * 20
"""Octets of the hashes of sixty authorities."""
MICROSOFT = (
    "1e2b516905991c7d7c96fcbfb587e46100000009",
    "fb1de3cdf341b7ea16b7e5be0855f120",
    "26244d38eddb61b3172a36e3d0cfb819",
    "01528bbbc00696121849ab9a1c5b2a5100000002",
)
"""Vendor IDs of Windows 10: its release, negotiation discovery, initial contact, and fragmentation."""

Step = type[Payload] | NotifyType | Payload


def client(identity: Callable[[Pixit], Identity] | None = None) -> Setup:
    """A client without an address of its own that has a name and a password."""

    def setup(pixit: Pixit) -> Connection:
        inner: dict[str, Any] = {"local_ts": ("0.0.0.0/0",), "remote_pool": pixit.device_pool or POOL}
        found = eap("mschapv2", **inner)(pixit)
        ours = found.local if identity is None else replace(found.local, identity=identity(pixit))
        return replace(found, local=ours)

    return setup


def at_its_address(pixit: Pixit) -> Identity:
    """The address of its interface is all that it says who it is."""
    return Identity.of(pixit.tester_address)


def by_user_name(pixit: Pixit) -> Identity:
    """The name of the user as octets that mean nothing to anybody else."""
    return Identity(IdType.KEY_ID, (pixit.credentials.eap_identity or "user").encode())


def in_order(*steps: Step, text: str) -> Bend:
    """These payloads, as our side has made them or else as they are given here, and no other ones but COOKIE."""

    def arranged(found: list[Payload]) -> Sequence[Payload]:
        cookie = [one for one in found if isinstance(one, Notify) and one.type == NotifyType.COOKIE]
        return [*cookie, *(each for step in steps for each in _of(found, step))]

    return bend.order(arranged, text)


def _of(found: list[Payload], step: Step) -> list[Payload]:
    if isinstance(step, type):
        return [one for one in found if isinstance(one, step)]
    if isinstance(step, NotifyType):
        made = [one for one in found if isinstance(one, Notify) and one.type == step]
        return list[Payload](made) if made or step in NATS else [Notify(step)]
    return [step]


def wants(*kinds: CfgAttribute) -> Bend:
    """The attributes that it asks for, all empty."""
    return bend.change(CP, attributes=tuple(map(CfgAttr, kinds)))


def served(peer: Peer, dut: Dut, sa: ScriptedSa, answer: Message, requirement: str) -> None:
    """The client has got an address, and nothing but that is its own; it is heard."""
    sa.must_be_established(requirement)
    address = assigned(peer, answer)
    narrowed(peer, answer, *address)
    must_be_up(peer, sa, requirement)
    carries(peer, dut, sa.child, requirement)


@purpose(
    "eap-client-windows", VENDORS, ATTRIBUTES, NOTIFIES, "RFC7296-2.9-13", "RFC7296-2.7-1", role="responder",
    needs=NEEDS, connection=client(at_its_address), device=ANYBODY, ordinary=True,
)  # fmt: skip
def test_windows(peer: Peer, dut: Dut) -> None:
    """Windows: four Vendor IDs, sixty authorities, its address as IDi, no IDr, MOBIKE, and first an offer in vain.

    It asks for addresses of both families and for attributes that only Microsoft knows.
    """
    child = peer.connection.children[0]
    offered = replace(child, proposals=(*refused(dut, protocol=ProtocolID.ESP), *child.proposals))
    sa = peer.sa(proposals=(*refused(dut), *peer.connection.proposals), children=(offered,))
    sa.init(in_order(SA, KE, Nonce, FRAGMENTS, *NATS, *_vendors(*MICROSOFT), text="IKE_SA_INIT of Windows"))
    unknown = peer.random(AUTHORITIES)
    asks = in_order(IDi, CERTREQ, MOBILE, CP, SA, TSi, TSr, text="IKE_AUTH of Windows")
    asks |= bend.replace(CERTREQ, lambda one: CERTREQ(one.encoding, unknown + one.data), "60 authorities more")
    asks |= wants(
        A.INTERNAL_IP4_ADDRESS, A.INTERNAL_IP4_DNS, A.INTERNAL_IP4_NBNS, SERVER4,
        A.INTERNAL_IP6_ADDRESS, A.INTERNAL_IP6_DNS, SERVER6,
    )  # fmt: skip
    served(peer, dut, sa, sa.auth(asks), VENDORS)


@purpose(
    "eap-client-windows-rekey", IN_USE, "RFC7296-2.9-3", role="responder", needs=(*NEEDS, Capability.REKEY_CHILD),
    connection=client(at_its_address), device=ANYBODY,
)  # fmt: skip
def test_windows_rekey(peer: Peer, dut: Dut) -> None:
    """Windows rekeys its Child SA and asks for everything to everything, as at the beginning: it gets what it had."""
    sa = peer.sa()
    sa.init()
    with peer.preamble("the client is served"):
        served(peer, dut, sa, sa.auth(), IN_USE)
    old, sa.tidy = sa.child, False
    answer = sa.rekey_child(bend=wider(sa))
    granted(peer, dut, answer, Capability.REKEY_CHILD, IN_USE)
    ours, theirs = peer.expect(answer, TSi), peer.expect(answer, TSr)
    peer.check(covered(old.local_ts, ranges(ours.selectors)), "TSi covers that in use", answer, IN_USE)
    peer.check(covered(old.remote_ts, ranges(theirs.selectors)), "TSr covers that in use", answer, IN_USE)
    peer.check(covered(ours.selectors, old.local_ts), "TSi within what was assigned", answer, "RFC7296-2.9-3")
    carries(peer, dut, sa.children[-1], IN_USE)


@purpose(
    "eap-client-apple", ATTRIBUTES, NOTIFIES, "RFC7296-2.9-13", role="responder", needs=NEEDS, connection=client(),
    device=ANYBODY, canary=False,
)  # fmt: skip
def test_apple(peer: Peer, dut: Dut) -> None:
    """iOS and macOS: REDIRECT_SUPPORTED first, notifies between IDi and IDr and before SA, DHCP servers and domains."""
    sa = peer.sa()
    sa.init(in_order(SA, KE, Nonce, REDIRECTS, *NATS, FRAGMENTS, text="IKE_SA_INIT of iOS"))
    asks = in_order(
        IDi, CONTACT, IDr, CERTREQ, CP, UNPADDED, LATER_FRAGMENTS, SA, TSi, TSr, MOBILE, text="IKE_AUTH of iOS"
    )  # fmt: skip
    asks |= wants(
        A.INTERNAL_IP4_ADDRESS, A.INTERNAL_IP4_NETMASK, A.INTERNAL_IP4_DHCP, A.INTERNAL_IP4_DNS,
        A.INTERNAL_IP6_ADDRESS, A.INTERNAL_IP6_DHCP, A.INTERNAL_IP6_DNS, A.INTERNAL_DNS_DOMAIN,
    )  # fmt: skip
    served(peer, dut, sa, sa.auth(asks), ATTRIBUTES)


@purpose(
    "eap-client-android", ATTRIBUTES, "RFC7296-2.9-13", "RFC7296-3.5-9", role="responder", needs=NEEDS,
    connection=client(by_user_name), device=ANYBODY, ordinary=True,
)  # fmt: skip
def test_android(peer: Peer, dut: Dut) -> None:
    """Android: the user name as ID_KEY_ID, the Child SA in front of CP, which asks for the version of the device."""
    sa = peer.sa()
    sa.init(in_order(SA, KE, Nonce, *NATS, FRAGMENTS, text="IKE_SA_INIT of Android"))
    asks = in_order(IDi, IDr, CERTREQ, SA, TSi, TSr, CP, text="IKE_AUTH of Android")
    asks |= wants(
        A.INTERNAL_IP4_ADDRESS, A.INTERNAL_IP6_ADDRESS, A.INTERNAL_IP4_DNS, A.INTERNAL_IP6_DNS,
        A.INTERNAL_IP4_NETMASK, A.APPLICATION_VERSION,
    )  # fmt: skip
    served(peer, dut, sa, sa.auth(asks), ATTRIBUTES)


def _vendors(*data: str) -> list[VendorID]:
    return [VendorID(bytes.fromhex(one)) for one in data]
