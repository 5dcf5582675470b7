"""The server of RFC 3748 (the stand-alone authenticator of RFC 4137 section 5, or what is behind a pass-through)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from conformance.crypto import Random
from conformance.eap.basic import ExpandedNak, Identity, Nak, Notification
from conformance.eap.conversation import Conversation, Limits
from conformance.eap.errors import Discard, Failed, LimitExceeded
from conformance.eap.kind import IDENTITY, NAK, NOTIFICATION, Kind, split
from conformance.eap.layout import Body
from conformance.eap.method import ServerMethod
from conformance.wire import EapCode, EapPacket, EapType


class EapServer(Conversation):
    """One conversation as the server.

    Attributes:
        methods: what it offers, in this order; each object serves this conversation only.
        identity: of the peer, None as long as it is not known. Where the lower layer knows it, the server does not ask.
        prompt: Type-Data of the request for the identity.
        notices: texts to send before the method, each as a notification of its own.
    """

    code: ClassVar[EapCode] = EapCode.REQUEST

    def __init__(
        self,
        methods: Sequence[ServerMethod],
        *,
        random: Random,
        identity: bytes | None = None,
        prompt: bytes = b"",
        notices: Sequence[bytes] = (),
        limits: Limits | None = None,
    ) -> None:
        super().__init__(random, limits or Limits())
        self.methods = list(methods)
        self.identity = identity
        self.prompt = prompt
        self.notices = list(notices)
        self.chosen: ServerMethod | None = None
        self.asked: Kind | None = None
        self.rounds = 0
        self.identities = 0
        self.identifier = 0
        self.answering = 0

    @property
    def method(self) -> ServerMethod | None:
        """The method that runs or ran."""
        return self.chosen

    def start(self) -> bytes:
        """The first Request; a Failure where there is nothing to begin with."""
        self.identifier = self.answering = self.first_identifier()
        try:
            return self.proceed()
        except Failed as error:
            return self.give_up(str(error))

    def take_over(self, packet: EapPacket) -> bytes | None:
        """Begins with an Identity response that the authenticator has asked for itself (RFC 3579 section 2.1)."""
        self.asked, self.identifier, self.answering = IDENTITY, packet.identifier, packet.identifier
        return self.receive(packet)

    def give_up(self, why: str) -> bytes:
        """Failure."""
        self.fail(why)
        return self.emit_result(EapCode.FAILURE, self.result_identifier())

    def take(self, packet: EapPacket) -> bytes:
        """A packet of which only the header has been looked at."""
        if packet.code != EapCode.RESPONSE:
            raise Discard(f"packet with code {packet.code}")
        if not self.fits(packet):
            raise Discard(f"response with Identifier {packet.identifier}, expected {self.identifier}")
        kind, data = split(packet)
        self.answering = packet.identifier
        if kind == NAK:
            answer = self.take_nak(data, packet)
        elif kind != self.asked:
            raise Discard(f"response of {kind}, expected {self.asked}")
        elif kind == IDENTITY:
            answer = self.take_identity(data)
        elif kind == NOTIFICATION:
            answer = self.proceed_after(packet)
        else:
            answer = self.run(data, packet)
        self.received = packet
        return answer

    def fits(self, packet: EapPacket) -> bool:
        """Whether a response bears the Identifier of the request."""
        return packet.identifier == self.identifier

    # --- identifiers ----------------------------------------------------------------------------------------------

    def first_identifier(self) -> int:
        """Identifier of the first request."""
        return self.random(1)[0]

    def next_identifier(self) -> int:
        """Identifier of the next request."""
        return (self.identifier + 1) & 0xFF

    def result_identifier(self) -> int:
        """Identifier of Success and Failure: that of the response they answer (RFC 3748 section 4.2)."""
        return self.answering

    # --- before the method ----------------------------------------------------------------------------------------

    def proceed(self) -> bytes:
        """The next request, as long as no method has begun."""
        if self.identity is None:
            return self.request(IDENTITY, Identity(self.prompt))
        if self.notices:
            return self.request(NOTIFICATION, Notification(self.notices.pop(0)))
        return self.begin_method(self.choose())

    def proceed_after(self, packet: EapPacket) -> bytes:
        """The next request, after the response to a notification."""
        self.identifier = self.next_identifier()
        return self.proceed()

    def take_identity(self, data: bytes) -> bytes:
        """Keeps who the peer says it is."""
        self.identities += 1
        if self.identities > self.limits.identities:
            raise LimitExceeded(f"more than {self.limits.identities} identities")
        self.identity = data
        self.identifier = self.next_identifier()
        return self.proceed()

    def choose(self) -> ServerMethod:
        """The method to offer first.

        Raises:
            Failed: there is none for this peer.
        """
        if not self.methods:
            raise Failed(f"no method for {self.identity!r}")
        return self.methods[0]

    def begin_method(self, method: ServerMethod) -> bytes:
        """Offers a method."""
        assert self.identity is not None
        self.chosen, self.rounds = method, 0
        method.begin(self.identity, self.random)
        method.identifier = self.identifier
        return self.request(method.kind, method.start())

    def request(self, kind: Kind, body: Body) -> bytes:
        """A request with the Identifier that is due."""
        self.asked = kind
        return self.emit(kind, body, self.identifier, self.chosen if kind not in (IDENTITY, NOTIFICATION) else None)

    # --- the method -----------------------------------------------------------------------------------------------

    def take_nak(self, data: bytes, packet: EapPacket) -> bytes:
        """The peer does not want the method that it was offered (RFC 3748 section 5.3)."""
        if self.chosen is None or self.asked != self.chosen.kind or self.rounds:
            raise Discard("Nak where no method was offered")
        expanded = packet.type == EapType.EXPANDED
        wanted = (ExpandedNak if expanded else Nak).decode(data).wanted
        self.methods.remove(self.chosen)
        found = self.choose_after_nak(wanted)
        self.chosen = None
        if found is None:
            raise Failed(f"the peer wants {', '.join(map(str, wanted)) or 'nothing else'}")
        self.identifier = self.next_identifier()
        return self.begin_method(found)

    def choose_after_nak(self, wanted: Sequence[Kind]) -> ServerMethod | None:
        """The first method that is left and that the peer wants."""
        speaks_expanded = Kind(0, EapType.EXPANDED) in wanted
        return next(
            (one for one in self.methods if one.kind in wanted or (speaks_expanded and not one.kind.legacy)), None
        )

    def run(self, data: bytes, packet: EapPacket) -> bytes:
        """Lets the method take a response."""
        method = self.chosen
        assert method is not None
        method.identifier = self.next_identifier()
        body = method.receive(data, packet)
        self.rounds += 1
        if body is not None:
            self.identifier = method.identifier
            return self.request(method.kind, body)
        return self.conclude(method)

    # --- the end --------------------------------------------------------------------------------------------------

    def conclude(self, method: ServerMethod) -> bytes:
        """Success or Failure, as the method ended."""
        if not method.succeeded:
            raise Failed(f"{method.kind} failed")
        self.succeed()
        return self.emit_result(EapCode.SUCCESS, self.result_identifier())
