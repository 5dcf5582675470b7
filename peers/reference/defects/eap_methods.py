"""Defects within the methods of EAP, in both roles: what they believe, and in which order."""

from collections.abc import Sequence

from conformance.eap.avp import AnyAvp, Avps
from conformance.eap.conversation import Conversation
from conformance.eap.layout import Body
from conformance.eap.method import Method
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.mschapv2_server import Mschapv2Server
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.eap.simaka import Protected
from conformance.eap.ttls_peer import Mschapv2InsidePeer
from conformance.eap.ttls_server import TtlsServer
from conformance.eap.tunnel import TunnelMethod
from conformance.ike.ikesa import IkeSa
from peers.reference.defects.registry import defect


class WithOtherMethods(IkeSa):
    """Spoils the methods of EAP, those within tunnels included."""

    def spoil(self, method: Method) -> None:
        """One of them."""

    def spoil_all(self, conversation: Conversation) -> None:
        """All of a conversation."""
        assert isinstance(conversation, EapPeer | EapServer)
        for one in conversation.methods:
            self.spoil(one)
            if isinstance(one, TunnelMethod):
                one.at_inner = self.spoil_all

    def eap_peer(self) -> EapPeer:
        found = super().eap_peer()
        self.spoil_all(found)
        return found

    def eap_server(self) -> EapServer:
        found = super().eap_server()
        self.spoil_all(found)
        return found


def of(*ways: str, ends: Sequence[str] = ("", "-whole"), start: str = "eap-sweep-") -> tuple[str, ...]:
    """Ids of purposes that are made for several methods."""
    return tuple(f"{start}{way}{end}" for way in ways for end in ends)


CARDS = ("sim", "aka", "aka-prime")


@defect(*of(*CARDS), *of(*CARDS, start="eap-sweep-initiator-"))
class BelievesAnyMac(WithOtherMethods):
    """Does not verify AT_MAC."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Protected):
            method.is_right_mac = lambda packet, message, extra=b"": True  # type: ignore[method-assign]
            method.demand_mac = lambda packet, message, extra=b"": None  # type: ignore[method-assign]


@defect(*of("ttls-pap"))
class ComparesWhatCameThroughTunnel(WithOtherMethods):
    """Compares a password in the tunnel only as far as the peer has sent it."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TtlsServer):

            def answer(value: bytes, avps: Avps, password: str) -> Sequence[AnyAvp]:
                method.end(password.encode().startswith(value.rstrip(b"\0")))
                return ()

            method.answer_pap = answer  # type: ignore[method-assign]


@defect(*of("ttls-chap", "ttls-mschapv2"))
class TakesChallengesOfPeers(WithOtherMethods):
    """Does not mind which challenge the peer has sent along."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, TtlsServer):
            method.check_challenge = lambda told, identifier: None  # type: ignore[method-assign]


@defect(*of("ttls", "peap"))
class AnyLastWordInside(WithOtherMethods):
    """Takes whatever answers the Success request of MSCHAPv2 in the tunnel for approval."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Mschapv2Server):
            take = method.receive

            def receive(data: bytes, packet: object) -> Body | None:
                if method.msk is not None:
                    method.end(True)
                    return None
                return take(data, packet)  # type: ignore[arg-type]

            method.receive = receive  # type: ignore[method-assign]


@defect(*of("ttls", "ttls-mschapv2", "peap", start="eap-sweep-initiator-"))
class NeedsNoProofInside(WithOtherMethods):
    """Approves of a server in the tunnel whose authenticator response is wrong."""

    def spoil(self, method: Method) -> None:
        if isinstance(method, Mschapv2Peer):
            method.accepts = lambda message: True  # type: ignore[method-assign]
        if isinstance(method, Mschapv2InsidePeer):
            method.is_proof = lambda proof: True  # type: ignore[method-assign]
