"""What a conversation leaves behind on a device that nobody clears before the next one."""

from conformance.ike.core.sending import State
from conformance.net.link import LinkError
from conformance.script.peer import Peer
from conformance.script.verdict import Unexpected


def tidy(peer: Peer) -> None:
    """Delete the IKE SAs of a conversation, and complete those first that are half-open.

    A device may keep only a few half-open ones for an address, or one for an identity: without this the next purpose
    would find its door shut. A device that answers no more is left alone.
    """
    try:
        for sa in list(peer.sas.values()):
            sa.pending = None
            sa.queue.clear()
            if sa.initiator and sa.state == State.HALF_OPEN and sa.next_id == 1:
                sa.auth()
            if sa.state == State.ESTABLISHED:
                sa.delete()
    except (Unexpected, LinkError) as silent:
        peer.note(f"not everything is tidied up: {silent}")
