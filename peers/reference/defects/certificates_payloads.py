"""Defects that concern CERT and CERTREQ payloads."""

from collections.abc import Sequence

from conformance.crypto.x509 import subject_key_hash
from conformance.ike.core.events import Refusal
from conformance.ike.ikesa import IkeSa
from conformance.wire import CERT, CERTREQ, CertEncoding, IDi, IDr, Message, NotifyType, Payload
from peers.reference.defects.registry import defect

_TABLE = 8


@defect("cert-encodings", "cert-responder-encodings")
class KnowsOneEncoding(IkeSa):
    """Takes no certificate of another encoding than its own."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        if any(one.encoding != CertEncoding.X509_SIGNATURE for one in message.all(CERT)):
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "a certificate of another encoding", fatal=True)
        super().check_peer(identity, message)


@defect("cert-many", "cert-responder-many")
class RoomForEightCertificates(IkeSa):
    """Keeps certificates in a table of eight, and dies of one more."""

    def check_peer(self, identity: IDi | IDr, message: Message) -> None:
        if len(message.all(CERT)) > _TABLE:
            raise IndexError("no room for another certificate")
        super().check_peer(identity, message)


@defect("cert-request-encodings")
class KnowsOneRequest(IkeSa):
    """Takes no request for a certificate of another encoding than its own."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        if any(one.encoding != CertEncoding.X509_SIGNATURE for one in message.all(CERTREQ)):
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "a request for another encoding", fatal=True)
        return super().handle_auth(message)


@defect("cert-request-several", "cert-request-many", "cert-request-empty")
class FirstAuthorityOnly(IkeSa):
    """Looks at the first authority of the first request only, and gives up where it is not its own."""

    def handle_auth(self, message: Message) -> Sequence[Payload]:
        known = [subject_key_hash(one) for one in self.connection.trust]
        asked = message.first(CERTREQ)
        if asked is not None and asked.data[:20] not in known:
            raise Refusal(NotifyType.AUTHENTICATION_FAILED, "no certificate for this authority", fatal=True)
        return super().handle_auth(message)
