"""Defects of requests, responses and types of EAP, whatever the method, in both roles (RFC 3748)."""

from conformance.eap.basic import Identity, Nak
from conformance.eap.errors import Discard
from conformance.eap.kind import IDENTITY, NAK, Kind, split
from conformance.eap.md5 import Md5Server
from conformance.eap.peer import EapPeer
from conformance.eap.server import EapServer
from conformance.ike.core.connection import Credential, Psk
from conformance.ike.ikesa import IkeSa
from conformance.wire import EapCode, EapPacket, EapType
from peers.reference.defects.registry import defect

MADE_BY_MSCHAPV2 = 32


@defect("eap-requests")
class OneIdentifierForAll(IkeSa):
    """Gives all its requests the same Identifier."""

    class Server(EapServer):
        def next_identifier(self) -> int:
            return self.identifier

    server_class = Server


@defect("eap-requests")
class AsksForNameAmid(IkeSa):
    """Asks for the name once more when the method has begun."""

    class Server(EapServer):
        def run(self, data: bytes, packet: EapPacket) -> bytes:
            self.identifier = self.next_identifier()
            return self.request(IDENTITY, Identity(b""))

    server_class = Server


@defect("eap-requests")
class AsksByNak(IkeSa):
    """Begins with a request of type Nak."""

    class Server(EapServer):
        def start(self) -> bytes:
            super().start()
            return EapPacket(EapCode.REQUEST, self.identifier, EapType.NAK, b"\0").encode()

    server_class = Server


@defect("eap-requests")
class SuccessWithData(IkeSa):
    """Says more in its Success than that."""

    class Server(EapServer):
        def emit_result(self, code: EapCode, identifier: int) -> bytes:
            super().emit_result(code, identifier)
            return EapPacket(code, identifier, None, b"welcome").encode()

    server_class = Server


@defect("eap-md5-challenge")
class OneChallengeForAll(IkeSa):
    """Sends the same MD5-Challenge each time."""

    def eap_server(self) -> EapServer:
        found = super().eap_server()
        for one in found.methods:
            if isinstance(one, Md5Server):
                begin = one.begin
                one.begin = lambda identity, random, begin=begin: begin(identity, bytes)  # type: ignore[method-assign,misc]
        return found


@defect("eap-msk-length", "eap-initiator-msk-length")
class ShortMsk(IkeSa):
    """Makes AUTH with the 32 octets of MSCHAPv2, without the zeros."""

    def credential_of_eap(self, configured: Credential, of_initiator: bool) -> Credential:
        found = super().credential_of_eap(configured, of_initiator)
        return Psk(found.secret[:MADE_BY_MSCHAPV2]) if found is not configured and isinstance(found, Psk) else found


@defect("eap-initiator-identity")
class NameEndsInNul(IkeSa):
    """Says its name as C has it."""

    class Peer(EapPeer):
        def tell_identity(self) -> bytes:
            return super().tell_identity() + b"\0"

    peer_class = Peer


@defect("eap-unknown-expanded")
class EmptyExpandedNak(IkeSa):
    """Names no type in an expanded Nak."""

    class Peer(EapPeer):
        def refuse(self, packet: EapPacket) -> bytes:
            if packet.type != EapType.EXPANDED:
                return super().refuse(packet)
            return self.emit(NAK, Nak(b""), packet.identifier)

    peer_class = Peer


@defect("eap-md5-or-nak", "eap-gtc-or-nak")
class AnswersMethodsByName(IkeSa):
    """Answers a request of any method by its name."""

    class Peer(EapPeer):
        def begin_method(self, kind: Kind, data: bytes, packet: EapPacket) -> bytes:
            return self.emit(IDENTITY, Identity(self.tell_identity()), packet.identifier)

    peer_class = Peer


@defect("eap-initiator-other-method")
class NaksAmid(IkeSa):
    """Answers a request of another method by a Nak at any time, and one for its name by that."""

    class Peer(EapPeer):
        def continue_method(self, kind: Kind, data: bytes, packet: EapPacket) -> bytes:
            if kind == IDENTITY:
                return self.answer_identity(data, packet)
            if self.chosen is not None and kind != self.chosen.kind:
                return self.refuse(packet)
            return super().continue_method(kind, data, packet)

    peer_class = Peer


@defect("eap-initiator-codes")
class AnswersAnyCode(IkeSa):
    """Takes a packet with an unknown code, or a Response, for a Request."""

    class Peer(EapPeer):
        def take(self, packet: EapPacket) -> bytes | None:
            if packet.code in (EapCode.SUCCESS, EapCode.FAILURE):
                return super().take(packet)
            return self.answer(packet)

    peer_class = Peer


@defect("eap-initiator-repeated")
class MakesResponsesAnew(IkeSa):
    """Makes the response to a repeated request anew, which is malformed the second time."""

    class Peer(EapPeer):
        def is_retransmission(self, packet: EapPacket) -> bool:
            return False

        def continue_method(self, kind: Kind, data: bytes, packet: EapPacket) -> bytes:
            if kind != split(packet)[0] or self.chosen is None or self.chosen.kind != kind:
                raise Discard("another method")
            return super().continue_method(kind, data, packet)

    peer_class = Peer
