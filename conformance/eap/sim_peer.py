"""The peer of EAP-SIM (RFC 4186)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from conformance.eap.kind import Kind
from conformance.eap.layout import Body
from conformance.eap.simaka import (
    SIM_REQUESTS,
    ClientErrorCode,
    Message,
    SimChallenge,
    SimStart,
    Unable,
    number,
)
from conformance.eap.simaka_attributes import At, AtMac, AtNonceMt
from conformance.eap.simaka_keys import sim_keys
from conformance.eap.simaka_peer import SimAkaPeer
from conformance.eap.subscriber import Usim
from conformance.wire import EapPacket, EapType

KIND = Kind(0, EapType.SIM)
VERSION = 1


class SimPeer(SimAkaPeer):
    """Answers two or three challenges of GSM; ``challenges`` is how many it demands."""

    kind = KIND
    permanent = b"1"
    requests = SIM_REQUESTS

    def __init__(
        self, usim: Usim, *, result_indications: bool = False, reveal: bool = True, challenges: int = 2
    ) -> None:
        super().__init__(usim, result_indications=result_indications, reveal=reveal)
        self.challenges = challenges
        self.nonce = b""
        self.versions = b""
        self.started = False

    def answer(self, message: Message, packet: EapPacket) -> Body:
        """The response to a well-formed request."""
        match message:
            case SimStart() if not self.authenticated:
                return self.answer_start(message)
            case SimChallenge() if self.nonce and not self.authenticated:
                return self.answer_challenge(message, packet)
            case SimStart() | SimChallenge():
                raise Unable(f"{type(message).__name__} at the wrong time")
        return super().answer(message, packet)

    def answer_start(self, message: Message) -> SimStart:
        """The version and a nonce; for a fast re-authentication only the identity."""
        self.versions = message.need(At.VERSION_LIST).value
        offered = {self.versions[place : place + 2] for place in range(0, len(self.versions), 2)}
        if not self.speaks_one_of(offered):
            raise Unable("no version in common", ClientErrorCode.UNSUPPORTED_VERSION)
        identity = self.identity_for(message)
        if identity and self.renewal is not None:
            return SimStart(attributes=identity)
        self.nonce = self.random(16)
        return SimStart(attributes=(*identity, AtNonceMt(nonce=self.nonce), number(At.SELECTED_VERSION, VERSION)))

    def speaks_one_of(self, offered: Collection[bytes]) -> bool:
        """Whether there is a version in common."""
        return VERSION.to_bytes(2, "big") in offered

    def check_challenges(self, rands: Sequence[bytes]) -> None:
        """Makes sure that there are enough challenges, and that none is there twice.

        Raises:
            Unable: there are not, or one is.
        """
        if len(rands) not in (2, 3) or len(rands) < self.challenges:
            raise Unable(f"{len(rands)} challenges", ClientErrorCode.TOO_FEW_CHALLENGES)
        if len(set(rands)) < len(rands):
            raise Unable("the same challenge twice", ClientErrorCode.NOT_FRESH)

    def answer_challenge(self, message: Message, packet: EapPacket) -> SimChallenge:
        """Checks that the server knows the keys, and proves that the card does."""
        together = message.need(At.RAND).rands
        rands = [together[place : place + 16] for place in range(0, len(together), 16)]
        if len(together) % 16:
            raise Unable(f"AT_RAND of {len(together)} octets")
        self.check_challenges(rands)
        answers = [self.usim.gsm(rand) for rand in rands]
        kcs = tuple(kc for _, kc in answers)
        keys = self.keys = sim_keys(self.identity, kcs, self.nonce, self.versions, VERSION)
        self.demand_mac(packet, message, self.nonce)
        attributes = self.accept(keys, message, self.look_into(message))
        self.mac_extra = b"".join(sres for sres, _ in answers)
        return SimChallenge(attributes=(*attributes, AtMac()))
