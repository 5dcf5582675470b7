"""Defects of NULL authentication (RFC 7619)."""

from conformance.ike.core.connection import Credential, Psk
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, AuthMethod, IDi, IDr, Message
from peers.reference.defects.registry import defect


@defect("null-auth-both", "null-auth-ours", "null-auth-theirs", "null-auth-initiator")
class EmptyKeyOfNobody(IkeSa):
    """Computes the MIC of who proves nothing with an empty key."""

    def credential_of_nobody(self, configured: Credential, of_initiator: bool) -> Credential:
        found = super().credential_of_nobody(configured, of_initiator)
        return found if found is configured else Psk(b"", AuthMethod.NULL)


@defect("null-auth-wrong-mic", "null-auth-responder-wrong-mic")
class AnyMicOfNobody(IkeSa):
    """Does not check the MIC of who proves nothing anyway."""

    def check_shared_key(self, expected: Psk, auth: AUTH, octets: bytes) -> None:
        if auth.method != AuthMethod.NULL:
            super().check_shared_key(expected, auth, octets)


@defect("null-auth-refused", "null-auth-responder-refused")
class TakesNobodyForAnybody(IkeSa):
    """Takes a NULL AUTH payload from who must prove itself."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        auth = message.first(AUTH)
        if auth is None or auth.method != AuthMethod.NULL:
            super().check_peer(identity, message)
