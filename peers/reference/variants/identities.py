"""Which names an initiator says, and to whom."""

from collections.abc import Sequence

from conformance.eap.peer import EapPeer
from conformance.eap.tls import EapTlsPeer
from conformance.eap.tls_method import TlsPeer
from conformance.ike.ikesa import IkeSa
from conformance.wire import IDr, Payload
from peers.reference.variants.registry import variant

AUTHENTICATION = ("ike_auth", "certificates", "eap", "session_life")
"""The subjects to which this makes a difference."""


@variant("RFC 7296, 1.2 and 2.4: IDr in a request and INITIAL_CONTACT are optional", about=AUTHENTICATION)
class SaysLittle(IkeSa):
    """Names no responder, and does not say whether this is its first IKE SA."""

    def auth_request(self) -> Sequence[Payload]:
        return [one for one in super().auth_request() if not isinstance(one, IDr)]

    def is_initial_contact(self) -> bool:
        return False


@variant("RFC 5281, 7.3 and RFC 9427, 3.1: the name outside a tunnel need not be that of the user", about=("eap",))
class AnonymousOutside(IkeSa):
    """Says its name only within the tunnel of EAP-TTLS or PEAP."""

    def eap_peer(self) -> EapPeer:
        found = super().eap_peer()
        first = next(iter(found.methods), None)
        if isinstance(first, TlsPeer) and not isinstance(first, EapTlsPeer):
            found.identity = b"anonymous"
        return found
