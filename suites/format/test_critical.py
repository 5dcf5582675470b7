"""The critical flag (RFC 7296, section 2.5)."""

from conformance.script.peer import Peer
from conformance.wire import NotifyType, UnknownPayload
from suites.create_child_sa.answers import kept
from suites.purpose import purpose


@purpose(
    "info-unknown-critical", "RFC7296-2.5-10", "RFC7296-2.5-11", "RFC7296-2.5-12", "RFC7296-2.21-4", role="responder"
)
def test_unknown_critical(peer: Peer) -> None:
    """A request with an unknown critical payload is refused, and the notify names its type."""
    sa = peer.establish()
    answer = sa.informational(UnknownPayload(200, b"ikespec", critical=True))
    notify = peer.expect_notify(answer, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, "RFC7296-2.5-11")
    peer.check(notify.data == bytes((200,)), "the payload type 200 as data", notify.data.hex(), "RFC7296-2.5-12")
    kept(peer, sa, "RFC7296-2.21-4")
