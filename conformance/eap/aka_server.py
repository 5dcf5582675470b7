"""The server of EAP-AKA (RFC 4187)."""

from __future__ import annotations

from hmac import compare_digest
from typing import ClassVar

from conformance.eap.aka_peer import KIND, PREFERS_PRIME
from conformance.eap.errors import Failed
from conformance.eap.layout import Body
from conformance.eap.simaka import (
    AKA_RESPONSES,
    AkaChallenge,
    AkaIdentity,
    AuthenticationReject,
    Message,
    SynchronizationFailure,
    Unable,
    number,
)
from conformance.eap.simaka_attributes import At, AtAutn, AtCheckcode, AtMac, AtRand
from conformance.eap.simaka_keys import Keys, aka_keys
from conformance.eap.simaka_server import SimAkaServer
from conformance.eap.subscriber import SEPARATION, Register, Vector
from conformance.wire import EapPacket


class AkaServer(SimAkaServer):
    """Challenges a USIM.

    Args:
        checkcode: whether it sends AT_CHECKCODE.
        speaks_prime: whether it says that it would rather speak AKA'.
    """

    kind = KIND
    permanent, pseudonym, fast = b"0", b"2", b"4"
    responses = AKA_RESPONSES
    resynchronisations: ClassVar[int] = 1

    def __init__(
        self, register: Register, *, checkcode: bool = True, speaks_prime: bool = False, **options: bool
    ) -> None:
        super().__init__(register, **options)
        self.sends_checkcode = checkcode
        self.speaks_prime = speaks_prime
        self.vector: Vector | None = None
        self.asking = False
        self.resynchronised = 0

    def start(self) -> Body:
        """A question, a challenge or a fast re-authentication."""
        return self.ask_identity() if self.ask or not self.identify() else self.proceed()

    def proceed(self) -> Body:
        """The peer is known."""
        if self.renewal is not None:
            return self.reauthentication(self.renewal, checkcode=self.own_checkcode())
        return self.authenticate()

    def take(self, message: Message, packet: EapPacket) -> Body | None:
        """A well-formed response."""
        match message:
            case AkaIdentity() if self.asking:
                return self.take_identities(message, packet)
            case AkaChallenge() if self.vector and not self.authenticated and self.told is None:
                return self.take_challenge(message, packet)
            case SynchronizationFailure() if self.vector and not self.authenticated:
                return self.take_synchronisation(message)
            case AuthenticationReject() if self.vector:
                raise Failed("the peer rejects the network")
        return super().take(message, packet)

    # --- identity -------------------------------------------------------------------------------------------------

    def ask_identity(self) -> AkaIdentity:
        """AKA-Identity."""
        self.asking = True
        return AkaIdentity(attributes=(self.question(),))

    def take_identities(self, message: AkaIdentity, packet: EapPacket) -> Body:
        """The identity is known, or there is a stronger question."""
        self.asking = False
        message.need(At.IDENTITY)
        self.take_identity(message)
        self.identity_packets.append(packet.encode())
        return self.proceed() if self.identify() else self.ask_identity()

    def own_checkcode(self) -> tuple[Body, ...]:
        """AT_CHECKCODE."""
        return (AtCheckcode(checkcode=self.checkcode()),) if self.sends_checkcode else ()

    # --- challenge ------------------------------------------------------------------------------------------------

    def authenticate(self) -> Body:
        """The challenge, with a new vector."""
        self.vector = self.register.vector(self.imsi, self.random, self.amf())
        return self.challenge()

    def amf(self) -> bytes:
        """The authentication management field of new vectors."""
        return SEPARATION

    def challenge(self) -> AkaChallenge:
        """The challenge, with the vector that there is."""
        assert self.vector is not None
        keys = self.derive(self.vector)
        self.use(keys)
        gifts = self.gifts(keys)
        return AkaChallenge(
            attributes=(
                AtRand(rands=self.vector.rand),
                AtAutn(autn=self.vector.autn),
                *self.challenge_attributes(),
                *(self.hidden(*gifts) if gifts else ()),
                *self.own_checkcode(),
                *self.promises(),
                AtMac(),
            )
        )

    def challenge_attributes(self) -> tuple[Body, ...]:
        """What else is in the challenge."""
        return (number(At.BIDDING, PREFERS_PRIME),) if self.speaks_prime else ()

    def derive(self, vector: Vector) -> Keys:
        """The keys of a full authentication."""
        return aka_keys(self.identity, vector.ik, vector.ck)

    def take_challenge(self, message: AkaChallenge, packet: EapPacket) -> Body | None:
        """Compares the answer of the card."""
        assert self.vector is not None
        self.demand_mac(packet, message)
        self.demand_checkcode(message)
        found = message.need(At.RES)
        if not self.is_right_res(found.res[: found.bits // 8], self.vector.xres):
            return self.refuse("wrong AT_RES")
        return self.accept(message)

    def is_right_res(self, res: bytes, due: bytes) -> bool:
        """Whether the answer is the one that is due."""
        return compare_digest(res, due)

    def take_synchronisation(self, message: SynchronizationFailure) -> Body | None:
        """Another challenge, with a sequence number that the card takes."""
        assert self.vector is not None
        auts = message.need(At.AUTS).auts
        self.resynchronised += 1
        if self.resynchronised > self.resynchronisations:
            raise Unable("the sequence number is too old again")
        if not self.register.resynchronise(self.imsi, self.vector.rand, auts):
            raise Unable("wrong AT_AUTS")
        self.keys = None
        return self.authenticate()
