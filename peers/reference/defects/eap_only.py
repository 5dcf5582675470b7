"""Defects of EAP as the only proof (RFC 5998)."""

from conformance.eap.gtc import GtcPeer, GtcServer
from conformance.eap.md5 import Md5Peer, Md5Server
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.ike.ikesa import IkeSa
from conformance.wire import Message
from peers.reference.defects.registry import defect


@defect("eap-only-initiator-signature-wrong", "eap-only-initiator-untrusted")
class NeedsNoSignature(IkeSa):
    """Does not look at a signature where it has said that it needs none."""

    def check_responder(self, message: Message) -> None:
        if not self.eap_only:
            super().check_responder(message)


@defect("eap-only-initiator-unsafe", "eap-only-unsafe")
class TakesAnyMethodAlone(IkeSa):
    """Takes methods that are not safe for a proof of both sides."""

    def eap_peer(self) -> EapPeer:
        found = super().eap_peer()
        password = self.means(self.own_party())[1].password
        found.methods = (*found.methods, Md5Peer(password), GtcPeer(password), Mschapv2Peer(password))
        return found

    def eap_server(self) -> EapServer:
        found = super().eap_server()
        users = self.means(self.peer_party())[1].users
        found.methods = [*found.methods, Md5Server(users), GtcServer(users), Mschapv2Server(users)]
        return found
