"""Defects of EAP in IKE_AUTH, the device as peer (RFC 7296, section 2.16; RFC 3748; RFC 5998)."""

from collections.abc import Sequence

from conformance.eap.basic import Nak
from conformance.eap.errors import Discard
from conformance.eap.kind import NAK, Kind
from conformance.eap.method import Decision
from conformance.eap.mschapv2 import OpCode, SuccessResponse
from conformance.eap.mschapv2_peer import Mschapv2Peer
from conformance.eap.peer import EapPeer
from conformance.ike.core.events import Violation
from conformance.ike.ikesa import IkeSa
from conformance.wire import AUTH, AuthMethod, EapPacket, EapType, Message, Payload
from peers.reference.defects.registry import defect


@defect("eap-initiator")
class ProofBesideEap(IkeSa):
    """Says that it wants EAP by an AUTH payload without any proof."""

    def own_proof(self) -> list[Payload]:
        return super().own_proof() or [AUTH(AuthMethod.SHARED_KEY_MIC, bytes(32))]


@defect(
    "eap-server-unsigned", "eap-server-signature-wrong", "eap-server-untrusted", "eap-server-other-name",
    "eap-server-other-identity", "eap-server-shared-key", "eap-server-null",
)  # fmt: skip
class AnswersUnprovedResponder(IkeSa):
    """Takes part in EAP before it knows who asks."""

    def check_responder(self, message: Message) -> None:
        pass

    def is_safe(self, method: str) -> bool:
        return True


@defect("eap-success-at-once", "eap-success-amid")
class TakesSuccessEarly(IkeSa):
    """Believes a Success at any time."""

    class Peer(EapPeer):
        def fits(self, packet: EapPacket) -> bool:
            return True

        @property
        def decision(self) -> Decision:
            return Decision.SUCCESS

    peer_class = Peer


@defect("eap-failure")
class TakesFailureForSuccess(IkeSa):
    """Goes on to AUTH after a Failure."""

    class Peer(EapPeer):
        def take_result(self, packet: EapPacket) -> None:
            self.succeed()

    peer_class = Peer


@defect("eap-many-notifications")
class NaksNotifications(IkeSa):
    """Answers a notification with a Nak."""

    class Peer(EapPeer):
        def answer_notification(self, data: bytes, packet: EapPacket) -> bytes:
            return self.emit(NAK, Nak(bytes(one.kind.number for one in self.methods)), packet.identifier)

    peer_class = Peer


@defect("eap-many-notifications")
class FewExchanges(IkeSa):
    """Gives up an IKE_AUTH that takes more than seven exchanges."""

    exchanges: int = 1

    def next_round(self, message: Message) -> Sequence[Payload] | None:
        further = super().next_round(message)
        self.exchanges += further is not None
        if self.exchanges > 7:
            raise Violation("this goes on for too long")
        return further


@defect("eap-unknown-method")
class MuteToUnknownMethods(IkeSa):
    """Does not answer a request for a method that it does not have."""

    class Peer(EapPeer):
        def refuse(self, packet: EapPacket) -> bytes:
            raise Discard("unknown method")

    peer_class = Peer


@defect("eap-sweep-initiator-md5", "eap-sweep-initiator-md5-whole")
class TakesMalformedForTheEnd(IkeSa):
    """Takes a challenge that it cannot read, or of another size than usual, for the end of EAP."""

    class Peer(EapPeer):
        def answer(self, packet: EapPacket) -> bytes:
            if packet.type == EapType.MD5_CHALLENGE and len(packet.data) != 17:
                self.succeed()
                raise Discard("it must be over")
            return super().answer(packet)

    peer_class = Peer


@defect("eap-sweep-initiator-gtc", "eap-sweep-initiator-gtc-whole")
class TakesOtherPromptForTheEnd(IkeSa):
    """Takes a prompt that does not end as usual for the end of EAP."""

    class Peer(EapPeer):
        def answer(self, packet: EapPacket) -> bytes:
            if packet.type == EapType.GTC and not packet.data.endswith(b": "):
                self.succeed()
                raise Discard("it must be over")
            return super().answer(packet)

    peer_class = Peer


@defect("eap-sweep-initiator-mschapv2", "eap-sweep-initiator-mschapv2-whole", "eap-mschapv2-proof-wrong")
class NeedsNoProofOfServer(IkeSa):
    """Approves of a server whose authenticator response is wrong."""

    class Peer(EapPeer):
        def begin_method(self, kind: Kind, data: bytes, packet: EapPacket) -> bytes:
            for one in self.methods:
                if isinstance(one, Mschapv2Peer):
                    one.accepts = lambda message: True  # type: ignore[method-assign]
            return super().begin_method(kind, data, packet)

    peer_class = Peer


@defect("eap-mschapv2-success-first", "eap-mschapv2-refused")
class ApprovesOfAnything(IkeSa):
    """Approves of whatever a server says in MSCHAPv2 in place of its challenge or of its proof."""

    class Peer(EapPeer):
        def run(self, data: bytes, packet: EapPacket) -> bytes:
            method, expected = self.chosen, (OpCode.CHALLENGE, OpCode.SUCCESS)
            if isinstance(method, Mschapv2Peer) and data[:1] != bytes((expected[method.response is not None],)):
                return self.emit(method.kind, SuccessResponse(), packet.identifier, method)
            return super().run(data, packet)

    peer_class = Peer


@defect("eap-initiator-unasked")
class MustBeAskedForName(IkeSa):
    """Answers no method before it has been asked for its name."""

    class Peer(EapPeer):
        def begin_method(self, kind: Kind, data: bytes, packet: EapPacket) -> bytes:
            if not self.identities:
                raise Discard("a method before the name")
            return super().begin_method(kind, data, packet)

    peer_class = Peer
