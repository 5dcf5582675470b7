"""Certificates (RFC 7296, sections 1.2 and 3.6)."""

from conformance.crypto.pki import Authority
from conformance.ike.connection import Party, PublicKey
from conformance.script.peer import Peer
from conformance.wire import AUTH, NotifyType
from suites.connections import OUR_NAME, certificates
from suites.purpose import purpose


@purpose(
    "auth-certificate-untrusted", "RFC7296-1.2-11", "RFC7296-2.21.2-1", role="responder", connection=certificates()
)
def test_untrusted(peer: Peer) -> None:
    """A certificate of an authority that the device does not know authenticates nobody."""
    stranger = Authority.create("a stranger", kind="ecdsa").issue(OUR_NAME, kind="ecdsa", sans=[OUR_NAME])
    ours = peer.connection.local.identity
    sa = peer.sa(local=Party(ours, PublicKey((stranger.certificate,), stranger.key)))
    sa.init()
    answer = sa.auth()
    peer.check(answer.first(AUTH) is None, "no AUTH payload", answer)
    peer.expect_notify(answer, NotifyType.AUTHENTICATION_FAILED, "RFC7296-2.21.2-1")
