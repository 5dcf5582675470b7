"""Messages outside of any IKE SA, and how an IKE SA is found (RFC 7296, sections 1.5, 2.6, 2.11 and 2.21.4)."""

from conformance.net.link import Address
from conformance.script.message import Received
from conformance.script.peer import Peer
from conformance.wire import FLAG_INITIATOR, FLAG_RESPONSE, SK, ExchangeType, Message, NotifyType, PayloadType
from suites.purpose import purpose
from suites.several import side_by_side


@purpose(
    "info-outside-request", "RFC7296-2.21.4-3", "RFC7296-2.21.4-4", "RFC7296-2.21.4-5", "RFC7296-1.5-5",
    "RFC7296-1.5-6", role="responder",
)  # fmt: skip
def test_outside_request(peer: Peer) -> None:
    """A request with SPIs that the device never saw: silence, or one unprotected INVALID_IKE_SPI.

    It comes from an unusual port. An answer must go there, and repeat SPIs, message ID and exchange type.
    """
    ours = Address(peer.local.host, peer.local.port + 10_000)
    request = _stray(peer, FLAG_INITIATOR, ExchangeType.CREATE_CHILD_SA)
    peer.send_message(request, ours)
    peer.sa().init()
    peer.idle(peer.response_timeout / 4)
    for answer in _about(peer, request):
        message = answer.message
        peer.check(message.is_response, "the Response flag", message, "RFC7296-1.5-6")
        same = (message.spi_i, message.spi_r, message.message_id) == (request.spi_i, request.spi_r, request.message_id)
        peer.check(same, f"the same SPIs and message ID {request.message_id}", message, "RFC7296-2.21.4-3")
        peer.check(answer.destination == ours, f"an answer to port {ours.port}", answer.destination, "RFC7296-2.21.4-3")
        peer.check(message.exchange == request.exchange, "the same exchange type", message, "RFC7296-1.5-6")
        peer.check(message.first(SK) is None, "an unprotected answer", message, "RFC7296-2.21.4-4")
        notify = peer.expect_notify(message, NotifyType.INVALID_IKE_SPI, "RFC7296-2.21.4-5")
        peer.check(not notify.data, "no notification data", notify.data.hex(), "RFC7296-1.5-5")


@purpose("info-outside-response", "RFC7296-2.21.4-1", "RFC7296-3.1-19", role="responder")
def test_outside_response(peer: Peer) -> None:
    """A response with SPIs that the device never saw is not answered at all, in either direction."""
    strays = [
        _stray(peer, flags, ExchangeType.INFORMATIONAL) for flags in (FLAG_RESPONSE, FLAG_RESPONSE | FLAG_INITIATOR)
    ]
    for stray in strays:
        peer.send_message(stray)
    peer.sa().init()
    peer.idle(peer.response_timeout / 4)
    answers = [one for stray in strays for one in _about(peer, stray)]
    peer.check(not answers, "no answer", "; ".join(map(str, answers)))


@purpose("info-wrong-own-spi", "RFC7296-2.6-2", "RFC7296-1.2-1", role="responder")
def test_wrong_own_spi(peer: Peer) -> None:
    """A liveness check with the device's SPI but another one of ours is not a message of that IKE SA.

    Its integrity check covers the true header, so it is a forgery. What the device says must not be protected.
    """
    sa = peer.establish()
    request = sa.message(ExchangeType.INFORMATIONAL, (), sa.next_id, response=False)
    raw = sa.encode(request)[0]
    mark = len(peer.inbox)
    sa.transmit([peer.random(8) + raw[8:]], sa.local, sa.remote)
    sa.must_be_up("RFC7296-2.6-2")
    sa.must_be_up("RFC7296-2.6-2")
    replies = [one for one in peer.inbox[mark:] if one.protected and one.message.is_response and not one.taken]
    peer.check(not replies, "no protected answer", "; ".join(map(str, replies)), "RFC7296-1.2-1")


@purpose("info-spi-lookup", "RFC7296-2.6-2", role="responder")
def test_spi_lookup(peer: Peer) -> None:
    """Two IKE SAs between the same addresses are told apart by their SPIs alone, also when their messages mix."""
    first = peer.establish(initial_contact=False)
    second = peer.establish(initial_contact=False)
    with side_by_side(first, second):
        for sa in (first, second, first, second):
            sa.must_be_up("RFC7296-2.6-2", "an answer under the SPIs and keys of this IKE SA")


@purpose(
    "info-any-port",
    "RFC7296-2.11-1",
    "RFC7296-2.11-2",
    "RFC7296-2.11-3",
    "RFC7296-2.23-2",
    "RFC7296-2.23-3",
    "RFC7296-3.1-2",
    role="responder",
)
def test_any_port(peer: Peer) -> None:
    """A request from another port is accepted, and its response goes there, from the port to which it was sent.

    Ports change behind a NAT that has restarted. The next request from the old port is answered there again.
    """
    sa = peer.establish()
    usual = sa.local
    for local in (Address(usual.host, usual.port + 10_000), usual):
        sa.local = local
        answer = sa.response(sa.begin(sa.start_liveness))
        peer.check(
            answer.destination == local, f"a response to port {local.port}", answer.destination, "RFC7296-2.11-2"
        )
        peer.check(answer.source == sa.remote, f"a response from {sa.remote}", answer.source, "RFC7296-2.11-3")


@purpose("info-any-port-again", "RFC7296-2.11-2", "RFC7296-2.1-2", "RFC7296-2.11-1", role="responder")
def test_any_port_again(peer: Peer) -> None:
    """A request is repeated from another port: the same response goes to where the repetition came from."""
    sa = peer.establish()
    sent = sa.begin(sa.start_liveness)
    first = sa.response(sent)
    other = Address(sa.local.host, sa.local.port + 10_000)
    again = sa.repeat(sent, source=other)
    peer.check(again.destination == other, f"a response to port {other.port}", again.destination, "RFC7296-2.11-2")
    peer.check(again.raw == first.raw, "the same octets as before", again, "RFC7296-2.1-2")


def _stray(peer: Peer, flags: int, exchange: ExchangeType) -> Message:
    """A message that looks protected, of an IKE SA that never was."""
    return Message(peer.random(8), peer.random(8), exchange, flags, 7, (SK(PayloadType(0), peer.random(64)),))


def _about(peer: Peer, request: Message) -> list[Received]:
    """What the device said with one of the SPIs of a request."""
    spis = {request.spi_i, request.spi_r}
    return [one for one in peer.inbox if spis & {one.message.spi_i, one.message.spi_r}]
