"""Messages that nobody has authenticated (RFC 7296, section 2.21.4)."""

from conformance.script.peer import Peer
from conformance.wire import FLAG_INITIATOR, ExchangeType, Message, Notify, NotifyType
from suites.purpose import purpose


@purpose("info-unprotected-notify", "RFC7296-2.21.4-6", role="responder")
def test_unprotected_notify(peer: Peer) -> None:
    """A notify that is not protected changes nothing, whatever it says."""
    sa = peer.establish()
    for kind in (NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX, NotifyType.INVALID_IKE_SPI):
        forged = Message(sa.spi_i, sa.spi_r, ExchangeType.INFORMATIONAL, FLAG_INITIATOR, sa.next_id, (Notify(kind),))
        peer.send_message(forged, sa.local, sa.remote)
    sa.must_be_up("RFC7296-2.21.4-6", "the IKE SA survives forged notifies")
