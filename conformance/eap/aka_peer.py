"""The peer of EAP-AKA (RFC 4187)."""

from __future__ import annotations

from conformance.eap.kind import Kind
from conformance.eap.layout import Body
from conformance.eap.method import Decision
from conformance.eap.simaka import (
    AKA_REQUESTS,
    AkaChallenge,
    AkaIdentity,
    AuthenticationReject,
    Message,
    SynchronizationFailure,
    Unable,
)
from conformance.eap.simaka_attributes import At, AtAuts, AtMac, AtRes
from conformance.eap.simaka_keys import Keys, aka_keys
from conformance.eap.simaka_peer import SimAkaPeer
from conformance.eap.subscriber import UmtsAnswer, Usim
from conformance.wire import EapPacket, EapType

KIND = Kind(0, EapType.AKA)
PREFERS_PRIME = 0x8000
"""The bit of AT_BIDDING (RFC 9048 section 4)."""


class AkaPeer(SimAkaPeer):
    """Answers a challenge of UMTS; ``speaks_prime`` is whether it would rather have been asked for AKA'."""

    kind = KIND
    permanent = b"0"
    requests = AKA_REQUESTS

    def __init__(
        self, usim: Usim, *, result_indications: bool = False, reveal: bool = True, speaks_prime: bool = False
    ) -> None:
        super().__init__(usim, result_indications=result_indications, reveal=reveal)
        self.speaks_prime = speaks_prime

    def answer(self, message: Message, packet: EapPacket) -> Body:
        """The response to a well-formed request."""
        match message:
            case AkaIdentity() if not self.authenticated:
                return self.answer_identity(message, packet)
            case AkaChallenge() if not self.authenticated:
                return self.answer_challenge(message, packet)
            case AkaIdentity() | AkaChallenge():
                raise Unable(f"{type(message).__name__} after authentication")
        return super().answer(message, packet)

    def answer_identity(self, message: Message, packet: EapPacket) -> AkaIdentity:
        """Tells the identity."""
        identity = self.identity_for(message)
        if not identity:
            raise Unable("AKA-Identity without a request")
        self.identity_packets.append(packet.encode())
        return AkaIdentity(attributes=identity)

    # --- challenge ------------------------------------------------------------------------------------------------

    def answer_challenge(self, message: Message, packet: EapPacket) -> Body:
        """Checks the network, then answers it."""
        refusal = self.refusal(message)
        if refusal is not None:
            return refusal
        rand, autn = message.need(At.RAND).rands, message.need(At.AUTN).autn
        if len(rand) != 16:
            raise Unable(f"AT_RAND of {len(rand)} octets")
        message.need(At.MAC)
        answer = self.usim.umts(rand, autn)
        if answer is None:
            return self.reject("the network's proof is wrong")
        if answer.auts:
            return SynchronizationFailure(attributes=self.synchronisation(answer.auts, message))
        keys = self.keys = self.derive(answer, autn, message)
        self.demand_mac(packet, message)
        self.demand_checkcode(message)
        attributes = self.accept(keys, message, self.look_into(message)) + self.answered_checkcode(message)
        return AkaChallenge(attributes=(AtRes(bits=8 * len(answer.res), res=answer.res), *attributes, AtMac()))

    def refusal(self, message: Message) -> Body | None:
        """A response that comes before the card is asked: none, but to a server that was bid down."""
        bidding = message.find(At.BIDDING)
        if self.speaks_prime and bidding is not None and bidding.number & PREFERS_PRIME:
            return self.reject("both sides speak AKA'")
        return None

    def reject(self, why: str) -> AuthenticationReject:
        """Authentication-Reject, after which only a Failure is expected."""
        self.info["error"] = why
        self.done, self.decision = True, Decision.FAIL
        return AuthenticationReject()

    def synchronisation(self, auts: bytes, message: Message) -> tuple[Body, ...]:
        """The attributes of a Synchronization-Failure."""
        return (AtAuts(auts=auts),)

    def derive(self, answer: UmtsAnswer, autn: bytes, message: Message) -> Keys:
        """The keys of a full authentication."""
        return aka_keys(self.identity, answer.ik, answer.ck)
