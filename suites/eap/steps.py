"""What the purposes of EAP have in common."""

from conformance.script.bend import Bend
from conformance.script.peer import Peer
from conformance.script.sa import ScriptedSa
from conformance.wire import AUTH, EAP, IDr, Message


def first_response(peer: Peer, sa: ScriptedSa, bend: Bend | None = None) -> Message:
    """Ask for EAP: the response must prove who the device is, and ask."""
    answer = sa.auth(bend, follow=False)
    peer.expect(answer, IDr, "RFC7296-2.16-4")
    peer.expect(answer, AUTH, "RFC7296-2.16-1")
    peer.expect(answer, EAP, "RFC7296-2.16-4")
    return answer


def must_be_up(peer: Peer, sa: ScriptedSa) -> None:
    """The IKE SA is up, with its Child SA, and answers."""
    sa.must_be_established()
    peer.check(sa.children, "a Child SA", sa.problem or "none")
    sa.liveness()
