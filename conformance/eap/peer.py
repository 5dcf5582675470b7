"""The peer of RFC 3748, as the state machine of RFC 4137 section 4 has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from conformance.crypto import Random
from conformance.eap.basic import ExpandedNak, Identity, Nak, Notification, Wanted
from conformance.eap.conversation import Conversation, Limits
from conformance.eap.errors import Discard, LimitExceeded
from conformance.eap.kind import IDENTITY, NAK, NOTIFICATION, Kind, split
from conformance.eap.layout import Body
from conformance.eap.method import Decision, PeerMethod
from conformance.wire import EapCode, EapPacket, EapType
from conformance.wire.errors import WireError


class EapPeer(Conversation):
    """One conversation as the peer.

    Attributes:
        identity: what it says when it is asked.
        methods: what it would take, best first; each object serves this conversation only.
        notices: the texts of notifications.
    """

    code: ClassVar[EapCode] = EapCode.RESPONSE

    def __init__(
        self, identity: bytes, methods: Sequence[PeerMethod], *, random: Random, limits: Limits | None = None
    ) -> None:
        super().__init__(random, limits or Limits())
        self.identity = identity
        self.methods = tuple(methods)
        self.notices: list[bytes] = []
        self.identities = 0
        self.chosen: PeerMethod | None = None

    @property
    def method(self) -> PeerMethod | None:
        """The method that was chosen."""
        return self.chosen

    def take(self, packet: EapPacket) -> bytes | None:
        """A packet of which only the header has been looked at."""
        if packet.code == EapCode.REQUEST:
            if self.is_retransmission(packet):
                return self.last
            answer = self.answer(packet)
            self.received = packet
            return answer
        if packet.code in (EapCode.SUCCESS, EapCode.FAILURE):
            self.take_result(packet)
            return None
        raise Discard(f"packet with code {packet.code}")

    def is_retransmission(self, packet: EapPacket) -> bool:
        """Whether a request is the last one again (RFC 3748 section 4.1: by its Identifier)."""
        return self.received is not None and packet.identifier == self.received.identifier

    def answer(self, packet: EapPacket) -> bytes:
        """The Response to a new Request."""
        kind, data = split(packet)
        self.expanded = packet.type == EapType.EXPANDED
        if kind == NOTIFICATION:
            return self.answer_notification(data, packet)
        if self.chosen is not None:
            return self.continue_method(kind, data, packet)
        if kind == IDENTITY:
            return self.answer_identity(data, packet)
        if kind == NAK:
            raise Discard("request of type NAK")
        return self.begin_method(kind, data, packet)

    # --- before the method ----------------------------------------------------------------------------------------

    def answer_identity(self, data: bytes, packet: EapPacket) -> bytes:
        """Says who it is, as long as no method has begun."""
        self.identities += 1
        if self.identities > self.limits.identities:
            raise LimitExceeded(f"more than {self.limits.identities} requests for the identity")
        return self.emit(IDENTITY, Identity(self.tell_identity()), packet.identifier)

    def tell_identity(self) -> bytes:
        """The identity in the response; the first method may want another one than was configured."""
        if self.methods:
            self.identity = self.methods[0].identity_to_tell(self.identity)
        return self.identity

    def answer_notification(self, data: bytes, packet: EapPacket) -> bytes:
        """Keeps the text and says nothing about it, unless the method forbids notifications."""
        if self.chosen is not None and not self.chosen.allows_notification:
            raise Discard(f"notification within {self.chosen.kind}")
        self.notices.append(data)
        if len(self.notices) > self.limits.notifications:
            raise LimitExceeded(f"more than {self.limits.notifications} notifications")
        return self.emit(NOTIFICATION, Notification(), packet.identifier)

    def begin_method(self, kind: Kind, data: bytes, packet: EapPacket) -> bytes:
        """Chooses the method that the server asks for, or says what it would take."""
        found = next((one for one in self.methods if one.kind == kind), None)
        if found is None:
            return self.refuse(packet)
        self.chosen = found
        found.begin(self.identity_for(found), self.random)
        try:
            return self.run(data, packet)
        except (Discard, WireError):
            self.chosen = None
            raise

    def identity_for(self, method: PeerMethod) -> bytes:
        """The identity that goes into the method: what the peer said in this conversation."""
        return self.identity

    def refuse(self, packet: EapPacket) -> bytes:
        """Nak, in the form of the request."""
        kinds = [one.kind for one in self.methods]
        body: Body
        if packet.type == EapType.EXPANDED:
            body = ExpandedNak(tuple(Wanted(vendor=one.vendor, vendor_type=one.number) for one in kinds) or (Wanted(),))
            return self.emit(NAK, body, packet.identifier)
        named = [one.number for one in kinds if one.legacy]
        if len(named) < len(kinds):
            named.append(EapType.EXPANDED)
        return self.emit(NAK, Nak(bytes(named) or b"\0"), packet.identifier)

    # --- the method -----------------------------------------------------------------------------------------------

    def continue_method(self, kind: Kind, data: bytes, packet: EapPacket) -> bytes:
        """A further request of the method; anything else, and anything after its end, is discarded."""
        assert self.chosen is not None
        if kind != self.chosen.kind:
            raise Discard(f"request of {kind} within {self.chosen.kind}")
        if self.chosen.done:
            raise Discard(f"request of {kind} after its end")
        return self.run(data, packet)

    def run(self, data: bytes, packet: EapPacket) -> bytes:
        """Lets the method answer."""
        method = self.chosen
        assert method is not None
        method.identifier = packet.identifier
        return self.emit(method.kind, method.receive(data, packet), packet.identifier, method)

    # --- the end --------------------------------------------------------------------------------------------------

    def take_result(self, packet: EapPacket) -> None:
        """Success or Failure, where it can be true (RFC 3748 section 4.2)."""
        if packet.data:
            raise Discard(f"{packet.code} with {len(packet.data)} octets of data")
        if not self.fits(packet):
            raise Discard(f"{packet.code} with Identifier {packet.identifier}")
        if packet.code == EapCode.SUCCESS:
            if self.decision is Decision.FAIL:
                raise Discard("SUCCESS too early")
            self.succeed()
        elif self.chosen is not None and not self.chosen.takes_failure:
            raise Discard("FAILURE where there is none")
        else:
            self.fail("the server says so")

    def fits(self, packet: EapPacket) -> bool:
        """Whether a result bears the Identifier of the last response."""
        return self.received is not None and packet.identifier == self.received.identifier

    @property
    def decision(self) -> Decision:
        """What success would be now; without any method it is none."""
        return self.chosen.decision if self.chosen is not None else Decision.FAIL
