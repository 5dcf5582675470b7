"""Defects of long, large and strange conversations with an AAA server (RFC 2865, 3579)."""

from conformance.net.link import Datagram
from conformance.radius.packet import MalformedError, Packet
from conformance.wire import EapCode, EapPacket, EapType
from peers.reference.defects.aaa_access import Admits
from peers.reference.defects.registry import defect
from peers.reference.nas.access import LONGEST
from peers.reference.nas.client import Asked
from peers.reference.nas.gateway import Nas
from peers.reference.nas.sa import GatewaySa


@defect("aaa-challenge-wrap")
class LastIdentifier(Nas):
    """Stays at the last Identifier once it has used all of them."""

    def next_identifier(self) -> int:
        self.identifier = min(self.identifier + 1, 255)
        return self.identifier


@defect("aaa-eap-pieces", "aaa-eap-shreds")
class UpToShortPiece(Nas):
    """Takes an EAP-Message attribute that is not full for the last one."""

    def challenged(self, sa: GatewaySa, answer: Packet) -> None:
        pieces = answer.raw(79)
        end = next((at for at, one in enumerate(pieces, 1) if len(one) < LONGEST), len(pieces))
        sa.relay_request(b"".join(pieces[:end]).ljust(4, b"\0"), answer.raw(24))


@defect("aaa-reply-message")
class ShowsText(Nas):
    """Makes a notification of a Reply-Message."""

    def accepted(self, sa: GatewaySa, answer: Packet) -> None:
        if answer.raw(18) and not sa.relay.state[1:]:
            shown = EapPacket(EapCode.REQUEST, sa.relay.identifier + 1, EapType.NOTIFICATION, answer.raw(18)[0])
            sa.relay_request(shown.encode(), (*sa.relay.state, b"shown"))
        else:
            super().accepted(sa, answer)


@defect("aaa-reject-message")
class RejectWithStateLetsIn(Admits):
    """Takes a refusal that has a State for one that is not meant so."""

    def rejected(self, sa: GatewaySa, answer: Packet) -> None:
        if answer.raw(24):
            self.let_in(sa, answer)
        else:
            super().rejected(sa, answer)


@defect("aaa-largest")
class HalfThePacket(Nas):
    """Has room for 2048 octets of an answer."""

    def read(self, octets: bytes, asked: Asked) -> Packet:
        return super().read(octets[:2048], asked)


@defect("aaa-oversize", "aaa-attribute-unknown", "aaa-vendor-malformed")
class DeafAfterStrangeAnswers(Nas):
    """Hears nothing more of its server after an answer with something that it does not know, or that is too long."""

    deaf: bool = False

    def take(self, datagram: Datagram) -> None:
        if not self.deaf:
            super().take(datagram)

    def read(self, octets: bytes, asked: Asked) -> Packet:
        try:
            answer = super().read(octets, asked)
        except MalformedError:
            self.deaf = True
            raise
        makers = [one[:4] for one in answer.raw(26)]
        known = ((9).to_bytes(4, "big"), (311).to_bytes(4, "big"))
        self.deaf = bool(answer.raw(200) or answer.raw(241)) or any(one not in known for one in makers)
        return answer
