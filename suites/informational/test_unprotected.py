"""Messages that nobody has authenticated (RFC 7296, sections 1.2, 2.4 and 2.21.4)."""

from conformance.ike.core import protection
from conformance.script import bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import FLAG_INITIATOR, Delete, ExchangeType, Message, Notify, NotifyType, Payload, ProtocolID
from peers.capabilities import Capability
from suites.create_child_sa.answers import deletes_child, kept
from suites.dut import Dut
from suites.purpose import purpose

BREATH = 0.05
"""Seconds between two hints."""


@purpose("info-unprotected-notify", "RFC7296-2.4-7", "RFC7296-2.21.4-7", role="responder")
def test_unprotected_notify(peer: Peer) -> None:
    """A notify that is not protected changes nothing, whatever it says."""
    sa = peer.establish()
    for kind in (NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX, NotifyType.INVALID_IKE_SPI):
        forged = Message(sa.spi_i, sa.spi_r, ExchangeType.INFORMATIONAL, FLAG_INITIATOR, sa.next_id, (Notify(kind),))
        peer.send_message(forged, sa.local, sa.remote)
        peer.pause()  # while a device works on one request it may drop all others with its message ID unread
    sa.must_be_up("RFC7296-2.4-7", "the IKE SA survives forged notifies")


@purpose("info-unprotected-invalid-spi", "RFC7296-2.21.4-6", "RFC7296-2.21.4-7", "RFC7296-2.4-7", role="responder")
def test_unprotected_invalid_spi(peer: Peer) -> None:
    """An unprotected INVALID_IKE_SPI response is not answered and does not change the IKE SA.

    It comes in the form in which a peer would send it that has forgotten everything: our SPIs, marked as a response.
    The device may start a liveness check because of it, but not believe it.
    """
    sa = peer.establish()
    with sa.silence("RFC7296-2.21.4-7"):
        for number in (0, 1, 2):
            _send_unprotected(peer, sa, Notify(NotifyType.INVALID_IKE_SPI), message_id=number, response=True)
    sa.must_be_up("RFC7296-2.21.4-7")


@purpose("info-unprotected-esp-spi", "RFC7296-1.5-3", "RFC7296-2.4-7", role="responder")
def test_unprotected_esp_spi(peer: Peer) -> None:
    """Unprotected messages say that an ESP SPI is unknown to us: none is answered, lest two ends go on for ever.

    They have the Initiator flag and no Response flag, and SPIs of zero, random ones, or those of the IKE SA.
    """
    sa = peer.establish()
    told = Notify(NotifyType.INVALID_SPI, sa.child.spi_out)
    random = (peer.random(8), peer.random(8))
    mark = len(peer.inbox)
    with sa.silence("RFC7296-1.5-3"):
        for spis in ((bytes(8), bytes(8)), random, (sa.spi_i, sa.spi_r)):
            peer.send_message(Message(*spis, ExchangeType.INFORMATIONAL, FLAG_INITIATOR, 0, (told,)))
    answers = [one for one in peer.inbox[mark:] if not one.protected]
    peer.check(not answers, "no answer", "; ".join(map(str, answers)), "RFC7296-1.5-3")
    sa.must_be_up("RFC7296-2.4-7")


MANY = 20
"""So many hints come within a second or so."""


@purpose("info-unprotected-often", "RFC7296-2.21.4-8", role="responder")
def test_unprotected_often(peer: Peer) -> None:
    """Twenty times an unprotected INVALID_IKE_SPI hints that we have forgotten the IKE SA: not each is checked.

    The device may ask whether we are there, but anybody can send such hints, and make it ask without end.
    """
    sa = peer.establish()
    sa.liveness()
    mark = len(peer.inbox)
    for number in range(MANY):
        _send_unprotected(peer, sa, Notify(NotifyType.INVALID_IKE_SPI), message_id=number, response=True)
        peer.idle(BREATH)
    sa.liveness()
    asked = [one for one in peer.inbox[mark:] if one.sa is sa and not one.message.is_response]
    count = f"{len(asked)} requests for {MANY} hints"
    peer.check(len(asked) < MANY, "fewer liveness checks than hints", count, "RFC7296-2.21.4-8")


@purpose("info-unprotected-delete", "RFC7296-1.2-1", "RFC7296-2.4-7", role="responder")
def test_unprotected_delete(peer: Peer) -> None:
    """A Delete for the IKE SA that is not protected has no effect, and its message ID is not used up."""
    sa = peer.establish()
    with sa.silence("RFC7296-1.2-1"):
        _send_unprotected(peer, sa, Delete(ProtocolID.IKE), message_id=sa.next_id)
    sa.must_be_up("RFC7296-1.2-1")


@purpose("info-unprotected-init", "RFC7296-1.2-1", "RFC7296-2.6-2", role="responder")
def test_unprotected_init(peer: Peer) -> None:
    """An IKE_SA_INIT request with both SPIs of an IKE SA that is up, and other contents, does nothing to it."""
    sa = peer.establish()
    other = peer.sa()
    other.begin(other.start_init, bend.header("the SPIs of the IKE SA", spi_i=sa.spi_i, spi_r=sa.spi_r))
    sa.must_be_up("RFC7296-1.2-1")
    sa.must_be_up("RFC7296-1.2-1")


@purpose(
    "info-unprotected-response", "RFC7296-1.2-1", "RFC7296-2.4-7",
    role="initiator", needs=(Capability.DELETE_CHILD,),
)  # fmt: skip
def test_unprotected_response(peer: Peer, dut: Dut) -> None:
    """The device waits for a response; unprotected ones with the right message ID are not what it waits for.

    They say that the request was malformed, that the SPI is unknown, and nothing at all. The genuine one settles it.
    """
    dut.initiate()
    sa = peer.accept()
    dut.delete_child()
    request = sa.expect_request(ExchangeType.INFORMATIONAL, where=deletes_child)
    with sa.silence("RFC7296-1.2-1"):
        for payloads in ((Notify(NotifyType.INVALID_SYNTAX),), (Notify(NotifyType.INVALID_IKE_SPI),), ()):
            _send_unprotected(peer, sa, *payloads, message_id=request.message.message_id, response=True)
    sa.answer(request)
    kept(peer, sa, "RFC7296-1.2-1")


@purpose("info-bad-icv", "RFC7296-1.2-1", "RFC7296-3.10.1-5", "RFC7296-3.14-10", role="responder")
def test_bad_icv(peer: Peer) -> None:
    """A request with a wrong integrity check value gets no answer, not even INVALID_SYNTAX.

    The correct request with the same message ID is answered: the bad one has used up nothing.
    """
    sa = peer.establish()
    with sa.silence("RFC7296-3.10.1-5"):
        sa.send(ExchangeType.INFORMATIONAL, bend=bend.flip_icv())


@purpose("info-bad-icv-delete", "RFC7296-1.2-1", "RFC7296-2.4-7", role="responder")
def test_bad_icv_delete(peer: Peer) -> None:
    """A Delete for the IKE SA with one wrong bit in its integrity check value has no effect."""
    sa = peer.establish()
    with sa.silence("RFC7296-1.2-1"):
        sa.send(ExchangeType.INFORMATIONAL, Delete(ProtocolID.IKE), bend=bend.flip_icv())


@purpose("info-bad-header", "RFC7296-1.2-1", "RFC7296-3.14-10", role="responder")
def test_bad_header(peer: Peer) -> None:
    """The integrity check covers the IKE header: another message ID in an otherwise correct message is noticed.

    An old liveness check is sent again with the next message ID written over its own.
    """
    sa = peer.establish()
    sa.liveness()
    assert sa.last_sent is not None
    old = sa.last_sent.datagrams[0]
    with sa.silence("RFC7296-3.14-10"):
        sa.transmit([old[:20] + sa.next_id.to_bytes(4, "big") + old[24:]], sa.local, sa.remote)


@purpose("info-reflected", "RFC7296-2.14-6", "RFC7296-1.2-5", "RFC7296-3.1-19", role="responder")
def test_reflected(peer: Peer) -> None:
    """What is protected by the keys of the device's own direction does not come from us.

    First its own response comes back to it, then a request of ours under the wrong keys. Neither is answered.
    """
    sa = peer.establish()
    own = sa.response(sa.begin(sa.start_liveness)).raw
    assert sa.keys is not None
    scheme = sa.keys.suite.cipher
    request = sa.message(ExchangeType.INFORMATIONAL, (), sa.next_id, response=False)
    swapped = protection.seal(request, 0, protection.padded(b"", scheme.block_size), scheme, sa.peer_key, peer.random)
    with sa.silence("RFC7296-2.14-6"):
        sa.transmit([own, swapped], sa.local, sa.remote)


def _send_unprotected(
    peer: Peer, sa: ScriptedSa, *payloads: Payload, message_id: int, response: bool = False
) -> None:  # fmt: skip
    """Send a message with the SPIs of an IKE SA and without its protection."""
    message = sa.message(ExchangeType.INFORMATIONAL, payloads, message_id, response=response)
    peer.send_message(message, sa.local, sa.remote)
