"""What a conversation leaves behind on a device that nobody clears before the next one."""

from conformance.ike.core.sending import State
from conformance.net.link import LinkError
from conformance.script.mailbox import is_init_request
from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected
from conformance.wire import ExchangeType


def tidy(peer: Peer) -> None:
    """Delete the IKE SAs of a conversation, and complete those first that are half-open.

    A device may keep only a few half-open ones for an address, or one for an identity: without this the next purpose
    would find its door shut. What the device has begun itself is completed, too, or it would go on repeating it. A
    device that answers no more is left alone.
    """
    try:
        _complete(peer)
        for sa in list(peer.sas.values()):
            sa.pending = None
            sa.queue.clear()
            if sa.initiator and sa.state == State.HALF_OPEN and sa.next_id == 1:
                sa.auth()
            if sa.state == State.ESTABLISHED:
                sa.delete()
    except (Unexpected, LinkError) as silent:
        peer.note(f"not everything is tidied up: {silent}")


def _complete(peer: Peer) -> None:
    """Answer what the device has begun: errors in IKE_SA_INIT would not end it at once (RFC 7296, section 2.21.1)."""
    for received in list(peer.inbox):
        if is_init_request(received.message) and received.sa is None and not received.answered:
            peer.respond_init(received).expect_request(ExchangeType.IKE_AUTH)
    for sa in list(peer.sas.values()):
        held = sa.held
        if held is not None and held.message.exchange == ExchangeType.IKE_AUTH and not held.answered:
            sa.answer(held)


def attempts(peer: Peer) -> set[bytes]:
    """The initiator's SPIs of the IKE SAs that the device has begun to open: it may repeat its requests for a while."""
    return {one.message.spi_i for one in peer.inbox if is_init_request(one.message)}
