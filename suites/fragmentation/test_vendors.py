"""Beside a maker's own method of fragmentation, older than RFC 7383, which a Vendor ID announces.

It cuts a protected message after it was encrypted, and no RFC describes it: what a device makes of it that knows it is
left open here, as long as fragments of RFC 7383 come only where RFC 7383 was agreed upon.
"""

from conformance.probe.vendors import FRAGMENTATION
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.verdict import NotApplicable, Unexpected
from conformance.wire import SKF, ExchangeType, Message, UnknownPayload, VendorID
from peers.capabilities import Capability
from suites.connections import certificates
from suites.dut import Dut
from suites.fragmentation.split import must_be_large, received_fragments, said
from suites.purpose import purpose

TIER = "full"
NEEDS = (Capability.FRAGMENTATION,)
AGREED, IGNORED = "RFC7383-2.4-1", "RFC7296-1.2-1"
ANNOUNCED = VendorID(FRAGMENTATION + bytes.fromhex("c0000000"))
"""The Vendor ID with its flags, one for each phase of IKEv1, as devices that speak IKEv2 send it, too."""
OWN = 132
"""The type of the payload with a fragment, which is one for private use in IKEv2."""


def own_fragments(message: Message) -> bool:
    """Whether a message holds a fragment by the maker's method."""
    return any(int(one.payload_type) == OWN for one in message.payloads)


def auth_messages(peer: Peer) -> list[tuple[Message, bytes]]:
    """The device's IKE_AUTH messages as they came. Raises NotApplicable if it uses the other method."""
    found = received_fragments(peer, ExchangeType.IKE_AUTH)
    if any(own_fragments(one) for one, _ in found):
        raise NotApplicable("it knows the maker's own method of fragmentation, which no RFC describes")
    return found


def comes_whole(peer: Peer) -> None:
    """The device's IKE_AUTH messages hold no fragments of RFC 7383."""
    found = auth_messages(peer)
    peer.check([one.first(SKF) for one, _ in found] == [None], "one whole message", said(found), AGREED)


def _responder(peer: Peer) -> None:
    sa = peer.sa(fragment_size=0)
    sa.init(bend.append(ANNOUNCED))
    try:
        sa.auth()
    except Unexpected:
        comes_whole(peer)
        raise
    comes_whole(peer)
    sa.must_be_established(AGREED)


SIZES = {"fragment_size": 400}, {"fragment_size": 1280}
"""The device is to fragment larger datagrams: those of IKE_AUTH with a certificate, over IPv4 and over IPv6."""


@purpose("frag-vendor-only", AGREED, role="responder", needs=NEEDS, connection=certificates(), device=SIZES[0])
def test_only(peer: Peer) -> None:
    """We announce the maker's method only: the device's IKE_AUTH response is no set of fragments of RFC 7383."""
    _responder(peer)


@purpose(
    "frag-vendor-only-ipv6", AGREED, role="responder", needs=(*NEEDS, Capability.IPV6),
    connection=certificates("rsa", ipv6=True), device=SIZES[1],
)  # fmt: skip
def test_only_ipv6(peer: Peer) -> None:
    """The same over IPv6, which the maker's method does not serve."""
    _responder(peer)


@purpose(
    "frag-vendor-only-initiator", AGREED, role="initiator", needs=NEEDS, connection=certificates(), device=SIZES[0]
)
def test_only_initiator(peer: Peer, dut: Dut) -> None:
    """Our IKE_SA_INIT response announces the maker's method only: the IKE_AUTH request is no set of SKF either."""
    dut.initiate()
    sa = peer.respond_init(peer.expect_init(), bend.append(ANNOUNCED), fragment_size=0)
    request = peer.wait(lambda one: one.message.exchange == ExchangeType.IKE_AUTH, "an IKE_AUTH request")
    comes_whole(peer)
    sa.answer(request)
    sa.must_be_established()


@purpose(
    "frag-vendor-both", "RFC7383-2.4-6", role="responder", needs=NEEDS, connection=certificates("rsa"), device=SIZES[0]
)
def test_both(peer: Peer) -> None:
    """We announce both methods: that of RFC 7383 is used."""
    sa = peer.sa(fragment_size=SIZES[0]["fragment_size"])
    sa.init(bend.append(ANNOUNCED))
    try:
        sa.auth()
    except Unexpected:
        auth_messages(peer)
        raise
    sa.must_be_established()
    found = auth_messages(peer)
    must_be_large(peer, found)
    fragments = len(found) > 1 and all(one.first(SKF) for one, _ in found)
    peer.check(fragments, "a response in several fragments of RFC 7383", said(found), "RFC7383-2.4-6")


@purpose("frag-vendor-foreign", IGNORED, "RFC7296-2.4-7", role="responder")
def test_foreign(peer: Peer) -> None:
    """Fragments by a method that was never agreed on: a set out of order, half of one, eight in reverse.

    Such fragments are not authentic, whatever they hold. Nothing is answered, and no message ID is used up.
    """
    sa = peer.establish()
    mark = len(peer.inbox)
    with sa.silence(IGNORED):
        for number, wanted in enumerate(((2, 1), (1,), tuple(range(8, 0, -1))), 1):
            for at in wanted:
                last = at == max(2, *wanted)
                body = number.to_bytes(2, "big") + bytes((at, last)) + sa.random(40)
                message = sa.message(
                    ExchangeType.INFORMATIONAL, (UnknownPayload(OWN, body),), sa.next_id, response=False
                )
                peer.send_message(message, sa.local, sa.remote)
    answers = [one for one in peer.inbox[mark:] if not one.protected]
    peer.check(not answers, "no answer", "; ".join(map(str, answers)), IGNORED)
    sa.must_be_up(IGNORED)
