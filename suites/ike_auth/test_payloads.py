"""Unknown, doubled, missing and rearranged payloads in IKE_AUTH (RFC 7296, sections 2.5 and 3)."""

from dataclasses import replace

from conformance.ike.core import protection
from conformance.script import bend
from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import fatal
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import (
    AUTH,
    CERTREQ,
    CP,
    SA,
    CertEncoding,
    CfgAttr,
    CfgAttribute,
    CfgType,
    ExchangeType,
    IDi,
    IDr,
    Notify,
    NotifyType,
    Payload,
    Proposal,
    TSi,
    TSr,
    UnknownPayload,
    VendorID,
    encode_payloads,
)
from suites.dut import Dut
from suites.ike_auth.refusal import answer_of, must_not_succeed
from suites.ike_auth.steps import must_be_accepted_by, must_succeed
from suites.purpose import purpose


def accepted(peer: Peer, bent: Bend, requirement: str) -> None:
    """IKE_AUTH succeeds although its request is bent."""
    sa = peer.sa()
    sa.init()
    sa.auth(bent)
    must_succeed(peer, sa, requirement)


@purpose(
    "auth-unknown-critical", "RFC7296-2.5-11", "RFC7296-2.5-10", "RFC7296-2.5-12", "RFC7296-2.21.2-4",
    "RFC7296-2.21.2-5", role="responder",
)  # fmt: skip
def test_unknown_critical(peer: Peer) -> None:
    """A request with an unknown critical payload is refused as a whole; the notify names the type of the payload."""
    sa = peer.sa()
    sa.init()
    answer = must_not_succeed(peer, sa, bend.append(UnknownPayload(200, b"ikespec", critical=True)))
    notify = peer.expect_notify(answer, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "RFC7296-2.5-11")
    peer.check(notify.data == bytes((200,)), "payload type 200 as data", notify.data.hex(), "RFC7296-2.5-12")


@purpose("auth-unknown-payload", "RFC7296-2.5-13", "RFC7296-2.5-9", "RFC7296-4-2", role="responder")
def test_unknown_payload(peer: Peer) -> None:
    """Payloads of unknown types, first, last and in between, are skipped."""
    strange = [bend.insert(UnknownPayload(kind, b"x" * kind), at) for kind, at in ((200, 0), (55, 2), (128, 4))]
    accepted(peer, strange[0] | strange[1] | strange[2] | bend.append(UnknownPayload(255, b"")), "RFC7296-2.5-13")


@purpose("auth-critical-known", "RFC7296-3.2-5", role="responder")
def test_critical_known(peer: Peer) -> None:
    """The critical flag means nothing in payloads of known types."""
    kinds = (IDi, IDr, AUTH, SA, TSi, TSr, Notify)
    bent = bend.replace(
        Payload,
        lambda one: replace(one, critical=True) if isinstance(one, kinds) else one,
        "critical flag in all payloads",
    )
    accepted(peer, bent, "RFC7296-3.2-5")


def besides(*, critical: bool) -> Bend:
    """What an initiator may add to its first request, whoever it talks to: CERTREQ, CP, N and V."""
    version = CP(CfgType.REQUEST, (CfgAttr(CfgAttribute.APPLICATION_VERSION, b""),), critical=critical)
    wish = CERTREQ(CertEncoding.X509_SIGNATURE, bytes(20), critical=critical)
    vendor = VendorID(b"ikespec", critical=critical)
    told = Notify(NotifyType.MOBIKE_SUPPORTED, critical=critical)
    return bend.insert(wish, 1) | bend.insert(version, 2) | bend.append(told) | bend.append(vendor)


@purpose("auth-skipped", "RFC7296-4-1", "RFC7296-4-2", role="responder")
def test_skipped(peer: Peer) -> None:
    """CERTREQ, CP, N and V stand in the request: a device that has no use for them steps over them."""
    accepted(peer, besides(critical=False), "RFC7296-4-1")


@purpose("auth-skipped-critical", "RFC7296-3.2-7", "RFC7296-3.2-5", role="responder")
def test_skipped_critical(peer: Peer) -> None:
    """The same with the critical flag: RFC 7296 defines these types, so everybody understands them."""
    accepted(peer, besides(critical=True), "RFC7296-3.2-7")


VENDORS = "RFC7296-3.12-4", "RFC7296-3.12-5"


def with_vendors(found: list[Payload]) -> list[Payload]:
    """Vendor IDs in front, between any two payloads and at the end: of one octet, of 16, and one of 300."""
    short = [each for at, one in enumerate(found) for each in (one, VendorID(bytes((at,)) * (16 if at % 2 else 1)))]
    return [VendorID(b"ikespec " * 2), *short, VendorID(b"v" * 300)]


@purpose("auth-vendors", *VENDORS, role="responder")
def test_vendors(peer: Peer) -> None:
    """Vendor IDs stand in front of IDi, between any two payloads and at the end: nobody minds them."""
    accepted(peer, bend.order(with_vendors, "Vendor IDs everywhere"), VENDORS[0])


@purpose("auth-responder-vendors", *VENDORS, role="initiator")
def test_responder_vendors(peer: Peer, dut: Dut) -> None:
    """The same in our response to a device that initiates: it takes the IKE SA and its Child SA."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init())
    sa.answer(sa.expect_request(ExchangeType.IKE_AUTH), bend=bend.order(with_vendors, "Vendor IDs everywhere"))
    must_be_accepted_by(sa, VENDORS[0])


@purpose("auth-payload-order", "RFC7296-2.5-17", "RFC7296-1.7-2", role="responder")
def test_order(peer: Peer) -> None:
    """The payloads of a request may come in any order; we send them backwards."""
    accepted(peer, bend.order(lambda found: found[::-1], "payloads backwards"), "RFC7296-2.5-17")


@purpose("auth-reserved", "RFC7296-2.5-8", "RFC7296-3.2-9", "RFC7296-3.3.1-3", "RFC7296-3.13-3", role="responder")
def test_reserved(peer: Peer) -> None:
    """What is reserved is ignored: in generic headers, proposals, transforms and traffic selector payloads."""

    def dirty(one: Proposal) -> Proposal:
        transforms = tuple(replace(each, reserved1=0x55, reserved2=0xAA) for each in one.transforms)
        return replace(one, reserved=0x77, transforms=transforms)

    bent = (
        bend.replace(SA, lambda one: SA(tuple(map(dirty, one.proposals)), reserved=0x7F), "RESERVED set in SA")
        | bend.change(TSi, reserved2=0xC0FFEE, reserved=0x11)
        | bend.change(TSr, reserved2=0xC0FFEE, reserved=0x11)
        | bend.change(AUTH, reserved=0x7F)
    )
    accepted(peer, bent, "RFC7296-2.5-8")


@purpose("auth-unknown-notify", "RFC7296-3.10.1-2", "RFC7296-3.10.1-3", role="responder")
def test_unknown_notify(peer: Peer) -> None:
    """Notifies of unassigned types in a request are ignored, those of the error range as well."""
    bent = bend.append(Notify(NotifyType(8191), b"error")) | bend.append(Notify(NotifyType(40001), b"status"))
    accepted(peer, bent, "RFC7296-3.10.1-2")


@purpose("auth-large", "RFC7296-2-1", "RFC7296-3.12-5", role="responder")
def test_large(peer: Peer) -> None:
    """A message of 1280 octets, filled up by Vendor IDs, is taken in one piece."""
    sized(peer, 1280, "RFC7296-2-1")


@purpose("auth-large-3000", "RFC7296-3.12-5", "RFC7296-2-2", role="responder")
def test_large_3000(peer: Peer) -> None:
    """A message of 3000 octets should be taken in one piece, too."""
    sized(peer, 3000, "RFC7296-2-2")


def sized(peer: Peer, octets: int, requirement: str) -> None:
    """IKE_AUTH with a request of just so many octets, not fragmented, succeeds."""

    def fill(found: list[Payload]) -> list[Payload]:
        assert sa.keys is not None
        used = protection.overhead(sa.keys.suite.cipher, fragment=False) + len(encode_payloads(found)[1])
        if used + 4 > octets:
            raise NotApplicable(f"our request has {used} octets without that, with our certificates")
        return [*found, VendorID(bytes(octets - used - 4))]

    sa = peer.sa(fragment_size=0)
    sa.init()
    try:
        sa.auth(bend.order(fill, f"filled up to {octets} octets"))
    except Unexpected as silent:
        raise Unexpected(silent.expected, silent.got, requirement) from None
    assert sa.last_sent is not None
    size = len(sa.last_sent.datagrams[0])
    assert octets - 16 <= size <= octets, size
    must_succeed(peer, sa, requirement)


@purpose("auth-doubled", "RFC7296-2.9-1", "RFC7296-2.21.2-1", role="responder")
def test_doubled(peer: Peer) -> None:
    """A request with a payload twice gets an answer, be it a refusal or one Child SA, and nobody is hurt."""
    for kind in (IDi, IDr, AUTH, SA, TSi, TSr):
        sa = peer.sa()
        sa.init()
        answer = answer_of(peer, sa, bend.double(kind))
        for one in (IDr, AUTH, SA, TSi, TSr):
            count = len(answer.all(one))
            peer.check(count <= 1, f"at most one {one.__name__} with {kind.__name__} twice", answer, "RFC7296-2.9-1")
        peer.check(fatal(answer) or answer.first(AUTH), "a refusal or AUTH", answer, "RFC7296-2.21.2-1")


@purpose("auth-idi-missing", "RFC7296-1.2-18", "RFC7296-1.2-6", "RFC7296-2.21-1", role="responder")
def test_idi_missing(peer: Peer) -> None:
    """Nobody is nobody: a request without IDi authenticates no one."""
    sa = peer.sa()
    sa.init()
    must_not_succeed(peer, sa, bend.drop(IDi))


@purpose("auth-empty", "RFC7296-1.2-18", "RFC7296-1.2-6", "RFC7296-2.21-1", role="responder")
def test_empty(peer: Peer) -> None:
    """An IKE_AUTH request with nothing in it is refused."""
    sa = peer.sa()
    sa.init()
    must_not_succeed(peer, sa, bend.order(lambda _: [], "no payloads"))


@purpose("auth-initial-contact", "RFC7296-4-4", role="responder", canary=False)
def test_initial_contact(peer: Peer) -> None:
    """N(INITIAL_CONTACT) on a second IKE SA of the same identity concerns the first one only, if any."""
    peer.establish(initial_contact=True)
    sa = peer.sa(initial_contact=True)
    sa.init()
    answer = sa.auth()
    assert sa.last_sent is not None
    peer.expect_notify(sa.last_sent.message, NotifyType.INITIAL_CONTACT)
    peer.expect(answer, AUTH)
    must_succeed(peer, sa, "RFC7296-4-4")
